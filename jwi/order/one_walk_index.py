"""1-WIS: the removal order of Walk Index Sparsification for networks of depth 2."""

from heapq import heappop, heappush
from typing import no_type_check

import numpy as np
from jaxtyping import Int32
from numba import njit

from jwi.adjacency import arcs_by_vertex
from jwi.graph import GraphsTuple, edge_list, edge_mask, is_undirected


def one_walk_index_order(graph: GraphsTuple) -> Int32[np.ndarray, " N"]:
    """The order in which Algorithm 2 (1-WIS) removes the edges, all of them.

    At each step an edge goes whose smaller end degree is largest, among those one whose larger end
    degree is largest, among those the one of the lowest id. This is `walk_index_order` of depth 2.

    Args:
        graph: an undirected graph; on a masked graph only the N kept edges count.

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
    if not is_undirected(graph):
        raise ValueError(
            "graph is directed and the degrees of 1-WIS are those of undirected graphs:"
            " use jwi.walk_index_order with depth=2"
        )
    kept = np.flatnonzero(edge_mask(graph)).astype(np.int32)
    edges = np.ascontiguousarray(edge_list(graph)[kept])
    return kept[remove_by_degrees(edges, graph.nodes.shape[0], len(edges))]


_BELOW, _HERE, _ABOVE = 0, 1, 2  # Where a vertex's degree is, seen from the level.


@njit(cache=True)
@no_type_check
def remove_by_degrees(edges, num_vertices, num_removed):
    """The first `num_removed` rows of `edges` to go.

    The largest smaller end degree of an edge, the level, only falls. At a level no edge joins two
    vertices of degrees above it, and a vertex of just this degree, once it loses an edge, has left
    the level with all its edges. So a level is a greedy matching of the vertices of its degree:
    first with neighbors above it, the highest first, then with one another.

    A vertex is looked at once for each degree at which it meets the level, and that costs its
    degree: at most Σ_v degree_v² / 2, and little more than reading the edges in sparse graphs.
    """
    sides = np.arange(2 * len(edges), dtype=np.int32)
    starts, neighbors, ids = arcs_by_vertex(
        edges.ravel(), edges[:, ::-1].copy().ravel(), sides // 2, num_vertices
    )
    degree = np.diff(starts).astype(np.int32)
    arcs = (starts[:-1].copy(), starts[1:].copy(), neighbors, ids)
    # Removed arcs lead to a vertex n, which is below every level. One byte a vertex stays in cache.
    side = np.full(num_vertices + 1, _BELOW, np.uint8)
    offer, wanted = np.empty(num_vertices, np.int64), np.empty(num_vertices, np.int32)
    first, stack = np.full(num_vertices, -1, np.int32), np.empty(num_vertices, np.int32)
    here, below = np.empty(num_vertices, np.int32), np.empty(num_vertices, np.int32)
    waiting, num_waiting, num_below = np.argsort(degree, kind="mergesort"), num_vertices, 0
    order, count = np.empty(len(edges), np.int32), 0

    level = degree.max()
    while count < num_removed:
        here, below, num_here = below, here, num_below
        while num_waiting > 0 and degree[waiting[num_waiting - 1]] == level:
            num_waiting -= 1
            here[num_here] = waiting[num_waiting]
            num_here += 1
        if 16 * num_here > num_vertices:
            # The same vertices by rising number, for the sake of the cache.
            here[:num_here] = np.flatnonzero(degree == level)
        side[here[:num_here]] = _HERE
        crossing = _look(here[:num_here], degree, side, arcs, offer, wanted)
        count, num_here, num_below = _match_with_above(
            edges,
            crossing,
            degree,
            side,
            arcs,
            level,
            here,
            num_here,
            below,
            first,
            offer,
            wanted,
            order,
            count,
        )
        count, num_below = _match_one_another(
            degree,
            side,
            arcs,
            here[:num_here],
            below,
            num_below,
            offer,
            wanted,
            stack,
            order,
            count,
        )
        for vertex in here[:num_here]:
            if side[vertex] == _HERE:
                side[vertex] = _ABOVE
        level -= 1
    return order[:num_removed]


@njit(cache=True)
@no_type_check
def _look(here, degree, side, arcs, offer, wanted):
    """Finds the edges to vertices above the level, as id · 2^32 + place, by rising id.

    And for each vertex of the level its lowest edge to another, or to one that may come down to it.
    """
    starts, ends, neighbors, ids = arcs
    crossing = [np.int64(0) for _ in range(0)]
    for vertex in here:
        _drop_removed(vertex, degree, arcs)
        best = starts[vertex]
        while best < ends[vertex] and side[neighbors[best]] == _BELOW:
            best += 1
        for place in range(best, ends[vertex]):
            if side[neighbors[place]] == _ABOVE:
                crossing.append((np.int64(ids[place]) << 32) | place)  # noqa: PERF401, twice as fast
        offer[vertex] = best
        wanted[vertex] = neighbors[best] if best < ends[vertex] else len(degree)
    return np.sort(np.array(crossing))


@njit(cache=True)
@no_type_check
def _match_with_above(
    edges,
    crossing,
    degree,
    side,
    arcs,
    level,
    here,
    num_here,
    below,
    first,
    offer,
    wanted,
    order,
    count,
):
    """Removes edges between vertices of the level and higher ones while there are any.

    A heap holds, for every vertex above the level, its lowest edge to a vertex of the level, by
    falling degree and rising id. Where the neighbor has left the level meanwhile, the next edge
    takes the place. Vertices that come down to the level join `here`.
    """
    starts, ends, neighbors, ids = arcs
    nobody = len(degree)
    num_below = 0
    # The edges of each higher vertex as a linked list; `first` is -1 again when all are offered.
    following = np.empty(len(crossing), np.int32)
    upper, lower = np.empty(len(crossing), np.int32), np.empty(len(crossing), np.int32)
    for rank in range(len(crossing) - 1, -1, -1):
        edge, vertex = crossing[rank] >> 32, neighbors[crossing[rank] & 0xFFFFFFFF]
        upper[rank], lower[rank] = vertex, edges[edge, 0] + edges[edge, 1] - vertex
        following[rank] = first[vertex]
        first[vertex] = rank
    heap = [np.int64(0) for _ in range(0)]
    for rank in range(len(crossing)):
        vertex = upper[rank]
        if first[vertex] == rank:
            first[vertex] = -1
            heappush(heap, (np.int64(0x7FFFFFFF - degree[vertex]) << 32) | rank)

    while len(heap) > 0:
        rank = heappop(heap) & 0xFFFFFFFF
        vertex = upper[rank]
        while True:
            if side[lower[rank]] == _HERE:
                edge, place = crossing[rank] >> 32, crossing[rank] & 0xFFFFFFFF
                order[count] = edge
                count += 1
                neighbors[place] = nobody
                opposite = np.searchsorted(ids[starts[vertex] : ends[vertex]], edge)
                neighbors[starts[vertex] + opposite] = nobody
                below[num_below] = lower[rank]
                num_below += 1
                degree[lower[rank]] -= 1
                side[lower[rank]] = _BELOW
                degree[vertex] -= 1
                if degree[vertex] == level:
                    here[num_here] = vertex
                    num_here += 1
                    side[vertex] = _HERE
                    offer[vertex], wanted[vertex] = starts[vertex] - 1, nobody
                    break
            rank = following[rank]
            while rank >= 0 and side[lower[rank]] != _HERE:
                rank = following[rank]
            if rank < 0:
                break
            entry = (np.int64(0x7FFFFFFF - degree[vertex]) << 32) | rank
            if len(heap) > 0 and heap[0] < entry:
                heappush(heap, entry)
                break
    return count, num_here, num_below


@njit(cache=True)
@no_type_check
def _match_one_another(
    degree, side, arcs, here, below, num_below, offer, wanted, stack, order, count
):
    """Removes edges between two vertices of the level while there are any, by rising id.

    An edge goes when it is the lowest one at both ends; the stack follows lowest edges until one
    is. That gives the same matching as taking edges by rising id.
    """
    _, _, neighbors, ids = arcs
    nobody = len(degree)
    begin = count
    for vertex in here:
        stack[0] = vertex
        size = 1
        while size > 0:
            one = stack[size - 1]
            if side[one] != _HERE or not _find_partner(one, side, arcs, offer, wanted):
                size -= 1
                continue
            other = wanted[one]
            _find_partner(other, side, arcs, offer, wanted)
            if wanted[other] != one:
                stack[size] = other
                size += 1
                continue
            order[count] = ids[offer[one]]
            count += 1
            neighbors[offer[one]] = neighbors[offer[other]] = nobody
            below[num_below], below[num_below + 1] = one, other
            num_below += 2
            degree[one] -= 1
            degree[other] -= 1
            side[one] = side[other] = _BELOW
            size -= 1
    order[begin:count].sort()
    return count, num_below


@njit(cache=True)
@no_type_check
def _find_partner(vertex, side, arcs, offer, wanted):
    """Moves a vertex's offer on to its lowest edge within the level; False if there is none."""
    _, ends, neighbors, _ = arcs
    if side[wanted[vertex]] == _HERE:
        return True
    for place in range(offer[vertex] + 1, ends[vertex]):
        if side[neighbors[place]] == _HERE:
            offer[vertex], wanted[vertex] = place, neighbors[place]
            return True
    offer[vertex] = ends[vertex]
    return False


@njit(cache=True)
@no_type_check
def _drop_removed(vertex, degree, arcs):
    """Closes up a vertex's list when a third of it is removed, which pays for the work."""
    starts, ends, neighbors, ids = arcs
    while starts[vertex] < ends[vertex] and neighbors[starts[vertex]] == len(degree):
        starts[vertex] += 1
    if 2 * (ends[vertex] - starts[vertex]) <= 3 * degree[vertex]:
        return
    end = starts[vertex]
    for place in range(starts[vertex], ends[vertex]):
        if neighbors[place] != len(degree):
            neighbors[end], ids[end] = neighbors[place], ids[place]
            end += 1
    ends[vertex] = end
