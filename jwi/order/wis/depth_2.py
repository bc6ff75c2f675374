"""1-WIS: the removal order of Walk Index Sparsification for networks of depth 2."""

from typing import no_type_check

import numpy as np
from jaxtyping import Int32
from numba import njit

from jwi.graph.adjacency import arcs_by_vertex
from jwi.graph.host import check_undirected
from jwi.graph.info import Graph, info_of
from jwi.order.entry import Order
from jwi.order.selection import kept_edges, lightest_first
from jwi.order.wis.matching import (
    ABOVE,
    BELOW,
    HERE,
    DegreeGraph,
    look,
    make_room,
    match_one_another,
    match_with_above,
)
from jwi.progress import DONE, FEW_EDGES, STOP, Progress, run_with_progress


def one_walk_index_order(
    graph: Graph, *, progress: Progress | None = None
) -> Int32[np.ndarray, " N"]:
    """The order in which Algorithm 2 (1-WIS) removes the edges, all of them.

    Each step removes the edge whose smaller end degree is largest; ties go to the largest larger
    end degree, then to the lowest id. This is `walk_index_order` of depth 2.

    Args:
        graph: An undirected graph; on a masked graph only the N kept edges count.
        progress: Called now and then with the share that is ranked, in [0, 1]; None for nothing.

    Returns:
        int32[N], edge ids, first removed first.

    Raises:
        ValueError: For a directed graph.

    References:
        Razin, Verbin, Cohen, 2023, Algorithm 2.

    Example:
        >>> import jwi
        >>> triangle_with_tail = jwi.from_edges([2, 0, 0, 1], [3, 1, 2, 2], num_vertices=4)
        >>> one_walk_index_order(triangle_with_tail).tolist()
        [2, 3, 0, 1]
    """
    check_undirected(graph, "1-WIS by degrees", "pass depth=2 to jwi.walk_index_order")
    kept, edges = kept_edges(graph)
    return kept[remove_by_degrees(edges, info_of(graph).num_vertices, len(edges), progress)]


ORDER = Order(
    "1-WIS",
    lambda graph, options: lightest_first(
        graph, options.weights, lambda same: one_walk_index_order(same, progress=options.progress)
    ),
    depths=(2,),
    weighted=True,
)


def remove_by_degrees(
    edges: np.ndarray, num_vertices: int, num_removed: int, progress: Progress | None = None
) -> Int32[np.ndarray, " N"]:
    """The first `num_removed` rows of `edges`, int32[E, 2], to go."""
    ids = np.repeat(np.arange(len(edges), dtype=np.int32), 2)
    opposite = np.ascontiguousarray(edges[:, ::-1]).ravel()
    starts, neighbors, ids = arcs_by_vertex(edges.ravel(), opposite, ids, num_vertices)
    degree = np.diff(starts).astype(np.int32)
    gone = np.zeros(len(edges), bool)
    # Removed arcs lead to a vertex n, which is below every level.
    side = np.full(num_vertices + 1, BELOW, np.uint8)
    graph = DegreeGraph(
        edges, starts[:-1].copy(), starts[1:].copy(), neighbors, ids, gone, degree, side
    )
    rising = np.argsort(degree, kind="stable").astype(np.int32)
    order = run_with_progress(
        _remove_by_levels,
        (graph, rising, num_removed),
        num_removed,
        progress,
        quick=len(edges) < FEW_EDGES,
    )
    return order[:num_removed]


@njit(cache=True, nogil=True)
@no_type_check
def _remove_by_levels(graph, rising, num_removed, status):
    """At least the first `num_removed` edges to go.

    The largest smaller end degree of an edge, the level, only falls. At a level no edge joins two
    vertices of degrees above it, and a vertex of just this degree, once it loses an edge, has left
    the level with all its edges. So a level is a greedy matching of the vertices of its degree:
    first with neighbors above it, the highest first, then with one another.

    A vertex is looked at once for each degree at which it meets the level, and that costs its
    degree: at most Σ_v degree_v² / 2, and little more than reading the edges in sparse graphs.

    Args:
        graph: A `DegreeGraph`, which loses its edges.
        rising: int32[n], the vertices by rising degree.
        num_removed: How many edges to remove.
        status: See `run_with_progress`.
    """
    degree, side = graph.degree, graph.side
    order, count = np.empty(len(graph.edges), np.int32), 0
    room = make_room(len(degree), len(graph.edges))
    num_waiting, num_here = len(degree), 0
    level = degree[rising[-1]]
    while count < num_removed and not status[STOP]:
        status[DONE] = count
        # Vertices whose degree has been the level from the start join those that came down to it.
        while num_waiting > 0 and degree[rising[num_waiting - 1]] == level:
            num_waiting -= 1
            room.here[num_here] = rising[num_waiting]
            num_here += 1
        if 16 * num_here > len(degree):
            # The same vertices by rising number, for the sake of the cache.
            num_here = 0
            for vertex in range(len(degree)):
                if degree[vertex] == level:
                    room.here[num_here] = vertex
                    num_here += 1
        for vertex in room.here[:num_here]:
            side[vertex] = HERE
        num_crossing = look(graph, room, num_here)
        count, num_here, num_below = match_with_above(
            graph, room, num_crossing, level, num_here, order, count
        )
        count, num_below = match_one_another(graph, room, num_here, num_below, order, count)
        # Vertices that kept all their edges have no edge within the level any more, and stay at
        # their degree while the level falls; the others have lost exactly one.
        for vertex in room.here[:num_here]:
            if side[vertex] == HERE:
                side[vertex] = ABOVE
        for place in range(num_below):
            room.here[place] = room.below[place]
        num_here = num_below
        level -= 1
    return order
