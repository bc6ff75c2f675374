"""Inverse degree: edges whose ends have the largest product of degrees go first."""

import numpy as np
from jaxtyping import Int32

from jwi.graph.info import Graph
from jwi.order.entry import Order
from jwi.order.selection import by_scores, end_degrees


def inverse_degree_order(graph: Graph) -> Int32[np.ndarray, " N"]:
    """The edges by the score 1 / (d_u d_v), the smallest first, ties by edge id.

    Its square root is the weight of the edge in a graph convolution without self-loops.

    Args:
        graph: An undirected graph; on a masked graph only the N kept edges count.

    Returns:
        int32[N], edge ids, first removed first.

    Raises:
        ValueError: For a directed graph.

    References:
        Kipf, Welling, 2017, Semi-supervised classification with graph convolutional networks, for
        the weight.

    Example:
        >>> import jwi
        >>> triangle_with_tail = jwi.from_edges([2, 0, 0, 1], [3, 1, 2, 2], num_vertices=4)
        >>> inverse_degree_order(triangle_with_tail).tolist()
        [2, 3, 1, 0]
    """
    return by_scores(graph, "inverse degree", lambda edges, _: score_of_degrees(end_degrees(edges)))


def score_of_degrees(degrees: np.ndarray) -> np.ndarray:
    """int64[E] of the degrees int64[E, 2] of the two ends; it rises as 1 / (d_u d_v) does."""
    # Products are integers below 2^62: no rounding makes or breaks a tie.
    return -degrees.prod(axis=1)


ORDER = Order("1 / (d_u d_v)", lambda graph, _: inverse_degree_order(graph))
