"""Monte Carlo estimates of the policy gradient of one prompt, from scores ∇ log p(y | x).

An estimator is its advantage function: the gradient is the mean over samples of advantage · score.
`policy_gradient` takes any advantage function; REINFORCE, RLOO and GRPO have names of their own.

Every estimator is two functions. `*_gradient_from` takes samples and their rewards, which may come
from the host. The one-call form draws the samples and applies a traceable reward. Both can
differentiate the samples in blocks, so memory does not grow with their number.
"""

import functools

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, PRNGKeyArray

from jrft._checks import (
    check_at_least,
    check_completions,
    check_prompt,
    check_rewards,
    checked_block_size,
)
from jrft.advantages import Advantages, grpo_advantages, reinforce_advantages, rloo_advantages
from jrft.policies.policy import Params, Policy, Prompt
from jrft.rewards import Reward, map_reward
from jrft.sampled.sampling import Samples, sample
from jrft.sampled.scores import GradientInfo, gradient_info, log_prob, mean_gradient


def policy_gradient(
    key: PRNGKeyArray,
    policy: Policy,
    params: Params,
    prompt: Prompt,
    reward: Reward,
    *,
    advantages: Advantages,
    num_samples: int,
    block_size: int | None = None,
) -> tuple[Params, GradientInfo]:
    """Draws completions of one prompt and estimates a policy gradient from them.

    The estimate is the mean over samples of a(y) ∇ log p_θ(y | x), to be ascended.

    Args:
        key: A JAX random key.
        policy: The model.
        params: Its parameters θ.
        prompt: Int[P], −1 pads on the left; may be empty.
        reward: A traceable function (prompt, completion) → float.
        advantages: A traceable function of the n rewards, float[n] → float[n], such as
            `jrft.rloo_advantages`.
        num_samples: The number n of completions to draw; static under `jax.jit`.
        block_size: The number of samples to differentiate at a time; None for all.

    Returns:
        The gradient, a pytree like `params`, and `GradientInfo`. Under a caller's `jax.jit` a NaN
        reward gives NaN.

    Raises:
        ValueError: If the prompt is malformed, there are too few samples for the advantages, or a
            known reward is NaN.

    Example:
        >>> import jax, jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=2)
        >>> gradient, info = jrft.policy_gradient(
        ...     jax.random.key(0), policy, jnp.zeros((3, 2)), [], lambda prompt, y: jnp.sum(y),
        ...     advantages=jrft.mean_advantages, num_samples=16,
        ... )
        >>> gradient.shape, info.rewards.shape
        ((3, 2), (16,))
    """
    check_at_least(1, num_samples=num_samples)
    prompt = check_prompt(policy, prompt)
    samples = sample(key, policy, params, prompt, num_samples)
    # The gradient holds samples, rewards and advantages fixed: only log p depends on θ.
    rewards = map_reward(reward, prompt, samples.completions)
    return policy_gradient_from(
        policy, params, prompt, samples, rewards, advantages=advantages, block_size=block_size
    )


def policy_gradient_from(
    policy: Policy,
    params: Params,
    prompt: Prompt,
    samples: Samples,
    rewards: ArrayLike,
    *,
    advantages: Advantages,
    block_size: int | None = None,
) -> tuple[Params, GradientInfo]:
    """Estimates a policy gradient from completions of one prompt and their rewards.

    Args:
        policy: The model.
        params: Its parameters θ, which must be the ones that drew the samples: nothing corrects for
            a difference.
        prompt: Int[P], the prompt that was sampled from.
        samples: As `jrft.sample` returns them.
        rewards: Float[n], one for each completion.
        advantages: As in `policy_gradient`.
        block_size: As in `policy_gradient`.

    Returns:
        As `policy_gradient`.

    Raises:
        ValueError: If the prompt, the samples, the rewards or the advantages are malformed, or a
            known reward is NaN.

    Example:
        >>> import jax, jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=1)
        >>> params = jnp.zeros((1, 2))
        >>> samples = jrft.sample(jax.random.key(0), policy, params, [], 3)
        >>> _, info = jrft.policy_gradient_from(
        ...     policy, params, [], samples, jnp.array([1.0, 0.0, 0.0]),
        ...     advantages=lambda rewards: rewards - jnp.median(rewards),
        ... )
        >>> info.advantages.tolist()
        [1.0, 0.0, 0.0]
    """
    prompt = check_prompt(policy, prompt)
    completions = check_completions(policy, samples.completions)
    values = check_rewards(rewards, len(completions))
    size = checked_block_size(block_size, len(completions))
    factors = advantages(values)
    if factors.shape != values.shape:
        raise ValueError(
            f"advantages returned shape {list(factors.shape)} for {list(values.shape)} rewards: "
            "pass a function float[n] → float[n]"
        )
    # Advantage functions take NaN for a completion without a score. Here every completion has one.
    factors = jnp.where(jnp.isnan(values).any(), jnp.nan, factors)
    samples = samples._replace(completions=completions)
    return _gradient(policy, params, prompt, samples, values, factors, size)


def reinforce_gradient(
    key: PRNGKeyArray,
    policy: Policy,
    params: Params,
    prompt: Prompt,
    reward: Reward,
    *,
    num_samples: int,
    block_size: int | None = None,
) -> tuple[Params, GradientInfo]:
    """REINFORCE without a baseline: `policy_gradient` with `jrft.reinforce_advantages`.

    Unbiased for `jrft.exact_policy_gradient`.

    Example:
        >>> import jax, jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=2)
        >>> gradient, info = jrft.reinforce_gradient(
        ...     jax.random.key(0), policy, jnp.zeros((3, 2)), [], lambda prompt, y: jnp.sum(y),
        ...     num_samples=16,
        ... )
        >>> bool((info.advantages == info.rewards).all())
        True
    """
    return policy_gradient(
        key, policy, params, prompt, reward,
        advantages=reinforce_advantages, num_samples=num_samples, block_size=block_size,
    )  # fmt: skip


def reinforce_gradient_from(
    policy: Policy,
    params: Params,
    prompt: Prompt,
    samples: Samples,
    rewards: ArrayLike,
    *,
    block_size: int | None = None,
) -> tuple[Params, GradientInfo]:
    """REINFORCE from completions and their rewards; see `policy_gradient_from`.

    Example:
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
    return policy_gradient_from(
        policy, params, prompt, samples, rewards,
        advantages=reinforce_advantages, block_size=block_size,
    )  # fmt: skip


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
    """RLOO, at least 2 samples: `policy_gradient` with `jrft.rloo_advantages`.

    Example:
        >>> import jax, jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=1)
        >>> gradient, info = jrft.rloo_gradient(
        ...     jax.random.key(0), policy, jnp.zeros((1, 2)), [], lambda prompt, y: y[0] + 7.0,
        ...     num_samples=1000,
        ... )
        >>> bool(jnp.abs(gradient - jnp.array([[-0.25, 0.25]])).max() < 0.05)
        True
    """
    return policy_gradient(
        key, policy, params, prompt, reward,
        advantages=rloo_advantages, num_samples=num_samples, block_size=block_size,
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
    """RLOO from completions and their rewards; see `policy_gradient_from`.

    Example:
        >>> import jax, jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=1)
        >>> params = jnp.zeros((1, 2))
        >>> samples = jrft.sample(jax.random.key(0), policy, params, [], 3)
        >>> rewards = jnp.array([1.0, 0.0, 0.0])
        >>> _, info = jrft.rloo_gradient_from(policy, params, [], samples, rewards)
        >>> info.advantages.round(3).tolist()
        [1.0, -0.5, -0.5]
    """
    return policy_gradient_from(
        policy, params, prompt, samples, rewards,
        advantages=rloo_advantages, block_size=block_size,
    )  # fmt: skip


def grpo_gradient(
    key: PRNGKeyArray,
    policy: Policy,
    params: Params,
    prompt: Prompt,
    reward: Reward,
    *,
    num_samples: int,
    block_size: int | None = None,
) -> tuple[Params, GradientInfo]:
    """GRPO at the parameters that drew the samples: `policy_gradient` with `jrft.grpo_advantages`.

    The ratio is 1 and its clipping idle. No KL penalty, no division by lengths. For another ddof or
    epsilon pass `advantages=functools.partial(jrft.grpo_advantages, ddof=1)` to `policy_gradient`.

    Example:
        >>> import jax, jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=1)
        >>> gradient, info = jrft.grpo_gradient(
        ...     jax.random.key(0), policy, jnp.zeros((1, 2)), [], lambda prompt, y: 9.0,
        ...     num_samples=4,
        ... )
        >>> gradient.tolist(), info.advantages.tolist()
        ([[0.0, 0.0]], [0.0, 0.0, 0.0, 0.0])
    """
    return policy_gradient(
        key, policy, params, prompt, reward,
        advantages=grpo_advantages, num_samples=num_samples, block_size=block_size,
    )  # fmt: skip


def grpo_gradient_from(
    policy: Policy,
    params: Params,
    prompt: Prompt,
    samples: Samples,
    rewards: ArrayLike,
    *,
    block_size: int | None = None,
) -> tuple[Params, GradientInfo]:
    """GRPO from completions and their rewards; see `grpo_gradient` and `policy_gradient_from`.

    Example:
        >>> import jax, jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=1)
        >>> params = jnp.zeros((1, 2))
        >>> samples = jrft.sample(jax.random.key(0), policy, params, [], 4)
        >>> rewards = jnp.array([3.0, 1.0, 1.0, 3.0])
        >>> _, info = jrft.grpo_gradient_from(policy, params, [], samples, rewards)
        >>> info.advantages.tolist()
        [1.0, -1.0, -1.0, 1.0]
    """
    return policy_gradient_from(
        policy, params, prompt, samples, rewards,
        advantages=grpo_advantages, block_size=block_size,
    )  # fmt: skip


@functools.partial(jax.jit, static_argnames="block_size")
def _gradient(
    policy: Policy,
    params: Params,
    prompt: Int[Array, " prompt"],
    samples: Samples,
    rewards: Float[Array, " n"],
    factors: Float[Array, " n"],
    block_size: int,
) -> tuple[Params, GradientInfo]:
    objective = functools.partial(log_prob, policy, prompt)
    gradient = mean_gradient(objective, params, samples.completions, factors, block_size)
    return gradient, gradient_info(gradient, samples, rewards, factors)
