"""Cutting a removal order at a ratio, with edges that must stay."""

import math
from typing import Any, NamedTuple, no_type_check

import numpy as np
from jaxtyping import Bool, Int32
from numba import njit
from numpy.typing import ArrayLike

from jwi._checks import checked_integer
from jwi.graph.components import spanning_forest
from jwi.graph.host import host_graph
from jwi.graph.info import Graph, HostGraph

_ANY_DEGREE = np.iinfo(np.int64).max


class Pruned(NamedTuple):
    """A graph with fewer edges.

    Attributes:
        graph: The graph, its mask smaller, its shapes and its kind the same.
        removed: int32[N], the ids of the edges that went, first removed first.
    """

    graph: Any
    removed: Int32[np.ndarray, " N"]


def prune(
    graph: Graph,
    order: ArrayLike,
    *,
    num_removed: int | np.integer | None = None,
    keep: float | int | None = None,
    protect: ArrayLike | None = None,
    keep_connected: bool = False,
    min_degree: int | np.integer | None = None,
    max_degree: int | np.integer | None = None,
) -> Pruned:
    """Removes the first edges of an order, except edges that must stay.

    An edge that must stay is passed over, and the next one in the order goes. The degree of a
    vertex is the number of edges at it, in either direction.

    Args:
        graph: A graph of K edges, not counting removed ones.
        order: int[M], ids of edges that are there, first removed first, such as
            `one_walk_index_order` gives.
        num_removed: How many edges go; or
        keep: The share of the K edges that stays, in [0, 1]: ⌊keep · K + ½⌋ edges.
        protect: int[P], ids of edges that stay; None for none.
        keep_connected: Whether vertices that are connected stay connected. A spanning forest
            stays: of the protected edges first, then of the last edges in the order.
        min_degree: An edge stays where its removal would leave a vertex with fewer edges than
            this; None for 0.
        max_degree: Above this degree, a vertex loses its first edges in the order. They go before
            all others, and without `num_removed` and `keep` only they go. None for no limit.

    Returns:
        The graph with a smaller mask, and which edges went.

    Raises:
        ValueError: Unless just one of `num_removed` and `keep` is given and in range; if fewer
            edges may go, because `order` is short or edges must stay; if `order` or `protect` has
            an id twice, or the id of no edge, or of an edge that is removed already; if
            `max_degree` takes more edges than asked, or if edges that must stay exceed it.

    Example:
        >>> import jwi
        >>> graph = jwi.from_edges([0, 1, 2], [1, 2, 3], num_vertices=4)
        >>> pruned = prune(graph, jwi.one_walk_index_order(graph), keep=0.6)
        >>> pruned.removed.tolist(), jwi.edge_mask(pruned.graph).tolist()
        ([1], [True, False, True])
        >>> cycle = jwi.from_edges([0, 1, 2, 3], [1, 2, 3, 0], num_vertices=4)
        >>> prune(cycle, [0, 1, 2, 3], num_removed=1, protect=[0]).removed.tolist()
        [1]
        >>> prune(cycle, [0, 1, 2, 3], num_removed=2, keep_connected=True)
        Traceback (most recent call last):
        ValueError: 2 edges are to be removed and 1 may go: keep_connected holds the others, so ...
    """
    read = host_graph(graph)
    ranking = _edge_ids("order", order, read.mask)
    protected = np.zeros(len(read.mask), bool)
    if protect is not None:
        protected[_edge_ids("protect", protect, read.mask)] = True
    low, high = _degree_limits(min_degree, max_degree)
    asked = num_removed is not None or keep is not None or max_degree is None
    count = num_to_remove(num_removed, keep, int(read.mask.sum())) if asked else 0

    held = _with_forest(read, ranking, protected) if keep_connected else protected
    degree = np.bincount(read.edges[read.mask].ravel(), minlength=read.num_vertices)
    removed, num_over = _first_to_go(read.edges, ranking, held, degree, (count, low, high))

    holds = {"protect": protected.any(), "keep_connected": keep_connected, "min_degree": low > 0}
    reasons = [name for name, is_given in holds.items() if is_given]
    if len(removed) < count:
        raise ValueError(_too_few(count, len(removed), len(ranking), reasons))
    _check_cap(high, degree, reasons)
    if asked and num_over > count:
        raise ValueError(
            f"{count} edges are to be removed and max_degree = {high} takes {num_over}: remove at"
            f" least {num_over}, or leave out the amount"
        )
    mask = read.mask.copy()
    mask[removed] = False
    return Pruned(_masked(graph, mask), removed)


def _masked(graph: Graph, mask: np.ndarray) -> Graph:
    if isinstance(graph, HostGraph):
        return graph._replace(mask=mask)
    # A graph of the other kind comes from this module.
    from jwi.graph.graph import with_edge_mask

    return with_edge_mask(graph, mask)


def _check_cap(high: int, degree: np.ndarray, reasons: list[str]) -> None:
    """Refuses a vertex that has too many edges after pruning."""
    vertex = int(degree.argmax())
    if degree[vertex] > high:
        holders = " or ".join([*reasons, "an order that does not rank them"])
        raise ValueError(
            f"max_degree is {high} and vertex {vertex} keeps {degree[vertex]} edges, held by"
            f" {holders}: pass a larger max_degree, or hold fewer edges"
        )


def _too_few(count: int, may_go: int, num_ranked: int, reasons: list[str]) -> str:
    """Why fewer edges may go than asked."""
    if count > num_ranked:
        return (
            f"order ranks {num_ranked} edges and {count} are to be removed: rank more edges, or"
            " remove fewer"
        )
    return (
        f"{count} edges are to be removed and {may_go} may go: {' and '.join(reasons)}"
        f" hold{'s' if len(reasons) == 1 else ''} the others, so remove at most {may_go}"
    )


def num_to_remove(
    num_removed: int | np.integer | None, keep: float | int | None, num_edges: int
) -> int:
    """How many of some edges go; the first two arguments are as for `prune`.

    Example:
        >>> num_to_remove(None, 0.25, 10)
        7
    """
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


def _degree_limits(
    min_degree: int | np.integer | None, max_degree: int | np.integer | None
) -> tuple[int, int]:
    """The degrees that no vertex is to fall below, and to exceed."""
    low, high = 0, _ANY_DEGREE
    if min_degree is not None:
        low = checked_integer("min_degree", min_degree, "how many edges a vertex keeps", low=0)
    if max_degree is not None:
        meaning = "how many edges a vertex keeps at most"
        high = checked_integer("max_degree", max_degree, meaning, low=low)
    return low, high


def _edge_ids(name: str, ids: ArrayLike, mask: np.ndarray) -> Int32[np.ndarray, " M"]:
    """Edge ids, each of them checked to be there, and there once."""
    ids = np.asarray(ids)
    if ids.ndim != 1 or (ids.size and not np.issubdtype(ids.dtype, np.integer)):
        raise ValueError(f"{name} is {ids.dtype}{list(ids.shape)}: pass a vector of edge ids")
    outside = ids[(ids < 0) | (ids >= len(mask))]
    if outside.size:
        known = f"here 0 to {len(mask) - 1}" if len(mask) else "and the graph has none"
        cut = f": cut the {name} at the −1 that stand for no edge" if outside[0] == -1 else ""
        raise ValueError(
            f"{name} has the edge {outside[0]}: edge ids are rows of jwi.edge_list, {known}{cut}"
        )
    ids = ids.astype(np.int32)
    again = ids[np.bincount(ids, minlength=len(mask))[ids] > 1]
    if again.size:
        raise ValueError(f"{name} has the edge {again[0]} more than once: name each edge once")
    absent = ids[~mask[ids]]
    if absent.size:
        raise ValueError(
            f"{name} has the edge {absent[0]}, which the graph's mask has removed already: name"
            " edges of the graph as it is"
        )
    return ids


def _with_forest(
    read: HostGraph, ranking: np.ndarray, protected: np.ndarray
) -> Bool[np.ndarray, " E"]:
    """The protected edges, and a spanning forest of them and of the last edges in the ranking."""
    # Edges without a rank stay anyway, so they join vertices before any edge that has one.
    place = np.full(len(read.mask), len(ranking))
    place[ranking] = np.arange(len(ranking))
    place[protected] = len(ranking) + 1
    there = np.flatnonzero(read.mask)
    last_first = there[np.argsort(-place[there], kind="stable")]
    held = protected.copy()
    held[last_first[spanning_forest(read.edges[last_first], read.num_vertices).mask]] = True
    return held


@njit(cache=True)
@no_type_check
def _first_to_go(edges, ranking, held, degree, limits):
    """Walks down a ranking and takes the edges that may go.

    Args:
        edges: int32[E, 2].
        ranking: int32[M], edge ids, first to go first.
        held: bool[E], the edges that stay whatever happens.
        degree: int64[n], which is updated.
        limits: How many edges go, and the lowest and the highest degree.

    Returns:
        int32[N], the edges that go, and how many of them go for the highest degree.
    """
    count, low, high = limits
    stays = held.copy()
    removed, num_gone = np.empty(len(ranking), np.int32), 0
    # Degrees only fall. An edge that could not go for the sake of the lowest degree never can, and
    # a vertex above the highest degree loses edges until it is not: one walk settles each limit.
    for for_highest in (True, False):
        for edge in ranking:
            u, v = edges[edge, 0], edges[edge, 1]
            if not for_highest and num_gone >= count:
                break
            if for_highest and max(degree[u], degree[v]) <= high:
                continue
            if stays[edge] or min(degree[u], degree[v]) <= low:
                continue
            stays[edge] = True  # It is gone, and cannot go twice.
            removed[num_gone] = edge
            num_gone += 1
            degree[u] -= 1
            degree[v] -= 1
        if for_highest:
            num_over = num_gone
    return removed[:num_gone], num_over
