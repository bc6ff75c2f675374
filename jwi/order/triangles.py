"""Triangles of an undirected graph that loses edges."""

from typing import no_type_check

import numpy as np
from numba import njit

from jwi.adjacency import arcs_by_vertex


@njit(cache=True)
@no_type_check
def count_triangles(edges, num_vertices):
    """In how many triangles each edge is: int64[E].

    Each triangle is found once, from its vertex of lowest degree (Chiba and Nishizeki, 1985).
    """
    degree = np.bincount(edges.ravel(), minlength=num_vertices)
    low, high = edges[:, 0].copy(), edges[:, 1].copy()
    for edge in range(len(edges)):
        u, v = edges[edge]
        if (degree[u], u) > (degree[v], v):
            low[edge], high[edge] = v, u
    starts, to, ids = arcs_by_vertex(low, high, np.arange(len(edges), dtype=np.int32), num_vertices)
    counts = np.zeros(len(edges), np.int64)
    edge_to = np.full(num_vertices, -1, np.int32)
    for vertex in range(num_vertices):
        around = range(starts[vertex], starts[vertex + 1])
        for place in around:
            edge_to[to[place]] = ids[place]
        for place in around:
            for opposite in range(starts[to[place]], starts[to[place] + 1]):
                closing = edge_to[to[opposite]]
                if closing >= 0:
                    counts[ids[place]] += 1
                    counts[ids[opposite]] += 1
                    counts[closing] += 1
        for place in around:
            edge_to[to[place]] = -1
    return counts


@njit(cache=True)
@no_type_check
def find_triangles(u, v, adjacency, gone, thirds, sides):
    """The triangles of an edge (u, v).

    Args:
        u: one end.
        v: the other.
        adjacency: starts, ends, neighbors and ids of the arcs at each vertex, by rising neighbor.
        gone: bool[E], the removed edges.
        thirds: int32[k], receives the third vertices.
        sides: int32[k, 2], receives the two other edges.

    Returns:
        How many there are.
    """
    starts, ends, neighbors, ids = adjacency
    if ends[u] - starts[u] > ends[v] - starts[v]:
        u, v = v, u
    count = 0
    here = starts[v]
    for place in range(starts[u], ends[u]):
        if gone[ids[place]]:
            continue
        # Both lists rise, so the search goes on from where it was.
        here += np.searchsorted(neighbors[here : ends[v]], neighbors[place])
        if here == ends[v]:
            break
        if neighbors[here] == neighbors[place] and not gone[ids[here]]:
            thirds[count] = neighbors[place]
            sides[count, 0], sides[count, 1] = ids[place], ids[here]
            count += 1
    return count


@njit(cache=True)
@no_type_check
def drop_removed(vertex, degree, adjacency, gone):
    """Closes up a vertex's list when a third of it is removed, which pays for the work."""
    starts, ends, neighbors, ids = adjacency
    if 2 * (ends[vertex] - starts[vertex]) <= 3 * degree[vertex]:
        return
    end = starts[vertex]
    for place in range(starts[vertex], ends[vertex]):
        if not gone[ids[place]]:
            neighbors[end], ids[end] = neighbors[place], ids[place]
            end += 1
    ends[vertex] = end
