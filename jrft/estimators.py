"""Monte Carlo estimates of the policy gradient of one prompt.

Every estimator is two functions. `*_gradient_from` takes samples and their rewards, so that rewards
may come from the host and samples from an earlier policy; the one-call form draws the samples,
applies a traceable reward, and calls it.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, PRNGKeyArray

from jrft.completions import after_end
from jrft.objectives import mean, sqrt, variance
from jrft.policy import Params, Policy, Prompt, check_at_least, check_prompt
from jrft.rewards import Reward, check_rewards, map_reward
from jrft.sampling import Samples, sample


class GradientInfo(NamedTuple):
    """What the samples behind a gradient tell. All statistics are over completions of one prompt.

    Attributes:
        reward_mean: float[], mean of the n rewards.
        reward_std: float[], their standard deviation with ddof 0, that is, divided by n; exactly 0
            if all are equal.
        gradient_norm: float[], Euclidean norm of the gradient over all parameters.
        rewards: float[n].
        samples: the n completions and their log-probabilities when drawn.
    """

    reward_mean: Float[Array, ""]
    reward_std: Float[Array, ""]
    gradient_norm: Float[Array, ""]
    rewards: Float[Array, " n"]
    samples: Samples


def reinforce_gradient(
    key: PRNGKeyArray,
    policy: Policy,
    params: Params,
    prompt: Prompt,
    reward: Reward,
    *,
    num_samples: int,
) -> tuple[Params, GradientInfo]:
    """REINFORCE without a baseline: draws completions and estimates ∇_θ V(x; θ) from them.

    The mean over samples of r(x, y) ∇ log p_θ(y | x) (Williams, 1992): unbiased for
    `jrft.exact_policy_gradient`.

    Args:
        key: a JAX random key.
        policy: the model.
        params: its parameters θ.
        prompt: int[P], −1 pads on the left; may be empty.
        reward: a traceable function (prompt, completion) → float.
        num_samples: completions to draw; static under `jax.jit`.

    Returns:
        The gradient, a pytree like `params`, and `GradientInfo`. Under a caller's `jax.jit` a NaN
        reward gives NaN.

    Raises:
        ValueError: if the prompt is malformed, `num_samples` below 1, or a known reward NaN.

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
    check_at_least(1, num_samples=num_samples)
    prompt = check_prompt(policy, prompt)
    samples = sample(key, policy, params, prompt, num_samples)
    rewards = map_reward(reward, prompt, samples.completions)
    return _reinforce(params, policy, prompt, samples, rewards)


def reinforce_gradient_from(
    policy: Policy, params: Params, prompt: Prompt, samples: Samples, rewards: ArrayLike
) -> tuple[Params, GradientInfo]:
    """REINFORCE without a baseline, from completions and their rewards.

    Args:
        policy: the model.
        params: its parameters θ, those that drew the samples: nothing corrects for others.
        prompt: int[P], the prompt that was sampled from.
        samples: as `jrft.sample` returns them.
        rewards: float[n], one for each completion.

    Returns:
        The gradient, a pytree like `params`, and `GradientInfo`. Under a caller's `jax.jit` a NaN
        reward gives NaN.

    Raises:
        ValueError: if the prompt, the samples or the rewards are malformed, or a known reward NaN.

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
    prompt = check_prompt(policy, prompt)
    completions = check_completions(policy, samples.completions)
    values = check_rewards(rewards, completions.shape[0])
    return _reinforce(params, policy, prompt, samples._replace(completions=completions), values)


def check_completions(policy: Policy, completions: ArrayLike) -> Int[Array, "n length"]:
    """Sampled completions as an int32 array; ValueError if they are none.

    Token values are checked only when they are known, that is, outside `jax.jit` and `jax.vmap`.
    """
    tokens = jnp.asarray(completions)
    if tokens.ndim != 2 or tokens.shape[0] < 1 or tokens.shape[1] != policy.length:
        raise ValueError(
            f"samples.completions has shape {list(tokens.shape)}: int[n, {policy.length}] of one "
            "prompt is needed, n at least 1"
        )
    if not jnp.issubdtype(tokens.dtype, jnp.integer):
        raise ValueError(
            f"samples.completions has dtype {tokens.dtype}: integer token ids are needed"
        )
    if not isinstance(tokens, jax.core.Tracer):
        low = np.where(after_end(tokens, policy.eos), -1, 0)
        values = np.asarray(tokens)
        wrong = np.argwhere((values < low) | (values >= policy.vocab_size))
        if wrong.size:
            row, column = wrong[0]
            raise ValueError(
                f"samples.completions has token {values[row, column]} at [{row}, {column}]: tokens "
                f"are 0 … {policy.vocab_size - 1}, and −1 pads after the end of sequence"
            )
    return tokens.astype(jnp.int32)


def gradient_norm(gradient: Params) -> Float[Array, ""]:
    """Euclidean norm over all leaves of a pytree."""
    return jnp.sqrt(sum(jnp.sum(jnp.square(leaf)) for leaf in jax.tree.leaves(gradient)))


@jax.jit
def _reinforce(
    params: Params,
    policy: Policy,
    prompt: Int[Array, " prompt"],
    samples: Samples,
    rewards: Float[Array, " n"],
) -> tuple[Params, GradientInfo]:
    def surrogate(params: Params) -> Float[Array, ""]:
        # Its gradient, not its value, is the estimate.
        by_token = jax.vmap(policy.log_probs, in_axes=(None, None, 0))
        log_probs = by_token(params, prompt, samples.completions).sum(axis=-1)
        return jnp.mean(rewards.astype(log_probs.dtype) * log_probs)

    gradient = jax.grad(surrogate)(params)
    return gradient, _info(gradient, samples, rewards)


def _info(gradient: Params, samples: Samples, rewards: Float[Array, " n"]) -> GradientInfo:
    uniform = jnp.full_like(rewards, 1 / rewards.size)
    return GradientInfo(
        reward_mean=mean(uniform, rewards),
        reward_std=sqrt(variance(uniform, rewards)),
        gradient_norm=gradient_norm(gradient),
        rewards=rewards,
        samples=samples,
    )
