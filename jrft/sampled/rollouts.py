"""Divides a number of rollouts among prompts so that most groups have a gradient."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int


def rollout_budget(
    success: Float[Array, " n"] | Float[Array, "n draws"],
    total: int,
    *,
    minimum: int = 2,
    maximum: int = 64,
) -> Int[Array, " n"]:
    """Group sizes that maximize the expected number of groups whose outcomes differ.

    A group of G completions of success probability p has differing outcomes with probability
    1 − p^G − (1 − p)^G. Each further completion adds p^G(1 − p) + (1 − p)^G p, which falls with G,
    so giving each completion where it adds most is optimal (derived). Pure and jittable, with
    `total`, `minimum` and `maximum` static.

    Args:
        success: Float[n], success probability of each prompt; or Float[n, draws], draws from its
            posterior, over which the gain is averaged: uncertain prompts then get explored.
        total: Completions to divide.
        minimum: Completions each prompt gets at least; at least 1.
        maximum: Completions each prompt gets at most.

    Returns:
        Int[n] of sum `total`. Ties go to the prompt listed first.

    Raises:
        ValueError: `total` is not within n·minimum and n·maximum.

    Example:
        >>> import jax.numpy as jnp, jrft
        >>> jrft.rollout_budget(jnp.array([0.5, 0.1, 0.0]), 24).tolist()
        [6, 16, 2]
    """
    prompts = success.shape[0]
    if not 1 <= minimum <= maximum:
        raise ValueError(f"minimum is {minimum}: pass a number between 1 and maximum, {maximum}")
    if not prompts * minimum <= total <= prompts * maximum:
        raise ValueError(
            f"total is {total}: pass a number between {prompts * minimum} (minimum {minimum} for "
            f"each of {prompts} prompts) and {prompts * maximum} (maximum {maximum} each)"
        )
    p = success.reshape(prompts, -1, 1)
    sizes = jnp.arange(minimum, maximum)[None, None]
    gains = jnp.mean(p**sizes * (1 - p) + (1 - p) ** sizes * p, axis=1)
    _, chosen = jax.lax.top_k(gains.ravel(), total - prompts * minimum)
    rows = chosen // max(maximum - minimum, 1)
    return jnp.full(prompts, minimum).at[rows].add(1)
