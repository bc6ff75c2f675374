"""An undirected graph that loses edges, with its triangles, which decide walk indices at depth 3.

A vertex of degree d > 0 in τ triangles has the walk index 1 + 3 d + 2 τ, an isolated one 0. An edge
in c triangles takes 2 c + 3 from both its ends, or all 4 where it is the last one, and 2 from the
third vertex of each triangle. (Derived.)
"""

from typing import NamedTuple, no_type_check

import numpy as np
from numba import njit

from jwi.graph.adjacency import sorted_arcs_by_vertex
from jwi.order.wis.signatures import encode, read_changes
from jwi.walks.triangles import count_triangles

# Arcs that are looked at one by one, before strides double.
_NEAR = 8


class Triangulation(NamedTuple):
    """The graph, and memory for the drops and triangles of one edge.

    Attributes:
        edges: int32[E, 2].
        gone: bool[E], which edges are removed.
        triangles: int64[E], in how many triangles each edge is.
        walk_index: int64[n], of the vertices.
        degree: int64[n], other edges included.
        num_arcs: int64[n], how many of the edges are left at each vertex.
        starts: int64[n], where the arcs at each vertex start.
        ends: int64[n], where they end.
        arcs: int32[2E, 2], the other end of each arc, rising at each vertex, and its edge.
        vertices: int32[c + 2], the ends of an edge, then the third vertices of its triangles.
        sides: int32[c, 2], the two other edges of each triangle.
        drops: int64[c + 2], by how much the walk indices of the vertices fall with the edge.
        lowest_sides: int32[E, 2], the sides of the triangle whose third vertex was the lowest when
            an edge's signature was last found; −1 before.
    """

    edges: np.ndarray
    gone: np.ndarray
    triangles: np.ndarray
    walk_index: np.ndarray
    degree: np.ndarray
    num_arcs: np.ndarray
    starts: np.ndarray
    ends: np.ndarray
    arcs: np.ndarray
    vertices: np.ndarray
    sides: np.ndarray
    drops: np.ndarray
    lowest_sides: np.ndarray


def triangulate(edges: np.ndarray, num_vertices: int) -> Triangulation:
    """The graph of the edges int32[E, 2]."""
    degree = np.bincount(edges.ravel(), minlength=num_vertices)
    return triangulation(edges, count_triangles(edges, degree), degree)


def triangulation(edges: np.ndarray, triangles: np.ndarray, degree: np.ndarray) -> Triangulation:
    """The graph of some edges, int32[E, 2], with so many triangles, int64[E].

    Other edges, which are in no triangle, count in the degrees int64[n] alone.
    """
    num_edges, num_vertices = len(edges), len(degree)
    at, to = np.append(edges[:, 0], edges[:, 1]), np.append(edges[:, 1], edges[:, 0])
    ids = np.tile(np.arange(num_edges, dtype=np.int32), 2)
    starts, neighbors, ids = sorted_arcs_by_vertex(at, to, ids, num_vertices)
    walk_index = np.where(degree > 0, 1 + 3 * degree, 0)
    for side in range(2):
        # A triangle of a vertex counts at two of the vertex's edges, so 2 τ is their sum.
        np.add.at(walk_index, edges[:, side], triangles)
    most = int(triangles.max(initial=0)) + 2
    return Triangulation(
        edges,
        np.zeros(num_edges, bool),
        triangles,
        walk_index,
        degree,
        np.diff(starts),
        starts[:-1].copy(),
        starts[1:].copy(),
        np.stack([neighbors, ids], axis=1),
        vertices=np.empty(most, np.int32),
        sides=np.empty((most, 2), np.int32),
        drops=np.empty(most, np.int64),
        lowest_sides=np.full((num_edges, 2), -1, np.int32),
    )


@njit(cache=True)
@no_type_check
def index_without(graph, vertex, triangles):
    """The walk index of a vertex without one of its edges, which is in so many triangles."""
    return graph.walk_index[vertex] - 2 * triangles - 3 if graph.degree[vertex] > 1 else 0


@njit(cache=True)
@no_type_check
def find_signature(graph, scratch, edge, hub):
    """The codes of an edge's signature, which the next call overwrites.

    Args:
        graph: A `Triangulation`.
        scratch: A `Scratch`.
        edge: Its id.
        hub: An end of the edge, and the change of this vertex is left out; −1 to leave out nothing.
    """
    count = find_drops(graph, edge)
    _keep_lowest_sides(graph, edge)
    for side in range(2):
        if graph.vertices[side] == hub:
            graph.drops[side] = 0
    size = read_changes(graph, count, scratch)
    return scratch.codes[: encode(scratch.old[:size], scratch.new[:size], scratch.codes)]


@njit(cache=True)
@no_type_check
def _keep_lowest_sides(graph, edge):
    """Keeps the triangle whose third vertex is the lowest; the edge's triangles were just found."""
    lowest = np.iinfo(np.int64).max
    for place in range(graph.triangles[edge]):
        index = graph.walk_index[graph.vertices[2 + place]]
        if index < lowest:
            lowest = index
            graph.lowest_sides[edge, 0], graph.lowest_sides[edge, 1] = graph.sides[place]


@njit(cache=True)
@no_type_check
def find_drops(graph, edge):
    """Finds by how much walk indices fall when an edge goes, and the edge's triangles.

    Args:
        graph: A `Triangulation`.
        edge: Its id.

    Returns:
        How many vertices `graph.vertices` and `graph.drops` have.
    """
    count = graph.triangles[edge]
    for side in range(2):
        vertex = graph.edges[edge, side]
        graph.vertices[side] = vertex
        graph.drops[side] = graph.walk_index[vertex] - index_without(graph, vertex, count)
    if count > 0:
        _find_triangles(graph, edge)
        graph.drops[2 : 2 + count] = 2
    return 2 + count


@njit(cache=True)
@no_type_check
def _find_triangles(graph, edge):
    """Fills `sides`, and `vertices` from the third place on."""
    arcs, gone, num_triangles = graph.arcs, graph.gone, graph.triangles[edge]
    u, v = graph.edges[edge]
    # The shorter list is walked through, the longer one is searched.
    if graph.ends[u] - graph.starts[u] > graph.ends[v] - graph.starts[v]:
        u, v = v, u
    here, end, count = graph.starts[v], graph.ends[v], 0
    for place in range(graph.starts[u], graph.ends[u]):
        # Both lists rise, so the search goes on from where it was.
        here = _seek(arcs, arcs[place, 0], here, end)
        if here == end:
            break
        if arcs[here, 0] == arcs[place, 0]:
            one, other = arcs[place, 1], arcs[here, 1]
            if not gone[one] and not gone[other]:
                graph.vertices[2 + count] = arcs[place, 0]
                graph.sides[count, 0], graph.sides[count, 1] = one, other
                count += 1
                if count == num_triangles:
                    break


@njit(cache=True)
@no_type_check
def _seek(arcs, vertex, start, end):
    """The first arc from `start` on, up to `end`, that does not lead to less than a vertex.

    It is nearly always one of the next few in lists of equal length, and may be far off in the list
    of a hub: there strides double until they pass it.
    """
    near = min(end, start + _NEAR)
    while start < near and arcs[start, 0] < vertex:
        start += 1
    if start < near or start == end:
        return start
    stride = 1
    while start + stride < end and arcs[start + stride, 0] < vertex:
        start += stride
        stride *= 2
    # The arc is now within the last stride: halve it.
    end = min(end, start + stride + 1)
    while start < end:
        middle = (start + end) // 2
        if arcs[middle, 0] < vertex:
            start = middle + 1
        else:
            end = middle
    return start


@njit(cache=True)
@no_type_check
def remove_edge(graph, edge, count):
    """Takes an edge out of the graph.

    Args:
        graph: A `Triangulation`.
        edge: Its id.
        count: What `find_drops` has returned for it, with nothing found since.
    """
    for place in range(count):
        graph.walk_index[graph.vertices[place]] -= graph.drops[place]
    graph.gone[edge] = True
    # After the two ends, each vertex stands for a triangle that is gone.
    for place in range(count - 2):
        graph.triangles[graph.sides[place, 0]] -= 1
        graph.triangles[graph.sides[place, 1]] -= 1
    for side in range(2):
        graph.degree[graph.edges[edge, side]] -= 1
        graph.num_arcs[graph.edges[edge, side]] -= 1
        _close_up(graph, graph.edges[edge, side])


@njit(cache=True)
@no_type_check
def _close_up(graph, vertex):
    """Drops a vertex's removed arcs when a third of its arcs is removed, which pays for the work.

    Until then they stay in their places, so that removing an edge takes no search.
    """
    starts, ends, arcs, gone = graph.starts, graph.ends, graph.arcs, graph.gone
    # Edges of low ids, and neighbors of low numbers, often go first: dropping these moves no arc.
    while starts[vertex] < ends[vertex] and gone[arcs[starts[vertex], 1]]:
        starts[vertex] += 1
    if 2 * (ends[vertex] - starts[vertex]) <= 3 * graph.num_arcs[vertex]:
        return
    end = starts[vertex]
    for place in range(starts[vertex], ends[vertex]):
        if not gone[arcs[place, 1]]:
            arcs[end] = arcs[place]
            end += 1
    ends[vertex] = end
