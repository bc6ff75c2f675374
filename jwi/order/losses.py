"""The walk indices that are lost with an edge."""

from typing import no_type_check

import numpy as np
from numba import njit


@njit(cache=True)
@no_type_check
def losses(edge, arcs, depth, forward, backward, in_degree, gone, local):
    """By how much walk indices WI_{L−1, t}({t}) of vertices t fall when an edge goes.

    WI_{L−1, t}({t}) = (A^L)_tt, less the one walk that only stands still if no other vertex has an
    edge into t. A closed walk of length L from t that is lost reaches the tail x of one of the
    edge's arcs x → y in i steps without the edge, crosses, and returns from y in L − 1 − i steps
    with it or without.

    Sums are taken modulo 2^64: a loss is at most its walk index, so it is exact if that fits.

    Args:
        edge: its id.
        arcs: int32[1 or 2, 2], tail and head of its arcs.
        depth: L.
        forward: the arcs by tail, as `arcs_by_vertex` groups them.
        backward: the arcs by head.
        in_degree: int[n], without self-loops.
        gone: bool[E], the edges that are removed already.
        local: int64[n], all −1, and so again on return.

    Returns:
        int64[k], the vertices of all closed walks of length L through the edge, and more; and
        int64[k], their losses.
    """
    vertices = _around(arcs, depth, forward, backward, gone, local)
    lost = np.zeros(len(vertices), np.uint64)
    for arc in range(len(arcs)):
        arriving = _walks(arcs[arc, 0], depth - 1, backward, gone, edge, vertices, local)
        returning = _walks(arcs[arc, 1], depth - 1, forward, gone, -1, vertices, local)
        for steps in range(depth):
            lost += arriving[steps] * returning[depth - 1 - steps]
    for arc in range(len(arcs)):
        if in_degree[arcs[arc, 1]] == 1:
            lost[local[arcs[arc, 1]]] += np.uint64(1)
    local[vertices] = -1
    return vertices, lost.astype(np.int64)


@njit(cache=True)
@no_type_check
def _around(arcs, depth, forward, backward, gone, local):
    """The vertices that a closed walk of length `depth` through one of the arcs can pass.

    One that it passes k steps after the arc is within k steps from the arc's head, and within
    depth − 1 − k steps from its tail, backwards; one of the two is at most (depth − 1) / 2. `local`
    receives the place of each.
    """
    found = [np.int64(0) for _ in range(0)]
    for arc in range(len(arcs)):
        _grow(arcs[arc, 1], (depth - 1) // 2, forward, gone, found, local)
        if depth > 1:
            _grow(arcs[arc, 0], (depth - 2) // 2, backward, gone, found, local)
    return np.array(found)


@njit(cache=True)
@no_type_check
def _grow(start, radius, adjacency, gone, found, local):
    """Adds what is within some steps of a vertex; what is found already is walked through too."""
    starts, to, ids = adjacency
    seen = {np.int64(start)}
    layer = [np.int64(start)]
    for _ in range(radius):
        following = [np.int64(0) for _ in range(0)]
        for vertex in layer:
            for place in range(starts[vertex], starts[vertex + 1]):
                neighbor = np.int64(to[place])
                if not gone[ids[place]] and neighbor not in seen:
                    seen.add(neighbor)
                    following.append(neighbor)
        for vertex in layer:
            if local[vertex] < 0:
                local[vertex] = len(found)
                found.append(vertex)
        layer = following
    for vertex in layer:
        if local[vertex] < 0:
            local[vertex] = len(found)
            found.append(vertex)


@njit(cache=True)
@no_type_check
def _walks(end, length, adjacency, gone, without, vertices, local):
    """How many walks of each length up to `length` lead from `end` to each of the vertices.

    They pass these vertices alone. uint64[length + 1, k], modulo 2^64.
    """
    starts, to, ids = adjacency
    counts = np.zeros((length + 1, len(vertices)), np.uint64)
    if local[end] < 0:
        return counts
    counts[0, local[end]] = 1
    for steps in range(length):
        for here in range(len(vertices)):
            count = counts[steps, here]
            if count == 0:
                continue
            counts[steps + 1, here] += count
            for place in range(starts[vertices[here]], starts[vertices[here] + 1]):
                there = local[to[place]]
                if there >= 0 and not gone[ids[place]] and ids[place] != without:
                    counts[steps + 1, there] += count
    return counts


@njit(cache=True)
@no_type_check
def edges_among(vertices, forward, gone, local):
    """The ids of the edges that join two of the vertices, each once."""
    starts, to, ids = forward
    local[vertices] = 0
    found = [np.int32(0) for _ in range(0)]
    for vertex in vertices:
        places = range(starts[vertex], starts[vertex + 1])
        found += [ids[p] for p in places if local[to[p]] >= 0 and not gone[ids[p]]]
    local[vertices] = -1
    return np.unique(np.array(found))
