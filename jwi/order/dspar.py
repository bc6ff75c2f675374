"""DSpar: edges between vertices of high degree go first."""

import numpy as np
from jaxtyping import Int32

from jwi.graph.info import Graph
from jwi.order.entry import Order
from jwi.order.selection import by_scores, end_degrees


def dspar_order(graph: Graph) -> Int32[np.ndarray, " N"]:
    """The edges by the score 1/d_u + 1/d_v, the smallest first, ties by edge id.

    The score bounds the effective resistance of an edge. DSpar samples edges in proportion to it;
    here the edges of the smallest scores go, without chance.

    Args:
        graph: An undirected graph; on a masked graph only the N kept edges count.

    Returns:
        int32[N], edge ids, first removed first.

    Raises:
        ValueError: For a directed graph.

    References:
        Liu, Zhou, Jiang, Li, Chen, Choi, Hu, 2023, DSpar: An embarrassingly simple strategy for
        efficient GNN training and inference via degree-based sparsification.

    Example:
        >>> import jwi
        >>> triangle_with_tail = jwi.from_edges([2, 0, 0, 1], [3, 1, 2, 2], num_vertices=4)
        >>> dspar_order(triangle_with_tail).tolist()
        [2, 3, 1, 0]
    """
    return by_scores(graph, "DSpar", dspar_scores)


def dspar_scores(edges: np.ndarray, num_vertices: int) -> np.ndarray:
    """float64[E] of the edges int32[E, 2]."""
    del num_vertices
    return score_of_degrees(end_degrees(edges))


def score_of_degrees(degrees: np.ndarray) -> np.ndarray:
    """float64[E] of the degrees int64[E, 2] of the two ends."""
    # One quotient of integers, rounded once: 1/3 + 1/6 and 1/4 + 1/4 are equal to the last bit.
    return degrees.sum(axis=1) / degrees.prod(axis=1)


ORDER = Order("DSpar", lambda graph, _: dspar_order(graph))
