"""1-WIS, then DSpar: Walk Index Sparsification hands over when a fifth of the edges is left."""

import numpy as np
from jaxtyping import Int32

from jwi.graph.host import check_undirected, host_graph
from jwi.graph.info import Graph
from jwi.order.dspar import dspar_scores
from jwi.order.entry import Order
from jwi.order.selection import kept_edges, lightest_first
from jwi.order.wis.depth_2 import remove_by_degrees
from jwi.progress import Progress


def wis_then_dspar_order(
    graph: Graph, *, progress: Progress | None = None
) -> Int32[np.ndarray, " N"]:
    """Four fifths of the edges as 1-WIS removes them, then the rest by rising DSpar score.

    1-WIS keeps the smallest walk index high: all vertices keep equally many edges, as far as they
    have them. With few edges left that is an edge or two of each, whatever it had, and then chance
    decides. The second part keeps another quantity high, the mean share of its walk index that a
    vertex still has: an edge {u, v} is 1/d_u and 1/d_v of the shares of its ends, for degrees in
    the whole graph, and DSpar's score is the sum of both. So vertices that had few edges keep them
    all (derived).

    The first ⌊4 N / 5⌋ edges are those of `one_walk_index_order`. Of the others, ties go to the
    lowest id.

    Args:
        graph: An undirected graph; on a masked graph only the N kept edges count.
        progress: Called now and then with the share that is ranked, in [0, 1]; None for nothing.

    Returns:
        int32[N], edge ids, first removed first.

    Raises:
        ValueError: For a directed graph.

    Example:
        >>> import jwi
        >>> triangle_with_tail = jwi.from_edges([2, 0, 0, 1], [3, 1, 2, 2], num_vertices=4)
        >>> wis_then_dspar_order(triangle_with_tail).tolist()
        [2, 3, 0, 1]
    """
    read = host_graph(graph)
    check_undirected(read, "1-WIS, then DSpar")
    kept, edges = kept_edges(read)
    first = remove_by_degrees(edges, read.num_vertices, 4 * len(edges) // 5, progress)
    rest = np.ones(len(edges), bool)
    rest[first] = False
    left = np.flatnonzero(rest)
    scores = dspar_scores(edges, read.num_vertices)[left]
    return kept[np.concatenate([first, left[np.argsort(scores, kind="stable")]])]


ORDER = Order(
    "1-WIS, then DSpar",
    lambda graph, options: lightest_first(
        graph, options.weights, lambda same: wis_then_dspar_order(same, progress=options.progress)
    ),
    depths=(2,),
    weighted=True,
)
