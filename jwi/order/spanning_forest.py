"""Spanning forests: edges stay longest in the first of many disjoint spanning forests."""

from typing import no_type_check

import numpy as np
from jaxtyping import Int32
from numba import njit

from jwi.graph.info import Graph
from jwi.order.entry import Order
from jwi.order.selection import by_scores


def spanning_forest_order(graph: Graph) -> Int32[np.ndarray, " N"]:
    """The edges by the number of their spanning forest, the largest first, ties by edge id.

    Forest 1 is the spanning forest that takes edges of low id first, forest 2 the one among the
    edges that are left, and so on. The edges of the first k forests keep every cut of up to k edges
    whole, and of every other cut at least k edges. So no component falls apart until only forest 1
    is left.

    Args:
        graph: An undirected graph; on a masked graph only the N kept edges count.

    Returns:
        int32[N], edge ids, first removed first.

    Raises:
        ValueError: For a directed graph.

    References:
        Nagamochi, Ibaraki, 1992, A linear-time algorithm for finding a sparse k-connected spanning
        subgraph of a k-connected graph.

    Example:
        >>> import jwi
        >>> triangle_with_tail = jwi.from_edges([2, 0, 0, 1], [3, 1, 2, 2], num_vertices=4)
        >>> spanning_forest_order(triangle_with_tail).tolist()
        [3, 0, 1, 2]
    """
    return by_scores(graph, "spanning forests", lambda edges, n: -forest_numbers(edges, n))


def forest_numbers(edges: np.ndarray, num_vertices: int) -> np.ndarray:
    """int64[E], from 1, of the edges int32[E, 2]."""
    degree = np.bincount(edges.ravel(), minlength=num_vertices)
    return _number(edges, np.append(0, np.cumsum(degree)))


@njit(cache=True)
@no_type_check
def _number(edges, starts):
    numbers = np.empty(len(edges), np.int64)
    # Forest f reaches a vertex by one of its edges at least: vertex v has a parent in each of
    # its first d_v forests, at the places from starts[v] on, and there are two per edge in all.
    parent = np.empty(starts[-1], np.int64)
    for vertex in range(len(starts) - 1):
        parent[starts[vertex] : starts[vertex + 1]] = vertex
    for edge in range(len(edges)):
        u, v = edges[edge]
        # Vertices joined in a forest are joined in all before it: the first where u and v are apart
        # is found by halving. Forests that join them took an edge at u each, and this is one more.
        low, high = 0, min(starts[u + 1] - starts[u], starts[v + 1] - starts[v]) - 1
        while low < high:
            middle = (low + high) // 2
            if _root(parent, starts, u, middle) == _root(parent, starts, v, middle):
                low = middle + 1
            else:
                high = middle
        top, other = _root(parent, starts, u, low), _root(parent, starts, v, low)
        parent[starts[max(top, other)] + low] = min(top, other)
        numbers[edge] = low + 1
    return numbers


@njit(cache=True)
@no_type_check
def _root(parent, starts, vertex, forest):
    while parent[starts[vertex] + forest] != vertex:
        # Each step halves the path for whoever comes next.
        above = parent[starts[vertex] + forest]
        parent[starts[vertex] + forest] = vertex = parent[starts[above] + forest]
    return vertex


ORDER = Order("spanning forest", lambda graph, _: spanning_forest_order(graph))
