"""Cutting a removal order at a ratio."""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Int32
from numpy.typing import ArrayLike

from jwi._checks import checked_integer
from jwi.graph.graph import GraphsTuple, edge_mask, with_edge_mask


class Pruned(NamedTuple):
    """A graph with fewer edges.

    Attributes:
        graph: the graph, its mask smaller, its shapes the same.
        removed: int32[N], the ids of the edges that went, first removed first.
    """

    graph: GraphsTuple
    removed: Int32[np.ndarray, " N"]


def prune(
    graph: GraphsTuple,
    order: ArrayLike,
    *,
    num_removed: int | np.integer | None = None,
    keep: float | int | None = None,
) -> Pruned:
    """Removes the first edges of an order.

    Args:
        graph: a graph of K edges, not counting removed ones.
        order: int[M], ids of edges that are there, first removed first, such as
            `one_walk_index_order` gives.
        num_removed: how many edges go; or
        keep: the share of the K edges that stays, in [0, 1]: ⌊keep · K + ½⌋ edges.

    Returns:
        The graph with a smaller mask, and which edges went.

    Raises:
        ValueError: unless just one of `num_removed` and `keep` is given and in range; if `order` is
            shorter than the number of edges to go; if it has an id twice, or the id of no edge, or
            of an edge that is removed already.

    Example:
        >>> import jwi
        >>> graph = jwi.from_edges([0, 1, 2], [1, 2, 3], num_vertices=4)
        >>> pruned = prune(graph, jwi.one_walk_index_order(graph), keep=0.6)
        >>> pruned.removed.tolist(), jwi.edge_mask(pruned.graph).tolist()
        ([1], [True, False, True])
    """
    mask = edge_mask(graph)
    ranking = _ranking(order, mask)
    count = _num_removed(num_removed, keep, int(mask.sum()))
    if count > len(ranking):
        raise ValueError(
            f"order ranks {len(ranking)} edges and {count} are to be removed: rank more edges, or"
            " remove fewer"
        )
    removed = ranking[:count]
    mask[removed] = False
    return Pruned(with_edge_mask(graph, mask), removed)


def _num_removed(
    num_removed: int | np.integer | None, keep: float | int | None, num_edges: int
) -> int:
    if keep is None and num_removed is not None:
        meaning = "how many edges go"
        return checked_integer("num_removed", num_removed, meaning, low=0, high=num_edges)
    if keep is None or num_removed is not None:
        raise ValueError(
            f"num_removed is {num_removed} and keep is {keep}: pass one of them, and one only"
        )
    if not 0 <= keep <= 1:
        raise ValueError(f"keep is {keep}: pass the share of edges that stays, from 0 to 1")
    return num_edges - math.floor(keep * num_edges + 0.5)


def _ranking(order: ArrayLike, mask: np.ndarray) -> Int32[np.ndarray, " M"]:
    """The order as edge ids, each of them checked."""
    ids = np.asarray(order)
    if ids.ndim != 1 or (ids.size and not np.issubdtype(ids.dtype, np.integer)):
        raise ValueError(f"order is {ids.dtype}{list(ids.shape)}: pass a vector of edge ids")
    outside = ids[(ids < 0) | (ids >= len(mask))]
    if outside.size:
        known = f"here 0 to {len(mask) - 1}" if len(mask) else "and the graph has none"
        cut = ": cut the order at the −1 that stand for no edge" if outside[0] == -1 else ""
        raise ValueError(
            f"order has the edge {outside[0]}: edge ids are rows of jwi.edge_list, {known}{cut}"
        )
    ids = ids.astype(np.int32)
    again = ids[np.bincount(ids, minlength=len(mask))[ids] > 1]
    if again.size:
        raise ValueError(f"order has the edge {again[0]} more than once: rank each edge once")
    absent = ids[~mask[ids]]
    if absent.size:
        raise ValueError(
            f"order has the edge {absent[0]}, which the graph's mask has removed already: rank the"
            " edges of the graph as it is"
        )
    return ids
