"""REINFORCE: the reward itself."""

from jaxtyping import Array, Float


def reinforce_advantages(rewards: Float[Array, "..."]) -> Float[Array, " g"]:
    """Rewards as advantages, a_i = r_i: no baseline.

    The estimate is unbiased: its expectation is ∇V.

    Args:
        rewards: Float[g], one group.

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
    return rewards
