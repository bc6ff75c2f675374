"""First-order spectral rewiring: edges that widen the spectral gap, to first order.

Let λ be the second largest eigenvalue of D^(−1/2) A D^(−1/2), and x its unit eigenvector. An edge
{u, v} changes λ to first order by

    2 x_u x_v / √((1 + d_u)(1 + d_v)) + 2 λ Σ_{w ∈ {u, v}} x_w² (√d_w / √(1 + d_w) − 1),

and the gap is 1 − λ. Each step adds the edge for which the first term is the smallest. Between
steps the eigenvector follows by one power iteration.

References:
    Karhadkar, Banerjee, Montúfar, 2023, FoSR: first-order spectral rewiring for addressing
    oversquashing in GNNs (arXiv 2210.11790).
"""

from typing import no_type_check

import numpy as np
from numba import njit

from experiments.studies.jwi.rewiring.methods.graph import Graph

# Steps of power iteration before the first edge.
_WARM_UP = 50
# A shorter vector is made of rounding.
_LEAST_NORM = 1e-9


def additions(graph: Graph, count: int, rng: np.random.Generator) -> np.ndarray:
    """The pairs that FoSR adds.

    Args:
        graph: The graph.
        count: K.
        rng: Of the vector that power iteration starts from.

    Returns:
        int32[≤ K, 2], first added first; fewer where there are fewer.
    """
    edges = np.concatenate([graph.edges, np.zeros((count, 2), np.int32)])
    start = rng.normal(size=graph.num_vertices)
    found = _add(edges, len(graph.edges), graph.adjacency(), start, count)
    return edges[len(graph.edges) :][:found]


def first_order_change(
    vector: np.ndarray, value: float, degree: np.ndarray, pair: tuple[int, int]
) -> float:
    """The change of λ by an edge, to first order.

    Args:
        vector: float[n], x.
        value: λ.
        degree: int[n], before the edge is added.
        pair: (u, v), no edge.
    """
    u, v = pair
    own = sum(vector[w] ** 2 * (np.sqrt(degree[w] / (1 + degree[w])) - 1) for w in pair)
    crossing = vector[u] * vector[v] / np.sqrt((1 + degree[u]) * (1 + degree[v]))
    return float(2 * crossing + 2 * value * own)


@njit(cache=True)
@no_type_check
def _add(edges, num_edges, adjacent, vector, count):
    """Appends pairs to the edges; returns how many. A graph of n vertices, with `vector` any."""
    degree = adjacent.sum(axis=1)
    for _ in range(_WARM_UP):
        vector = _iterate(edges[:num_edges], degree, vector)
    for added in range(count):
        u, v = _smallest_product(vector / np.sqrt(1 + degree), adjacent)
        if u < 0:
            return added
        edges[num_edges, 0], edges[num_edges, 1] = min(u, v), max(u, v)
        num_edges += 1
        adjacent[u, v] = adjacent[v, u] = True
        degree[u] += 1
        degree[v] += 1
        vector = _iterate(edges[:num_edges], degree, vector)
    return count


@njit(cache=True)
@no_type_check
def _iterate(edges, degree, vector):
    """One power iteration, orthogonal to the first eigenvector.

    It is by 1 + D^(−1/2) A D^(−1/2), whose eigenvalues are not negative: else an eigenvalue near −1
    might win.
    """
    root = np.sqrt(degree)
    share = vector / np.maximum(root, 1.0)
    moved = np.zeros(len(vector))
    for e in range(len(edges)):
        u, v = edges[e]
        moved[u] += share[v]
        moved[v] += share[u]
    moved = vector + moved / np.maximum(root, 1.0)
    if len(edges):
        moved -= root * (np.sum(root * moved) / np.sum(degree))
    norm = np.sqrt(np.sum(moved**2))
    return vector if norm < _LEAST_NORM else moved / norm


@njit(cache=True)
@no_type_check
def _smallest_product(score, adjacent):
    """The pair (u, v) without an edge whose product of scores is the smallest; −1 for none."""
    order = np.argsort(score)
    best, first, second = 0.0, -1, -1
    # The smallest products are of a negative score and a positive one, both large.
    for u in order:
        if score[u] * score[order[-1]] >= best:
            break
        for v in order[::-1]:
            if score[u] * score[v] >= best:
                break
            if not adjacent[u, v]:
                best, first, second = score[u] * score[v], u, v
    if first >= 0:
        return first, second
    best = np.inf
    for u in range(len(score)):
        for v in range(u):
            if not adjacent[u, v] and score[u] * score[v] < best:
                best, first, second = score[u] * score[v], u, v
    return first, second
