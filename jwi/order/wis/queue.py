"""Edges that wait to be removed: in buckets while they are far from it, then in a heap.

What waits may stand for one edge of a group, and so is called an item; items 0, …, E − 1 are edges.
Signatures come here as codes: one integer an entry, such that signatures compare as their codes,
lexicographically, a missing one being 0. More vertices of a lower value make a signature larger.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from numba import njit

from jwi.order.wis.sorting import shell_sort

# A walk index is below _CEILING, and a multiplicity below 2^_COUNT_BITS.
_CEILING = 2**41
MAX_WALK_INDEX = _CEILING - 1
_COUNT_BITS = 21
MAX_MULTIPLICITY = 2**_COUNT_BITS - 1
KEY = 4  # Codes in a key at depth 3: all of them for an edge that is in no triangle.
_MAX_BUCKETS = 2**22


class EdgeQueue(NamedTuple):
    """The queue.

    Attributes:
        width: how many values share a bucket.
        first: int32[buckets], the first item of each bucket, −1 if empty.
        following: int32[items], the next one in an item's bucket, −1 if it is the last.
        bucket_of: int32[items], the bucket that an item is in, −1 if in none.
        size: int64[1], how many items are in the heap.
        heap: int32[items], the items in the heap.
        place_of: int32[items], their places there, −1 if it is not in the heap.
        edge_of: int32[items − E], the edges that the items from E on stand for, as far as is known.
        keys: int64[items, key], the first codes of the edges' signatures.
    """

    width: int
    first: np.ndarray
    following: np.ndarray
    bucket_of: np.ndarray
    size: np.ndarray
    heap: np.ndarray
    place_of: np.ndarray
    edge_of: np.ndarray
    keys: np.ndarray


def edge_queue(bounds: np.ndarray, num_edges: int) -> EdgeQueue:
    """Items in buckets, by bounds int64[items] of the first values of their signatures.

    Those of bound −1 are in none; at least one has a bound. The first `num_edges` are edges.
    """
    num_items, highest = len(bounds), int(bounds.max())
    width = highest // _MAX_BUCKETS + 1
    queue = EdgeQueue(
        width,
        first=np.full(highest // width + 1, -1, np.int32),
        following=np.empty(num_items, np.int32),
        bucket_of=np.full(num_items, -1, np.int32),
        size=np.zeros(1, np.int64),
        heap=np.empty(num_items, np.int32),
        place_of=np.full(num_items, -1, np.int32),
        edge_of=np.full(num_items - num_edges, -1, np.int32),
        keys=np.empty((num_items, KEY), np.int64),
    )
    _wait_all(queue, bounds)
    return queue


def empty_queue(num_edges: int, key: int) -> EdgeQueue:
    """A queue with room for so many edges in the heap, and no buckets; keys have `key` codes."""
    return EdgeQueue(
        width=1,
        first=np.empty(0, np.int32),
        following=np.empty(0, np.int32),
        bucket_of=np.empty(0, np.int32),
        size=np.zeros(1, np.int64),
        heap=np.empty(num_edges, np.int32),
        place_of=np.full(num_edges, -1, np.int32),
        edge_of=np.empty(0, np.int32),
        keys=np.empty((num_edges, key), np.int64),
    )


@njit(cache=True)
@no_type_check
def _wait_all(queue, bounds):
    """Puts every item that has a bound into its bucket."""
    for item in range(len(bounds)):
        if bounds[item] >= 0:
            wait(queue, item, bounds[item])


@njit(cache=True)
@no_type_check
def encode(values, codes):
    """Codes the signature of a change of values.

    Args:
        values: int64[k], each old value times 2, each new value times 2 plus 1; sorted here.
        codes: int64[k], receives the codes.

    Returns:
        How many codes there are.
    """
    shell_sort(values)
    length = place = 0
    while place < len(values):
        value, change = values[place] >> 1, 0
        while place < len(values) and values[place] >> 1 == value:
            change += 1 if values[place] & 1 else -1
            place += 1
        if change != 0:
            code = ((_CEILING - value) << _COUNT_BITS) | abs(change)
            codes[length] = code if change > 0 else -code
            length += 1
    return length


@njit(cache=True)
@no_type_check
def lowest(code):
    """The value in a signature's first code."""
    return _CEILING - (code >> _COUNT_BITS)


@njit(cache=True)
@no_type_check
def compare(codes, others):
    """Negative if the first signature goes first, positive if the second does, 0 if equal."""
    for place in range(max(len(codes), len(others))):
        code = codes[place] if place < len(codes) else 0
        other = others[place] if place < len(others) else 0
        if code != other:
            return -1 if code < other else 1
    return 0


@njit(cache=True)
@no_type_check
def wait(queue, edge, bound):
    """Puts an edge into the bucket of a bound."""
    bucket = bound // queue.width
    queue.bucket_of[edge] = bucket
    queue.following[edge] = queue.first[bucket]
    queue.first[bucket] = edge


@njit(cache=True)
@no_type_check
def set_key(queue, edge, codes):
    """Makes the first codes of an edge's signature its key."""
    for place in range(queue.keys.shape[1]):
        queue.keys[edge, place] = codes[place] if place < len(codes) else 0


@njit(cache=True)
@no_type_check
def set_least_key(queue, edge, value):
    """Gives an edge a key below those of all signatures that start with this value."""
    queue.keys[edge, 0] = (_CEILING - value) << _COUNT_BITS
    for place in range(1, queue.keys.shape[1]):
        queue.keys[edge, place] = -(_CEILING << _COUNT_BITS)


@njit(cache=True)
@no_type_check
def has_key(queue, edge, codes):
    """Whether an edge's key is the one of its signature."""
    for place in range(queue.keys.shape[1]):
        if queue.keys[edge, place] != (codes[place] if place < len(codes) else 0):
            return False
    return True


@njit(cache=True)
@no_type_check
def same_key(queue, edge, other):
    """Whether two edges have one key."""
    for place in range(queue.keys.shape[1]):
        if queue.keys[edge, place] != queue.keys[other, place]:
            return False
    return True


@njit(cache=True)
@no_type_check
def insert(queue, edge):
    """Adds an edge, whose key is set, to the heap."""
    size = queue.size[0]
    queue.size[0] = size + 1
    queue.heap[size], queue.place_of[edge] = edge, size
    sift(queue, edge)


@njit(cache=True)
@no_type_check
def delete(queue, edge):
    """Takes an edge out of the heap."""
    size = queue.size[0] - 1
    queue.size[0] = size
    last, place = queue.heap[size], queue.place_of[edge]
    queue.place_of[edge] = -1
    if last != edge:
        queue.heap[place], queue.place_of[last] = last, place
        sift(queue, last)


@njit(cache=True)
@no_type_check
def sift(queue, edge):
    """Restores the heap, the next edge to go on top, after one edge's key changed."""
    heap, place_of, size = queue.heap, queue.place_of, queue.size[0]
    keys, edge_of = queue.keys, queue.edge_of
    place = place_of[edge]
    while place > 0 and goes_before(keys, edge_of, edge, heap[(place - 1) // 2]):
        heap[place] = heap[(place - 1) // 2]
        place_of[heap[place]] = place
        place = (place - 1) // 2
    while 2 * place + 1 < size:
        child = 2 * place + 1
        if child + 1 < size and goes_before(keys, edge_of, heap[child + 1], heap[child]):
            child += 1
        if not goes_before(keys, edge_of, heap[child], edge):
            break
        heap[place] = heap[child]
        place_of[heap[place]] = place
        place = child
    heap[place], place_of[edge] = edge, place


@njit(cache=True)
@no_type_check
def goes_before(keys, edge_of, item, other):
    """Whether one item has the smaller key, or the same and the edge of the lower id.

    It is given arrays: taking them out of a queue here would cost more than comparing them.
    """
    for place in range(keys.shape[1]):
        if keys[item, place] != keys[other, place]:
            return keys[item, place] < keys[other, place]
    # Most items are edges, which need no look into memory.
    num_edges = len(keys) - len(edge_of)
    edge = item if item < num_edges else edge_of[item - num_edges]
    other_edge = other if other < num_edges else edge_of[other - num_edges]
    return edge < other_edge
