"""What a pruned graph looks like: candidates for what predicts the accuracy on it."""

from typing import Any

import numpy as np

import jwi
from jwi.walks.closed import closed_walks

MEASURES = {
    "isolated": "vertices without edges",
    "paired": "vertices in components of two",
    "whole": "vertices that keep all of their edges",
    "walk_index_share": "mean share of the walk index that is left",
    "log_share": "mean log(1 + 8 s) of the share s of its edges that a vertex keeps",
    "log_walk_index": "mean log of the walk index",
    "long_log_walk_index": "mean log of the walk index of longer walks",
    "homophily": "edges within a class",
}


def measure(graph: Any, keep: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """The measures of a pruned graph; all except homophily are means over vertices.

    The walk index is that of one vertex and the others: for walks of length 1, 1 + d of a vertex
    of degree d > 0, and 0 without edges. Its logarithm is that of 1 more. The longer walks have
    length 2, as for networks of depth 3.

    Args:
        graph: The whole graph, of E edges.
        keep: bool[E], the edges that are left.
        labels: int[n], the classes.

    Example:
        >>> path = jwi.from_edges([0, 1, 2], [1, 2, 3], num_vertices=4)
        >>> measures = measure(path, np.array([True, False, False]), np.array([0, 0, 1, 1]))
        >>> [measures[name] for name in ("isolated", "paired", "whole", "homophily")]
        [0.5, 0.5, 0.25, 1.0]
        >>> bool(np.isclose(measures["log_share"], (np.log(9) + np.log(5)) / 4))
        True
    """
    edges, n = np.asarray(jwi.edge_list(graph)), len(labels)
    left = edges[keep]
    before = np.bincount(edges.ravel(), minlength=n)
    after = np.bincount(left.ravel(), minlength=n)
    walks = np.where(after > 0, 1 + after, 0)
    long_walks = np.where(after > 0, closed_walks(jwi.with_edge_mask(graph, keep), 3), 0)
    pairs = (after[left] == 1).all(axis=1)
    return {
        "isolated": float(np.mean(after == 0)),
        "paired": float(2 * pairs.sum() / n),
        "whole": float(np.mean(after == before)),
        "walk_index_share": float(np.mean(walks / (1 + before))),
        "log_share": float(np.log1p(8 * after / np.maximum(before, 1)).mean()),
        "log_walk_index": float(np.log1p(walks).mean()),
        "long_log_walk_index": float(np.log1p(long_walks).mean()),
        "homophily": float(np.mean(labels[left[:, 0]] == labels[left[:, 1]])),
    }
