"""Comparing what the removal of an edge does to the sorted walk indices of all vertices.

Algorithm 1 sorts the walk indices of all vertices, in the graph without an edge, and removes the
edge whose sorted tuple is lexicographically largest. Two sorted tuples compare as their histograms
do: at the smallest value that occurs in one more often than in the other, the tuple with more of
it is smaller. All edges start from one histogram, so only the changes matter: an edge's signature
lists, by rising value, how many vertices more, or fewer if negative, have that value when the edge
is gone. The next edge to go has the smallest signature: at the smallest value where two differ, the
smaller entry, a missing one being 0. Equal signatures go by edge id.

Adding signatures keeps their order, as it does for any lexicographic order. Therefore a signature
grows if each vertex's part of it grows, and a part, +1 at the new value and −1 at the old, grows
when both values fall by the same amount, or when the new value falls below its old place.
"""

from typing import no_type_check

import numpy as np
from numba import njit

from jwi.order.wis.sorting import shell_sort


@njit(cache=True)
@no_type_check
def signature(index, vertices, lost):
    """The signature of an edge.

    Args:
        index: int64[n], the walk indices with the edge.
        vertices: int32[k], those whose walk indices may change.
        lost: uint64[k], how much of them goes with the edge.

    Returns:
        int64[m, 2]: value and change of its multiplicity, by rising value, no change being 0.
    """
    # The last bit tells new values from old ones.
    values = np.empty(2 * len(vertices), np.uint64)
    size = 0
    for place in range(len(vertices)):
        if lost[place] > 0:
            value = np.uint64(index[vertices[place]])
            values[size] = value << np.uint64(1)
            values[size + 1] = ((value - lost[place]) << np.uint64(1)) | np.uint64(1)
            size += 2
    shell_sort(values[:size])
    entries = np.empty((size, 2), np.int64)
    count = place = 0
    while place < size:
        value, change = values[place] >> np.uint64(1), 0
        while place < size and values[place] >> np.uint64(1) == value:
            change += 1 if values[place] & np.uint64(1) else -1
            place += 1
        if change != 0:
            entries[count, 0], entries[count, 1] = np.int64(value), change
            count += 1
    return entries[:count].copy()


@njit(cache=True)
@no_type_check
def compare(first, second):
    """Negative if the first signature goes first, positive if the second does, 0 if equal."""
    for place in range(max(len(first), len(second))):
        if place == len(first):
            return -second[place, 1]
        if place == len(second):
            return first[place, 1]
        if first[place, 0] < second[place, 0]:
            return first[place, 1]
        if first[place, 0] > second[place, 0]:
            return -second[place, 1]
        if first[place, 1] != second[place, 1]:
            return first[place, 1] - second[place, 1]
    return 0


@njit(cache=True)
@no_type_check
def goes_before(edge, other, signatures):
    """Whether one edge is removed before another, by signature, then by id."""
    difference = compare(signatures[edge], signatures[other])
    return difference < 0 or (difference == 0 and edge < other)


@njit(cache=True)
@no_type_check
def sift(heap, place_of, edge, signatures, size):
    """Restores a binary heap of edges, the next to go on top, when one edge's signature changed.

    Args:
        heap: int32[E], of which the first `size` are a heap.
        place_of: int32[E], where each edge is in `heap`.
        edge: the edge that changed.
        signatures: one array an edge.
        size: how many edges are in the heap.
    """
    place = place_of[edge]
    while place > 0:
        parent = (place - 1) // 2
        if not goes_before(edge, heap[parent], signatures):
            break
        heap[place] = heap[parent]
        place_of[heap[place]] = place
        place = parent
    while True:
        child = 2 * place + 1
        if child >= size:
            break
        if child + 1 < size and goes_before(heap[child + 1], heap[child], signatures):
            child += 1
        if not goes_before(heap[child], edge, signatures):
            break
        heap[place] = heap[child]
        place_of[heap[place]] = place
        place = child
    heap[place] = edge
    place_of[edge] = place
