"""Sums over the rewards of a group: all that the posteriors need, and parts of them add up."""

from collections.abc import Callable
from functools import reduce
from operator import add
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64, Integer, Shaped
from scipy.special import gammaln

from jrft.diagnosis.log.statistics import added

# Rewards this near to each other, as a share of the range, are equal: rounding to float32 moves
# rewards by less.
TIE = 1e-6
# A prompt's departures from its mode repeat each other as if so many draws from the population of
# departures had been seen before: with 2 the second repeats the first once in three times.
DEPARTURE_CONCENTRATIONS = np.array([0.5, 2.0, 8.0])

_CELLS = 256
_SAMPLED = 2000
_CHANCE = 0.01


class Ties(NamedTuple):
    """Statistics of equal rewards in n groups. The mode is the prompt's.

    Attributes:
        modal: float64[n], how many rewards equal the mode.
        mode_total: float64[n], number of rewards times the mode.
        repeats: float64[n], how many rewards repeat another one of their group.
        urns: float64[n, 3], for each of `DEPARTURE_CONCENTRATIONS` the log-likelihood of the
            repeats if departures are draws from Pólya's urn, minus the log-likelihood of the same
            number of draws from the pooled distribution. Ties are evidence for departures: the
            rarer the tied reward, the stronger.
    """

    modal: Float64[np.ndarray, " n"]
    mode_total: Float64[np.ndarray, " n"]
    repeats: Float64[np.ndarray, " n"]
    urns: Float64[np.ndarray, "n 3"]


class RewardSums(NamedTuple):
    """Sufficient statistics of n groups of rewards x in [0, 1].

    Sums of the same groups over several files or machines add up (`merged`), and so do the sums of
    several groups of one prompt (`added`). Ties add up if they were counted about the same
    `TieReference`.

    Attributes:
        size: float64[n], how many rewards; a fraction where old rewards are discounted.
        total: float64[n], Σx.
        squares: float64[n], Σx².
        cubes: float64[n], Σx³.
        fourths: float64[n], Σx⁴.
        ties: What equal rewards say, or None if there is nothing to learn from them.
    """

    size: Float64[np.ndarray, " n"]
    total: Float64[np.ndarray, " n"]
    squares: Float64[np.ndarray, " n"]
    cubes: Float64[np.ndarray, " n"]
    fourths: Float64[np.ndarray, " n"]
    ties: Ties | None = None

    def each(self, function: Callable[..., np.ndarray], *others: "RewardSums") -> "RewardSums":
        """Applies a function to every array, of these sums and of others."""
        powers = map(function, self[:5], *(other[:5] for other in others))
        ties = None
        if self.ties is not None:
            ties = Ties._make(map(function, self.ties, *(other.ties or () for other in others)))
        return RewardSums._make([*powers, ties])

    def added(self, groups: Integer[np.ndarray, " n"], num_groups: int) -> "RewardSums":
        """Adds up rows: row i goes to row `groups[i]` of the result."""
        return self.each(lambda values: _added(values, groups, num_groups))


def merged(*parts: RewardSums) -> RewardSums:
    """Sums of the same groups, computed in parts by files, devices or engines.

    Example:
        >>> import numpy as np
        >>> x, groups = np.array([0.0, 1.0, 1.0]), np.array([0, 0, 1])
        >>> whole = power_sums(x, groups, 2)
        >>> parts = merged(power_sums(x[:1], groups[:1], 2), power_sums(x[1:], groups[1:], 2))
        >>> parts.total.tolist() == whole.total.tolist()
        True
    """
    return reduce(lambda first, second: first.each(add, second), parts)


class TieReference(NamedTuple):
    """What ties are counted about, the same for all parts of a log.

    Attributes:
        mode: float64[p], the reward seen most often over all groups of a prompt, the lowest of
            several; the prompt's mean if no two of its rewards are equal.
        log_frequency: float64[256], log-probability of each cell of the range in the pooled
            distribution.
    """

    mode: Float64[np.ndarray, " p"]
    log_frequency: Float64[np.ndarray, " cells"]


class _Runs(NamedTuple):
    """Equal rewards of one group: the group, the reward, how many there are."""

    group: Integer[np.ndarray, " u"]
    value: Float64[np.ndarray, " u"]
    length: Int64[np.ndarray, " u"]


def reward_sums(
    x: Float64[np.ndarray, " m"],
    groups: Integer[np.ndarray, " m"],
    prompts: Integer[np.ndarray, " g"],
    times: Int64[np.ndarray, " m"] | None = None,
) -> RewardSums:
    """Sums of each group of a whole log.

    Args:
        x: float64[m], rewards in [0, 1]; NaN is left out.
        groups: int[m], the group of each reward.
        prompts: int[g], the prompt of each group, ascending.
        times: int64[m], how often each reward was seen in its group; None for once.
    """
    scored = ~np.isnan(x)
    if not scored.all():
        x, groups = x[scored], groups[scored]
        times = None if times is None else times[scored]
    sums = power_sums(x, groups, len(prompts), times)
    if _few_levels(x) or not _ties_occur(x, groups, len(prompts), times):
        return sums
    owners = np.cumsum(np.r_[False, prompts[1:] != prompts[:-1]])[: len(prompts)]
    runs = _runs(x, groups, times)
    alone = len(owners) == owners[-1] + 1
    by_prompt = runs if alone else _runs(x, owners[groups], times)
    reference = _reference(x, owners[groups], by_prompt, times)
    return sums._replace(ties=_ties(runs, reference, owners, sums.size))


def power_sums(
    x: Float64[np.ndarray, " m"],
    groups: Integer[np.ndarray, " m"],
    num_groups: int,
    times: Int64[np.ndarray, " m"] | None = None,
) -> RewardSums:
    """Count and sums of powers of each group, without ties: float64[m] and int[m]."""
    columns, power = [], np.ones_like(x) if times is None else times.astype(np.float64)
    for _ in range(5):
        columns.append(_added(power, groups, num_groups))
        power = power * x
    return RewardSums._make([*columns, None])


def tie_reference(x: Float64[np.ndarray, " m"], owners: Integer[np.ndarray, " m"]) -> TieReference:
    """Modes and pooled distribution of a whole log: rewards float64[m] of prompts int[m]."""
    return _reference(x, owners, _runs(x, owners))


def count_ties(
    x: Float64[np.ndarray, " m"],
    groups: Integer[np.ndarray, " m"],
    owners: Integer[np.ndarray, " g"],
    reference: TieReference,
) -> Ties:
    """What equal rewards say about departures from a mode (see `departures.py`).

    Args:
        x: float64[m], rewards in [0, 1], each a number.
        groups: int[m]. A group must be whole in one part of a log.
        owners: int[g], the prompt of each group, an index into the reference.
        reference: Modes and pooled distribution, of the whole log.

    Example:
        >>> import numpy as np
        >>> x, groups = np.array([0.3, 0.3, 0.3, 0.8, 0.1, 0.2]), np.array([0, 0, 0, 0, 1, 1])
        >>> found = count_ties(x, groups, np.arange(2), tie_reference(x, groups))
        >>> found.modal.tolist(), found.mode_total.round(6).tolist()
        ([3.0, 0.0], [1.2, 0.3])
    """
    count = np.bincount(groups, minlength=len(owners))
    return _ties(_runs(x, groups), reference, owners, count)


def discounted(
    sums: RewardSums,
    prompts: Integer[np.ndarray, " v"],
    num_prompts: int,
    discount: Float64[np.ndarray, " p"] | float | int,
) -> RewardSums:
    """Sums of all visits of each prompt, each visit weighing `discount` times the next one.

    Args:
        sums: Of the v visits, sorted by prompt and time.
        prompts: int[v], ascending.
        num_prompts: p.
        discount: In (0, 1], for all prompts or one for each; 1 forgets nothing.
    """
    rates = discount[prompts] if isinstance(discount, np.ndarray) else discount
    weights = rates ** visits_after(prompts)
    return sums.each(lambda values: (values.T * weights).T).added(prompts, num_prompts)


def visits_after(prompts: Integer[np.ndarray, " v"]) -> Int64[np.ndarray, " v"]:
    """For visits sorted by prompt: how many visits of the same prompt follow each.

    Example:
        >>> import numpy as np
        >>> visits_after(np.array([0, 0, 0, 2])).tolist()
        [2, 1, 0, 0]
    """
    last = np.flatnonzero(np.r_[prompts[1:] != prompts[:-1], True])
    return last[np.searchsorted(last, np.arange(len(prompts)))] - np.arange(len(prompts))


def _added(
    values: Float64[np.ndarray, "n ..."], groups: Integer[np.ndarray, " n"], num_groups: int
) -> Float64[np.ndarray, "g ..."]:
    if values.ndim == 2:
        return np.stack([added(column, groups, num_groups) for column in values.T], axis=1)
    return added(values, groups, num_groups)


def _reference(
    x: Float64[np.ndarray, " m"],
    owners: Integer[np.ndarray, " m"],
    runs: _Runs,
    times: Int64[np.ndarray, " m"] | None = None,
) -> TieReference:
    num_prompts = int(owners.max(initial=-1)) + 1
    count = np.bincount(owners, times, minlength=num_prompts)
    mean = added(x, owners, num_prompts, times) / np.maximum(count, 1)
    frequency = np.bincount(_cells(x), times, minlength=_CELLS) / max(count.sum(), 1)
    # A cell that no reward fell into is never looked up.
    return TieReference(_modes(runs, mean), np.log(np.maximum(frequency, 1e-300)))


def _ties(
    runs: _Runs,
    reference: TieReference,
    owners: Integer[np.ndarray, " g"],
    count: Shaped[np.ndarray, " g"],
) -> Ties:
    departed = np.abs(runs.value - reference.mode[owners[runs.group]]) > TIE

    def per_group(values: Shaped[np.ndarray, " u"]) -> Float64[np.ndarray, " g"]:
        return np.bincount(runs.group, values, minlength=len(owners)).astype(np.float64)

    modal = per_group(runs.length * ~departed)
    repeats = runs.length - 1
    distinct, repeated = per_group(departed), per_group(departed * gammaln(runs.length))
    pooled = per_group(repeats * reference.log_frequency[_cells(runs.value)])
    urns = [
        distinct * np.log(a) + repeated + gammaln(a) - gammaln(a + count - modal) - pooled
        for a in DEPARTURE_CONCENTRATIONS
    ]
    mode_total = count * reference.mode[owners]
    return Ties(modal, mode_total, per_group(repeats), np.stack(urns, axis=1))


def _few_levels(x: Float64[np.ndarray, " m"]) -> bool:
    if len(np.unique(x[:1000])) > 3:
        return False
    for _ in range(3):
        x = x[x != x[:1]]
    return len(x) == 0


def _ties_occur(
    x: Float64[np.ndarray, " m"],
    groups: Integer[np.ndarray, " m"],
    num_groups: int,
    times: Int64[np.ndarray, " m"] | None,
) -> bool:
    """Whether more than one in 100 groups has two equal rewards, by a sample of 2000 groups."""
    chosen = np.ones(num_groups, bool)
    if num_groups > _SAMPLED:
        chosen = np.zeros(num_groups, bool)
        chosen[np.random.default_rng(0).choice(num_groups, _SAMPLED, replace=False)] = True
    member = chosen[groups]
    runs = _runs(x[member], groups[member], None if times is None else times[member])
    tied = len(np.unique(runs.group[runs.length > 1]))
    return tied > _CHANCE * min(num_groups, _SAMPLED)


def _runs(
    x: Float64[np.ndarray, " m"],
    groups: Integer[np.ndarray, " m"],
    times: Int64[np.ndarray, " m"] | None = None,
) -> _Runs:
    order = np.lexsort((x, groups))
    group, value = groups[order], x[order]
    starts = np.flatnonzero(_starts(group) | np.r_[True, np.diff(value) > TIE][: len(order)])
    seen = np.r_[0, np.arange(1, len(order) + 1) if times is None else np.cumsum(times[order])]
    return _Runs(group[starts], value[starts], np.diff(seen[np.r_[starts, len(order)]]))


def _starts(group: Integer[np.ndarray, " u"]) -> Bool[np.ndarray, " u"]:
    return np.r_[True, group[1:] != group[:-1]][: len(group)]


def _modes(runs: _Runs, mean: Float64[np.ndarray, " p"]) -> Float64[np.ndarray, " p"]:
    """The value of the longest run of each prompt, its mean where no run is longer than 1."""
    first = np.flatnonzero(_starts(runs.group))
    longest = np.maximum.reduceat(runs.length, first)
    at = np.flatnonzero(runs.length == np.repeat(longest, np.diff(np.r_[first, len(runs.group)])))
    at = at[_starts(runs.group[at])]
    at = at[runs.length[at] > 1]
    mode = mean.copy()
    mode[runs.group[at]] = runs.value[at]
    return mode


def _cells(values: Float64[np.ndarray, " u"]) -> Int64[np.ndarray, " u"]:
    return np.minimum((values * _CELLS).astype(np.int64), _CELLS - 1)
