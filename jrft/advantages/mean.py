"""REINFORCE with the mean reward of the group as baseline."""

from jaxtyping import Array, Float, Shaped

from jrft.advantages.groups import deviations


def mean_advantages(rewards: Shaped[Array, "..."]) -> Float[Array, " g"]:
    """Rewards minus their mean, a_i = r_i − mean(r).

    The expectation of the estimate is (1 − 1/g) ∇V.

    Args:
        rewards: [g], one group, booleans, integers or floats; NaN marks a completion without a
            score.

    Returns:
        Float[g]; 0 without a score and in a dead group.

    Raises:
        ValueError: If `rewards` is not one group of at least 2 completions.

    Example:
        >>> import jax.numpy as jnp, jrft
        >>> jrft.mean_advantages(jnp.array([1.0, 0.0, 0.5])).tolist()
        [0.5, -0.5, 0.0]

    References:
        Liu et al., Understanding R1-Zero-like training: a critical perspective, 2025.
    """
    return deviations(rewards).values
