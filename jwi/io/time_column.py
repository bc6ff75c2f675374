"""Columns of times."""

import re

_TIME = re.compile(
    rb"1\d{9}(?:\d{3})?(?:\.\d*)?$|\d{4}-\d\d?-\d\d?|\d\d?[/.]\d\d?[/.]\d{4}|\d\d?:\d\d(?::\d\d)?$"
)


def is_time(column: list[bytes]) -> bool:
    """Whether all cells are seconds since 1970, dates, or times of the day.

    Example:
        >>> is_time([b"1082040961", b"1082155839.5"]), is_time([b"2004-04-15"]), is_time([b"12"])
        (True, True, False)
    """
    return bool(column) and all(map(_TIME.match, column))
