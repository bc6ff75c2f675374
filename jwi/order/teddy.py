"""TEDDY: edges go first whose ends have many neighbors, and neighbors with many neighbors."""

import numpy as np
from jaxtyping import Int32

from jwi.graph.info import Graph
from jwi.order.entry import Order
from jwi.order.selection import by_scores

_DIGITS = 32


def teddy_order(graph: Graph) -> Int32[np.ndarray, " N"]:
    """The edges by the score g(u) g(v) / (d_u d_v), the smallest first, ties by edge id.

    g(u) is the mean of 1/√d_w over the neighbors w of u. Every vertex is a neighbor of itself and
    counts in degrees. Square roots have 32 binary digits after the point, so that sums are exact
    and equal scores tie.

    Args:
        graph: An undirected graph; on a masked graph only the N kept edges count.

    Returns:
        int32[N], edge ids, first removed first.

    Raises:
        ValueError: For a directed graph.

    References:
        Seo, Yun, Yang, 2024, TEDDY: Trimming edges with degree-based discrimination strategy
        (arXiv 2402.01261).

    Example:
        >>> import jwi
        >>> triangle_with_tail = jwi.from_edges([2, 0, 0, 1], [3, 1, 2, 2], num_vertices=4)
        >>> teddy_order(triangle_with_tail).tolist()
        [2, 3, 1, 0]
    """
    return by_scores(graph, "TEDDY", teddy_scores)


def teddy_scores(edges: np.ndarray, num_vertices: int) -> np.ndarray:
    """float64[E] of the edges int32[E, 2]."""
    degree = np.bincount(edges.ravel(), minlength=num_vertices) + 1
    roots = np.rint(np.ldexp(1 / np.sqrt(degree), _DIGITS))
    # Sums of integers below 2^53, in whatever order: the same neighbors have the same sum.
    sums = roots + np.bincount(edges.ravel(), roots[edges[:, ::-1]].ravel(), num_vertices)
    share = np.ldexp(sums, -_DIGITS) / degree**2
    return share[edges].prod(axis=1)


ORDER = Order("TEDDY", lambda graph, _: teddy_order(graph))
