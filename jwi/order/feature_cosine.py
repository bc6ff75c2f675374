"""Feature cosine: edges between vertices of the least similar features go first."""

from typing import Any

import numpy as np
from jax.experimental.sparse import BCOO
from jaxtyping import Float64, Int32

from jwi.graph.info import Graph, HostGraph
from jwi.order.entry import Order
from jwi.order.selection import by_scores

_CELLS = 2**22  # Numbers that are held at a time, about.


def feature_cosine_order(graph: Graph) -> Int32[np.ndarray, " N"]:
    """The edges by the cosine x_u · x_v / (|x_u| |x_v|), the smallest first, ties by edge id.

    x_u is the row of vertex u in `graph.nodes`. The cosine with a row of zeros is 0.

    Args:
        graph: An undirected graph with real features of its vertices, dense or BCOO; on a masked
            graph only the N kept edges count.

    Returns:
        int32[N], edge ids, first removed first.

    Raises:
        ValueError: For a directed graph, a graph without features, or features that are not
            finite.

    References:
        Wu, Wang, Tyshetskiy, Docherty, Lu, Zhu, 2019, Adversarial examples for graph data: Deep
        insights into attack and defense, with Jaccard similarity of binary features.

    Example:
        >>> import jwi
        >>> features = np.array([[1, 0], [1, 1], [0, 1], [0, 2]], np.float32)
        >>> path = jwi.from_edges([0, 1, 2], [1, 2, 3], num_vertices=4, nodes=features)
        >>> feature_cosine_order(path).tolist()
        [0, 1, 2]
    """
    features = _checked_features(graph)
    return by_scores(graph, "feature cosine", lambda edges, _: cosines(edges, features))


def cosines(edges: np.ndarray, features: np.ndarray) -> Float64[np.ndarray, " E"]:
    """The cosines of the edges int32[E, 2], for features float[n, d]."""
    products = np.empty(len(edges))
    size = np.einsum("ij,ij->i", features, features, dtype=np.float64)
    # All rows of all edges at a time may not fit into memory.
    step = max(1, _CELLS // features.shape[1])
    for start in range(0, len(edges), step):
        u, v = edges[start : start + step].T
        block = np.einsum("ij,ij->i", features[u], features[v], dtype=np.float64)
        products[start : start + step] = block
    lengths = np.sqrt(size[edges].prod(axis=1))
    return np.divide(products, lengths, out=np.zeros(len(edges)), where=lengths > 0)


def _checked_features(graph: Graph) -> np.ndarray:
    nodes: Any = np.zeros((0, 0)) if isinstance(graph, HostGraph) else graph.nodes  # type: ignore
    features = np.asarray(nodes.todense() if isinstance(nodes, BCOO) else nodes)
    if features.ndim != 2 or features.shape[1] == 0 or features.dtype.kind not in "biuf":
        raise ValueError(
            f"graph.nodes is {features.dtype}{list(features.shape)}: pass at least one real feature"
            " a vertex, for instance by jwi.from_edges(…, nodes=…)"
        )
    wrong = np.argwhere(~np.isfinite(features))
    if len(wrong):
        row, column = wrong[0]
        raise ValueError(
            f"graph.nodes[{row}, {column}] is {features[row, column]}: pass finite features"
        )
    return features


ORDER = Order("feature cosine", lambda graph, _: feature_cosine_order(graph), needs_features=True)
