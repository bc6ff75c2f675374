"""Walk Index Sparsification run forward: edges that raise the smallest walk indices.

The order is `jwi.walk_index_addition_order` at depth 2: it takes all pairs of a graph of thousands
of vertices. Ties go by chance, since vertices of a data set often stand in the order of classes.
"""

import numpy as np
import scipy.sparse

import jwi
from experiments.studies.jwi.rewiring.methods.graph import Graph

_DEPTH = 2


def additions(graph: Graph, count: int, rng: np.random.Generator) -> np.ndarray:
    """1-WIS forward over all pairs that are no edges.

    Args:
        graph: The graph.
        count: K.
        rng: Of ties.

    Returns:
        int32[≤ K, 2], first added first; fewer where there are fewer.
    """
    return _ranked(graph, graph.absent_pairs(), count, rng)


def near_additions(graph: Graph, count: int, rng: np.random.Generator) -> np.ndarray:
    """1-WIS forward over pairs that are two steps apart; as `additions`."""
    n = graph.num_vertices
    ends = np.concatenate([graph.edges, graph.edges[:, ::-1]])
    step = scipy.sparse.csr_array((np.ones(len(ends), np.int32), tuple(ends.T)), (n, n))
    first, second = scipy.sparse.triu(step @ step, 1).nonzero()
    apart = ~np.isin(first * np.int64(n) + second, graph.edges @ np.array([n, 1]))
    return _ranked(graph, np.stack([first, second], axis=1)[apart], count, rng)


def _ranked(graph: Graph, pairs: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    if len(pairs) == 0:
        return np.zeros((0, 2), np.int32)
    pairs = rng.permutation(pairs)
    whole = jwi.from_edges(graph.edges[:, 0], graph.edges[:, 1], graph.num_vertices)
    order = jwi.walk_index_addition_order(whole, pairs, _DEPTH, num_added=min(count, len(pairs)))
    return pairs[order].astype(np.int32)
