"""Triangles through each edge of an undirected graph."""

from typing import no_type_check

import numpy as np
from jaxtyping import Int, Int32, Int64
from numba import njit

from jwi.graph.adjacency import arcs_by_vertex


def count_triangles(
    edges: Int32[np.ndarray, "E 2"], degree: Int[np.ndarray, " n"]
) -> Int64[np.ndarray, " E"]:
    """Counts the triangles that each edge is in, in time E × arboricity.

    Args:
        edges: int32[E, 2], each undirected edge once.
        degree: int[n], degrees of the vertices.

    Returns:
        int64[E].

    References:
        Chiba and Nishizeki, "Arboricity and subgraph listing algorithms", 1985.

    Example:
        >>> edges = np.array([[0, 1], [1, 2], [0, 2], [2, 3]], np.int32)
        >>> count_triangles(edges, np.bincount(edges.ravel()))
        array([1, 1, 1, 0])
    """
    # Each edge stands at its end of lower degree, so no vertex has many edges of its own.
    ends = degree[edges]
    rank = np.where(ends[:, :1] <= ends[:, 1:], edges, edges[:, ::-1]).T.copy()
    ids = np.arange(len(edges), dtype=np.int32)
    return _count(*arcs_by_vertex(rank[0], rank[1], ids, len(degree)))


@njit(cache=True)
@no_type_check
def _count(starts, to, ids):
    """Counts triangles from edges that are grouped by one of their ends."""
    counts = np.zeros(len(ids), np.int64)
    edge_to = np.full(len(starts) - 1, np.int32(-1))
    for vertex in range(len(starts) - 1):
        # Marks the neighbors of the vertex by the edge that leads to them.
        for place in range(starts[vertex], starts[vertex + 1]):
            edge_to[to[place]] = ids[place]
        for place in range(starts[vertex], starts[vertex + 1]):
            for opposite in range(starts[to[place]], starts[to[place] + 1]):
                # Edges vertex – u and u – w, and w marked: the third edge closes a triangle.
                closing = edge_to[to[opposite]]
                if closing >= 0:
                    counts[ids[place]] += 1
                    counts[ids[opposite]] += 1
                    counts[closing] += 1
        # Only the marks that were set are cleared: clearing all n would cost n² in total.
        for place in range(starts[vertex], starts[vertex + 1]):
            edge_to[to[place]] = -1
    return counts
