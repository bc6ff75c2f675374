"""2-WIS: the removal order of Walk Index Sparsification for networks of depth 3."""

from typing import no_type_check

import numpy as np
from jaxtyping import Int32
from numba import njit

from jwi.order.wis.borrowed import borrowed
from jwi.order.wis.depth_2 import merge
from jwi.order.wis.in_no_triangle import (
    GONE,
    MAX_LEVEL,
    collect,
    match,
    match_far_above,
    rows_of,
)
from jwi.order.wis.in_triangles import remove_before, search_in
from jwi.order.wis.triangulation import triangulation
from jwi.progress import FEW_EDGES, STOP, Progress, run_with_progress
from jwi.walks.triangles import count_triangles

# Below, an edge that is stale costs less than its group.
_HUB_DEGREE = 256
_LAST = np.iinfo(np.int64).max


def remove_by_triangles(
    edges: np.ndarray,
    num_vertices: int,
    num_removed: int,
    progress: Progress | None = None,
    *,
    hub_degree: int = _HUB_DEGREE,
) -> Int32[np.ndarray, " N"]:
    """The first `num_removed` rows of `edges`, int32[E, 2], of an undirected graph, to go.

    Args:
        edges: The edges.
        num_vertices: n.
        num_removed: How many edges to remove.
        progress: See `run_with_progress`.
        hub_degree: From which degree on the edges in triangles at a vertex are in groups, which
            changes the time that it takes.
    """
    if num_removed == 0:
        return np.zeros(0, np.int32)
    degree = np.bincount(edges.ravel(), minlength=num_vertices)
    triangles = count_triangles(edges, degree)
    inside = np.flatnonzero(triangles).astype(np.int32)
    graph = triangulation(edges[inside], triangles[inside], degree)
    search, rows = search_in(graph, inside, hub_degree), rows_of(edges, triangles, graph.walk_index)
    return run_with_progress(
        _remove,
        (search, rows, num_removed),
        num_removed,
        progress,
        quick=len(edges) < FEW_EDGES,
    )


@njit(cache=True, nogil=True)
@no_type_check
def _remove(search, rows, num_removed, status):
    """The first `num_removed` edges to go.

    Of two edges in no triangle, the one whose smaller walk index of an end is larger goes first,
    then the one whose larger walk index is larger: each end falls by 3, or to 0 from 4, the lowest.
    So they are peeled off level by level, as in `remove_by_levels`. Edges in triangles go in
    between, by their signatures. They change no order among the others: walk indices only fall,
    and an edge that has lost all its triangles stays in the search. (Derived.)

    Args:
        search: A `Search` among the edges in triangles.
        rows: The others, as `Rows`.
        num_removed: How many edges to remove.
        status: See `run_with_progress`.
    """
    search, rows = borrowed((search, rows))
    order, count = np.empty(num_removed, np.int32), 0
    walk_index = search.graph.walk_index
    # No edge that waits is in a group above `group`, no active one above the level.
    group, level, size = len(rows.stops) - 1, np.int64(-1), 0
    while count < num_removed and not status[STOP]:
        while group >= 0 and group >= level:
            start = rows.stops[group + 1] if group + 1 < len(rows.stops) else 0
            if rows.stops[group] > start:
                size = merge(rows.active, size, rows.waiting, start, rows.stops[group])
                level = group if group < MAX_LEVEL else walk_index.max()
            group -= 1
        if size == 0:
            count = remove_before(search, np.full(1, _LAST), -1, order, count, status)
            break
        size, num_here, beyond = collect(rows, size, walk_index, level)
        if num_here > 0:
            count = match_far_above(search, rows, num_here, level, order, count, status)
            for upper in range(level + 3, level - 1, -1):
                count = match(search, rows, num_here, (level, upper), order, count, status)
            for place in rows.here[:num_here]:
                u, v = rows.active.ends[place]
                if u != GONE:
                    beyond = max(beyond, min(walk_index[u], walk_index[v]))
        level = beyond
    return order
