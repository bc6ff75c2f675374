"""Edges to add at depth 2, where degrees decide."""

from heapq import heapify, heappop, heapreplace
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
    while count < num_added and not status[STOP]:
        status[DONE] = count
        heap = _candidates_of(pairs, degree, first, following, level)
        while len(heap) > 0 and count < num_added:
            row = heap[0] & 0xFFFFFFFF
            low, high = _degrees(pairs, degree, row)
            entry = (high << 32) | row
            if low > level:
                heappop(heap)
                _wait(first, following, row, low)
            elif entry > heap[0]:
                # The larger degree grew while the candidate waited.
                heapreplace(heap, entry)
            else:
                heappop(heap)
                order[count] = row
                count += 1
                degree[pairs[row, 0]] += 1
                degree[pairs[row, 1]] += 1
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
def _candidates_of(pairs, degree, first, following, level):
    """Empties the bucket of a level into a heap of b · 2^32 + row."""
    heap, row = [np.int64(0) for _ in range(0)], first[level]
    while row >= 0:
        upcoming = following[row]
        low, high = _degrees(pairs, degree, row)
        # The smaller degree may have grown while the candidate waited.
        if low > level:
            _wait(first, following, row, low)
        else:
            heap.append((high << 32) | row)
        row = upcoming
    heapify(heap)
    return heap
