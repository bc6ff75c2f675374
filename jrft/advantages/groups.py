"""Groups of completions of one prompt: advantages, weights, and groups without a gradient.

A group is dead if fewer than two completions have a score, or if all its scores are equal. Its
advantages and weights are 0, so that nothing is divided by a residue of rounding, and a KL penalty
adds no gradient.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Shaped

from jrft._checks import as_floats

# Rewards that agree to this relative tolerance are equal: eight units in the last place of float32.
_EQUAL_RTOL = 1e-6


class GroupAdvantages(NamedTuple):
    """The factors of a trainer's per-completion losses.

    Attributes:
        advantages: Float[..., g]; 0 for completions without a score and in dead groups.
        weights: Float[..., g]; 1 where a completion counts, 0 without a score and in dead groups.
            Multiply the whole loss of a completion by it, the KL penalty included, and divide by
            the sum of the weights.
    """

    advantages: Float[Array, "*groups g"]
    weights: Float[Array, "*groups g"]


class Deviations(NamedTuple):
    """The scores of one group around their mean.

    Attributes:
        values: Float[g], score minus mean; 0 for completions without a score and in a dead group.
        number: Float[], completions with a score, at least 2.
        alive: Bool[], False for a dead group.
    """

    values: Float[Array, " g"]
    number: Float[Array, ""]
    alive: Bool[Array, ""]


def group_advantages(
    rewards: Shaped[Array, "*groups g"],
    advantages: Callable[[Float[Array, " g"]], Float[Array, " g"]],
    *,
    outcomes: Shaped[Array, "*groups g"] | None = None,
) -> GroupAdvantages:
    """Advantages and weights of the completions of many groups; pure and jittable.

    With `outcomes` a group is also dead if all its outcomes are equal. Its rewards then differ by
    shaping alone, which GRPO would scale up to a full-sized gradient away from the task.

    Args:
        rewards: [..., g], booleans, integers or floats; the last axis is the group. NaN marks a
            completion without a score. Floats of fewer bits are computed in float32, integers and
            booleans in JAX's default floats.
        advantages: The method: a function of one group, such as `jrft.rloo_advantages` or
            `functools.partial(jrft.grpo_advantages, ddof=1)`.
        outcomes: Like `rewards`: 1 where the task is solved, 0 where not.

    Returns:
        `GroupAdvantages`.

    Raises:
        ValueError: If a group has fewer than 2 completions, or as the method says; if a reward is
            infinite (under a caller's `jax.jit` it makes the advantages of its group NaN).

    Example:
        >>> import jax.numpy as jnp, jrft
        >>> rewards = jnp.array([[1.0, 0.0, 0.0, jnp.nan], [0.35, 0.35, 0.35, 0.35]])
        >>> advantages, weights = jrft.group_advantages(rewards, jrft.rloo_advantages)
        >>> advantages.round(3).tolist()
        [[1.0, -0.5, -0.5, 0.0], [0.0, 0.0, 0.0, 0.0]]
        >>> weights.tolist()
        [[1.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
    """
    rewards = as_scores(rewards)
    keep = keep_mask(rewards, outcomes=outcomes)[..., None]
    counts = ~jnp.isnan(rewards) & keep
    values = jnp.vectorize(advantages, signature="(g)->(g)")(rewards)
    return GroupAdvantages(jnp.where(counts, values, 0), counts.astype(rewards.dtype))


def keep_mask(
    rewards: Shaped[Array, "*groups g"], *, outcomes: Shaped[Array, "*groups g"] | None = None
) -> Bool[Array, "*groups"]:
    """Groups that have a gradient: at least two scores, and scores (or outcomes) that differ.

    Scores are equal if they agree to a relative 1e-6. The rule looks at one sampled group: it says
    which groups to leave out of this update. It does not say which prompts to drop, because eight
    equal rewards are weak evidence of a low reward std.

    Args:
        rewards: [..., g], booleans, integers or floats; the last axis is the group. NaN marks a
            completion without a score.
        outcomes: Like `rewards`: 1 where the task is solved, 0 where not, before any shaping;
            booleans, integers or floats. With them the outcomes must differ, too.

    Returns:
        Bool[...], True to keep.

    Raises:
        ValueError: If a reward or an outcome is infinite (under a caller's `jax.jit` it counts as a
            score that differs).

    Example:
        >>> import jax.numpy as jnp, jrft
        >>> shaped = jnp.array([[0.1, 0.2], [0.1, 1.2]])
        >>> jrft.keep_mask(shaped).tolist()
        [True, True]
        >>> jrft.keep_mask(shaped, outcomes=jnp.array([[0, 0], [0, 1]])).tolist()
        [False, True]
    """
    rewards = as_scores(rewards)
    scored = ~jnp.isnan(rewards)
    keep = _differ(rewards, scored)
    if outcomes is not None:
        values = as_scores(outcomes, "outcomes")
        keep &= _differ(values, scored & ~jnp.isnan(values))
    return keep


def as_scores(values: Shaped[Array, "..."], name: str = "rewards") -> Float[Array, "..."]:
    """Numbers as floats of 32 bits at least: booleans, integers and low precision are converted.

    Raises:
        ValueError: A value is complex, or known to be infinite or out of the range of floats.
    """
    values = as_floats(values, name)
    return values.astype(jnp.promote_types(values.dtype, jnp.float32))


def deviations(rewards: Shaped[Array, "..."]) -> Deviations:
    """Scores of one group minus their mean, in two passes.

    Raises:
        ValueError: If `rewards` is not one group of at least 2 completions.
    """
    if rewards.ndim != 1:
        raise ValueError(
            f"rewards have shape {list(rewards.shape)}: pass one group, float[g], or pass all "
            "groups to jrft.group_advantages"
        )
    if rewards.size < 2:
        raise ValueError(
            f"rewards have shape {list(rewards.shape)}: pass a group of at least 2 completions"
        )
    rewards = as_scores(rewards)
    scored = ~jnp.isnan(rewards)
    alive = keep_mask(rewards)
    number = jnp.maximum(jnp.sum(scored), 2).astype(rewards.dtype)
    values = jnp.where(scored, rewards, 0)
    mean = jnp.sum(values) / number
    return Deviations(jnp.where(scored & alive, values - mean, 0), number, alive)


def _differ(
    values: Float[Array, "*groups g"], known: Bool[Array, "*groups g"]
) -> Bool[Array, "*groups"]:
    """Whether a group has two known values that are not equal."""
    low = jnp.min(jnp.where(known, values, jnp.inf), axis=-1)
    high = jnp.max(jnp.where(known, values, -jnp.inf), axis=-1)
    scale = jnp.maximum(jnp.abs(low), jnp.abs(high))
    # Without a known value low is ∞ and high −∞: no difference. Infinite values differ from others.
    return (high > low) & ((high - low > _EQUAL_RTOL * scale) | jnp.isinf(scale))
