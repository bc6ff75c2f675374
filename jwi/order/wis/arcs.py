"""Arcs, grouped by vertex, of an undirected graph that loses edges.

Arcs of removed edges stay in their places for a while, so that removing an edge takes no search.
`FourWalks` removes arcs at once, so that its inner loops need not ask which are gone.
"""

from typing import no_type_check

from numba import njit


@njit(cache=True)
@no_type_check
def close_up(graph, vertex):
    """Drops a vertex's removed arcs when a third of its arcs is removed, which pays for the work.

    Args:
        graph: A graph with bool[E] `gone`, int64[n] `starts` and `ends` of the arcs at each vertex,
            `neighbors` and `ids` of the arcs, and `degree`, the number of arcs that are left.
        vertex: The vertex.
    """
    starts, ends, neighbors, ids = graph.starts, graph.ends, graph.neighbors, graph.ids
    gone = graph.gone
    # Edges of low ids, and neighbors of low numbers, often go first: dropping these moves no arc.
    while starts[vertex] < ends[vertex] and gone[ids[starts[vertex]]]:
        starts[vertex] += 1
    if 2 * (ends[vertex] - starts[vertex]) <= 3 * graph.degree[vertex]:
        return
    end = starts[vertex]
    for place in range(starts[vertex], ends[vertex]):
        if not gone[ids[place]]:
            neighbors[end], ids[end] = neighbors[place], ids[place]
            end += 1
    ends[vertex] = end
