"""Metric backbone: edges go first that are longest beside the shortest path between their ends."""

import numpy as np
from jaxtyping import Float64, Int32
from numpy.typing import ArrayLike
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from jwi.graph.host import host_graph
from jwi.graph.info import Graph
from jwi.order.entry import Order
from jwi.order.selection import by_scores, checked_weights

_CELLS = 2**22  # Distances that are held at a time, about.


def metric_backbone_order(
    graph: Graph, weights: ArrayLike | None = None
) -> Int32[np.ndarray, " N"]:
    """The edges by their length over the distance of their ends, the largest first, ties by id.

    An edge of weight w has the length 1/w. The ratio is 1 for edges that are a shortest path
    between their ends. These are the metric backbone, which keeps all distances, and they stay
    longest. Without weights they are all edges, in the order of their ids. Time is that of
    Dijkstra's algorithm from every vertex, as far as its longest edge reaches: minutes for a
    hundred thousand edges.

    Args:
        graph: An undirected graph of E edges; on a masked graph only the N kept edges count.
        weights: float[E] > 0, by edge id; removed edges' weights are not read. None for 1.

    Returns:
        int32[N], edge ids, first removed first.

    Raises:
        ValueError: For a directed graph, or weights that are not one positive number an edge.

    References:
        Simas, Correia, Rocha, 2021, The distance backbone of complex networks.

    Example:
        >>> import jwi
        >>> triangle = jwi.from_edges([0, 1, 0], [1, 2, 2], num_vertices=3)
        >>> metric_backbone_order(triangle, [4.0, 4.0, 1.0]).tolist()
        [2, 0, 1]
    """
    mask = host_graph(graph).mask
    lengths = 1 / checked_weights(weights, mask)[mask]
    return by_scores(graph, "the metric backbone", lambda edges, n: -stretches(edges, lengths, n))


def stretches(
    edges: np.ndarray, lengths: np.ndarray, num_vertices: int
) -> Float64[np.ndarray, " E"]:
    """Lengths float64[E] of the edges int32[E, 2] over the distances of their ends."""
    if (lengths == lengths[:1]).all():  # No detour is shorter.
        return np.ones(len(edges))
    shape = (num_vertices, num_vertices)
    matrix = csr_array((lengths, (edges[:, 0], edges[:, 1])), shape)
    found = np.ones(len(edges))
    by_source = np.argsort(edges[:, 0], kind="stable")
    sources, starts = np.unique(edges[by_source, 0], return_index=True)
    ends, several = np.append(starts[1:], len(edges)), max(1, _CELLS // max(1, num_vertices))
    for first in range(0, len(sources), several):
        here = by_source[starts[first] : ends[min(first + several, len(sources)) - 1]]
        near = dijkstra(
            matrix, directed=False, indices=sources[first : first + several],
            limit=lengths[here].max(),
        )  # fmt: skip
        rows = np.searchsorted(sources, edges[here, 0]) - first
        found[here] = lengths[here] / near[rows, edges[here, 1]]
    return found


ORDER = Order(
    "metric backbone",
    lambda graph, options: metric_backbone_order(graph, options.weights),
    weighted=True,
)
