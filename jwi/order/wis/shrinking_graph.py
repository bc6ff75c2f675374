"""A directed or undirected graph that loses edges, and the walk indices that fall with each.

The graphs of special depths, `Triangulation` and `FourWalks`, have the same interface: `find_drops`
finds the vertices whose walk indices fall with an edge, and `remove_edge` takes the edge out. Each
keeps other arrays, which make it many times faster than this graph of any depth.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from numba import njit

from jwi.graph.adjacency import arcs_by_vertex


class WalkGraph(NamedTuple):
    """A graph that loses edges, and memory for the drops of one edge.

    Attributes:
        depth: L.
        tails: int32[A], where each arc starts; the arcs of an edge are E places apart.
        heads: int32[A], where it ends.
        forward: Starts, heads and edge ids of the arcs by tail.
        backward: Starts, tails and edge ids of the arcs by head.
        in_degree: int64[n], without self-loops.
        walk_index: int64[n], of the vertices.
        gone: bool[E], which edges are removed.
        vertices: int32[n], the vertices near an edge.
        drops: int64[n], by how much their walk indices fall with it.
        local: int32[n], all −1 before and after, the place of a vertex in `vertices`.
        distance: int32[n], all −1 before and after.
        layers: int32[n], the vertices of a breadth-first search.
        joined: int32[A], the arcs among `vertices`.
        joined_starts: int64[n + 1], where the arcs of each vertex start in `joined`.
        arriving: uint64[L, n], numbers of walks by their length.
        returning: uint64[L, n], the same.
    """

    depth: int
    tails: np.ndarray
    heads: np.ndarray
    forward: tuple[np.ndarray, np.ndarray, np.ndarray]
    backward: tuple[np.ndarray, np.ndarray, np.ndarray]
    in_degree: np.ndarray
    walk_index: np.ndarray
    gone: np.ndarray
    vertices: np.ndarray
    drops: np.ndarray
    local: np.ndarray
    distance: np.ndarray
    layers: np.ndarray
    joined: np.ndarray
    joined_starts: np.ndarray
    arriving: np.ndarray
    returning: np.ndarray


def walk_graph(
    edges: np.ndarray, walks: np.ndarray, depth: int, *, undirected: bool, num_absent: int = 0
) -> WalkGraph:
    """A graph of edges.

    Args:
        edges: int32[E, 2].
        walks: int64[n], the closed walks of length `depth` at each vertex, self-loops added.
        depth: L.
        undirected: Whether edges can be walked both ways.
        num_absent: How many edges, the last ones, are not there and may be added; `walks` do not
            pass them.
    """
    n, ids = len(walks), np.arange(len(edges), dtype=np.int32)
    tails, heads = edges[:, 0].copy(), edges[:, 1].copy()
    if undirected:
        ids = np.append(ids, ids)
        tails, heads = np.append(tails, heads), np.append(heads, tails)
    gone = np.arange(len(edges)) >= len(edges) - num_absent
    in_degree = np.bincount(heads[~gone[ids]], minlength=n)
    return WalkGraph(
        depth,
        tails,
        heads,
        forward=arcs_by_vertex(tails, heads, ids, n),
        backward=arcs_by_vertex(heads, tails, ids, n),
        in_degree=in_degree,
        # Without an edge into it, a vertex has one closed walk, and the walk index 0.
        walk_index=walks - (in_degree == 0),
        gone=gone,
        vertices=np.empty(n, np.int32),
        drops=np.empty(n, np.int64),
        local=np.full(n, -1, np.int32),
        distance=np.full(n, -1, np.int32),
        layers=np.empty(n, np.int32),
        joined=np.empty(len(ids), np.int32),
        joined_starts=np.empty(n + 1, np.int64),
        arriving=np.empty((depth, n), np.uint64),
        returning=np.empty((depth, n), np.uint64),
    )


@njit(cache=True)
@no_type_check
def find_drops(graph, edge):
    """By how much walk indices WI_{L−1, t}({t}) of vertices t fall when an edge goes.

    WI_{L−1, t}({t}) = (A^L)_tt, less the one walk that only stands still if no other vertex has an
    edge into t. A closed walk of length L from t that is lost reaches the tail x of one of the
    edge's arcs x → y in i steps without the edge, crosses, and returns from y in L − 1 − i steps
    with it or without.

    Args:
        graph: A `WalkGraph`.
        edge: Its id.

    Returns:
        How many vertices `graph.vertices` and `graph.drops` have: all vertices of closed walks of
        length L through the edge, and more.
    """
    count = _look_around(graph, edge)
    _join(graph, count, edge)
    drops = graph.drops
    drops[:count] = 0
    # An undirected edge has two arcs: a lost walk counts at the arc that it crosses first.
    for arc in range(edge, len(graph.tails), len(graph.gone)):
        _walk_to(graph, count, graph.tails[arc])
        _walk_from(graph, count, graph.heads[arc])
        # Sums are modulo 2^64: a drop is at most its walk index, so it is exact if that fits.
        for steps in range(graph.depth):
            back = graph.depth - 1 - steps
            for place in range(count):
                lost = graph.arriving[steps, place] * graph.returning[back, place]
                drops[place] += np.int64(lost)
    for arc in range(edge, len(graph.tails), len(graph.gone)):
        # The last arc into a vertex takes the walk that only stands still with it.
        if graph.in_degree[graph.heads[arc]] == 1:
            drops[graph.local[graph.heads[arc]]] += 1
    for vertex in graph.vertices[:count]:
        graph.local[vertex] = -1
    return count


@njit(cache=True)
@no_type_check
def remove_edge(graph, edge, count):
    """Takes an edge out of the graph.

    Args:
        graph: A `WalkGraph`.
        edge: Its id.
        count: What `find_drops` has returned for it, with nothing found since.
    """
    for place in range(count):
        graph.walk_index[graph.vertices[place]] -= graph.drops[place]
    switch(graph, edge, True)


@njit(cache=True)
@no_type_check
def switch(graph, edge, off):
    """Takes an edge out of the graph, or puts it in, and leaves walk indices as they are."""
    graph.gone[edge] = off
    for arc in range(edge, len(graph.heads), len(graph.gone)):
        graph.in_degree[graph.heads[arc]] += -1 if off else 1


@njit(cache=True)
@no_type_check
def edges_among(graph, count, found):
    """The edges that join two of the first vertices of `graph.vertices`, each once.

    Args:
        graph: A `WalkGraph`.
        count: How many vertices.
        found: int32[E], receives the ids.

    Returns:
        How many ids there are.
    """
    starts, to, ids = graph.forward
    for vertex in graph.vertices[:count]:
        graph.local[vertex] = 0
    num_found = 0
    for vertex in graph.vertices[:count]:
        for place in range(starts[vertex], starts[vertex + 1]):
            # Of two arcs of one edge, the first stands for both.
            is_first = graph.tails[ids[place]] == vertex
            if is_first and graph.local[to[place]] >= 0 and not graph.gone[ids[place]]:
                found[num_found] = ids[place]
                num_found += 1
    for vertex in graph.vertices[:count]:
        graph.local[vertex] = -1
    return num_found


@njit(cache=True)
@no_type_check
def _look_around(graph, edge):
    """Fills `vertices` with the vertices that a closed walk of length L through an edge can pass.

    One that it passes k steps after an arc is within k steps from the arc's head, and within
    L − 1 − k steps from its tail, backwards; one of the two is at most (L − 1) / 2.
    """
    count = 0
    for arc in range(edge, len(graph.tails), len(graph.gone)):
        count = _grow(graph, graph.forward, graph.heads[arc], (graph.depth - 1) // 2, count)
        if graph.depth > 1:
            count = _grow(graph, graph.backward, graph.tails[arc], (graph.depth - 2) // 2, count)
    return count


@njit(cache=True)
@no_type_check
def _grow(graph, arcs, start, radius, count):
    """Adds the vertices within some steps of a vertex to `vertices`; returns how many there are."""
    starts, to, ids = arcs
    layers, distance = graph.layers, graph.distance
    layers[0], distance[start] = start, 0
    size, done = 1, 0
    # `layers` is the queue of the search: vertices up to `done` have been expanded.
    while done < size and distance[layers[done]] < radius:
        vertex = layers[done]
        done += 1
        for place in range(starts[vertex], starts[vertex + 1]):
            if not graph.gone[ids[place]] and distance[to[place]] < 0:
                distance[to[place]] = distance[vertex] + 1
                layers[size] = to[place]
                size += 1
    # Only reached vertices are cleared: clearing all n would cost n² in total.
    for vertex in layers[:size]:
        distance[vertex] = -1
        if graph.local[vertex] < 0:
            graph.local[vertex] = count
            graph.vertices[count] = vertex
            count += 1
    return count


@njit(cache=True)
@no_type_check
def _join(graph, count, edge):
    """Fills `joined` with the arcs among `vertices`; the arcs of the edge itself are negated."""
    starts, to, ids = graph.forward
    size = 0
    for here in range(count):
        graph.joined_starts[here] = size
        vertex = graph.vertices[here]
        for place in range(starts[vertex], starts[vertex + 1]):
            # Arcs are kept by local places, so that the walks' loops need no look-up.
            there = graph.local[to[place]]
            if there >= 0 and not graph.gone[ids[place]]:
                graph.joined[size] = ~there if ids[place] == edge else there
                size += 1
    graph.joined_starts[count] = size


@njit(cache=True)
@no_type_check
def _walk_to(graph, count, end):
    """Counts the walks from each vertex around to `end` without the edge, by length."""
    walks, starts = graph.arriving, graph.joined_starts
    walks[0, :count] = 0
    if graph.local[end] >= 0:
        walks[0, graph.local[end]] = 1
    for steps in range(1, graph.depth):
        for here in range(count):
            # The self-loop gives the first term; negated arcs are the edge's own.
            total = walks[steps - 1, here]
            for there in graph.joined[starts[here] : starts[here + 1]]:
                if there >= 0:
                    total += walks[steps - 1, there]
            walks[steps, here] = total


@njit(cache=True)
@no_type_check
def _walk_from(graph, count, start):
    """Counts the walks from `start` to each vertex around, with the edge or without, by length."""
    walks, starts = graph.returning, graph.joined_starts
    walks[0, :count] = 0
    walks[0, graph.local[start]] = 1
    for steps in range(1, graph.depth):
        # All vertices keep their count, by the self-loop, before arcs spread it.
        walks[steps, :count] = walks[steps - 1, :count]
        for here in range(count):
            total = walks[steps - 1, here]
            if total > 0:
                for there in graph.joined[starts[here] : starts[here + 1]]:
                    walks[steps, there if there >= 0 else ~there] += total
