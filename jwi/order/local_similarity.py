"""Local similarity: keeps, at every vertex, the edges to neighbors that share most neighbors."""

import numpy as np
from jaxtyping import Float64, Int32

from jwi.graph.info import Graph
from jwi.order.entry import Order
from jwi.order.local_degree import best_scores
from jwi.order.selection import by_scores
from jwi.order.wis.triangulation import triangulate


def local_similarity_order(graph: Graph) -> Int32[np.ndarray, " N"]:
    """The edges by their local similarity scores, the smallest first, ties by edge id.

    Scores are made of ranks as in `local_degree_order`. Here a vertex ranks its edges by the
    Jaccard similarity of the ends' neighborhoods, c / (d_u + d_v − c) for c common neighbors, the
    highest first, then by edge id.

    Args:
        graph: An undirected graph; on a masked graph only the N kept edges count.

    Returns:
        int32[N], edge ids, first removed first.

    Raises:
        ValueError: For a directed graph.

    References:
        Satuluri, Parthasarathy, Ruan, 2011, Local graph sparsification for scalable clustering;
        as a score by Hamann et al., 2016 (LocalSimilaritySparsifier of networkit).

    Example:
        >>> import jwi
        >>> triangle_with_tail = jwi.from_edges([2, 0, 0, 1], [3, 1, 2, 2], num_vertices=4)
        >>> local_similarity_order(triangle_with_tail).tolist()
        [3, 0, 1, 2]
    """
    return by_scores(graph, "local similarity", local_similarity_scores)


ORDER = Order("local similarity", lambda graph, _: local_similarity_order(graph))


def local_similarity_scores(edges: np.ndarray, num_vertices: int) -> Float64[np.ndarray, " E"]:
    """The scores of the edges int32[E, 2]."""
    graph = triangulate(edges, num_vertices)
    union = graph.degree[edges].sum(axis=1) - graph.triangles
    # Up to denominators of 2^26, equal fractions are equal numbers and others are not.
    rising = np.argsort(-graph.triangles / union, kind="stable").astype(np.int32)
    return best_scores(edges[rising].ravel(), np.repeat(rising, 2), graph.degree)
