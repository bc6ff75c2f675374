"""Inverse Forman curvature: edges inside clusters go first, bottlenecks stay longest."""

import numpy as np
from jaxtyping import Int32

from jwi.graph.info import Graph
from jwi.order.entry import Order
from jwi.order.forman import forman_curvatures
from jwi.order.selection import by_scores


def inverse_forman_order(graph: Graph) -> Int32[np.ndarray, " N"]:
    """The edges by their augmented Forman curvature, the largest first, ties by edge id.

    The curvature is 4 − d_u − d_v + 3 t for an edge in t triangles. Rewiring against over-smoothing
    removes edges from this end. `forman_order` goes from the other end.

    Args:
        graph: An undirected graph; on a masked graph only the N kept edges count.

    Returns:
        int32[N], edge ids, first removed first.

    Raises:
        ValueError: For a directed graph.

    References:
        Fesser, Weber, 2023, Mitigating over-smoothing and over-squashing using augmentations of
        Forman-Ricci curvature.

    Example:
        >>> import jwi
        >>> triangle_with_tail = jwi.from_edges([2, 0, 0, 1], [3, 1, 2, 2], num_vertices=4)
        >>> inverse_forman_order(triangle_with_tail).tolist()
        [1, 2, 3, 0]
    """
    return by_scores(graph, "Forman curvature", lambda edges, n: -forman_curvatures(edges, n))


ORDER = Order("inverse Forman", lambda graph, _: inverse_forman_order(graph))
