"""The walk indices that go with an edge, in a directed or undirected graph that loses edges."""

from typing import NamedTuple, no_type_check

import numpy as np
from numba import njit

from jwi.graph.adjacency import arcs_by_vertex


class WalkGraph(NamedTuple):
    """A graph that loses edges, and room for what is found about one of them.

    Attributes:
        depth: L.
        tails: int32[A], where each arc starts; the arcs of an edge are E places apart.
        heads: int32[A], where it ends.
        forward: starts, heads and edge ids of the arcs by tail.
        backward: starts, tails and edge ids of the arcs by head.
        in_degree: int64[n], without self-loops.
        gone: bool[E], which edges are removed.
        local: int32[n], all −1 before and after, the place of a vertex in `around`.
        distance: int32[n], all −1 before and after.
        around: int32[n], some vertices.
        layers: int32[n], the vertices of a breadth-first search.
        joined: int32[A], the arcs among `around`.
        joined_starts: int64[n + 1], where those of each vertex start.
        arriving: uint64[L, n], numbers of walks by their length.
        returning: uint64[L, n], the same.
        lost: uint64[n], the losses of `around`.
    """

    depth: int
    tails: np.ndarray
    heads: np.ndarray
    forward: tuple[np.ndarray, np.ndarray, np.ndarray]
    backward: tuple[np.ndarray, np.ndarray, np.ndarray]
    in_degree: np.ndarray
    gone: np.ndarray
    local: np.ndarray
    distance: np.ndarray
    around: np.ndarray
    layers: np.ndarray
    joined: np.ndarray
    joined_starts: np.ndarray
    arriving: np.ndarray
    returning: np.ndarray
    lost: np.ndarray


def walk_graph(edges: np.ndarray, num_vertices: int, depth: int, *, undirected: bool) -> WalkGraph:
    """The graph of the edges int32[E, 2]."""
    n, ids = num_vertices, np.arange(len(edges), dtype=np.int32)
    tails, heads = edges[:, 0].copy(), edges[:, 1].copy()
    if undirected:
        ids = np.append(ids, ids)
        tails, heads = np.append(tails, heads), np.append(heads, tails)
    backward = arcs_by_vertex(heads, tails, ids, n)
    return WalkGraph(
        depth,
        tails,
        heads,
        forward=arcs_by_vertex(tails, heads, ids, n),
        backward=backward,
        in_degree=np.diff(backward[0]),
        gone=np.zeros(len(edges), bool),
        local=np.full(n, -1, np.int32),
        distance=np.full(n, -1, np.int32),
        around=np.empty(n, np.int32),
        layers=np.empty(n, np.int32),
        joined=np.empty(len(ids), np.int32),
        joined_starts=np.empty(n + 1, np.int64),
        arriving=np.empty((depth, n), np.uint64),
        returning=np.empty((depth, n), np.uint64),
        lost=np.empty(n, np.uint64),
    )


@njit(cache=True)
@no_type_check
def find_losses(graph, edge):
    """By how much walk indices WI_{L−1, t}({t}) of vertices t fall when an edge goes.

    WI_{L−1, t}({t}) = (A^L)_tt, less the one walk that only stands still if no other vertex has an
    edge into t. A closed walk of length L from t that is lost reaches the tail x of one of the
    edge's arcs x → y in i steps without the edge, crosses, and returns from y in L − 1 − i steps
    with it or without.

    Sums are taken modulo 2^64: a loss is at most its walk index, so it is exact if that fits.

    Args:
        graph: a `WalkGraph`.
        edge: its id.

    Returns:
        How many vertices `graph.around` and `graph.lost` have: those of all closed walks of length
        L through the edge, and more.
    """
    count = _look_around(graph, edge)
    _join(graph, count, edge)
    lost = graph.lost
    lost[:count] = 0
    for arc in range(edge, len(graph.tails), len(graph.gone)):
        _walk_to(graph, count, graph.tails[arc])
        _walk_from(graph, count, graph.heads[arc])
        for steps in range(graph.depth):
            back = graph.depth - 1 - steps
            for place in range(count):
                lost[place] += graph.arriving[steps, place] * graph.returning[back, place]
    for arc in range(edge, len(graph.tails), len(graph.gone)):
        if graph.in_degree[graph.heads[arc]] == 1:
            lost[graph.local[graph.heads[arc]]] += np.uint64(1)
    for vertex in graph.around[:count]:
        graph.local[vertex] = -1
    return count


@njit(cache=True)
@no_type_check
def remove_edge(graph, walk_index, edge, count):
    """Takes an edge out of the graph.

    Args:
        graph: a `WalkGraph`.
        walk_index: int64[n], of the vertices, which falls.
        edge: its id.
        count: what `find_losses` has returned for it, with nothing found since.
    """
    for place in range(count):
        walk_index[graph.around[place]] -= np.int64(graph.lost[place])
    graph.gone[edge] = True
    for arc in range(edge, len(graph.heads), len(graph.gone)):
        graph.in_degree[graph.heads[arc]] -= 1


@njit(cache=True)
@no_type_check
def edges_among(graph, count, found):
    """The edges that join two of the first vertices of `graph.around`, each once.

    Args:
        graph: a `WalkGraph`.
        count: how many vertices.
        found: int32[E], receives the ids.

    Returns:
        How many ids there are.
    """
    starts, to, ids = graph.forward
    for vertex in graph.around[:count]:
        graph.local[vertex] = 0
    num_found = 0
    for vertex in graph.around[:count]:
        for place in range(starts[vertex], starts[vertex + 1]):
            # Of two arcs of one edge, the first stands for both.
            is_first = graph.tails[ids[place]] == vertex
            if is_first and graph.local[to[place]] >= 0 and not graph.gone[ids[place]]:
                found[num_found] = ids[place]
                num_found += 1
    for vertex in graph.around[:count]:
        graph.local[vertex] = -1
    return num_found


@njit(cache=True)
@no_type_check
def _look_around(graph, edge):
    """Fills `around` with the vertices that a closed walk of length L through an edge can pass.

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
    """Adds the vertices within some steps of a vertex to `around`; returns how many there are."""
    starts, to, ids = arcs
    layers, distance = graph.layers, graph.distance
    layers[0], distance[start] = start, 0
    size, done = 1, 0
    while done < size and distance[layers[done]] < radius:
        vertex = layers[done]
        done += 1
        for place in range(starts[vertex], starts[vertex + 1]):
            if not graph.gone[ids[place]] and distance[to[place]] < 0:
                distance[to[place]] = distance[vertex] + 1
                layers[size] = to[place]
                size += 1
    for vertex in layers[:size]:
        distance[vertex] = -1
        if graph.local[vertex] < 0:
            graph.local[vertex] = count
            graph.around[count] = vertex
            count += 1
    return count


@njit(cache=True)
@no_type_check
def _join(graph, count, edge):
    """Fills `joined` with the arcs among the vertices around an edge, those of the edge negated."""
    starts, to, ids = graph.forward
    size = 0
    for here in range(count):
        graph.joined_starts[here] = size
        vertex = graph.around[here]
        for place in range(starts[vertex], starts[vertex + 1]):
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
        walks[steps, :count] = walks[steps - 1, :count]
        for here in range(count):
            total = walks[steps - 1, here]
            if total > 0:
                for there in graph.joined[starts[here] : starts[here + 1]]:
                    walks[steps, there if there >= 0 else ~there] += total
