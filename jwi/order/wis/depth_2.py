"""1-WIS: the removal order of Walk Index Sparsification for networks of depth 2."""

from heapq import heapify, heappop, heappush
from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Int32
from numba import njit

from jwi.graph.host import check_undirected
from jwi.graph.info import Graph, info_of
from jwi.order.entry import Order
from jwi.order.selection import kept_edges, lightest_first
from jwi.progress import DONE, FEW_EDGES, STOP, Progress, run_with_progress


def one_walk_index_order(
    graph: Graph, *, progress: Progress | None = None
) -> Int32[np.ndarray, " N"]:
    """The order in which Algorithm 2 (1-WIS) removes the edges, all of them.

    Each step removes the edge whose smaller end degree is largest; ties go to the largest larger
    end degree, then to the lowest id. This is `walk_index_order` of depth 2.

    Args:
        graph: An undirected graph; on a masked graph only the N kept edges count.
        progress: Called now and then with the share that is ranked, in [0, 1]; None for nothing.

    Returns:
        int32[N], edge ids, first removed first.

    Raises:
        ValueError: For a directed graph.

    References:
        Razin, Verbin, Cohen, 2023, Algorithm 2.

    Example:
        >>> import jwi
        >>> triangle_with_tail = jwi.from_edges([2, 0, 0, 1], [3, 1, 2, 2], num_vertices=4)
        >>> one_walk_index_order(triangle_with_tail).tolist()
        [2, 3, 0, 1]
    """
    check_undirected(graph, "1-WIS by degrees", "pass depth=2 to jwi.walk_index_order")
    kept, edges = kept_edges(graph)
    return kept[remove_by_degrees(edges, info_of(graph).num_vertices, len(edges), progress)]


ORDER = Order(
    "1-WIS",
    lambda graph, options: lightest_first(
        graph, options.weights, lambda same: one_walk_index_order(same, progress=options.progress)
    ),
    depths=(2,),
    weighted=True,
)


_GONE = -1


class EdgeRows(NamedTuple):
    """Edges in some order.

    Attributes:
        ids: int32[E].
        ends: int32[E, 2].
    """

    ids: np.ndarray
    ends: np.ndarray


def remove_by_degrees(
    edges: np.ndarray, num_vertices: int, num_removed: int, progress: Progress | None = None
) -> Int32[np.ndarray, " N"]:
    """The first `num_removed` rows of `edges`, int32[E, 2], to go."""
    degree = np.bincount(edges.ravel(), minlength=num_vertices).astype(np.int32)
    waiting, active = empty_rows(len(edges)), empty_rows(len(edges))
    stops = group_by_level(EdgeRows(np.arange(len(edges), dtype=np.int32), edges), degree, waiting)
    following, order = np.empty(len(edges), np.int32), np.empty(len(edges), np.int32)
    run_with_progress(
        remove_by_levels,
        ((waiting, stops, active, following), degree, order, num_removed),
        num_removed,
        progress,
        quick=len(edges) < FEW_EDGES,
    )
    return order[:num_removed]


def empty_rows(num_edges: int) -> EdgeRows:
    """Room for some edges."""
    return EdgeRows(np.empty(num_edges, np.int32), np.empty((num_edges, 2), np.int32))


@njit(cache=True, nogil=True)
@no_type_check
def group_by_level(edges, degree, grouped):
    """Groups edges by their smaller end degree, the largest first; each group keeps its order.

    Args:
        edges: `EdgeRows`.
        degree: int32[n].
        grouped: `EdgeRows` of the same size, which are filled.

    Returns:
        int64[highest degree + 1], where the group of each smaller end degree stops.
    """
    stops = np.zeros(degree.max() + 1, np.int64)
    for u, v in edges.ends:
        stops[min(degree[u], degree[v])] += 1
    # Running sums: where each group starts. Each edge then moves the end of its group on.
    total = 0
    for level in range(len(stops) - 1, -1, -1):
        total, stops[level] = total + stops[level], total
    for row in range(len(edges.ids)):
        u, v = edges.ends[row]
        level = min(degree[u], degree[v])
        place = stops[level]
        stops[level] = place + 1
        grouped.ids[place] = edges.ids[row]
        grouped.ends[place, 0], grouped.ends[place, 1] = u, v
    return stops


@njit(cache=True, nogil=True)
@no_type_check
def remove_by_levels(rows, degree, order, num_removed, status):
    """Writes at least the first `num_removed` edges to go into `order`.

    The largest smaller end degree of an edge, the level, only falls. An edge becomes active at the
    level of its smaller end degree in the whole graph, and from then on it is looked at in every
    level until it goes: a vertex loses at most one edge in a level, so both degrees stay at the
    level or above it. At a level, edges go by falling larger end degree. For each such degree that
    is a greedy matching: one pass over the active edges by rising id.

    Passes over the active edges read them in sequence. All levels together look at an edge at most
    as often as its smaller end degree.

    Args:
        rows: `EdgeRows` grouped by level, where each level's stop, and room for the active ones.
        degree: int32[n], which falls.
        order: int32[E], which is filled.
        num_removed: How many edges to remove.
        status: See `run_with_progress`.
    """
    waiting, stops, active, following = rows
    lists = (np.full(len(degree), np.int32(-1)), following)
    size = count = 0
    level = len(stops) - 1
    while count < num_removed and not status[STOP]:
        start = stops[level + 1] if level + 1 < len(stops) else 0
        size = merge(active, size, waiting, start, stops[level])
        count = _match_far_above(active, size, degree, lists, level, order, count)
        status[DONE] = count
        count = _match_next_above(active, size, degree, level, order, count)
        size, count = _match_within(active, size, degree, level, order, count)
        status[DONE] = count
        level -= 1


@njit(cache=True, nogil=True)
@no_type_check
def merge(active, size, waiting, start, stop):
    """Adds waiting edges to the active ones, both by rising id; returns how many there are."""
    last, size = size - 1, size + stop - start
    # From the end, where there is room.
    place = size - 1
    for new in range(stop - 1, start - 1, -1):
        while last >= 0 and active.ids[last] > waiting.ids[new]:
            copy_row(active, last, active, place)
            last -= 1
            place -= 1
        copy_row(waiting, new, active, place)
        place -= 1
    return size


@njit(cache=True, nogil=True)
@no_type_check
def copy_row(source, row, target, place):
    """Copies an edge from `EdgeRows` to `EdgeRows`."""
    target.ids[place] = source.ids[row]
    target.ends[place, 0], target.ends[place, 1] = source.ends[row, 0], source.ends[row, 1]


@njit(cache=True, nogil=True)
@no_type_check
def _match_far_above(active, size, degree, lists, level, order, count):
    """Removes edges from the level to degrees of two or more above it, while there are any.

    These degrees may be many, and a pass for each would take long. Instead, a heap holds the lowest
    edge of every higher vertex to the level, by falling degree and rising id. Where the vertex at
    the level has lost an edge meanwhile, the next edge takes the place.
    """
    first, following = lists
    heap = [np.int64(0) for _ in range(0)]
    # The edges of each higher vertex as a linked list.
    for place in range(size - 1, -1, -1):
        u, v = _upper_first(active.ends[place], degree)
        if degree[v] == level and degree[u] > level + 1:
            following[place] = first[u]
            if first[u] < 0:
                heap.append(u)
            first[u] = place
    for number in range(len(heap)):
        vertex = heap[number]
        heap[number] = _entry(degree[vertex], first[vertex])
        first[vertex] = -1  # for the next level
    heapify(heap)

    while len(heap) > 0:
        place = heappop(heap) & 0xFFFFFFFF
        vertex, lower = _upper_first(active.ends[place], degree)
        while True:
            if degree[lower] == level:
                order[count] = active.ids[place]
                count += 1
                active.ids[place] = _GONE
                degree[lower] -= 1
                degree[vertex] -= 1
                if degree[vertex] == level + 1:
                    break
            while place >= 0 and degree[_upper_first(active.ends[place], degree)[1]] != level:
                place = following[place]
            if place < 0:
                break
            lower = _upper_first(active.ends[place], degree)[1]
            # Going on with this vertex while it is first saves a push and a pop.
            entry = _entry(degree[vertex], place)
            if len(heap) > 0 and heap[0] < entry:
                heappush(heap, entry)
                break
    return count


@njit(cache=True, nogil=True)
@no_type_check
def _upper_first(ends, degree):
    """The two ends of an edge, that of the larger degree first."""
    u, v = ends
    return (u, v) if degree[u] > degree[v] else (v, u)


@njit(cache=True, nogil=True)
@no_type_check
def _entry(degree, place):
    """Orders a heap by falling degree, then rising place."""
    return (np.int64(0x7FFFFFFF - degree) << 32) | place


@njit(cache=True, nogil=True)
@no_type_check
def _match_next_above(active, size, degree, level, order, count):
    """Removes edges from the level to the degree above it, by rising id."""
    for place in range(size):
        u, v = active.ends[place]
        if min(degree[u], degree[v]) == level and max(degree[u], degree[v]) == level + 1:
            # An edge that is gone has left its lower end below the level.
            order[count] = active.ids[place]
            count += 1
            active.ids[place] = _GONE
            degree[u] -= 1
            degree[v] -= 1
    return count


@njit(cache=True, nogil=True)
@no_type_check
def _match_within(active, size, degree, level, order, count):
    """Removes edges within the level by rising id; closes up the edges that are left.

    Returns:
        How many edges are left, and how many are removed.
    """
    left = 0
    for place in range(size):
        if active.ids[place] == _GONE:
            continue
        u, v = active.ends[place]
        if degree[u] == level and degree[v] == level:
            order[count] = active.ids[place]
            count += 1
            degree[u] -= 1
            degree[v] -= 1
        else:
            copy_row(active, place, active, left)
            left += 1
    return left, count
