"""Sorting inside compiled code; numba's own sorts take longer to compile than all else together."""

from typing import no_type_check

import numpy as np
from numba import njit

_DIGIT = 11
_FEW = 64


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


@njit(cache=True)
@no_type_check
def sort_by_id(keys, scratch, num_ids):
    """Sorts distinct int64 numbers id · 2^32 + anything by their ids.

    Args:
        keys: int64[k], sorted in place.
        scratch: int64, as many or more, overwritten.
        num_ids: Ids are less than this.
    """
    if len(keys) <= _FEW:
        shell_sort(keys)
        return
    # Least significant digit first. Each pass is stable, so it keeps the order of lower digits.
    counts = np.empty(2**_DIGIT + 1, np.int64)
    shift = 32
    while num_ids >> (shift - 32) > 0:
        counts[:] = 0
        for key in keys:
            counts[((key >> shift) & (2**_DIGIT - 1)) + 1] += 1
        # Running sums: where the keys of each digit start.
        for digit in range(2**_DIGIT):
            counts[digit + 1] += counts[digit]
        for key in keys:
            digit = (key >> shift) & (2**_DIGIT - 1)
            scratch[counts[digit]] = key
            counts[digit] += 1
        for place in range(len(keys)):
            keys[place] = scratch[place]
        shift += _DIGIT
