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


@njit(cache=True)
@no_type_check
def remove_by_degrees(edges, num_vertices, num_removed):
    """The first `num_removed` rows of `edges` to go.

    A vertex never gains edges, so the largest smaller end degree, the level a, only falls. At level
    a no edge joins two vertices of degree above a; and when a vertex of degree a loses an edge, it
    and all its edges leave the level. So a level is a greedy matching: each vertex v of
    degree b ≥ a offers its lowest edge to a neighbor of degree a, and a heap of these offers, by
    falling b and then rising id, yields the removals. Offers are corrected when they reach the top:
    their neighbors can only have left the level meanwhile, and v itself changes by its own
    removals alone, unless b = a, when it has left the level too.

    A vertex is looked at only on levels not above its degree and its largest neighbor's degree when
    last seen. That costs its degree, so all levels cost at most Σ_v degree_v², and in sparse graphs
    little more than reading the edges.
    """
    sides = np.arange(2 * len(edges), dtype=np.int32)
    starts, neighbors, ids = arcs_by_vertex(
        edges.ravel(), edges[:, ::-1].copy().ravel(), sides // 2, num_vertices
    )
    degree = np.diff(starts).astype(np.int32)
    ends = starts[1:].copy()
    offer = np.zeros(num_vertices, np.int64)
    gone = np.zeros(len(edges), np.bool_)
    order = np.empty(num_removed, np.int32)
    count = 0
    if num_removed == 0:
        return order

    top = max(1, degree.max())
    bucket = np.full(top + 1, -1, np.int32)
    following = np.empty(num_vertices, np.int32)
    for vertex in range(num_vertices):
        following[vertex] = bucket[degree[vertex]]
        bucket[degree[vertex]] = vertex
    present = np.empty(num_vertices, np.int32)

    for level in range(top, 0, -1):
        heap = [np.int64(0) for _ in range(0)]
        num_present = 0
        vertex = bucket[level]
        while vertex >= 0:
            upcoming = following[vertex]
            # Drop removed edges, find the first offer and the largest neighbor.
            largest = 0
            first = np.int64(-1)
            end = starts[vertex]
            for place in range(starts[vertex], ends[vertex]):
                if gone[ids[place]]:
                    continue
                ids[end] = ids[place]
                neighbor = neighbors[place]
                neighbors[end] = neighbor
                largest = max(largest, degree[neighbor])
                if degree[neighbor] == level and first < 0:
                    first = end
                end += 1
            ends[vertex] = end
            if largest < level:
                later = min(largest, degree[vertex])
                following[vertex] = bucket[later]
                bucket[later] = vertex
            else:
                present[num_present] = vertex
                num_present += 1
                if first >= 0:
                    offer[vertex] = first
                    heappush(heap, pack(degree[vertex], ids[first], edges[ids[first], 1] == vertex))
            vertex = upcoming

        while len(heap) > 0:
            entry = heappop(heap)
            edge = (entry >> 1) & 0x7FFFFFFF
            side = entry & 1
            vertex = edges[edge, side]
            if degree[vertex] != 0x7FFFFFFF - (entry >> 32):
                continue
            neighbor = edges[edge, 1 - side]
            if degree[neighbor] == level:
                gone[edge] = True
                order[count] = edge
                count += 1
                if count == num_removed:
                    return order
                degree[vertex] -= 1
                degree[neighbor] -= 1
                if degree[vertex] < level:
                    continue
            for place in range(offer[vertex] + 1, ends[vertex]):
                if degree[neighbors[place]] == level:
                    offer[vertex] = place
                    edge = ids[place]
                    heappush(heap, pack(degree[vertex], edge, edges[edge, 1] == vertex))
                    break

        for place in range(num_present):
            vertex = present[place]
            following[vertex] = bucket[level - 1]
            bucket[level - 1] = vertex
    return order


@njit(cache=True)
@no_type_check
def pack(degree, edge, side):
    """Orders offers by falling degree, then rising edge id; remembers which end offers."""
    return (np.int64(0x7FFFFFFF - degree) << 32) | (np.int64(edge) << 1) | np.int64(side)
