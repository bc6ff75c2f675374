"""How large a group must be for rewards that differ."""

from typing import NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Bool, Float64, Int64

from jrft.diagnosis.model.departures import Departures
from jrft.diagnosis.model.tilts import GROUP_SIZES, TiltedFamily

_Part: TypeAlias = slice | Bool[np.ndarray, " k"]


class CandidateGroups(NamedTuple):
    """Groups of rewards from each of k candidate distributions.

    Attributes:
        low: Which candidates have a low std.
        learnable: Which have not.
        all_equal: float64[k, len(GROUP_SIZES)], probability that all of so many rewards are equal.
    """

    low: _Part
    learnable: _Part
    all_equal: Float64[np.ndarray, "k sizes"]


def candidate_groups(
    family: TiltedFamily, departures: Departures | None, threshold: float
) -> CandidateGroups:
    """Of the tilts, then of the departures."""
    if departures is None:
        # The tilts whose std is not low come last: slices, which copy nothing.
        below = int(np.searchsorted(family.std, threshold))
        return CandidateGroups(slice(below), slice(below, None), np.exp(family.log_all_equal))
    low = np.concatenate([family.std, departures.std()]) < threshold
    modal = GROUP_SIZES * np.log1p(-departures.share)[:, None]
    return CandidateGroups(low, ~low, np.exp(np.concatenate([family.log_all_equal, modal])))


def rollouts_needed(
    groups: CandidateGroups, weights: Float64[np.ndarray, "n k"], mixed_probability: float
) -> tuple[Int64[np.ndarray, " n"], Int64[np.ndarray, " n"]]:
    """Smallest tabulated group sizes at which not all rewards are equal with a wanted probability.

    Args:
        groups: The candidates.
        weights: float64[n, k], their posterior probabilities.
        mixed_probability: The wanted probability.

    Returns:
        int64[n], and int64[n] given that the candidate's std is not low; 0 where none is enough.
    """
    low, learnable, all_equal = groups
    equal_if_learnable = weights[:, learnable] @ all_equal[learnable]
    equal = weights[:, low] @ all_equal[low] + equal_if_learnable
    total = weights[:, learnable].sum(axis=1, keepdims=True)
    return (
        _smallest(equal, np.ones_like(total), mixed_probability),
        _smallest(equal_if_learnable, total, mixed_probability),
    )


def _smallest(
    all_equal: Float64[np.ndarray, "n sizes"],
    total: Float64[np.ndarray, "n 1"],
    mixed_probability: float,
) -> Int64[np.ndarray, " n"]:
    """``all_equal`` is the probability of equal rewards and of something of probability ``total``.

    That something is given.
    """
    enough = all_equal <= (1 - mixed_probability) * total
    enough &= total > 1e-9  # nothing is said about what is impossible
    return np.where(enough.any(axis=1), GROUP_SIZES[enough.argmax(axis=1)], 0)
