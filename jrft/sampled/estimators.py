"""Monte Carlo estimates of the policy gradient of one prompt, from scores ∇ log p(y | x).

Every estimator is two functions. `*_gradient_from` takes samples and their rewards, so that rewards
may come from the host; the one-call form draws the samples, applies a traceable reward, and calls
it. What the estimators differ in is the number that multiplies a completion's score, its advantage:

* REINFORCE takes the reward itself, or the reward minus the mean of the group;
* RLOO the reward minus the mean of the others, which leaves the expectation ∇V;
* GRPO (r − mean) / std, whose expectation is another vector than ∇V.

The gradient is the mean over samples. All of them can go in blocks, so that memory does not grow
with their number.
"""

import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, PRNGKeyArray

from jrft.policies.policy import Params, Policy, Prompt, check_at_least, check_prompt
from jrft.rewards import Reward, check_rewards, map_reward
from jrft.sampled.advantages import group_advantages
from jrft.sampled.sampling import Samples, sample
from jrft.sampled.scores import (
    GradientInfo,
    check_completions,
    checked_block_size,
    gradient_info,
    log_prob,
    mean_gradient,
)

Advantages = Callable[[Float[Array, " n"]], Float[Array, " n"]]
_BASELINES = ("none", "mean", "leave-one-out")


def reinforce_gradient(
    key: PRNGKeyArray,
    policy: Policy,
    params: Params,
    prompt: Prompt,
    reward: Reward,
    *,
    num_samples: int,
    baseline: str = "none",
    block_size: int | None = None,
) -> tuple[Params, GradientInfo]:
    """REINFORCE: draws completions and estimates ∇_θ V(x; θ) from them.

    The mean over samples of (r(x, y) − b) ∇ log p_θ(y | x) (Williams, 1992). Unbiased for
    `jrft.exact_policy_gradient` without a baseline b and with that of leave-one-out, which is RLOO;
    the mean of the group as b shrinks the expectation by (n − 1) / n.

    Args:
        key: a JAX random key.
        policy: the model.
        params: its parameters θ.
        prompt: int[P], −1 pads on the left; may be empty.
        reward: a traceable function (prompt, completion) → float.
        num_samples: completions to draw; static under `jax.jit`.
        baseline: "none", "mean" of all n rewards, or "leave-one-out", the mean of the others.
        block_size: samples that are differentiated at a time, so that memory does not grow with
            their number; None for all.

    Returns:
        The gradient, a pytree like `params`, and `GradientInfo`. Under a caller's `jax.jit` a NaN
        reward gives NaN.

    Raises:
        ValueError: if the prompt is malformed, `num_samples` below 1, the baseline unknown, or a
            known reward NaN.

    Examples:
        >>> import jax, jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=2)
        >>> gradient, info = jrft.reinforce_gradient(
        ...     jax.random.key(0), policy, jnp.zeros((3, 2)), [], lambda prompt, y: jnp.sum(y),
        ...     num_samples=16,
        ... )
        >>> gradient.shape, info.rewards.shape
        ((3, 2), (16,))
    """
    samples, rewards = _drawn(key, policy, params, prompt, reward, num_samples)
    return reinforce_gradient_from(
        policy, params, prompt, samples, rewards, baseline=baseline, block_size=block_size
    )


def reinforce_gradient_from(
    policy: Policy,
    params: Params,
    prompt: Prompt,
    samples: Samples,
    rewards: ArrayLike,
    *,
    baseline: str = "none",
    block_size: int | None = None,
) -> tuple[Params, GradientInfo]:
    """REINFORCE from completions and their rewards.

    Args:
        policy: the model.
        params: its parameters θ, those that drew the samples: nothing corrects for others.
        prompt: int[P], the prompt that was sampled from.
        samples: as `jrft.sample` returns them.
        rewards: float[n], one for each completion.
        baseline: as in `reinforce_gradient`.
        block_size: as in `reinforce_gradient`.

    Returns:
        The gradient, a pytree like `params`, and `GradientInfo`. Under a caller's `jax.jit` a NaN
        reward gives NaN.

    Raises:
        ValueError: if the prompt, the samples or the rewards are malformed, the baseline is
            unknown, or a known reward NaN.

    Examples:
        >>> import jax, jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=2)
        >>> params = jnp.zeros((3, 2))
        >>> samples = jrft.sample(jax.random.key(0), policy, params, [], 16)
        >>> rewards = [float(len(set(y.tolist()))) for y in samples.completions]
        >>> gradient, info = jrft.reinforce_gradient_from(
        ...     policy, params, [], samples, jnp.array(rewards)
        ... )
        >>> gradient.shape
        (3, 2)
    """
    if baseline not in _BASELINES:
        raise ValueError(f"baseline is {baseline!r}: pass one of {', '.join(_BASELINES)}")
    if baseline == "leave-one-out":
        check_at_least(2, **{"number of samples": len(samples.completions)})
    advantages: dict[str, Advantages] = {
        "none": _rewards_themselves,
        "mean": functools.partial(_group_advantages, "mean", 0, 0.0),
        "leave-one-out": functools.partial(_group_advantages, "rloo", 0, 0.0),
    }
    return _estimate(policy, params, prompt, samples, rewards, advantages[baseline], block_size)


def rloo_gradient(
    key: PRNGKeyArray,
    policy: Policy,
    params: Params,
    prompt: Prompt,
    reward: Reward,
    *,
    num_samples: int,
    block_size: int | None = None,
) -> tuple[Params, GradientInfo]:
    """REINFORCE with the mean reward of the other samples as baseline (Kool et al., 2019).

    Unbiased for `jrft.exact_policy_gradient`, where rewards differ by more than a millionth of
    their size: a group of nearer ones gives 0, as `jrft.group_advantages` says. The same as
    `reinforce_gradient` with `baseline="leave-one-out"`.

    Args:
        key: a JAX random key.
        policy: the model.
        params: its parameters θ.
        prompt: int[P], −1 pads on the left; may be empty.
        reward: a traceable function (prompt, completion) → float.
        num_samples: completions to draw, at least 2; static under `jax.jit`.
        block_size: as in `reinforce_gradient`.

    Returns:
        As `reinforce_gradient`.

    Raises:
        ValueError: if the prompt is malformed, `num_samples` below 2, or a known reward NaN.

    Examples:
        >>> import jax, jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=1)
        >>> gradient, info = jrft.rloo_gradient(
        ...     jax.random.key(0), policy, jnp.zeros((1, 2)), [], lambda prompt, y: y[0] + 7.0,
        ...     num_samples=1000,
        ... )
        >>> bool(jnp.abs(gradient - jnp.array([[-0.25, 0.25]])).max() < 0.05)
        True
    """
    check_at_least(2, num_samples=num_samples)
    return reinforce_gradient(
        key, policy, params, prompt, reward,
        num_samples=num_samples, baseline="leave-one-out", block_size=block_size,
    )  # fmt: skip


def rloo_gradient_from(
    policy: Policy,
    params: Params,
    prompt: Prompt,
    samples: Samples,
    rewards: ArrayLike,
    *,
    block_size: int | None = None,
) -> tuple[Params, GradientInfo]:
    """RLOO from completions and their rewards; see `rloo_gradient` and `reinforce_gradient_from`.

    Examples:
        >>> import jax, jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=1)
        >>> params = jnp.zeros((1, 2))
        >>> samples = jrft.sample(jax.random.key(0), policy, params, [], 3)
        >>> _, info = rloo_gradient_from(policy, params, [], samples, jnp.array([1.0, 0.0, 0.0]))
        >>> info.advantages.round(3).tolist()
        [1.0, -0.5, -0.5]
    """
    return reinforce_gradient_from(
        policy, params, prompt, samples, rewards, baseline="leave-one-out", block_size=block_size
    )


def grpo_gradient(
    key: PRNGKeyArray,
    policy: Policy,
    params: Params,
    prompt: Prompt,
    reward: Reward,
    *,
    num_samples: int,
    ddof: int = 0,
    epsilon: float = 0.0,
    block_size: int | None = None,
) -> tuple[Params, GradientInfo]:
    """GRPO's gradient at the parameters that drew the samples (Shao et al., 2024).

    The mean over a group of (r − mean) / (std + ε) times the completion's score: on policy the
    ratio is 1 and its clipping idle. No KL penalty, no division by lengths. For a reward of 0 or 1
    and ddof 0 the expectation is E[s] / (p (1 − p)) ∇p, p the probability of 1 and s the group's
    std: at most √(n − 1) ∇p (derived). A group whose rewards are equal gives 0.

    Args:
        key: a JAX random key.
        policy: the model.
        params: its parameters θ.
        prompt: int[P], −1 pads on the left; may be empty.
        reward: a traceable function (prompt, completion) → float.
        num_samples: completions to draw, the group; at least 2; static under `jax.jit`.
        ddof: of the group's std, 0 or 1: its squares are divided by n − ddof.
        epsilon: added to the std.
        block_size: as in `reinforce_gradient`.

    Returns:
        As `reinforce_gradient`.

    Raises:
        ValueError: if the prompt is malformed, `num_samples` below 2, `ddof` neither 0 nor 1, or a
            known reward NaN.

    Examples:
        >>> import jax, jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=1)
        >>> gradient, info = jrft.grpo_gradient(
        ...     jax.random.key(0), policy, jnp.zeros((1, 2)), [], lambda prompt, y: 9.0,
        ...     num_samples=4,
        ... )
        >>> gradient.tolist(), info.advantages.tolist()
        ([[0.0, 0.0]], [0.0, 0.0, 0.0, 0.0])
    """
    check_at_least(2, num_samples=num_samples)
    samples, rewards = _drawn(key, policy, params, prompt, reward, num_samples)
    return grpo_gradient_from(
        policy, params, prompt, samples, rewards, ddof=ddof, epsilon=epsilon, block_size=block_size
    )


def grpo_gradient_from(
    policy: Policy,
    params: Params,
    prompt: Prompt,
    samples: Samples,
    rewards: ArrayLike,
    *,
    ddof: int = 0,
    epsilon: float = 0.0,
    block_size: int | None = None,
) -> tuple[Params, GradientInfo]:
    """GRPO from completions and their rewards; see `grpo_gradient` and `reinforce_gradient_from`.

    Examples:
        >>> import jax, jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=1)
        >>> params = jnp.zeros((1, 2))
        >>> samples = jrft.sample(jax.random.key(0), policy, params, [], 4)
        >>> rewards = jnp.array([3.0, 1.0, 1.0, 3.0])
        >>> _, info = grpo_gradient_from(policy, params, [], samples, rewards)
        >>> info.advantages.tolist()
        [1.0, -1.0, -1.0, 1.0]
    """
    advantages = functools.partial(_group_advantages, "grpo", ddof, epsilon)
    return _estimate(policy, params, prompt, samples, rewards, advantages, block_size)


def _drawn(
    key: PRNGKeyArray,
    policy: Policy,
    params: Params,
    prompt: Prompt,
    reward: Reward,
    num_samples: int,
) -> tuple[Samples, Float[Array, " n"]]:
    check_at_least(1, num_samples=num_samples)
    prompt = check_prompt(policy, prompt)
    samples = sample(key, policy, params, prompt, num_samples)
    return samples, map_reward(reward, prompt, samples.completions)


def _rewards_themselves(rewards: Float[Array, " n"]) -> Float[Array, " n"]:
    return rewards


def _group_advantages(
    kind: str, ddof: int, epsilon: float, rewards: Float[Array, " n"]
) -> Float[Array, " n"]:
    advantages = group_advantages(rewards, kind=kind, ddof=ddof, epsilon=epsilon).advantages
    # There NaN is a completion without a score; here it must not pass for one.
    return jnp.where(jnp.isnan(rewards).any(), jnp.nan, advantages)


def _estimate(
    policy: Policy,
    params: Params,
    prompt: Prompt,
    samples: Samples,
    rewards: ArrayLike,
    advantages: Advantages,
    block_size: int | None,
) -> tuple[Params, GradientInfo]:
    prompt = check_prompt(policy, prompt)
    completions = check_completions(policy, samples.completions)
    values = check_rewards(rewards, len(completions))
    size = checked_block_size(block_size, len(completions))
    samples = samples._replace(completions=completions)
    return _gradient(params, policy, prompt, samples, values, advantages(values), size)


@functools.partial(jax.jit, static_argnames="block_size")
def _gradient(
    params: Params,
    policy: Policy,
    prompt: Int[Array, " prompt"],
    samples: Samples,
    rewards: Float[Array, " n"],
    advantages: Float[Array, " n"],
    block_size: int,
) -> tuple[Params, GradientInfo]:
    objective = functools.partial(log_prob, policy, prompt)
    gradient = mean_gradient(objective, params, samples.completions, advantages, block_size)
    return gradient, gradient_info(gradient, samples, rewards, advantages)
