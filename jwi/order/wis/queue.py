"""Priority queue of removal candidates by the first codes of their signatures, and ties among them.

An item is an edge, or a group that is represented by its first edge; items 0, …, E − 1 are edges.
The key of an item is a row of a matrix: the first codes of its signature, a missing one being 0,
then the edge that it stands for, so that the lower edge goes first where codes are equal, and no
two keys are equal. Whole signatures would not fit into memory, and are seldom needed: where the
first codes of several items are equal and one has more of them, `Ties` holds these items out of the
heap until the first of them by whole signatures is known.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from numba import njit

from jwi.order.wis.heap import Heap, delete, insert
from jwi.order.wis.signatures import code_below, compare


class Ties(NamedTuple):
    """Items out of the heap, of which the first one goes next.

    Attributes:
        size: int64[1], how many there are.
        items: int32[items], the items, the one that goes first at the front.
        length: int64[1], how many codes the signature of the first item has.
        codes: int64[k], its whole signature.
    """

    size: np.ndarray
    items: np.ndarray
    length: np.ndarray
    codes: np.ndarray


def empty_queue(num_items: int, key: int, most_codes: int) -> tuple[Heap, Ties]:
    """A heap with room for some items, by the first `key` of up to `most_codes` codes, and no ties.

    Example:
        >>> heap, ties = empty_queue(3, key=4, most_codes=10)
        >>> heap.keys.shape, ties.codes.shape
        ((3, 5), (10,))
    """
    heap = Heap(
        size=np.zeros(1, np.int64),
        items=np.empty(num_items, np.int32),
        place_of=np.full(num_items, -1, np.int32),
        keys=np.empty((num_items, key + 1), np.int64),
    )
    ties = Ties(
        size=np.zeros(1, np.int64),
        items=np.empty(num_items, np.int32),
        length=np.zeros(1, np.int64),
        codes=np.empty(most_codes, np.int64),
    )
    return heap, ties


@njit(cache=True)
@no_type_check
def set_key(keys, item, codes, edge):
    """Makes the first codes of an edge's signature, and the edge, an item's key."""
    last = keys.shape[1] - 1
    for place in range(last):
        keys[item, place] = codes[place] if place < len(codes) else 0
    keys[item, last] = edge


@njit(cache=True)
@no_type_check
def set_least_key(keys, item, value):
    """Gives an item a key below the keys of all signatures whose lowest value this is."""
    keys[item, 0] = code_below(value)
    keys[item, 1:] = np.iinfo(np.int64).min


@njit(cache=True)
@no_type_check
def has_key(keys, item, codes, edge):
    """Whether an item's key is the one of this edge with this signature."""
    last = keys.shape[1] - 1
    for place in range(last):
        if keys[item, place] != (codes[place] if place < len(codes) else 0):
            return False
    return keys[item, last] == edge


@njit(cache=True)
@no_type_check
def same_codes(keys, item, other):
    """Whether the first codes of two items are equal."""
    place, last = 0, keys.shape[1] - 1
    while place < last and keys[item, place] == keys[other, place]:
        place += 1
    return place == last


@njit(cache=True)
@no_type_check
def edge_in_key(keys, item):
    """The edge that an item stands for by its key."""
    return keys[item, keys.shape[1] - 1]


@njit(cache=True)
@no_type_check
def top_may_go_first(heap, ties):
    """Whether the item on top of the heap may go before the items that are held."""
    if heap.size[0] == 0:
        return False
    if ties.size[0] == 0:
        return True
    # Walk indices only fall, so the sum of a signature's entries up to any value is at least 0, and
    # it is 0 at the end: where one signature ends, the next entry of a longer one is above 0. So a
    # signature of no more codes than a key has goes before all others with its key.
    if ties.length[0] < heap.keys.shape[1]:
        return False
    return same_codes(heap.keys, heap.items[0], ties.items[0])


@njit(cache=True)
@no_type_check
def hold(heap, ties, item, codes):
    """Moves an item, whose whole signature these codes are, from the heap to the ties."""
    delete(heap, item)
    count = ties.size[0]
    ties.items[count] = item
    ties.size[0] = count + 1
    if count > 0:
        first = ties.items[0]
        difference = compare(codes, ties.codes[: ties.length[0]])
        lower = edge_in_key(heap.keys, item) < edge_in_key(heap.keys, first)
        if difference > 0 or (difference == 0 and not lower):
            return
        ties.items[0], ties.items[count] = item, first
    ties.codes[: len(codes)] = codes
    ties.length[0] = len(codes)


@njit(cache=True)
@no_type_check
def settle(heap, ties):
    """Returns the first of the items that are held, and moves the others back into the heap."""
    for place in range(1, ties.size[0]):
        insert(heap, ties.items[place])
    ties.size[0] = 0
    return ties.items[0]
