"""3-spanner: edges stay that keep all distances within a factor of three, a forest longest."""

from typing import no_type_check

import numpy as np
from jaxtyping import Int32
from numba import njit

from jwi.graph.components import spanning_forest
from jwi.graph.info import Graph
from jwi.order.entry import Order
from jwi.order.selection import by_scores


def t_spanner_order(graph: Graph) -> Int32[np.ndarray, " N"]:
    """First the edges outside a 3-spanner, then those outside a forest, ties by edge id.

    The spanner is the greedy one: edges come by rising id, and one is taken unless its ends are
    already connected by at most three edges. The forest takes edges of low id first, and is part of
    the spanner.

    Args:
        graph: An undirected graph; on a masked graph only the N kept edges count.

    Returns:
        int32[N], edge ids, first removed first.

    Raises:
        ValueError: For a directed graph.

    References:
        Althöfer, Das, Dobkin, Joseph, Soares, 1993, On sparse spanners of weighted graphs.

    Example:
        >>> import jwi
        >>> triangle_with_tail = jwi.from_edges([2, 0, 0, 1], [3, 1, 2, 2], num_vertices=4)
        >>> t_spanner_order(triangle_with_tail).tolist()
        [3, 0, 1, 2]
    """
    return by_scores(graph, "a spanner", spanner_levels)


def spanner_levels(edges: np.ndarray, num_vertices: int) -> np.ndarray:
    """int64[E]: 0 outside the spanner of the edges int32[E, 2], 1 in it, 2 in the forest."""
    in_forest = spanning_forest(edges, num_vertices).mask
    starts = np.append(0, np.cumsum(np.bincount(edges.ravel(), minlength=num_vertices)))
    return np.where(in_forest, 2, _spanner(edges, in_forest, starts))


@njit(cache=True)
@no_type_check
def _spanner(edges, in_forest, starts):
    taken = np.zeros(len(edges), np.int64)
    # The spanner's neighbors of vertex v: from starts[v] up to ends[v], where room is left.
    to, ends = np.empty(starts[-1], np.int32), starts[:-1].copy()
    mark = np.full(len(ends), -1)
    for edge in range(len(edges)):
        u, v = edges[edge]
        # An edge of the forest joins two components.
        if not in_forest[edge] and _near(starts, ends, to, mark, edge, u, v):
            continue
        taken[edge] = 1
        to[ends[u]], to[ends[v]] = v, u
        ends[u] += 1
        ends[v] += 1
    return taken


@njit(cache=True)
@no_type_check
def _near(starts, ends, to, mark, edge, u, v):
    """Whether at most three edges of the spanner lead from u to v."""
    # One step is taken from an end, and two from the other: from that with fewer to take.
    from_u, from_v = 0, 0
    for place in range(starts[u], ends[u]):
        from_u += ends[to[place]] - starts[to[place]]
    for place in range(starts[v], ends[v]):
        from_v += ends[to[place]] - starts[to[place]]
    if from_u < from_v:
        u, v = v, u
    for place in range(starts[u], ends[u]):
        mark[to[place]] = edge  # a number that no other call uses
    for place in range(starts[v], ends[v]):
        middle = to[place]
        if mark[middle] == edge:
            return True
        for second in range(starts[middle], ends[middle]):
            if mark[to[second]] == edge:
                return True
    return False


ORDER = Order("3-spanner", lambda graph, _: t_spanner_order(graph))
