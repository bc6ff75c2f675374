"""Sorting inside compiled code; numba's own sorts take longer to compile than all else together."""

from typing import no_type_check

from numba import njit


@njit(cache=True)
@no_type_check
def shell_sort(values):
    """Sorts some numbers in place."""
    # Gaps 1, 4, 13, … (Knuth): few comparisons for the tens of values that a signature has.
    gap = 1
    while 3 * gap + 1 < len(values):
        gap = 3 * gap + 1
    while gap > 0:
        for place in range(gap, len(values)):
            value = values[place]
            while place >= gap and values[place - gap] > value:
                values[place] = values[place - gap]
                place -= gap
            values[place] = value
        gap //= 3
