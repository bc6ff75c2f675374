"""Noise-corrected backbone: edges go first that are least beyond what their ends' weights imply."""

import numpy as np
from jaxtyping import Float64, Int32
from numpy.typing import ArrayLike

from jwi.graph.host import host_graph
from jwi.graph.info import Graph
from jwi.order.entry import Order
from jwi.order.selection import by_scores, checked_weights


def noise_corrected_order(
    graph: Graph, weights: ArrayLike | None = None
) -> Int32[np.ndarray, " N"]:
    """The edges by their lift in standard deviations, the smallest first, ties by edge id.

    Weights are counts. With s_u for the sum of the weights at u and S for the sum over all
    vertices, an edge of weight w is expected to have s_u s_v / S. With κ = S / (s_u s_v), its lift
    is (κ w − 1) / (κ w + 1). The variance of w is binomial, of S draws with a probability whose
    Beta prior has the mean and the variance of a hypergeometric model, and the delta method takes
    it to the lift. Common implementations have 1 − μ² for (1 − μ)² in β, where μ is the mean. Here
    the prior has the moments of the model. For small μ that is the same.

    Args:
        graph: An undirected graph of E edges; on a masked graph only the N kept edges count.
        weights: float[E] > 0, by edge id; removed edges' weights are not read. None for 1. They
            must sum to more than 1/2.

    Returns:
        int32[N], edge ids, first removed first.

    Raises:
        ValueError: For a directed graph, or weights that are not one positive number an edge.

    References:
        Coscia, Neffke, 2017, Network backboning with noisy data.

    Example:
        >>> import jwi
        >>> path = jwi.from_edges([0, 1, 2], [1, 2, 3], num_vertices=4)
        >>> noise_corrected_order(path, [9.0, 1.0, 8.0]).tolist()
        [1, 0, 2]
    """
    mask = host_graph(graph).mask
    kept = checked_weights(weights, mask)[mask]
    if len(kept) and kept.sum() <= 0.5:
        raise ValueError(f"weights sum to {kept.sum():g}: pass counts, which sum to more than 1/2")
    return by_scores(graph, "the noise-corrected backbone", lambda edges, n: lifts(edges, kept, n))


def lifts(edges: np.ndarray, weights: np.ndarray, num_vertices: int) -> Float64[np.ndarray, " E"]:
    """Lifts over their standard deviations, of the edges int32[E, 2] of weights float64[E]."""
    total = 2 * weights.sum()
    strength = np.bincount(edges.ravel(), np.repeat(weights, 2), num_vertices)[edges]
    # Products and sums of both ends alone: they are equal to the last bit for equal edges.
    product, others = strength.prod(axis=1), (total - strength).prod(axis=1)
    mean = product / total**2
    variance = mean * others / (total**2 * (total - 1))
    # A Beta distribution of that mean and variance has α + β = prior.
    prior = mean * (1 - mean) / variance - 1
    share = (mean * prior + weights) / (prior + total)
    kappa = total / product
    slope = 1 / product - total * strength.sum(axis=1) / product**2
    derivative = 2 * (kappa + weights * slope) / (kappa * weights + 1) ** 2
    lift = (kappa * weights - 1) / (kappa * weights + 1)
    return lift / (np.sqrt(total * share * (1 - share)) * np.abs(derivative))


ORDER = Order(
    "noise-corrected",
    lambda graph, options: noise_corrected_order(graph, options.weights),
    weighted=True,
)
