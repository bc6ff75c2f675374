"""Which two of several columns of integers are ends of edges, by evidence that is not chance."""

from itertools import combinations
from math import lgamma, log

import numpy as np
from jaxtyping import Int64

# No one observation outweighs all others.
_MOST, _OF_LOOPS, _OF_GAPS, _OF_SIZE, _OF_TIMES = 6.0, -3.0, 3.0, 1.5, 2.0
# Below this difference of two pairs of columns, nothing is decided; in few rows nothing can be.
_NEEDED, _FEWEST_ROWS, _FEW = 1.0, 8, 3
_MOST_COLUMNS, _FEWEST_IDS = 6, 4
_LOOPS_BY_CHANCE = 0.05
# Seconds since 1970 are larger, in any year since 2001.
_TIME = 10**9
_YEARS = (1900, 2100)


def other_ends(rows: Int64[np.ndarray, "M k"]) -> tuple[int, int] | None:
    """Other columns than the first two that may be the ends of edges just as well.

    A pair of columns is judged by observations that two ends make and two other columns seldom do.
    Each counts as the logarithm of its likelihood for ends against that of a chance pairing.

    Args:
        rows: Integers in at least three columns, without a header.

    Returns:
        The two places; None if the first two columns are the ends.

    Example:
        >>> pairs = [(1, 2), (2, 3), (3, 4), (4, 1), (1, 3), (2, 4), (4, 5), (5, 1)]
        >>> numbers = [7, 1, 7, 3, 1, 1, 7, 3]
        >>> other_ends(np.column_stack([pairs, numbers]))
        >>> other_ends(np.column_stack([numbers, pairs]))
        (1, 2)
    """
    columns = list(rows.T[:_MOST_COLUMNS])
    if [bool((column >= _TIME).all()) for column in columns[:3]] == [True, False, False]:
        return 1, 2
    # Rows of zeros and ones are a matrix, or its parts.
    if len(rows) < _FEW or np.isin(rows, (0, 1)).all():
        return None
    span = int(rows.max()) - int(rows.min()) + 1
    scores = {
        (i, j): _of_ends(columns[i], columns[j], span)
        for i, j in combinations(range(len(columns)), 2)
    }
    first = scores.pop((0, 1))
    start, end, third = columns[:3]
    # A time in years, before the ends or between them.
    if _are_years(start, columns[1:]) or _are_years(end, [start, *columns[2:]]):
        first -= _MOST
    if (third == third[0]).all() or third.min() < 0:
        first += _MOST
    if len(rows) < _FEWEST_ROWS and (_counts_rows(start) or _counts_rows(end)):
        # In few rows nothing else would tell numbers of rows from ends.
        first -= _OF_TIMES
    if _are_sorted(start):
        # Rows in order of a time alone.
        first -= _OF_TIMES * (not _are_sorted(start, end))
    elif _are_sorted(end, third):
        scores[1, 2] += min(_MOST, _of_ties(end))
    elif _are_sorted(third):
        # A time stands last.
        first += min(_MOST, lgamma(len(rows) + 1) - _of_ties(third))
    other = max(scores, key=lambda pair: scores[pair])
    needed = _NEEDED if len(rows) >= _FEWEST_ROWS else 0.0
    return other if first < scores[other] + needed else None


def _of_ends(left: np.ndarray, right: np.ndarray, span: int) -> float:
    """How much more likely two columns are as ends than as columns that are paired by chance.

    Args:
        left: Integers.
        right: Integers.
        span: How many integers any column might hold.
    """
    rows = len(left)
    ids, places = np.unique(np.stack([left, right]), return_inverse=True)
    places = places.reshape(2, rows)
    counts = [np.bincount(side, minlength=len(ids)) for side in places]
    # Two ends are seldom one vertex.
    expected = float(counts[0] @ counts[1]) / rows
    loops = int((left == right).sum()) * log(_LOOPS_BY_CHANCE)
    score = max(_OF_LOOPS, (1 - _LOOPS_BY_CHANCE) * expected + loops)
    # An edge comes once in most lists, and the same column has the smaller vertex in many.
    lower, upper = places.min(axis=0), places.max(axis=0)
    distinct = np.unique(lower * len(ids) + upper, return_index=True)[1]
    score += min(_MOST, of_direction(places[:, distinct].T))
    if _counts_rows(left) or _counts_rows(right):
        # Numbers of rows make distinct pairs, without gaps, with any column.
        return score
    if len(distinct) == rows:
        score += min(_MOST, float(np.prod([of @ (of - 1) / rows for of in counts])) / 2)
    # Both ends are of one set, and that is mostly numbered without gaps. Small numbers are among
    # more of them by chance.
    sizes = [int((of > 0).sum()) for of in counts]
    both, by_chance = sum(sizes) - len(ids), sizes[0] * sizes[1] / span
    alike = _OF_GAPS * bool(ids[0] in (0, 1) and np.ptp(ids) < len(ids) >= _FEWEST_IDS)
    if both > by_chance:
        alike += min(_MOST, both * log(both / by_chance) - both + by_chance)
    score += alike * both / len(ids)
    inner = min(left.max(), right.max()) - max(left.min(), right.min())
    return score + _OF_SIZE * max(0.0, float(inner)) / max(1, int(np.ptp(ids)))


def of_direction(pairs: Int64[np.ndarray, "M 2"]) -> float:
    """How seldom chance pairs columns so that the same one has the smaller number in each row.

    Args:
        pairs: The two numbers of each row.

    Returns:
        Minus the logarithm of the share of such pairings; 0 if there is no such column.

    Example:
        >>> of_direction(np.array([[1, 3], [2, 1]]))
        0.0
        >>> round(of_direction(np.array([[1, 2], [2, 3], [3, 4]])), 3)
        1.792
    """
    lower, upper = np.sort(pairs, axis=0).T
    if (pairs[:, 0] > pairs[:, 1]).all():
        lower, upper = upper, lower
    elif not (pairs[:, 0] < pairs[:, 1]).all():
        return 0.0
    # Each number, the smallest first, takes one of those below it that are left.
    left = np.searchsorted(lower, upper) - np.arange(len(pairs))
    return max(0.0, lgamma(len(pairs) + 1) - float(np.log(left).sum()))


def _counts_rows(column: np.ndarray) -> bool:
    return bool((np.diff(column) == 1).all())


def _are_years(column: np.ndarray, others: list[np.ndarray]) -> bool:
    """Whether rows are in order of a column that alone holds numbers like those of years."""
    within, *beside = (
        bool(((of >= _YEARS[0]) & (of < _YEARS[1])).all()) for of in (column, *others)
    )
    return within and _are_sorted(column) and not any(beside)


def _are_sorted(*columns: np.ndarray) -> bool:
    """Whether rows are in order of some columns, the first one above all."""
    order = np.lexsort(columns[::-1])
    return all(bool((column[order] == column).all()) for column in columns)


def _of_ties(column: np.ndarray) -> float:
    """The logarithm of the number of orders that leave a column as it is."""
    return sum(map(lgamma, (np.unique(column, return_counts=True)[1] + 1).tolist()))
