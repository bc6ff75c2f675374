"""Edges to add at depth 2, where degrees decide."""

from typing import no_type_check

import numpy as np
from numba import njit

from jwi.progress import DONE, STOP


@njit(cache=True, nogil=True)
@no_type_check
def add_by_degrees(pairs, degree, num_added, status):
    """The first `num_added` candidates at depth 2.

    Let a ≤ b be the degrees of a candidate's ends. The tuple becomes largest by the candidate of
    smallest a; ties go to the smallest b. Degrees only grow, so a candidate only falls behind, and
    a, the level, only grows. Candidates wait in buckets for their level, where a heap has them by b
    and row. Level and b are renewed when it is the candidate's turn.

    Args:
        pairs: int32[M, 2], the candidates.
        degree: int64[n], which grows.
        num_added: How many to add.
        status: See `run_with_progress`.
    """
    order, count, level = np.empty(num_added, np.int32), 0, 0
    # A bucket is a linked list: its first row, and after each row the next, −1 at the end.
    first, following = np.full(len(degree), np.int32(-1)), np.empty(len(pairs), np.int32)
    for row in range(len(pairs)):
        _wait(first, following, row, _degrees(pairs, degree, row)[0])
    heap = np.empty(len(pairs), np.int64)
    while count < num_added and not status[STOP]:
        status[DONE] = count
        size = _fill(pairs, degree, first, following, level, heap)
        while size > 0 and count < num_added:
            row = heap[0] & 0xFFFFFFFF
            low, high = _degrees(pairs, degree, row)
            entry = (high << 32) | row
            # The top of the heap is added, waits for a higher level, or sinks to its new place.
            if low > level or entry == heap[0]:
                if low > level:
                    _wait(first, following, row, low)
                else:
                    order[count] = row
                    count += 1
                    degree[pairs[row, 0]] += 1
                    degree[pairs[row, 1]] += 1
                size -= 1
                entry = heap[size]
            _sink(heap, size, 0, entry)
        level += 1
    return order


@njit(cache=True)
@no_type_check
def _degrees(pairs, degree, row):
    """The smaller and the larger degree of a candidate's ends."""
    one, other = degree[pairs[row, 0]], degree[pairs[row, 1]]
    return min(one, other), max(one, other)


@njit(cache=True)
@no_type_check
def _wait(first, following, row, level):
    """Puts a candidate into the bucket of a level."""
    following[row] = first[level]
    first[level] = row


@njit(cache=True)
@no_type_check
def _fill(pairs, degree, first, following, level, heap):
    """Makes the bucket of a level a heap of numbers b · 2^32 + row; returns how many there are."""
    size, row = 0, first[level]
    while row >= 0:
        upcoming = following[row]
        low, high = _degrees(pairs, degree, row)
        # The smaller degree may have grown while the candidate waited.
        if low > level:
            _wait(first, following, row, low)
        else:
            heap[size] = (high << 32) | row
            size += 1
        row = upcoming
    for place in range(size // 2 - 1, -1, -1):
        _sink(heap, size, place, heap[place])
    return size


@njit(cache=True)
@no_type_check
def _sink(heap, size, place, entry):
    """Puts an entry into a heap of numbers, from a place that is free downwards.

    `heapq` would do, but takes a sixth to a fourth more of the whole order's time: it moves every
    entry to the bottom first, and these entries sink little.
    """
    while 2 * place + 1 < size:
        child = 2 * place + 1
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= entry:
            break
        heap[place] = heap[child]
        place = child
    heap[place] = entry
