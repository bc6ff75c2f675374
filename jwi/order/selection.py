"""Which edges an order ranks, and how many of them."""

import numpy as np
from jaxtyping import Int32

from jwi._checks import checked_integer
from jwi.graph.host import host_graph
from jwi.graph.info import Graph


def kept_ids(graph: Graph) -> Int32[np.ndarray, " K"]:
    """The ids of the edges that are there, rising.

    Example:
        >>> import jwi
        >>> graph = jwi.from_edges([0, 1], [1, 2], num_vertices=3)
        >>> kept_ids(jwi.with_edge_mask(graph, [False, True])).tolist()
        [1]
    """
    return np.flatnonzero(host_graph(graph).mask).astype(np.int32)


def kept_edges(
    graph: Graph,
) -> tuple[Int32[np.ndarray, " K"], Int32[np.ndarray, "K 2"]]:
    """The ids of the edges that are there, rising, and their ends in one piece of memory."""
    read = host_graph(graph)
    ids = np.flatnonzero(read.mask).astype(np.int32)
    return ids, read.edges[ids]


def checked_num_removed(num_removed: int | np.integer | None, num_edges: int) -> int:
    """How many of the edges are to be ranked, all of them for None.

    Raises:
        ValueError: if there are not so many.
    """
    asked = num_edges if num_removed is None else num_removed
    meaning = "how many of the graph's edges to rank"
    return checked_integer("num_removed", asked, meaning, low=0, high=num_edges)
