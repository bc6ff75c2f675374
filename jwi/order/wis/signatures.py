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

Signatures are kept as codes, integers such that signatures compare as their codes do. A code is at
least 0 for an entry of more vertices and below 0 for fewer; it is farther from 0 for a lower value.
There are two codings: `encode` puts an entry into one integer if its value and its change are not
too large, `encode_large` takes two integers and has no limit. (One coding for all would double the
keys of depths 3 and 4, where comparing keys takes most of the time.)
"""

from typing import NamedTuple, no_type_check

import numpy as np
from numba import njit

from jwi.order.wis.sorting import shell_sort

# `encode` needs a value below _CEILING and a change below 2^_CHANGE_BITS.
_CEILING = 2**41
MAX_WALK_INDEX = _CEILING - 1
_CHANGE_BITS = 21
MAX_MULTIPLICITY = 2**_CHANGE_BITS - 1
_LARGEST = 2**63 - 1


class Scratch(NamedTuple):
    """Memory for one signature of an edge that changes up to k vertices.

    Attributes:
        old: int64[k], the walk indices with the edge.
        new: int64[k], the walk indices without it.
        codes: int64[2 k], or int64[4 k] for `encode_large`.
    """

    old: np.ndarray
    new: np.ndarray
    codes: np.ndarray


def scratch_for(most: int, codes_per_entry: int = 1) -> Scratch:
    """Memory for signatures of edges that change up to `most` vertices."""
    return Scratch(
        np.empty(most, np.int64),
        np.empty(most, np.int64),
        np.empty(2 * codes_per_entry * most, np.int64),
    )


@njit(cache=True)
@no_type_check
def read_changes(graph, count, scratch):
    """Fills `scratch` with the old and new walk indices that `find_drops` found.

    Args:
        graph: A graph that loses edges, with `walk_index`, and `drops` of its `vertices`.
        count: How many vertices were found.
        scratch: A `Scratch`.

    Returns:
        How many of them change.
    """
    walk_index, vertices, drops, size = graph.walk_index, graph.vertices, graph.drops, 0
    for place in range(count):
        # A vertex that keeps its value would add an entry and take it away again.
        if drops[place] != 0:
            value = walk_index[vertices[place]]
            scratch.old[size], scratch.new[size] = value, value - drops[place]
            size += 1
    return size


@njit(cache=True)
@no_type_check
def encode(old, new, codes):
    """Codes a signature, one code an entry.

    Args:
        old: int64[k], the old values of some vertices, sorted here.
        new: int64[k], their new values, sorted here.
        codes: int64[2 k], receives the codes.

    Returns:
        How many codes there are.
    """
    shell_sort(old)
    shell_sort(new)
    # The two sorted lists are merged: each turn takes all copies of the lowest value left.
    length = one = other = 0
    while one < len(old) or other < len(new):
        value, change, one, other = _next_entry(old, new, one, other)
        if change != 0:
            # The lower the value, the larger the code; the change decides between equal values.
            code = ((_CEILING - value) << _CHANGE_BITS) | abs(change)
            codes[length] = code if change > 0 else -code
            length += 1
    return length


@njit(cache=True)
@no_type_check
def encode_large(old, new, codes):
    """As `encode`, for values up to 2^63 − 1: two codes an entry, of its value and its change."""
    shell_sort(old)
    shell_sort(new)
    length = one = other = 0
    while one < len(old) or other < len(new):
        value, change, one, other = _next_entry(old, new, one, other)
        if change != 0:
            # ~x = −1 − x: below 0 even for the largest value.
            codes[length] = _LARGEST - value if change > 0 else ~(_LARGEST - value)
            codes[length + 1] = change
            length += 2
    return length


@njit(cache=True)
@no_type_check
def _next_entry(old, new, one, other):
    """The next value of two sorted lists, its change, and the places after it in both lists."""
    if one == len(old):
        value = new[other]
    elif other == len(new):
        value = old[one]
    else:
        value = min(old[one], new[other])
    change = 0
    while other < len(new) and new[other] == value:
        change += 1
        other += 1
    while one < len(old) and old[one] == value:
        change -= 1
        one += 1
    return value, change, one, other


@njit(cache=True)
@no_type_check
def lowest(code):
    """The value of a signature whose first code, by `encode`, this is; the code is above 0."""
    return _CEILING - (code >> _CHANGE_BITS)


@njit(cache=True)
@no_type_check
def code_below(value):
    """A code below the first codes of all signatures whose lowest value this is."""
    return (_CEILING - value) << _CHANGE_BITS


@njit(cache=True)
@no_type_check
def compare(codes, others):
    """−1 if the first signature goes first, 1 if the second does, 0 if they are equal."""
    common = min(len(codes), len(others))
    for place in range(common):
        if codes[place] != others[place]:
            return -1 if codes[place] < others[place] else 1
    # Where one signature has ended, the other's next entry compares with no change.
    if len(codes) > common:
        return 1 if codes[common] >= 0 else -1
    if len(others) > common:
        return -1 if others[common] >= 0 else 1
    return 0
