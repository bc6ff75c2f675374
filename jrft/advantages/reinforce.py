"""REINFORCE: the reward itself."""

from jaxtyping import Array, Float, Shaped

from jrft.advantages.groups import as_scores


def reinforce_advantages(rewards: Shaped[Array, "..."]) -> Float[Array, " g"]:
    """Rewards as advantages, a_i = r_i: no baseline.

    The estimate is unbiased: its expectation is ∇V.

    Args:
        rewards: [g], one group, booleans, integers or floats.

    Returns:
        Float[g].

    Example:
        >>> import jax.numpy as jnp, jrft
        >>> jrft.reinforce_advantages(jnp.array([1.0, 0.0, 0.5])).tolist()
        [1.0, 0.0, 0.5]

    References:
        Williams, Simple statistical gradient-following algorithms for connectionist reinforcement
        learning, Machine Learning, 1992.
    """
    return as_scores(rewards)
