"""Pairs at random: what any added edges do."""

import numpy as np

from experiments.studies.jwi.rewiring.methods.graph import Graph


def additions(graph: Graph, count: int, rng: np.random.Generator) -> np.ndarray:
    """Pairs drawn from those that are no edges, without replacement.

    Args:
        graph: The graph.
        count: K.
        rng: Of the draw.

    Returns:
        int32[≤ K, 2]; fewer where there are fewer.
    """
    pairs = graph.absent_pairs()
    return rng.permutation(pairs)[:count] if len(pairs) else pairs
