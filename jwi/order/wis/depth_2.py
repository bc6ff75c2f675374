"""1-WIS: the removal order of Walk Index Sparsification for networks of depth 2."""

from heapq import heappop, heappush
from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Int32
from numba import njit

from jwi.graph.adjacency import arcs_by_vertex
from jwi.graph.host import check_undirected
from jwi.graph.info import Graph, info_of
from jwi.order.entry import Order
from jwi.order.selection import kept_edges
from jwi.order.wis.sorting import sort_by_id
from jwi.progress import DONE, FEW_EDGES, STOP, Progress, run_watched


def one_walk_index_order(
    graph: Graph, *, progress: Progress | None = None
) -> Int32[np.ndarray, " N"]:
    """The order in which Algorithm 2 (1-WIS) removes the edges, all of them.

    At each step an edge goes whose smaller end degree is largest, among those one whose larger end
    degree is largest, among those the one of the lowest id. This is `walk_index_order` of depth 2.

    Args:
        graph: an undirected graph; on a masked graph only the N kept edges count.
        progress: called now and then with the share that is ranked, in [0, 1]; None for nothing.

    Returns:
        int32[N], edge ids, first removed first.

    Raises:
        ValueError: for a directed graph.

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
    lambda graph, options: one_walk_index_order(graph, progress=options.progress),
    depths=(2,),
)


def remove_by_degrees(
    edges: np.ndarray, num_vertices: int, num_removed: int, progress: Progress | None = None
) -> Int32[np.ndarray, " N"]:
    """The first `num_removed` rows of `edges`, int32[E, 2], to go."""
    ids = np.repeat(np.arange(len(edges), dtype=np.int32), 2)
    opposite = np.ascontiguousarray(edges[:, ::-1]).ravel()
    starts, neighbors, ids = arcs_by_vertex(edges.ravel(), opposite, ids, num_vertices)
    degree = np.diff(starts).astype(np.int32)
    # Removed arcs lead to a vertex n, which is below every level.
    side = np.full(num_vertices + 1, _BELOW, np.uint8)
    graph = _Graph(edges, starts[:-1].copy(), starts[1:].copy(), neighbors, ids, degree, side)
    rising = np.argsort(degree, kind="stable").astype(np.int32)
    order = run_watched(
        _remove_by_levels,
        (graph, rising, num_removed),
        num_removed,
        progress,
        quick=len(edges) < FEW_EDGES,
    )
    return order[:num_removed]


_BELOW, _HERE, _ABOVE = 0, 1, 2  # Where a vertex's degree is, seen from the level.


class _Graph(NamedTuple):
    """A graph that loses edges.

    Attributes:
        edges: int32[E, 2].
        starts: int64[n], where the arcs at each vertex start.
        ends: int64[n], where they end.
        neighbors: int32[2E], the other end of each arc, n if it is removed.
        ids: int32[2E], its edge, rising at each vertex.
        degree: int32[n].
        side: uint8[n + 1], where each vertex is, seen from the level; one byte, to stay in cache.
    """

    edges: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    neighbors: np.ndarray
    ids: np.ndarray
    degree: np.ndarray
    side: np.ndarray


class _Room(NamedTuple):
    """Room for what happens at a level.

    Attributes:
        here: int32[n], the vertices of the level.
        below: int32[n], those that have left it.
        keys: int64[E], edges to sort, as id · 2^32 + anything.
        scratch: int64[E], for the sorting.
        first: int32[n], all −1 before and after.
        offer: int64[n], the place of a vertex's lowest edge within the level.
        wanted: int32[n], the neighbor there.
        stack: int32[n].
    """

    here: np.ndarray
    below: np.ndarray
    keys: np.ndarray
    scratch: np.ndarray
    first: np.ndarray
    offer: np.ndarray
    wanted: np.ndarray
    stack: np.ndarray


@njit(cache=True)
@no_type_check
def _make_room(num_vertices, num_edges):
    """Room for all levels."""
    return _Room(
        here=np.empty(num_vertices, np.int32),
        below=np.empty(num_vertices, np.int32),
        keys=np.empty(num_edges, np.int64),
        scratch=np.empty(num_edges, np.int64),
        first=np.full(num_vertices, np.int32(-1)),
        offer=np.empty(num_vertices, np.int64),
        wanted=np.empty(num_vertices, np.int32),
        stack=np.empty(num_vertices, np.int32),
    )


@njit(cache=True, nogil=True)
@no_type_check
def _remove_by_levels(graph, rising, num_removed, watch):
    """At least the first `num_removed` edges to go.

    The largest smaller end degree of an edge, the level, only falls. At a level no edge joins two
    vertices of degrees above it, and a vertex of just this degree, once it loses an edge, has left
    the level with all its edges. So a level is a greedy matching of the vertices of its degree:
    first with neighbors above it, the highest first, then with one another.

    A vertex is looked at once for each degree at which it meets the level, and that costs its
    degree: at most Σ_v degree_v² / 2, and little more than reading the edges in sparse graphs.

    Args:
        graph: a `_Graph`, which loses its edges.
        rising: int32[n], the vertices by rising degree.
        num_removed: how many edges to remove.
        watch: see `run_watched`.
    """
    degree, side = graph.degree, graph.side
    order, count = np.empty(len(graph.edges), np.int32), 0
    room = _make_room(len(degree), len(graph.edges))
    num_waiting, num_here = len(degree), 0
    level = degree[rising[-1]]
    while count < num_removed and not watch[STOP]:
        watch[DONE] = count
        while num_waiting > 0 and degree[rising[num_waiting - 1]] == level:
            num_waiting -= 1
            room.here[num_here] = rising[num_waiting]
            num_here += 1
        if 16 * num_here > len(degree):
            # The same vertices by rising number, for the sake of the cache.
            num_here = 0
            for vertex in range(len(degree)):
                if degree[vertex] == level:
                    room.here[num_here] = vertex
                    num_here += 1
        for vertex in room.here[:num_here]:
            side[vertex] = _HERE
        num_crossing = _look(graph, room, num_here)
        count, num_here, num_below = _match_with_above(
            graph, room, num_crossing, level, num_here, order, count
        )
        count, num_below = _match_one_another(graph, room, num_here, num_below, order, count)
        for vertex in room.here[:num_here]:
            if side[vertex] == _HERE:
                side[vertex] = _ABOVE
        for place in range(num_below):
            room.here[place] = room.below[place]
        num_here = num_below
        level -= 1
    return order


@njit(cache=True)
@no_type_check
def _look(graph, room, num_here):
    """Finds the edges to vertices above the level, as id · 2^32 + place; returns how many.

    And for each vertex of the level its lowest edge to another, or to one that may come down to it.
    """
    starts, ends, neighbors, side = graph.starts, graph.ends, graph.neighbors, graph.side
    count = 0
    for vertex in room.here[:num_here]:
        _drop_removed(graph, vertex)
        best = starts[vertex]
        while best < ends[vertex] and side[neighbors[best]] == _BELOW:
            best += 1
        for place in range(best, ends[vertex]):
            if side[neighbors[place]] == _ABOVE:
                room.keys[count] = (np.int64(graph.ids[place]) << 32) | place
                count += 1
        room.offer[vertex] = best
        room.wanted[vertex] = neighbors[best] if best < ends[vertex] else len(graph.degree)
    return count


@njit(cache=True)
@no_type_check
def _match_with_above(graph, room, num_crossing, level, num_here, order, count):
    """Removes edges between vertices of the level and higher ones while there are any.

    A heap holds, for every vertex above the level, its lowest edge to a vertex of the level, by
    falling degree and rising id. Where the neighbor has left the level meanwhile, the next edge
    takes the place. Vertices that come down to the level join `here`.
    """
    edges, starts, ends, neighbors, ids, degree, side = graph
    nobody = len(degree)
    crossing = room.keys[:num_crossing]
    sort_by_id(crossing, room.scratch, len(edges))

    # The edges of each higher vertex as a linked list; `first` is −1 again when all are offered.
    following = np.empty(num_crossing, np.int32)
    upper, lower = np.empty(num_crossing, np.int32), np.empty(num_crossing, np.int32)
    for rank in range(num_crossing - 1, -1, -1):
        edge, vertex = crossing[rank] >> 32, neighbors[crossing[rank] & 0xFFFFFFFF]
        upper[rank], lower[rank] = vertex, edges[edge, 0] + edges[edge, 1] - vertex
        following[rank] = room.first[vertex]
        room.first[vertex] = rank
    heap = [np.int64(0) for _ in range(0)]
    for rank in range(num_crossing):
        vertex = upper[rank]
        if room.first[vertex] == rank:
            room.first[vertex] = -1
            heappush(heap, _entry(degree[vertex], rank))

    num_below = 0
    while len(heap) > 0:
        rank = heappop(heap) & 0xFFFFFFFF
        vertex = upper[rank]
        while True:
            if side[lower[rank]] == _HERE:
                edge, place = crossing[rank] >> 32, crossing[rank] & 0xFFFFFFFF
                order[count] = edge
                count += 1
                opposite = _place_of(edge, ids, starts[vertex], ends[vertex])
                neighbors[place] = neighbors[opposite] = nobody
                room.below[num_below] = lower[rank]
                num_below += 1
                degree[lower[rank]] -= 1
                side[lower[rank]] = _BELOW
                degree[vertex] -= 1
                if degree[vertex] == level:
                    room.here[num_here] = vertex
                    num_here += 1
                    side[vertex] = _HERE
                    room.offer[vertex], room.wanted[vertex] = starts[vertex] - 1, nobody
                    break
            rank = following[rank]
            while rank >= 0 and side[lower[rank]] != _HERE:
                rank = following[rank]
            if rank < 0:
                break
            entry = _entry(degree[vertex], rank)
            if len(heap) > 0 and heap[0] < entry:
                heappush(heap, entry)
                break
    return count, num_here, num_below


@njit(cache=True)
@no_type_check
def _entry(degree, rank):
    """Orders a heap by falling degree, then rising rank."""
    return (np.int64(0x7FFFFFFF - degree) << 32) | rank


@njit(cache=True)
@no_type_check
def _place_of(edge, ids, start, end):
    """Where an edge is among rising ids."""
    while start < end:
        middle = (start + end) // 2
        if ids[middle] < edge:
            start = middle + 1
        else:
            end = middle
    return start


@njit(cache=True)
@no_type_check
def _match_one_another(graph, room, num_here, num_below, order, count):
    """Removes edges between two vertices of the level while there are any, by rising id.

    An edge goes when it is the lowest one at both ends; the stack follows lowest edges until one
    is. That gives the same matching as taking edges by rising id.
    """
    degree, side, neighbors = graph.degree, graph.side, graph.neighbors
    offer, wanted, stack = room.offer, room.wanted, room.stack
    num_matched = 0
    for vertex in room.here[:num_here]:
        stack[0] = vertex
        size = 1
        while size > 0:
            one = stack[size - 1]
            if side[one] != _HERE or not _find_partner(graph, room, one):
                size -= 1
                continue
            other = wanted[one]
            _find_partner(graph, room, other)
            if wanted[other] != one:
                stack[size] = other
                size += 1
                continue
            room.keys[num_matched] = np.int64(graph.ids[offer[one]]) << 32
            num_matched += 1
            neighbors[offer[one]] = neighbors[offer[other]] = len(degree)
            room.below[num_below], room.below[num_below + 1] = one, other
            num_below += 2
            degree[one] -= 1
            degree[other] -= 1
            side[one] = side[other] = _BELOW
            size -= 1
    sort_by_id(room.keys[:num_matched], room.scratch, len(graph.edges))
    for place in range(num_matched):
        order[count + place] = room.keys[place] >> 32
    return count + num_matched, num_below


@njit(cache=True)
@no_type_check
def _find_partner(graph, room, vertex):
    """Moves a vertex's offer on to its lowest edge within the level; False if there is none."""
    if graph.side[room.wanted[vertex]] == _HERE:
        return True
    for place in range(room.offer[vertex] + 1, graph.ends[vertex]):
        if graph.side[graph.neighbors[place]] == _HERE:
            room.offer[vertex], room.wanted[vertex] = place, graph.neighbors[place]
            return True
    room.offer[vertex] = graph.ends[vertex]
    return False


@njit(cache=True)
@no_type_check
def _drop_removed(graph, vertex):
    """Closes up a vertex's arcs when a third of them is removed, which pays for the work."""
    starts, ends, neighbors, ids = graph.starts, graph.ends, graph.neighbors, graph.ids
    nobody = len(graph.degree)
    while starts[vertex] < ends[vertex] and neighbors[starts[vertex]] == nobody:
        starts[vertex] += 1
    if 2 * (ends[vertex] - starts[vertex]) <= 3 * graph.degree[vertex]:
        return
    end = starts[vertex]
    for place in range(starts[vertex], ends[vertex]):
        if neighbors[place] != nobody:
            neighbors[end], ids[end] = neighbors[place], ids[place]
            end += 1
    ends[vertex] = end
