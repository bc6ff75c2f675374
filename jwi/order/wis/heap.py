"""Binary heap of items by their signatures: the item that goes first is on top.

Items are numbered from 0. The key of an item is a row of `keys`: a whole signature, in a list, or
the first codes of one, in a matrix, whose rows `jwi.order.wis.queue` describes. A list keeps any
number of codes; a matrix keeps few of them in one piece of memory, which makes comparing faster.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from numba import njit

from jwi.order.wis.signatures import compare


class Heap(NamedTuple):
    """A heap.

    Attributes:
        size: int64[1], how many items are in the heap.
        items: int32[capacity], the items in the heap, the first of them on top.
        place_of: int32[items], the place of each item there, −1 if it is not in the heap.
        keys: int64[items, key], or a list of one int64[m] an item.
    """

    size: np.ndarray
    items: np.ndarray
    place_of: np.ndarray
    keys: np.ndarray | list[np.ndarray]


@njit(cache=True)
@no_type_check
def heap_of_signatures(num_items):
    """An empty heap whose keys are whole signatures."""
    return Heap(
        np.zeros(1, np.int64),
        np.empty(num_items, np.int32),
        np.full(num_items, np.int32(-1)),
        [np.empty(0, np.int64) for _ in range(num_items)],
    )


@njit(cache=True)
@no_type_check
def insert(heap, item):
    """Adds an item, whose key is set."""
    size = heap.size[0]
    heap.size[0] = size + 1
    heap.items[size], heap.place_of[item] = item, size
    sift(heap, item)


@njit(cache=True)
@no_type_check
def delete(heap, item):
    """Takes an item out."""
    size = heap.size[0] - 1
    heap.size[0] = size
    last, place = heap.items[size], heap.place_of[item]
    heap.place_of[item] = -1
    if last != item:
        # The last item fills the hole; it may belong above the hole or below it.
        heap.items[place], heap.place_of[last] = last, place
        sift(heap, last)


@njit(cache=True)
@no_type_check
def sift(heap, item):
    """Restores the heap after the key of one item changed."""
    items, place_of, keys, size = heap.items, heap.place_of, heap.keys, heap.size[0]
    place = place_of[item]
    # Items that go later than this one move down, into the hole that it leaves.
    while place > 0 and goes_before(keys, item, items[(place - 1) // 2]):
        items[place] = items[(place - 1) // 2]
        place_of[items[place]] = place
        place = (place - 1) // 2
    # If it rose, it already goes before both items below, and this loop ends at once.
    while 2 * place + 1 < size:
        child = 2 * place + 1
        if child + 1 < size and goes_before(keys, items[child + 1], items[child]):
            child += 1
        if not goes_before(keys, items[child], item):
            break
        items[place] = items[child]
        place_of[items[place]] = place
        place = child
    items[place], place_of[item] = item, place


@njit(cache=True)
@no_type_check
def goes_before(keys, item, other):
    """Whether one item has the smaller key, or an equal key and the lower number.

    It takes the keys, not the heap: taking them out here would cost more than comparing them.
    """
    difference = compare(keys[item], keys[other])
    return difference < 0 or (difference == 0 and item < other)
