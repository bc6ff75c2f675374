"""Buckets in which items wait by an upper bound of the lowest value of their signatures."""

from typing import NamedTuple, no_type_check

import numpy as np
from numba import njit

_MAX_BUCKETS = 2**22


class Buckets(NamedTuple):
    """Linked lists of items.

    Attributes:
        width: How many values share a bucket.
        first: int32[buckets], the first item of each bucket, −1 if it is empty.
        following: int32[items], the next one in an item's bucket, −1 if it is the last.
        bucket_of: int32[items], the bucket that an item is in, −1 if it is in none.
    """

    width: int
    first: np.ndarray
    following: np.ndarray
    bucket_of: np.ndarray


def buckets(bounds: np.ndarray) -> Buckets:
    """Items in buckets, by bounds int64[items]; an item of bound −1 is in none.

    Example:
        >>> buckets(np.array([2, 0, -1, 2])).first.tolist()
        [1, -1, 3]
    """
    highest = int(bounds.max(initial=0))
    width = highest // _MAX_BUCKETS + 1
    made = Buckets(
        width,
        first=np.full(highest // width + 1, -1, np.int32),
        following=np.empty(len(bounds), np.int32),
        bucket_of=np.full(len(bounds), -1, np.int32),
    )
    _wait_all(made, bounds)
    return made


@njit(cache=True)
@no_type_check
def _wait_all(buckets, bounds):
    """Puts every item that has a bound into its bucket."""
    for item in range(len(bounds)):
        if bounds[item] >= 0:
            wait(buckets, item, bounds[item])


@njit(cache=True)
@no_type_check
def wait(buckets, item, bound):
    """Puts an item into the bucket of a bound."""
    bucket = bound // buckets.width
    buckets.bucket_of[item] = bucket
    buckets.following[item] = buckets.first[bucket]
    buckets.first[bucket] = item
