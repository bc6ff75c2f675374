"""Arcs and edges as compiled code wants them.

numba keeps compiled functions on disk and compiles them anew when their own file changes, not when
a function changes that they call from another file: then delete the `__pycache__` folders.
"""

from typing import no_type_check

import numpy as np
from numba import njit


@njit(cache=True)
@no_type_check  # numba types compiled functions itself and cannot see through type checkers.
def arcs_by_vertex(at, to, edge, num_vertices):
    """Groups arcs by the vertex at one end. The arcs of one vertex keep their order.

    Args:
        at: int32[A], the end to group by.
        to: int32[A], the other end.
        edge: int32[A], the edge an arc belongs to.
        num_vertices: n.

    Returns:
        starts int64[n + 1], and `to` and `edge` in the new order: the arcs at vertex v have the
        places from starts[v] up to starts[v + 1], the last one excluded.
    """
    # A counting sort: first the sizes of the groups, one place further on, …
    starts = np.zeros(num_vertices + 1, np.int64)
    for arc in range(len(at)):
        starts[at[arc] + 1] += 1
    # … so that their running sum is where each group starts.
    starts = np.cumsum(starts)
    ends = starts[:-1].copy()
    grouped_to = np.empty(len(at), np.int32)
    grouped_edge = np.empty(len(at), np.int32)
    # Each arc goes to the end of its group, as far as the group is filled.
    for arc in range(len(at)):
        place = ends[at[arc]]
        grouped_to[place] = to[arc]
        grouped_edge[place] = edge[arc]
        ends[at[arc]] = place + 1
    return starts, grouped_to, grouped_edge


@njit(cache=True)
@no_type_check
def sorted_arcs_by_vertex(at, to, edge, num_vertices):
    """Groups arcs as `arcs_by_vertex`, and sorts the arcs of one vertex by their other end."""
    # Sorting is stable: sorted by the other end first, arcs of one vertex stay sorted by it.
    starts, other, edge = arcs_by_vertex(to, at, edge, num_vertices)
    return arcs_by_vertex(other, expand(starts), edge, num_vertices)


@njit(cache=True)
@no_type_check
def expand(starts):
    """The vertex of each arc, int32[A], of arcs that are grouped by vertex."""
    vertices = np.empty(starts[-1], np.int32)
    for vertex in range(len(starts) - 1):
        vertices[starts[vertex] : starts[vertex + 1]] = vertex
    return vertices
