"""Forman curvature: edges between vertices of high degree that are in few triangles go first."""

import numpy as np
from jaxtyping import Int32

from jwi.graph.info import Graph
from jwi.order.entry import Order
from jwi.order.selection import by_scores, end_degrees
from jwi.walks.triangles import count_triangles


def forman_order(graph: Graph) -> Int32[np.ndarray, " N"]:
    """The edges by their augmented Forman curvature, the smallest first, ties by edge id.

    The curvature is 4 − d_u − d_v + 3 t for an edge in t triangles. Edges inside clusters stay;
    bottlenecks between hubs go. `inverse_forman_order` goes from the other end.

    Args:
        graph: An undirected graph; on a masked graph only the N kept edges count.

    Returns:
        int32[N], edge ids, first removed first.

    Raises:
        ValueError: For a directed graph.

    References:
        Samal, Sreejith, Gu, Liu, Saucan, Jost, 2018, Comparative analysis of two discretizations of
        Ricci curvature for complex networks.

    Example:
        >>> import jwi
        >>> triangle_with_tail = jwi.from_edges([2, 0, 0, 1], [3, 1, 2, 2], num_vertices=4)
        >>> forman_order(triangle_with_tail).tolist()
        [0, 2, 3, 1]
    """
    return by_scores(graph, "Forman curvature", forman_curvatures)


def forman_curvatures(edges: np.ndarray, num_vertices: int) -> np.ndarray:
    """int64[E] of the edges int32[E, 2]."""
    triangles = count_triangles(edges, np.bincount(edges.ravel(), minlength=num_vertices))
    return 4 - end_degrees(edges).sum(axis=1) + 3 * triangles


ORDER = Order("Forman", lambda graph, _: forman_order(graph))
