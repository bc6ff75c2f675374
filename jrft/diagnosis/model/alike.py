"""Prompts that share one posterior, because their rewards are the same or nearly so."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64, Shaped

from jrft.diagnosis.model.reward_sums import RewardSums

# Stds below a hundredth of the reward range cannot be told from each other, nor from 0.
STD_RESOLUTION = 0.01
# Prompts of equal count share a posterior if mean and std agree to this share of the range.
_CELL = STD_RESOLUTION / 4


class Distinct(NamedTuple):
    """The d distinct rows among n.

    Attributes:
        first: int64[d], where each distinct row occurs first.
        place: int64[n], the distinct row of each row.
        counts: int64[d], how often each occurs.
    """

    first: Int64[np.ndarray, " d"]
    place: Int64[np.ndarray, " n"]
    counts: Int64[np.ndarray, " d"]


def distinct_rows(columns: Sequence[Shaped[np.ndarray, " n"]]) -> Distinct:
    """Finds equal rows of a table given by its columns.

    Rows come in ascending order of the first column, then of the next ones.

    Example:
        >>> import numpy as np
        >>> distinct_rows([np.array([2, 1, 2]), np.array([0, 5, 0])]).place.tolist()
        [1, 0, 1]
    """
    order = np.lexsort(columns[::-1])
    starts = np.zeros(len(order), bool)
    starts[:1] = True
    for column in columns:
        sorted_column = column[order]
        starts[1:] |= sorted_column[1:] != sorted_column[:-1]
    index = np.empty(len(order), np.int64)
    index[order] = np.cumsum(starts) - 1
    first = np.flatnonzero(starts)
    return Distinct(order[first], index, np.diff(np.r_[first, len(order)]))


def distinct_sums(sums: RewardSums) -> tuple[RewardSums, Distinct]:
    """Distinct sums of rewards on at most three levels, where few rows stand for many prompts."""
    found = distinct_rows([sums.size, sums.total, sums.squares])
    return sums.each(lambda values: values[found.first]), found


def average_of_alike(sums: RewardSums) -> tuple[RewardSums, Int64[np.ndarray, " n"]]:
    """Averages the sums of prompts that are nearly alike: about 20 000 for groups of one size.

    If more than half of a prompt's rewards are its mode, the mode and their number must agree, too.

    Returns:
        The averages, and the average of each prompt.
    """
    count = np.maximum(sums.size, 1e-9)
    mean = sums.total / count
    std = np.sqrt(np.maximum(sums.squares / count - mean**2, 0.0))
    columns = [np.round(sums.size, 2), np.round(mean / _CELL), np.round(std / _CELL)]
    if sums.ties is not None:
        most = 2 * sums.ties.modal > count
        mode = np.where(most, sums.ties.mode_total / count, 0.0)
        columns += [np.round(mode / (4 * _CELL)), np.round(sums.ties.modal * most)]
    found = distinct_rows(columns)
    total = sums.added(found.place, len(found.counts))
    return total.each(lambda values: (values.T / found.counts).T), found.place
