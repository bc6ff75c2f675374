"""GRPO: deviations from the group's mean, over the group's standard deviation."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Shaped

from jrft._checks import check_not_negative
from jrft.advantages.groups import deviations


def grpo_advantages(
    rewards: Shaped[Array, "..."], *, ddof: int = 0, epsilon: float | Float[Array, ""] = 0.0
) -> Float[Array, " g"]:
    """Standardized rewards, a_i = (r_i − mean(r)) / (std(r) + ε).

    For a reward of 0 or 1 and ddof 0 the expectation of the estimate is E[s] / (p (1 − p)) ∇p, p
    the probability of 1 and s the group's std: at most √(g − 1) ∇p (derived).

    Args:
        rewards: [g], one group, booleans, integers or floats; NaN marks a completion without a
            score.
        ddof: The std divides its sum of squares by n − ddof, n the scored completions; 0 or 1. TRL
            and tunix take 1.
        epsilon: ε, added to the std; at least 0.

    Returns:
        Float[g]; 0 without a score and in a dead group.

    Raises:
        ValueError: If `rewards` is not one group of at least 2 completions, `ddof` is neither 0
            nor 1, or a known `epsilon` is negative or NaN.

    Example:
        >>> import jax.numpy as jnp, jrft
        >>> jrft.grpo_advantages(jnp.array([3.0, 1.0, 1.0, 3.0])).tolist()
        [1.0, -1.0, -1.0, 1.0]

    References:
        Shao et al., DeepSeekMath: pushing the limits of mathematical reasoning in open language
        models, 2024.
    """
    if ddof not in (0, 1):
        raise ValueError(f"ddof is {ddof}: pass 0 (divide by n) or 1 (divide by n − 1)")
    check_not_negative(epsilon=epsilon)
    group = deviations(rewards)
    # In units of the largest deviation: squares of tiny or huge rewards leave the range of float32.
    unit = jax.lax.stop_gradient(jnp.where(group.alive, jnp.max(jnp.abs(group.values)), 1))
    values = group.values / unit
    variance = jnp.sum(values**2) / (group.number - ddof)
    # The inner `where` keeps the derivative of the root finite in dead groups.
    return values / (jnp.sqrt(jnp.where(group.alive, variance, 1)) + epsilon / unit)
