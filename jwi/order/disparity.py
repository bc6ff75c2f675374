"""Disparity filter: edges go first that are no surprise at either end, by weight and degree."""

import numpy as np
from jaxtyping import Float64, Int32
from numpy.typing import ArrayLike

from jwi.graph.host import host_graph
from jwi.graph.info import Graph
from jwi.order.entry import Order
from jwi.order.selection import by_scores, checked_weights


def disparity_order(graph: Graph, weights: ArrayLike | None = None) -> Int32[np.ndarray, " N"]:
    """The edges by their significance in the disparity filter, the largest first, ties by edge id.

    At an end of degree d whose edges have weights of sum s, an edge of weight w has the
    significance (1 − w/s)^(d − 1): the probability of a larger share if d − 1 random cuts divide
    s. The smaller one of its two ends counts. At an end of degree 1 it is 1. Without weights
    the score is (1 − 1/d)^(d − 1), which falls with d: edges of hubs stay.

    Args:
        graph: An undirected graph of E edges; on a masked graph only the N kept edges count.
        weights: float[E] > 0, by edge id; removed edges' weights are not read. None for 1.

    Returns:
        int32[N], edge ids, first removed first.

    Raises:
        ValueError: For a directed graph, or weights that are not one positive number an edge.

    References:
        Serrano, Boguñá, Vespignani, 2009, Extracting the multiscale backbone of complex weighted
        networks.

    Example:
        >>> import jwi
        >>> star = jwi.from_edges([0, 0, 0], [1, 2, 3], num_vertices=4)
        >>> disparity_order(star, [2.0, 1.0, 5.0]).tolist()
        [1, 0, 2]
    """
    mask = host_graph(graph).mask
    kept = checked_weights(weights, mask)[mask]
    return by_scores(graph, "the disparity filter", lambda edges, n: -significances(edges, kept, n))


def significances(
    edges: np.ndarray, weights: np.ndarray, num_vertices: int
) -> Float64[np.ndarray, " E"]:
    """The significances of the edges int32[E, 2] of weights float64[E]."""
    degree = np.bincount(edges.ravel(), minlength=num_vertices)[edges]
    strength = np.bincount(edges.ravel(), np.repeat(weights, 2), num_vertices)[edges]
    # At an end of degree 1 the share is 1 and the power 0; NumPy, too, has 0⁰ = 1.
    return ((1 - weights[:, None] / strength) ** (degree - 1)).min(axis=1)


ORDER = Order(
    "disparity", lambda graph, options: disparity_order(graph, options.weights), weighted=True
)
