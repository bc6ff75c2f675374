"""Objectives of finetuning for one input whose output is one token: equations on its logits.

Each function is one equation for one input; `jax.vmap` maps it over a batch, and the caller takes
the mean. `jrft.exact` and `jrft.sampled` treat sequences.
"""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from jrft._numerics import mean, sqrt, variance


def expected_reward(logits: ArrayLike, rewards: ArrayLike) -> Float[Array, ""]:
    """Expected reward of one input whose output is one token: V = Σ_k p_k r_k, p = softmax(logits).

    Exact: no token is sampled, which is the paper's "perfect exploration" (Razin et al., ICLR 2024,
    Section 4.2). Its negative is the loss of reinforcement finetuning.

    Args:
        logits: Float[K], one logit a token.
        rewards: Float[K], the reward of each token (integers and booleans count as numbers).

    Returns:
        Float[], the expectation. A NaN reward gives NaN, whatever its probability.

    Raises:
        ValueError: If `logits` is not a vector or `rewards` has another shape.

    Example:
        >>> import jax.numpy as jnp, jrft
        >>> logits = jnp.log(jnp.array([0.5, 0.25, 0.25]))
        >>> round(float(jrft.expected_reward(logits, jnp.array([1.0, -1.0, -1.0]))), 6)
        0.0
    """
    logits, rewards = _check(logits, rewards)
    return mean(jax.nn.softmax(logits), rewards)


def reward_std(logits: ArrayLike, rewards: ArrayLike) -> Float[Array, ""]:
    """Standard deviation of the reward of one input whose output is one token.

    STD = sqrt(Σ_k p_k (r_k − V)²), over the tokens of one input: population formula (the whole
    distribution, so no ddof), two passes. Constant rewards give exactly 0, where the gradient is
    defined as 0.

    Args:
        logits: Float[K], one logit a token.
        rewards: Float[K], the reward of each token.

    Returns:
        Float[], in the unit of the rewards. A NaN reward gives NaN.

    Raises:
        ValueError: If `logits` is not a vector or `rewards` has another shape.

    Example:
        >>> import jax.numpy as jnp, jrft
        >>> logits = jnp.log(jnp.array([0.5, 0.25, 0.25]))
        >>> round(float(jrft.reward_std(logits, jnp.array([1.0, -1.0, -1.0]))), 6)
        1.0
    """
    logits, rewards = _check(logits, rewards)
    return sqrt(variance(jax.nn.softmax(logits), rewards))


def sft_loss(logits: ArrayLike, target: ArrayLike) -> Float[Array, ""]:
    """Negative log-likelihood of one token, −log softmax(logits)[target]: supervised finetuning.

    Args:
        logits: Float[K], one logit a token.
        target: Integer in 0 … K−1.

    Returns:
        Float[], in nats. A target outside 0 … K−1 gives NaN rather than another token's loss.

    Raises:
        ValueError: If `logits` is not a vector, or `target` is not one integer.

    Example:
        >>> import jax.numpy as jnp, jrft
        >>> round(float(jrft.sft_loss(jnp.zeros(4), 2)), 6)
        1.386294
    """
    logits, target = jnp.asarray(logits), jnp.asarray(target)
    if logits.ndim != 1:
        raise ValueError(_shape_message("logits", logits, "float[K]"))
    if not jnp.issubdtype(target.dtype, jnp.integer) or target.ndim != 0:
        raise ValueError(
            f"target is {target.dtype}{list(target.shape)}: pass one integer token id; "
            "jax.vmap maps over inputs"
        )
    log_probs = jax.nn.log_softmax(logits)
    # Indexing would clamp a target that is too large and wrap a negative one.
    chosen = log_probs.at[target].get(mode="fill", fill_value=jnp.nan, wrap_negative_indices=False)
    return -chosen


def _check(logits: ArrayLike, rewards: ArrayLike) -> tuple[Float[Array, " K"], Float[Array, " K"]]:
    logits, rewards = jnp.asarray(logits), jnp.asarray(rewards)
    if logits.ndim != 1:
        raise ValueError(_shape_message("logits", logits, "float[K]"))
    if rewards.shape != logits.shape:
        raise ValueError(_shape_message("rewards", rewards, f"float[{logits.size}]"))
    dtype = jnp.result_type(logits, rewards, float)
    return logits.astype(dtype), rewards.astype(dtype)


def _shape_message(name: str, array: Array, expected: str) -> str:
    return (
        f"{name} has shape {list(array.shape)}: pass {expected}, one input; jax.vmap "
        "maps over inputs"
    )
