"""Which edges an order ranks, and how many of them."""

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64
from numpy.typing import ArrayLike

from jwi._checks import checked_integer
from jwi.graph.building import build_host_graph
from jwi.graph.host import check_undirected, host_graph
from jwi.graph.info import Graph

Scores = Callable[[np.ndarray, int], np.ndarray]


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


def by_scores(graph: Graph, method: str, scores: Scores) -> Int32[np.ndarray, " N"]:
    """The edges of an undirected graph by rising score, ties by rising id.

    Args:
        graph: The graph; on a masked graph only the N kept edges count.
        method: How errors call the method.
        scores: (int32[N, 2], the ends of the kept edges, and n) → a number for each edge. Equal
            edges must have equal scores to the last bit: a sum of floats is equal only if its order
            is.

    Returns:
        int32[N], edge ids, first removed first.

    Raises:
        ValueError: For a directed graph.

    Example:
        >>> import jwi
        >>> graph = jwi.from_edges([0, 1, 2], [1, 2, 3], num_vertices=4)
        >>> by_scores(graph, "length", lambda edges, n: edges[:, 0] % 2).tolist()
        [0, 2, 1]
    """
    # Reading checks every arc: once is enough, and a graph that is read is returned as it is.
    read = host_graph(graph)
    check_undirected(read, method)
    kept, edges = kept_edges(read)
    return kept[np.argsort(scores(edges, read.num_vertices), kind="stable")]


def end_degrees(edges: np.ndarray) -> Int64[np.ndarray, "K 2"]:
    """The degrees of the two ends of each of the edges int32[K, 2].

    Example:
        >>> end_degrees(np.array([[0, 1], [1, 2]], np.int32)).tolist()
        [[1, 2], [2, 1]]
    """
    return np.bincount(edges.ravel())[edges]


def checked_num_removed(num_removed: int | np.integer | None, num_edges: int) -> int:
    """How many of the edges are to be ranked, all of them for None.

    Raises:
        ValueError: If there are not so many.
    """
    asked = num_edges if num_removed is None else num_removed
    meaning = "how many of the graph's edges to rank"
    return checked_integer("num_removed", asked, meaning, low=0, high=num_edges)


def checked_weights(
    weights: ArrayLike | None, mask: Bool[np.ndarray, " E"], above: float = 0.0
) -> Float64[np.ndarray, " E"]:
    """One finite weight an edge, float64[E], 1 for None.

    Args:
        weights: float[E], by edge id.
        mask: bool[E], which edges are there; weights of the others are not looked at.
        above: What weights are greater than; −∞ for weights of either sign.

    Raises:
        ValueError: If there is not one such number an edge.
    """
    if weights is None:
        return np.ones(len(mask))
    values = np.asarray(weights)
    kind = "positive" if above == 0 else "finite"
    if values.shape != mask.shape or (values.size and values.dtype.kind not in "iuf"):
        raise ValueError(
            f"weights is {values.dtype}{list(values.shape)}: pass one {kind} number an edge, by"
            f" edge id, here {len(mask)}"
        )
    wrong = np.flatnonzero(mask & ~((values > above) & np.isfinite(values)))
    if wrong.size:
        also = " and finite" if above == 0 else ""
        raise ValueError(
            f"weights[{wrong[0]}] is {values[wrong[0]]}: weights are {kind}{also};"
            " remove an edge with jwi.with_edge_mask"
        )
    return values.astype(np.float64)


def lightest_first(
    graph: Graph, weights: ArrayLike | None, rank: Callable[[Graph], np.ndarray]
) -> Int32[np.ndarray, " N"]:
    """Breaks the ties of an order by weight: of equal edges, the lightest goes first.

    For orders that break ties by edge id, as Walk Index Sparsification does: edges are numbered
    anew by rising weight, and edges of one weight keep their order. The structure of the graph
    decides as before.

    Args:
        graph: A graph of E edges, masked or not.
        weights: float[E], by edge id; None to break ties by edge id.
        rank: The order, for instance `jwi.one_walk_index_order` or
            `functools.partial(jwi.walk_index_order, depth=3)`.

    Returns:
        int32[N], edge ids, first removed first.

    Raises:
        ValueError: If `weights` is not one finite number an edge.

    Example:
        >>> import jwi
        >>> triangle = jwi.from_edges([0, 1, 2], [1, 2, 0], num_vertices=3)
        >>> jwi.one_walk_index_order(triangle).tolist()
        [0, 1, 2]
        >>> lightest_first(triangle, [9.0, 2.0, 1.0], jwi.one_walk_index_order).tolist()
        [2, 1, 0]
    """
    if weights is None:
        return rank(graph)
    read = host_graph(graph)
    values = checked_weights(weights, read.mask, above=-math.inf)
    rising = np.argsort(values, kind="stable").astype(np.int32)
    ends = read.edges[rising]
    renumbered = build_host_graph(
        ends[:, 0], ends[:, 1], read.num_vertices, undirected=read.undirected
    )
    return rising[rank(renumbered._replace(mask=read.mask[rising]))]
