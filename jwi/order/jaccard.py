"""Jaccard: edges whose ends share the smallest part of their neighbors go first."""

import numpy as np
from jaxtyping import Int32

from jwi.graph.info import Graph
from jwi.order.entry import Order
from jwi.order.selection import by_scores, end_degrees
from jwi.walks.triangles import count_triangles


def jaccard_order(graph: Graph) -> Int32[np.ndarray, " N"]:
    """The edges by the score c / (d_u + d_v − c), the smallest first, ties by edge id.

    c is the number of common neighbors of the ends. The score is compared between all edges of the
    graph; `local_similarity_order` compares it at each vertex.

    Args:
        graph: An undirected graph; on a masked graph only the N kept edges count.

    Returns:
        int32[N], edge ids, first removed first.

    Raises:
        ValueError: For a directed graph.

    References:
        Satuluri, Parthasarathy, Ruan, 2011, Local graph sparsification for scalable clustering,
        there as global sparsification.

    Example:
        >>> import jwi
        >>> triangle_with_tail = jwi.from_edges([2, 0, 0, 1], [3, 1, 2, 2], num_vertices=4)
        >>> jaccard_order(triangle_with_tail).tolist()
        [0, 2, 3, 1]
    """
    return by_scores(graph, "Jaccard similarity", jaccard_scores)


def jaccard_scores(edges: np.ndarray, num_vertices: int) -> np.ndarray:
    """float64[E] of the edges int32[E, 2]: quotients of integers, each rounded once."""
    common = count_triangles(edges, np.bincount(edges.ravel(), minlength=num_vertices))
    return common / (end_degrees(edges).sum(axis=1) - common)


ORDER = Order("Jaccard", lambda graph, _: jaccard_order(graph))
