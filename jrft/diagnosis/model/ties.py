"""Which rewards of a prompt are equal: its mode, and what the ties say."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int64, Integer, Shaped
from scipy.special import gammaln

# Rewards this near to each other, as a share of the range, are one reward: float32 has passed.
TIE = 1e-6
# A prompt's departures from its mode repeat each other as if so many draws from the population of
# departures had been seen before: with 2 the second is the first one again once in three times.
DEPARTURE_CONCENTRATIONS = np.array([0.5, 2.0, 8.0])

_CELLS = 256
_SAMPLED = 2000
_CHANCE = 0.01


class _Runs(NamedTuple):
    """Equal rewards of one group: the group, the reward, how many there are."""

    group: Int64[np.ndarray, " u"]
    value: Float64[np.ndarray, " u"]
    length: Int64[np.ndarray, " u"]


def tie_sums(
    x: Float64[np.ndarray, " m"],
    groups: Integer[np.ndarray, " m"],
    prompts: Integer[np.ndarray, " g"],
) -> Float64[np.ndarray, "g c"]:
    """How many rewards of each group are its prompt's mode, count · mode, and what ties say.

    The mode is the reward seen most often over all groups of the prompt, the lowest of several;
    without two equal rewards it is the prompt's mean. Then comes how many rewards repeat another
    one of their group; then, for each of `DEPARTURE_CONCENTRATIONS`, the log-likelihood of the
    repeats under departures from a mode (see `departures.py`), the departures being
    draws from Pólya's urn, less that of as many draws from the pooled distribution: tied modes tell
    for departures, the more the rarer such rewards are. The columns add up over groups.

    Args:
        x: float64[m], rewards in [0, 1]; NaN is left out.
        groups: int[m].
        prompts: int[g], the prompt of each group, ascending.

    Returns:
        float64[g, 6]; or no columns where there is nothing to learn from ties: on at most three
        levels, or if of a sample of 2000 groups at most one in 100 has two equal rewards.

    Example:
        >>> import numpy as np
        >>> x = np.array([0.3, 0.3, 0.3, 0.8, 0.1, 0.2])
        >>> tie_sums(x, np.array([0, 0, 0, 0, 1, 1]), np.arange(2))[:, :2].round(6).tolist()
        [[3.0, 1.2], [0.0, 0.3]]
    """
    scored = ~np.isnan(x)
    if not scored.all():
        x, groups = x[scored], groups[scored]
    if _few_levels(x) or not _ties_occur(x, groups, len(prompts)):
        return np.empty((len(prompts), 0))
    count = np.bincount(groups, minlength=len(prompts))
    owners = np.cumsum(np.r_[False, prompts[1:] != prompts[:-1]])[: len(prompts)]
    alone = len(owners) == owners[-1] + 1
    of_groups = _runs(x, groups)
    of_prompts = of_groups if alone else _runs(x, owners[groups])
    mode = _modes(of_prompts, _mean(x, owners[groups], len(prompts)))
    departed = np.abs(of_groups.value - mode[owners[of_groups.group]]) > TIE

    def add(values: Shaped[np.ndarray, " u"]) -> Float64[np.ndarray, " g"]:
        return np.bincount(of_groups.group, values, minlength=len(prompts))

    modal = add(of_groups.length * ~departed)
    repeats = of_groups.length - 1
    distinct, repeated = add(departed), add(departed * gammaln(of_groups.length))
    pooled = add(repeats * _log_frequency(x, of_groups))
    urns = [
        distinct * np.log(a) + repeated + gammaln(a) - gammaln(a + count - modal) - pooled
        for a in DEPARTURE_CONCENTRATIONS
    ]
    return np.stack([modal, count * mode[owners], add(repeats), *urns], axis=1)


def _few_levels(x: Float64[np.ndarray, " m"]) -> bool:
    if len(np.unique(x[:1000])) > 3:
        return False
    for _ in range(3):
        x = x[x != x[:1]]
    return len(x) == 0


def _ties_occur(
    x: Float64[np.ndarray, " m"], groups: Integer[np.ndarray, " m"], num_groups: int
) -> bool:
    """Whether more groups have two equal rewards than by chance; sorting all takes long."""
    chosen = np.ones(num_groups, bool)
    if num_groups > _SAMPLED:
        chosen = np.zeros(num_groups, bool)
        chosen[np.random.default_rng(0).choice(num_groups, _SAMPLED, replace=False)] = True
    member = chosen[groups]
    runs = _runs(x[member], groups[member])
    tied = len(np.unique(runs.group[runs.length > 1]))
    return tied > _CHANCE * min(num_groups, _SAMPLED)


def _runs(x: Float64[np.ndarray, " m"], groups: Integer[np.ndarray, " m"]) -> _Runs:
    # Groups and rewards in one number: sorting numbers is much faster than sorting rows.
    keys = np.sort(groups + 0.5 * x)
    group = np.floor(keys).astype(np.int64)
    value = 2 * (keys - group)
    starts = np.flatnonzero(_starts(group) | np.r_[True, np.diff(value) > TIE][: len(keys)])
    return _Runs(group[starts], value[starts], np.diff(np.r_[starts, len(keys)]))


def _starts(group: Int64[np.ndarray, " u"]) -> Bool[np.ndarray, " u"]:
    return np.r_[True, group[1:] != group[:-1]][: len(group)]


def _modes(runs: _Runs, mean: Float64[np.ndarray, " p"]) -> Float64[np.ndarray, " p"]:
    """The value of the longest run of each group, the mean where no run is longer than 1."""
    first = np.flatnonzero(_starts(runs.group))
    longest = np.maximum.reduceat(runs.length, first)
    at = np.flatnonzero(runs.length == np.repeat(longest, np.diff(np.r_[first, len(runs.group)])))
    at = at[_starts(runs.group[at])]
    at = at[runs.length[at] > 1]
    mode = mean.copy()
    mode[runs.group[at]] = runs.value[at]
    return mode


def _mean(
    x: Float64[np.ndarray, " m"], groups: Integer[np.ndarray, " m"], num_groups: int
) -> Float64[np.ndarray, " g"]:
    count = np.bincount(groups, minlength=num_groups)
    return np.bincount(groups, x, minlength=num_groups) / np.maximum(count, 1)


def _log_frequency(x: Float64[np.ndarray, " m"], runs: _Runs) -> Float64[np.ndarray, " u"]:
    """Log-probability that a reward of the pooled distribution is in the cell of each run."""
    cells, of_runs = (
        np.minimum((values * _CELLS).astype(np.int64), _CELLS - 1) for values in (x, runs.value)
    )
    frequency = np.bincount(cells, minlength=_CELLS) / max(len(x), 1)
    return np.log(frequency[of_runs])
