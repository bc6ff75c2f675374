"""A first column that is a time or a layer, and the ends of edges in the two after it."""

import re

# Seconds since 1970 have as many digits, in any year since 2001.
_DIGITS = 10
_TIME = re.compile(rb"1\d{9}(?:\d{3})?(?:\.\d*)?$|\d{4}-\d\d?-\d\d?|\d\d?[/.]\d\d?[/.]\d{4}")
_FEWEST, _SHARE = 3, 0.25


def is_before_ends(first: list[bytes], second: list[bytes], third: list[bytes]) -> bool:
    """Whether a first column of integers may be a time or a layer, and the ends the two after it.

    Args:
        first: Its cells.
        second: The cells of the next column.
        third: The cells of the one after that.

    Example:
        >>> is_before_ends([b"3", b"9", b"11"], [b"20", b"22", b"25"], [b"21", b"23", b"24"])
        True
        >>> is_before_ends([b"1", b"1", b"2"], [b"2", b"3", b"3"], [b"9", b"7", b"8"])
        False
    """
    long = [{len(cell) >= _DIGITS for cell in column} for column in (first, second, third)]
    if long == [{True}, {False}, {False}]:
        return True
    if len(first) < _FEWEST or True in long[2]:
        return False
    # The two ends of an edge are seldom one vertex; a time or a weight is like an end by chance.
    loops, others = _equal(first, second), _equal(second, third)
    if others and not loops:
        return False
    shared, ids = set(second) & set(third), set(second) | set(third)
    if loops and not others and len(shared) >= _SHARE * len(ids) and len(ids) >= _FEWEST:
        return True
    times, starts, ends = (list(map(int, column)) for column in (first, second, third))
    if times != sorted(times):
        return False
    rises, pairs = len(set(times)) == len(times), list(zip(times, starts, strict=True))
    apart = min(times) > max(*starts, *ends)
    # Edges with weights mostly come in order of both ends.
    if (shared or apart) and _are_alike(starts, ends) and (rises or pairs != sorted(pairs)):
        return True
    if set(times) & set(starts):
        return _are_layers(times, starts) and _are_alike(starts, ends)
    # Few ids that come again in many rows are those of users with ratings, as well.
    return len(set(ends)) > len(set(times)) or rises


def is_time(column: list[bytes]) -> bool:
    """Whether all cells are seconds since 1970, or dates.

    Example:
        >>> is_time([b"1082040961", b"1082155839.5"]), is_time([b"2004-04-15"]), is_time([b"12"])
        (True, True, False)
    """
    return bool(column) and all(map(_TIME.match, column))


def _equal(left: list[bytes], right: list[bytes]) -> int:
    """In how many rows two columns are equal."""
    return sum(one == other for one, other in zip(left, right, strict=True))


def _are_alike(starts: list[int], ends: list[int]) -> bool:
    """Whether a column has as many and as large numbers as another, as ends do, and few weights."""
    many = 2 * len(set(ends)) >= len(set(starts))
    return many and max(starts) <= 2 * max(ends) <= 4 * max(starts)


def _are_layers(layers: list[int], starts: list[int]) -> bool:
    """Whether a rising column may number layers, although ids are such numbers, too.

    Layers are few, without gaps, and each has several edges.
    """
    numbers, ids = set(layers), set(starts)
    few = len(layers) >= 2 * len(numbers) > 2 and 2 * len(numbers) <= len(ids)
    without_gaps = max(layers) - min(layers) < len(numbers) and min(map(layers.count, numbers)) > 1
    return few and without_gaps and 4 * len(numbers & ids) <= len(numbers | ids)
