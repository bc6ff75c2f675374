"""Adamic–Adar: edges whose ends share few neighbors, or only neighbors of high degree, go first."""

from typing import no_type_check

import numpy as np
from jaxtyping import Int32
from numba import njit

from jwi.graph.adjacency import arcs_by_vertex
from jwi.graph.info import Graph
from jwi.order.entry import Order
from jwi.order.selection import by_scores

_DIGITS = 32


def adamic_adar_order(graph: Graph) -> Int32[np.ndarray, " N"]:
    """The edges by the score Σ 1 / log d_w, the smallest first, ties by edge id.

    The sum is over the common neighbors w of the ends. Its terms have 32 binary digits after the
    point, so that sums are exact and equal scores tie.

    Args:
        graph: An undirected graph; on a masked graph only the N kept edges count.

    Returns:
        int32[N], edge ids, first removed first.

    Raises:
        ValueError: For a directed graph.

    References:
        Adamic, Adar, 2003, Friends and neighbors on the web.

    Example:
        >>> import jwi
        >>> triangle_with_tail = jwi.from_edges([2, 0, 0, 1], [3, 1, 2, 2], num_vertices=4)
        >>> adamic_adar_order(triangle_with_tail).tolist()
        [0, 1, 2, 3]
    """
    return by_scores(graph, "Adamic–Adar similarity", adamic_adar_scores)


def adamic_adar_scores(edges: np.ndarray, num_vertices: int) -> np.ndarray:
    """float64[E] of the edges int32[E, 2], in units of 2^-32."""
    degree = np.bincount(edges.ravel(), minlength=num_vertices)
    # A common neighbor has a degree of 2 at least; the others' terms are not read.
    terms = np.rint(np.ldexp(1 / np.log(np.maximum(degree, 2)), _DIGITS))
    # Each edge stands at its end of lower degree, so no vertex has many edges of its own.
    ends = degree[edges]
    low_first = np.where(ends[:, :1] <= ends[:, 1:], edges, edges[:, ::-1]).T.copy()
    ids = np.arange(len(edges), dtype=np.int32)
    return _sum_over_triangles(*arcs_by_vertex(*low_first, ids, num_vertices), terms)


@njit(cache=True)
@no_type_check
def _sum_over_triangles(starts, to, ids, terms):
    """For each edge the terms of the third vertices of its triangles."""
    sums = np.zeros(len(ids))
    edge_to = np.full(len(starts) - 1, np.int32(-1))
    for vertex in range(len(starts) - 1):
        # Marks the neighbors of the vertex by the edge that leads to them.
        for place in range(starts[vertex], starts[vertex + 1]):
            edge_to[to[place]] = ids[place]
        for place in range(starts[vertex], starts[vertex + 1]):
            middle = to[place]
            for opposite in range(starts[middle], starts[middle + 1]):
                # Edges vertex – middle and middle – last, and last marked: a triangle.
                last = to[opposite]
                if edge_to[last] >= 0:
                    sums[ids[place]] += terms[last]
                    sums[ids[opposite]] += terms[vertex]
                    sums[edge_to[last]] += terms[middle]
        # Only the marks that were set are cleared: clearing all n would cost n² in total.
        for place in range(starts[vertex], starts[vertex + 1]):
            edge_to[to[place]] = -1
    return sums


ORDER = Order("Adamic–Adar", lambda graph, _: adamic_adar_order(graph))
