"""Bridges: edges of an undirected graph that are in no cycle."""

from typing import no_type_check

import numpy as np
from jaxtyping import Bool
from numba import njit

from jwi.graph.adjacency import arcs_by_vertex


def bridges(edges: np.ndarray, num_vertices: int) -> Bool[np.ndarray, " E"]:
    """Which of the edges are bridges, in linear time.

    Args:
        edges: int32[E, 2], each undirected edge once.
        num_vertices: n.

    References:
        Tarjan, 1974, A note on finding the bridges of a graph.

    Example:
        >>> triangle_with_tail = np.array([[0, 1], [1, 2], [0, 2], [2, 3]], np.int32)
        >>> bridges(triangle_with_tail, num_vertices=4).tolist()
        [False, False, False, True]
    """
    ids = np.repeat(np.arange(len(edges), dtype=np.int32), 2)
    opposite = np.ascontiguousarray(edges[:, ::-1]).ravel()
    return _bridges(*arcs_by_vertex(edges.ravel(), opposite, ids, num_vertices), len(edges))


@njit(cache=True)
@no_type_check
def _bridges(starts, to, ids, num_edges):
    """Searches depth first: an edge down the tree is a bridge if nothing below it leads above."""
    num_vertices = len(starts) - 1
    found = np.zeros(num_edges, np.bool_)
    # Vertices are numbered as the search reaches them. `lowest` is the lowest number that an edge
    # leads to from a vertex or from below it, `entry` the edge by which the search came.
    number = np.full(num_vertices, -1)
    lowest = np.empty(num_vertices, np.int64)
    entry = np.empty(num_vertices, np.int32)
    # The search goes on at `place` when it returns to a vertex. The path to the vertex is a stack
    # of our own, since Python's would overflow on a long path.
    place = starts[:-1].copy()
    stack = np.empty(num_vertices, np.int32)
    count = 0
    for root in range(num_vertices):
        if number[root] >= 0:
            continue
        stack[0], size, entry[root] = root, 1, -1
        number[root] = lowest[root] = count
        count += 1
        while size > 0:
            vertex = stack[size - 1]
            if place[vertex] < starts[vertex + 1]:
                other, edge = to[place[vertex]], ids[place[vertex]]
                place[vertex] += 1
                # The arc back is the same edge, and no other way up.
                if edge == entry[vertex]:
                    continue
                if number[other] < 0:
                    number[other] = lowest[other] = count
                    count += 1
                    entry[other] = edge
                    stack[size] = other
                    size += 1
                else:
                    # An edge to a vertex on the path, or below, closes a cycle.
                    lowest[vertex] = min(lowest[vertex], number[other])
            else:
                # All edges of the vertex are done, hence all below it.
                size -= 1
                if size > 0:
                    above = stack[size - 1]
                    lowest[above] = min(lowest[above], lowest[vertex])
                    found[entry[vertex]] = lowest[vertex] == number[vertex]
    return found
