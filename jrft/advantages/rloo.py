"""RLOO: REINFORCE with the mean reward of the other completions as baseline."""

from jaxtyping import Array, Float, Shaped

from jrft.advantages.groups import deviations


def rloo_advantages(rewards: Shaped[Array, "..."]) -> Float[Array, " g"]:
    """Rewards minus the mean of the others, a_i = r_i − Σ_{j≠i} r_j / (g − 1).

    The estimate is unbiased where rewards differ by more than a relative 1e-6: groups whose rewards
    are nearer give 0.

    Args:
        rewards: [g], one group, booleans, integers or floats; NaN marks a completion without a
            score.

    Returns:
        Float[g]; 0 without a score and in a dead group.

    Raises:
        ValueError: If `rewards` is not one group of at least 2 completions.

    Example:
        >>> import jax.numpy as jnp, jrft
        >>> jrft.rloo_advantages(jnp.array([1.0, 0.0, 0.0])).round(3).tolist()
        [1.0, -0.5, -0.5]

    References:
        Kool, van Hoof and Welling, Buy 4 REINFORCE samples, get a baseline for free!, 2019.
    """
    group = deviations(rewards)
    return group.values * group.number / (group.number - 1)
