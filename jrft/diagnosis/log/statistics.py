"""Statistics of each group of rewards: two-pass moments and an exact test of equality."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64, Integer

# Rewards that agree to this relative tolerance are equal: eight units in the last place of
# float32, so that a reward that took two routes through float32 arithmetic stays one reward.
EQUAL_RTOL = 1e-6


@dataclass(frozen=True)
class GroupStatistics:
    """Statistics over the scored completions of each of g groups.

    Attributes:
        count: int64[g], scored completions.
        missing: int64[g], completions without a score.
        mean: float64[g]; NaN where nothing is scored.
        std: float64[g], over the group's own completions, ddof 0; exactly 0 where they are equal.
        low: float64[g], smallest reward.
        high: float64[g], largest reward.
    """

    count: Int64[np.ndarray, " g"]
    missing: Int64[np.ndarray, " g"]
    mean: Float64[np.ndarray, " g"]
    std: Float64[np.ndarray, " g"]
    low: Float64[np.ndarray, " g"]
    high: Float64[np.ndarray, " g"]

    @property
    def all_equal(self) -> Bool[np.ndarray, " g"]:
        """bool[g], whether a group of at least two scored completions has equal rewards."""
        return (self.count > 1) & (self.std == 0)

    @property
    def sample_std(self) -> Float64[np.ndarray, " g"]:
        """float64[g], over the group's own completions, ddof 1; NaN below two."""
        with np.errstate(invalid="ignore", divide="ignore"):
            factor = np.sqrt(self.count / np.where(self.count > 1, self.count - 1.0, np.nan))
        return self.std * factor


def group_statistics(
    rewards: Float64[np.ndarray, " m"],
    groups: Integer[np.ndarray, " m"],
    num_groups: int,
    counts: Int64[np.ndarray, " m"] | None = None,
) -> GroupStatistics:
    """Mean and std of each group, in two passes.

    sqrt(E[r²] − E[r]²) leaves a residue on equal rewards that passes for a small std; here the
    std is taken about the group's mean, and is 0 where largest and smallest reward agree to a
    relative 1e-6.

    Args:
        rewards: float64[m], NaN where a completion has no score.
        groups: int[m], the group of each, in [0, num_groups).
        num_groups: g.
        counts: int64[m], how many completions each reward stands for; None for one each.

    Example:
        >>> import numpy as np
        >>> s = group_statistics(np.array([0.35, 0.35, 0.0, 1.0]), np.array([0, 0, 1, 1]), 2)
        >>> s.mean.tolist(), s.std.tolist()
        ([0.35, 0.5], [0.0, 0.5])
    """
    scored = ~np.isnan(rewards)
    values, members = rewards[scored], groups[scored]
    times = None if counts is None else counts[scored]
    count = _counted(members, times, num_groups)
    missing = _counted(groups, counts, num_groups) - count
    with np.errstate(invalid="ignore"):
        mean = added(values, members, num_groups, times) / count
        squares = added((values - mean[members]) ** 2, members, num_groups, times)
        std = np.sqrt(squares / count)
    low, high = _extremes(values, members, num_groups)
    equal = high - low <= EQUAL_RTOL * np.maximum(np.abs(low), np.abs(high))
    return GroupStatistics(count, missing, mean, np.where(equal, 0.0, std), low, high)


def added(
    values: Float64[np.ndarray, " m"],
    groups: Integer[np.ndarray, " m"],
    num_groups: int,
    counts: Int64[np.ndarray, " m"] | None = None,
) -> Float64[np.ndarray, " g"]:
    """Adds up the values of each group, each as often as its count says."""
    values = values if counts is None else values * counts
    return np.bincount(groups, values, minlength=num_groups).astype(np.float64)


def _counted(
    groups: Integer[np.ndarray, " m"], counts: Int64[np.ndarray, " m"] | None, num_groups: int
) -> Int64[np.ndarray, " g"]:
    # Sums of float64 are exact integers below 2^53.
    return np.bincount(groups, counts, minlength=num_groups).astype(np.int64)


def _extremes(
    values: Float64[np.ndarray, " m"], members: Integer[np.ndarray, " m"], num_groups: int
) -> tuple[Float64[np.ndarray, " g"], Float64[np.ndarray, " g"]]:
    """Smallest and largest value of each group; NaN for an empty one."""
    low, high = np.full(num_groups, np.nan), np.full(num_groups, np.nan)
    if values.size:
        ordered = np.all(members[1:] >= members[:-1])
        order = slice(None) if ordered else np.argsort(members, kind="stable")
        values, members = values[order], members[order]
        starts = np.flatnonzero(np.r_[True, members[1:] != members[:-1]])
        low[members[starts]] = np.minimum.reduceat(values, starts)
        high[members[starts]] = np.maximum.reduceat(values, starts)
    return low, high


class Visits(NamedTuple):
    """Completions by prompt and step: a visit is the group a prompt got at one step.

    Attributes:
        visit: int64[m], the visit of each completion.
        prompts: int32[v], the prompt of each visit, ascending.
        steps: int64[v], its step, ascending within a prompt; None if all are of one time.
    """

    visit: Int64[np.ndarray, " m"]
    prompts: Int32[np.ndarray, " v"]
    steps: Int64[np.ndarray, " v"] | None


def visits(prompts: Int32[np.ndarray, " m"], steps: Int64[np.ndarray, " m"] | None) -> Visits:
    """Groups completions by prompt, int32[m], and by step, int64[m] or None."""
    if steps is None:
        present, visit = _ranks(prompts)
        return Visits(visit, present.astype(np.int32), None)
    distinct, codes = _ranks(steps)
    present, visit = _ranks(prompts.astype(np.int64) * len(distinct) + codes)
    return Visits(
        visit, (present // len(distinct)).astype(np.int32), distinct[present % len(distinct)]
    )


def _ranks(
    values: Integer[np.ndarray, " m"],
) -> tuple[Int64[np.ndarray, " d"], Int64[np.ndarray, " m"]]:
    """The distinct values in order, and the place of each value among them."""
    if values.size == 0:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    first = int(values.min())
    span = int(values.max()) - first + 1
    if span > 4 * values.size:
        distinct, ranks = np.unique(values, return_inverse=True)
        return distinct.astype(np.int64), ranks
    # Counting needs no sort, which is what takes the time at ten million rewards.
    offsets = values.astype(np.int64) - first
    occurs = np.bincount(offsets, minlength=span) > 0
    return np.flatnonzero(occurs) + first, (np.cumsum(occurs) - 1)[offsets]
