"""Closed walks of length 4 in an undirected graph that loses edges."""

from typing import NamedTuple, no_type_check

import numpy as np
from numba import njit

from jwi.graph.adjacency import arcs_by_vertex


class FourWalks(NamedTuple):
    """An undirected graph that loses edges, and memory for the drops of one edge.

    Attributes:
        edges: int32[E, 2].
        walk_index: int64[n], of the vertices: their closed walks of length 4, 0 if isolated.
        degree: int64[n].
        reach: int64[n], the sum of the neighbors' degrees.
        starts: int64[n], where the arcs at each vertex start; there are as many as its degree.
        neighbors: int32[2E], the other end of each arc.
        ids: int32[2E], its edge.
        paths: int64[n], all 0 before and after: numbers of paths to some vertex.
        vertices: int32[k], the vertices whose walk indices fall with an edge.
        drops: int64[k], by how much.
    """

    edges: np.ndarray
    walk_index: np.ndarray
    degree: np.ndarray
    reach: np.ndarray
    starts: np.ndarray
    neighbors: np.ndarray
    ids: np.ndarray
    paths: np.ndarray
    vertices: np.ndarray
    drops: np.ndarray


def four_walks(edges: np.ndarray, walks: np.ndarray) -> FourWalks:
    """The graph of the edges int32[E, 2], with so many closed walks at each vertex, int64[n]."""
    ids = np.repeat(np.arange(len(edges), dtype=np.int32), 2)
    opposite = np.ascontiguousarray(edges[:, ::-1]).ravel()
    starts, neighbors, ids = arcs_by_vertex(edges.ravel(), opposite, ids, len(walks))
    degree = np.diff(starts)
    reach = np.zeros_like(degree)
    np.add.at(reach, edges.ravel(), degree[opposite])
    most = int(degree[edges].sum(axis=1).max(initial=0))
    return FourWalks(
        edges,
        walk_index=walks - (degree == 0),
        degree=degree,
        reach=reach,
        starts=starts[:-1].copy(),
        neighbors=neighbors,
        ids=ids,
        paths=np.zeros(len(walks), np.int64),
        vertices=np.empty(most, np.int32),
        drops=np.empty(most, np.int64),
    )


@njit(cache=True)
@no_type_check
def find_drops(graph, edge):
    """By how much walk indices fall when an edge goes; returns how many vertices there are.

    With the self-loops, (A⁴)_tt = Σ_j (A²)_tj². Without the edge {u, v}, (A²)_tj falls by 1 for
    t next to u and j = v, and for t next to v and j = u; so t loses 2 (A²)_tv − 1, or
    2 (A²)_tu − 1, or their sum. At u itself (A²)_uj falls by 1 for every j next to v and for j = u,
    and by 2 for j = v, where (A²)_uu = 1 + d_u and (A²)_uv = 2 + c, with c common neighbors: u
    loses as much as the other neighbors of v lose through v, and 2 d_u + 1 + 4 (c + 1). (Derived.)
    """
    paths, neighbors, starts, degree = graph.paths, graph.neighbors, graph.starts, graph.degree
    u, v = graph.edges[edge]
    # The loop over neighbors of neighbors takes the reach of u in time.
    if graph.reach[u] > graph.reach[v]:
        u, v = v, u
    # `paths` counts (A²)_uy for the neighbors y of v, and only for those.
    for y in neighbors[starts[v] : starts[v] + degree[v]]:
        paths[y] = 1  # By way of v; paths by way of the neighbors of u follow.
    paths[u] = 0
    count = common = 0
    for x in neighbors[starts[u] : starts[u] + degree[u]]:
        if x != v:
            paths_to_v = 1  # By way of u.
            for y in neighbors[starts[x] : starts[x] + degree[x]]:
                if paths[y] > 0:
                    paths[y] += 1
                    paths_to_v += 1
            graph.vertices[count], graph.drops[count] = x, 2 * paths_to_v - 1
            count += 1
    drop_u, drop_v = 2 * degree[u] + 1, 2 * degree[v] + 1
    # The second pass knows all paths, and clears the entries of the common neighbors.
    for place in range(count):
        x = graph.vertices[place]
        if paths[x] > 0:
            common += 1
            graph.drops[place] += 4
            drop_u += 2 * paths[x] + 3
        drop_v += graph.drops[place]
        if paths[x] > 0:
            graph.drops[place] += 2 * paths[x] + 3
            paths[x] = 0
    # The neighbors of v alone are left.
    for y in neighbors[starts[v] : starts[v] + degree[v]]:
        if paths[y] > 0:
            graph.vertices[count], graph.drops[count] = y, 2 * paths[y] - 1
            drop_u += 2 * paths[y] - 1
            count += 1
            paths[y] = 0
    # Without edges the walk that only stands still counts no more.
    drop_u += 4 * (common + 1) + (degree[u] == 1)
    drop_v += 4 * (common + 1) + (degree[v] == 1)
    graph.vertices[count], graph.drops[count] = u, drop_u
    graph.vertices[count + 1], graph.drops[count + 1] = v, drop_v
    return count + 2


@njit(cache=True)
@no_type_check
def remove_edge(graph, edge, count):
    """Takes an edge out of the graph.

    Args:
        graph: A `FourWalks`.
        edge: Its id.
        count: What `find_drops` has returned for it, with nothing found since.
    """
    for place in range(count):
        graph.walk_index[graph.vertices[place]] -= graph.drops[place]
    for side in range(2):
        here, there = graph.edges[edge, side], graph.edges[edge, 1 - side]
        graph.reach[here] -= graph.degree[there]
        # The last arc fills the hole: loops over arcs ask of none whether it is gone.
        place, last = graph.starts[here], graph.starts[here] + graph.degree[here] - 1
        while graph.ids[place] != edge:
            place += 1
        graph.neighbors[place], graph.ids[place] = graph.neighbors[last], graph.ids[last]
    # Only now: the reach of each end went down by the other end's degree before the removal.
    for side in range(2):
        here = graph.edges[edge, side]
        graph.degree[here] -= 1
        for arc in range(graph.starts[here], graph.starts[here] + graph.degree[here]):
            graph.reach[graph.neighbors[arc]] -= 1
