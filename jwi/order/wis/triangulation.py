"""Triangles of an undirected graph that loses edges."""

from typing import NamedTuple, no_type_check

import numpy as np
from numba import njit

from jwi.graph.adjacency import sorted_arcs_by_vertex
from jwi.walks.triangles import count_triangles


class Triangulation(NamedTuple):
    """An undirected graph that loses edges, and knows its triangles.

    Attributes:
        edges: int32[E, 2].
        gone: bool[E], which edges are removed.
        triangles: int64[E], in how many triangles each edge is.
        degree: int64[n].
        starts: int64[n], where the arcs at each vertex start.
        ends: int64[n], where they end.
        neighbors: int32[2E], the other end of each arc, rising at each vertex.
        ids: int32[2E], its edge.
    """

    edges: np.ndarray
    gone: np.ndarray
    triangles: np.ndarray
    degree: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    neighbors: np.ndarray
    ids: np.ndarray


def triangulate(edges: np.ndarray, num_vertices: int) -> Triangulation:
    """The graph of the edges int32[E, 2]."""
    num_edges = len(edges)
    at, to = np.append(edges[:, 0], edges[:, 1]), np.append(edges[:, 1], edges[:, 0])
    ids = np.tile(np.arange(num_edges, dtype=np.int32), 2)
    starts, neighbors, ids = sorted_arcs_by_vertex(at, to, ids, num_vertices)
    degree = np.diff(starts)
    triangles = count_triangles(edges, degree)
    gone = np.zeros(num_edges, bool)
    return Triangulation(
        edges, gone, triangles, degree, starts[:-1].copy(), starts[1:].copy(), neighbors, ids
    )


@njit(cache=True)
@no_type_check
def find_triangles(graph, edge, thirds, sides):
    """The triangles of an edge.

    Args:
        graph: a `Triangulation`.
        edge: its id.
        thirds: int32[k], receives the third vertices.
        sides: int32[k, 2], receives the two other edges.
    """
    neighbors, ids, gone = graph.neighbors, graph.ids, graph.gone
    u, v = graph.edges[edge]
    if graph.ends[u] - graph.starts[u] > graph.ends[v] - graph.starts[v]:
        u, v = v, u
    count = 0
    here = graph.starts[v]
    for place in range(graph.starts[u], graph.ends[u]):
        if count == graph.triangles[edge]:
            break
        if gone[ids[place]]:
            continue
        # Both lists rise, so the search goes on from where it was.
        here = _seek(neighbors, neighbors[place], here, graph.ends[v])
        if here == graph.ends[v]:
            break
        if neighbors[here] == neighbors[place] and not gone[ids[here]]:
            thirds[count] = neighbors[place]
            sides[count, 0], sides[count, 1] = ids[place], ids[here]
            count += 1


@njit(cache=True)
@no_type_check
def _seek(rising, value, start, end):
    """The first place from `start` on, up to `end`, that does not hold less than a value.

    Strides double until they pass it, so what is near is found soon.
    """
    stride = 1
    while start + stride < end and rising[start + stride] < value:
        start += stride
        stride *= 2
    end = min(end, start + stride + 1)
    while start < end:
        middle = (start + end) // 2
        if rising[middle] < value:
            start = middle + 1
        else:
            end = middle
    return start


@njit(cache=True)
@no_type_check
def remove_edge(graph, edge, thirds, sides):
    """Takes an edge out of a `Triangulation`; its triangles are found as by `find_triangles`."""
    count = graph.triangles[edge]
    if count > 0:
        find_triangles(graph, edge, thirds, sides)
    graph.gone[edge] = True
    for place in range(count):
        graph.triangles[sides[place, 0]] -= 1
        graph.triangles[sides[place, 1]] -= 1
    for side in range(2):
        graph.degree[graph.edges[edge, side]] -= 1
        _drop_removed(graph, graph.edges[edge, side])


@njit(cache=True)
@no_type_check
def _drop_removed(graph, vertex):
    """Closes up a vertex's arcs when a third of them is removed, which pays for the work."""
    if 2 * (graph.ends[vertex] - graph.starts[vertex]) <= 3 * graph.degree[vertex]:
        return
    end = graph.starts[vertex]
    for place in range(graph.starts[vertex], graph.ends[vertex]):
        if not graph.gone[graph.ids[place]]:
            graph.neighbors[end], graph.ids[end] = graph.neighbors[place], graph.ids[place]
            end += 1
    graph.ends[vertex] = end
