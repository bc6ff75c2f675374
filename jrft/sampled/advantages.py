"""Advantages within a group of completions of one prompt, with dead groups made explicit."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Shaped

_KINDS = ("grpo", "rloo", "mean")

# Rewards that agree to this relative tolerance are equal: eight units in the last place of float32.
_EQUAL_RTOL = 1e-6


class GroupAdvantages(NamedTuple):
    """What a trainer multiplies its per-completion loss with.

    Attributes:
        advantages: Float[..., g]; 0 for completions without a score and in dead groups.
        weights: Float[..., g]; 1 where a completion should count, 0 without a score and in dead
            groups. Multiply the whole loss of a completion by it, the KL penalty too, and divide
            by its sum.
    """

    advantages: Float[Array, "*groups g"]
    weights: Float[Array, "*groups g"]


def group_advantages(
    rewards: Float[Array, "*groups g"],
    *,
    kind: str = "grpo",
    ddof: int = 0,
    epsilon: float = 0.0,
    outcomes: Shaped[Array, "*groups g"] | None = None,
) -> GroupAdvantages:
    """Advantages of the completions of each group; pure, jittable, in two passes.

    A group is dead if fewer than two completions have a score, if all its scores are equal (to a
    relative 1e-6), or, with ``outcomes``, if all its outcomes are equal: what differs then is
    shaping, which GRPO would scale up to a full-sized gradient away from the task. Dead groups get
    advantages 0 and weights 0: no division by a residue, and no gradient from a KL penalty.

    ``"grpo"`` is (r − mean) / (std + epsilon) (Shao et al., 2024), std over the group's own
    scores; ``"rloo"`` is r − mean of the others (Kool et al., 2019); ``"mean"`` is r − mean (Liu
    et al., 2025). For a binary reward dividing by the std scales the expected gradient by at most
    √(g − 1) (ddof 0; derived in this project).

    Args:
        rewards: Float[..., g]; the last axis is the group. NaN is a completion without a score.
        kind: "grpo", "rloo" or "mean".
        ddof: Of the std of "grpo": its square sums are divided by n − ddof, n the scored
            completions; 0 or 1. TRL and tunix take 1.
        epsilon: Added to the std of "grpo".
        outcomes: Like ``rewards``: 1 where the task is solved, 0 where not.

    Returns:
        Advantages and weights.

    Raises:
        ValueError: ``kind`` or ``ddof`` is unknown, or ``epsilon`` negative or NaN.

    Example:
        >>> import jax.numpy as jnp
        >>> rewards = jnp.array([[1.0, 0.0, 0.0, jnp.nan], [0.35, 0.35, 0.35, 0.35]])
        >>> advantages, weights = group_advantages(rewards, kind="rloo")
        >>> advantages.round(3).tolist()
        [[1.0, -0.5, -0.5, 0.0], [0.0, 0.0, 0.0, 0.0]]
        >>> weights.tolist()
        [[1.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
    """
    if kind not in _KINDS:
        raise ValueError(f"kind is {kind!r}: pass one of {', '.join(_KINDS)}.")
    if ddof not in (0, 1):
        raise ValueError(f"ddof is {ddof}: pass 0 (divide by n) or 1 (by n − 1).")
    if not isinstance(epsilon, jax.core.Tracer) and not epsilon >= 0:
        raise ValueError(f"epsilon is {epsilon}: a number of at least 0 is needed.")
    scored = ~jnp.isnan(rewards)
    alive = keep_mask(rewards, outcomes=outcomes)[..., None]
    weights = (scored & alive).astype(rewards.dtype)
    count = jnp.maximum(jnp.sum(scored, axis=-1, keepdims=True), 2).astype(rewards.dtype)
    values = jnp.where(scored, rewards, 0)
    mean = jnp.sum(values, axis=-1, keepdims=True) / count
    centred = jnp.where(weights > 0, values - mean, 0)
    if kind == "mean":
        return GroupAdvantages(centred, weights)
    if kind == "rloo":
        return GroupAdvantages(centred * count / (count - 1), weights)
    variance = jnp.sum(centred**2, axis=-1, keepdims=True) / (count - ddof)
    # The inner `where` keeps the derivative of the root finite in dead groups.
    std = jnp.sqrt(jnp.where(alive, variance, 1)) + epsilon
    return GroupAdvantages(centred / std, weights)


def keep_mask(
    rewards: Float[Array, "*groups g"], *, outcomes: Shaped[Array, "*groups g"] | None = None
) -> Bool[Array, "*groups"]:
    """Which groups have a gradient: at least two scores, and scores (or outcomes) that differ.

    The rule looks at one sampled group. It says which groups to leave out of this update, not
    which prompts to drop: eight equal rewards are weak evidence of a low reward std.

    Args:
        rewards: Float[..., g]; the last axis is the group. NaN is a completion without a score.
        outcomes: Like ``rewards``: 1 where the task is solved, 0 where not, before any shaping;
            booleans, integers or floats. With them the outcomes must differ, too.

    Returns:
        Bool[...], True to keep.

    Example:
        >>> import jax.numpy as jnp
        >>> shaped = jnp.array([[0.1, 0.2], [0.1, 1.2]])
        >>> keep_mask(shaped).tolist()
        [True, True]
        >>> keep_mask(shaped, outcomes=jnp.array([[0, 0], [0, 1]])).tolist()
        [False, True]
    """
    scored = ~jnp.isnan(rewards)
    keep = _differ(rewards, scored)
    if outcomes is not None:
        values = outcomes.astype(rewards.dtype)
        keep &= _differ(values, scored & ~jnp.isnan(values))
    return keep


def _differ(
    values: Float[Array, "*groups g"], known: Bool[Array, "*groups g"]
) -> Bool[Array, "*groups"]:
    """Whether a group has two known values that are not equal."""
    low = jnp.min(jnp.where(known, values, jnp.inf), axis=-1)
    high = jnp.max(jnp.where(known, values, -jnp.inf), axis=-1)
    scale = jnp.maximum(jnp.abs(low), jnp.abs(high))
    # Without a known value low is ∞ and high −∞: no difference.
    return high - low > _EQUAL_RTOL * scale
