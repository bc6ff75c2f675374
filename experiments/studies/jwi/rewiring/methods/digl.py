"""Graph diffusion convolution (DIGL): the pairs between which a random surfer is likeliest to walk.

Personalized PageRank is S = Σ_k α (1 − α)^k T^k, here with the symmetric step of a graph with
self-loops, T = (D + 1)^(−1/2) (A + 1) (D + 1)^(−1/2). The largest entries of S off the diagonal are
the new edges. The paper lets them weigh as in S. Here they weigh 1, so that one network takes the
edges of all methods.

References:
    Gasteiger, Weißenberger, Günnemann, 2019, Diffusion improves graph learning (arXiv 1911.05485).
"""

import numpy as np

from experiments.studies.jwi.rewiring.methods.graph import Graph

ALPHA = 0.15
# Entries that differ by less are equal, but for rounding: the first pair wins.
_DIGITS = 12


def largest_pairs(graph: Graph, count: int, rng: np.random.Generator | None = None) -> np.ndarray:
    """The pairs of the largest personalized PageRank, all edges of the new graph.

    Args:
        graph: The graph, of E edges.
        count: K, how many more edges the new graph has.
        rng: Ignored.

    Returns:
        int32[≤ E + K, 2], the largest first; fewer where fewer pairs are connected.
    """
    del rng
    rank = personalized_pagerank(graph.adjacency())
    first, second = np.nonzero(np.triu(rank.round(_DIGITS), 1))
    order = np.argsort(-rank[first, second].round(_DIGITS), kind="stable")
    pairs = np.stack([first, second], axis=1)[order[: len(graph.edges) + count]]
    return pairs.astype(np.int32)


def personalized_pagerank(adjacent: np.ndarray, alpha: float = ALPHA) -> np.ndarray:
    """S as float64[n, n].

    Args:
        adjacent: bool[n, n].
        alpha: α, the probability that the surfer starts anew, > 0.
    """
    scale = (1 + adjacent.sum(axis=1)) ** -0.5
    own = np.eye(len(adjacent))
    step = scale[:, None] * (adjacent + own) * scale
    return alpha * np.linalg.inv(own - (1 - alpha) * step)
