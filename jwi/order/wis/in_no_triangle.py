"""The edges in no triangle, which 2-WIS peels off level by level."""

from heapq import heapify, heappop, heappush
from typing import NamedTuple, no_type_check

import numpy as np
from numba import njit

from jwi.order.wis.depth_2 import EdgeRows, copy_row, empty_rows, group_by_level
from jwi.order.wis.in_triangles import is_after, remove_before
from jwi.order.wis.signatures import encode, lowest
from jwi.progress import DONE

# Edges of higher walk indices are active from the start.
MAX_LEVEL = 2**20
GONE = -1
# Of a number in an entry of a heap.
_NUMBER_BITS = 30
_NUMBERS = 2**_NUMBER_BITS - 1
MAX_EDGES = _NUMBERS
"""Of a graph. Walk indices of 1 + 3 d + 2 E at the most then fit into an entry, too."""


class Rows(NamedTuple):
    """The edges in no triangle.

    Attributes:
        waiting: `EdgeRows` that are grouped by level, the highest first.
        stops: int64[levels], where each group stops.
        active: `EdgeRows` of the levels from the current one on, by rising id.
        here: int32[E], the places of the current level's edges in `active`.
        following: int32[E], memory for lists of them.
        first: int32[n], −1 between two levels.
    """

    waiting: EdgeRows
    stops: np.ndarray
    active: EdgeRows
    here: np.ndarray
    following: np.ndarray
    first: np.ndarray


def rows_of(edges: np.ndarray, triangles: np.ndarray, walk_index: np.ndarray) -> Rows:
    """The edges in no triangle, with the walk indices of the vertices."""
    ids = np.flatnonzero(triangles == 0).astype(np.int32)
    free = EdgeRows(ids, edges[ids])
    waiting = empty_rows(len(ids))
    stops = group_by_level(free, np.minimum(walk_index, MAX_LEVEL).astype(np.int32), waiting)
    return Rows(
        waiting,
        stops,
        active=free,
        here=np.empty(len(ids), np.int32),
        following=np.empty(len(ids), np.int32),
        first=np.full(len(walk_index), -1, np.int32),
    )


@njit(cache=True)
@no_type_check
def collect(rows, size, walk_index, level):
    """Closes up the active edges, and finds those whose smaller walk index is the level.

    Returns:
        How many active edges there are, how many of the level, and the largest smaller walk index
        of the others, −1 without others.
    """
    active, here = rows.active, rows.here
    left, num_here, beyond = 0, 0, np.int64(-1)
    for place in range(size):
        if active.ends[place, 0] == GONE:
            continue
        copy_row(active, place, active, left)
        u, v = active.ends[left]
        smaller = min(walk_index[u], walk_index[v])
        if smaller == level:
            here[num_here] = left
            num_here += 1
        else:
            beyond = max(beyond, smaller)
        left += 1
    return left, num_here, beyond


@njit(cache=True)
@no_type_check
def match_far_above(search, rows, num_here, level, order, count, status):
    """Removes edges from the level to vertices of more than 3 above it, and what goes before them.

    A heap holds the lowest edge of each such vertex to the level, by falling walk index and
    rising id. Where the vertex at the level has fallen meanwhile, the next edge takes the place.
    """
    active, here, following, first = rows.active, rows.here, rows.following, rows.first
    walk_index, degree, offer = search.graph.walk_index, search.graph.degree, search.offer
    codes = np.empty(4, np.int64)
    heap = [np.int64(0) for _ in range(0)]
    # The edges of each vertex as a linked list.
    for number in range(num_here - 1, -1, -1):
        vertex, _ = _upper_first(active.ends[here[number]], walk_index)
        if walk_index[vertex] > level + 3:
            following[number] = first[vertex]
            if first[vertex] < 0:
                heap.append(vertex)
            first[vertex] = number
    for place in range(len(heap)):
        vertex = heap[place]
        heap[place] = _entry(walk_index[vertex], first[vertex])
        first[vertex] = -1
    heapify(heap)

    while len(heap) > 0 and count < len(order):
        number = heappop(heap) & _NUMBERS
        vertex, _ = _upper_first(active.ends[here[number]], walk_index)
        while walk_index[vertex] > level + 3:
            while number >= 0 and _other_index(active, here[number], vertex, walk_index) != level:
                number = following[number]
            if number < 0:
                break
            # Going on with this vertex while it is first saves a push and a pop.
            entry = _entry(walk_index[vertex], number)
            if len(heap) > 0 and heap[0] < entry:
                heappush(heap, entry)
                break
            before = count
            if _may_be_earlier(offer, active, here[number], walk_index, codes):
                count = _remove_earlier(search, active, here[number], order, count, status)
            if count == len(order):
                break
            if count == before:
                _remove_row(active, here[number], walk_index, degree, order, count)
                count += 1
                number = following[number]
    status[DONE] = count
    return count


@njit(cache=True)
@no_type_check
def match(search, rows, num_here, values, order, count, status):
    """Removes edges of the level, and what goes before them, by rising id.

    Args:
        search: See `_remove`.
        rows: See `_remove`.
        num_here: How many edges the level has.
        values: The smaller and the larger walk index of the edges' ends.
        order: See `_remove`.
        count: How many edges are removed.
        status: See `run_with_progress`.

    Returns:
        How many are removed now.
    """
    walk_index, degree, offer = search.graph.walk_index, search.graph.degree, search.offer
    codes = np.empty(4, np.int64)
    for place in rows.here[:num_here]:
        u, v = rows.active.ends[place]
        if u == GONE or not _has_values(walk_index[u], walk_index[v], values):
            continue
        if _may_be_earlier(offer, rows.active, place, walk_index, codes):
            count = _remove_earlier(search, rows.active, place, order, count, status)
        if count == len(order):
            break
        if _has_values(walk_index[u], walk_index[v], values):
            _remove_row(rows.active, place, walk_index, degree, order, count)
            count += 1
    status[DONE] = count
    return count


@njit(cache=True)
@no_type_check
def _upper_first(ends, walk_index):
    """The two ends of an edge, that of the larger walk index first."""
    u, v = ends
    return (u, v) if walk_index[u] > walk_index[v] else (v, u)


@njit(cache=True)
@no_type_check
def _other_index(active, place, vertex, walk_index):
    """The walk index of the other end of an active edge."""
    return walk_index[active.ends[place, 0] + active.ends[place, 1] - vertex]


@njit(cache=True)
@no_type_check
def _entry(walk_index, number):
    """Orders a heap by falling walk index, then rising number."""
    return number - (walk_index << _NUMBER_BITS)


@njit(cache=True)
@no_type_check
def _has_values(one, other, values):
    """Whether these are the smaller and the larger of two walk indices."""
    return min(one, other) == values[0] and max(one, other) == values[1]


@njit(cache=True)
@no_type_check
def _without(walk_index):
    """The walk index of a vertex without one of its edges, which is in no triangle."""
    # A vertex of more than one edge has 7 or more.
    return walk_index - 3 if walk_index > 4 else 0


@njit(cache=True)
@no_type_check
def _may_be_earlier(offer, active, place, walk_index, codes):
    """Whether an edge in triangles may go before an active one, whose codes are overwritten."""
    one, other = walk_index[active.ends[place, 0]], walk_index[active.ends[place, 1]]
    least = _without(min(one, other))
    if least <= offer[0]:
        return True
    # Most edges are told apart by their lowest values.
    if least > lowest(offer[1]):
        return False
    return not is_after(offer[1:], _codes(one, other, codes), active.ids[place])


@njit(cache=True)
@no_type_check
def _codes(one, other, codes):
    """The signature of an edge in no triangle, by the walk indices of its ends."""
    old, new = np.empty(2, np.int64), np.empty(2, np.int64)
    old[0], old[1] = one, other
    new[0], new[1] = _without(one), _without(other)
    return codes[: encode(old, new, codes)]


@njit(cache=True)
@no_type_check
def _remove_earlier(search, active, place, order, count, status):
    """Removes the edges in triangles that go before an active one; returns the new count."""
    one, other = (
        search.graph.walk_index[active.ends[place, 0]],
        search.graph.walk_index[active.ends[place, 1]],
    )
    codes = _codes(one, other, np.empty(4, np.int64))
    return remove_before(search, codes, active.ids[place], order, count, status)


@njit(cache=True)
@no_type_check
def _remove_row(active, place, walk_index, degree, order, count):
    """Removes an active edge, the next one in the order."""
    order[count] = active.ids[place]
    for vertex in active.ends[place]:
        walk_index[vertex] = _without(walk_index[vertex])
        degree[vertex] -= 1
    active.ends[place, 0] = GONE
