"""2-WIS: the removal order of Walk Index Sparsification for networks of depth 3."""

from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Int32
from numba import njit

from jwi.order.edge_queue import (
    KEY,
    compare,
    delete,
    edge_queue,
    encode,
    has_key,
    insert,
    lowest,
    same_key,
    set_key,
    set_least_key,
    sift,
    wait,
)
from jwi.order.triangles import find_triangles, remove_edge, triangulate
from jwi.watched import DONE, FEW_EDGES, STOP, Progress, run_watched


def remove_by_triangles(
    edges: np.ndarray, num_vertices: int, num_removed: int, progress: Progress | None = None
) -> Int32[np.ndarray, " N"]:
    """The first `num_removed` rows of `edges`, int32[E, 2], of an undirected graph, to go.

    A vertex of degree d > 0 in τ triangles has the walk index 1 + 3 d + 2 τ, an isolated one 0. An
    edge in c triangles takes 2 c + 3 from both its ends, or all 4 where it is the last one, and 2
    from the third vertex of each triangle. (Derived.)
    """
    if num_removed == 0:
        return np.zeros(0, np.int32)
    graph = triangulate(edges, num_vertices)
    index = np.where(graph.degree > 0, 1 + 3 * graph.degree, 0)
    for side in range(2):
        np.add.at(index, edges[:, side], graph.triangles)
    most = int(graph.triangles.max()) + 2
    scratch = _Scratch(
        thirds=np.empty(most, np.int32),
        sides=np.empty((most, 2), np.int32),
        values=np.empty(2 * most, np.int64),
        codes=np.empty(2 * most, np.int64),
    )
    drop = 2 * graph.triangles[:, None] + 3
    bounds = np.where(graph.degree[edges] > 1, index[edges] - drop, 0).min(axis=1)
    queue = edge_queue(bounds)
    return run_watched(
        _remove,
        (graph, index, scratch, queue, num_removed),
        num_removed,
        progress,
        quick=len(edges) < FEW_EDGES,
    )


class _Scratch(NamedTuple):
    """Room for what is found about one edge.

    Attributes:
        thirds: int32[c], the third vertices of its triangles.
        sides: int32[c, 2], their other edges.
        values: int64[2 c + 4], what becomes a signature.
        codes: int64[2 c + 4], the signature's codes.
    """

    thirds: np.ndarray
    sides: np.ndarray
    values: np.ndarray
    codes: np.ndarray


@njit(cache=True, nogil=True)
@no_type_check
def _remove(graph, index, scratch, queue, num_removed, watch):
    """The first `num_removed` edges to go.

    The search is lazy, as in `remove_by_definition`: signatures only grow, but for the edges that
    share a closed walk of length 3 with the removed one, the other two of each triangle. What is
    new is where an edge waits. Its signature starts with the lowest walk index that its removal
    causes. While that is below what other edges offer, the edge waits in a bucket, by an upper
    bound of this value. Only the edges of the current bucket are in a heap, by the first codes of
    their signatures; where these are equal and there are more, the whole signatures decide.

    Args:
        graph: a `Triangulation`, which loses its edges.
        index: int64[n], the walk indices of the vertices.
        scratch: a `_Scratch`.
        queue: an `EdgeQueue` of all edges, by `_bound`.
        num_removed: how many edges to remove.
        watch: see `run_watched`.
    """
    order, count = np.empty(num_removed, np.int32), 0
    level = len(queue.first) - 1
    while count < num_removed and not watch[STOP]:
        _refill(graph, index, scratch, queue, level)
        while count < num_removed and _top_is_due(queue, level) and not watch[STOP]:
            edge = queue.heap[0]
            length = _evaluate(graph, index, scratch, edge)
            if not has_key(queue, edge, scratch.codes[:length]):
                _renew(queue, edge, scratch.codes[:length], level)
                continue
            delete(queue, edge)
            if length > KEY:
                edge = _break_tie(graph, index, scratch, queue, edge, length, level)
            order[count] = edge
            count += 1
            watch[DONE] = count
            _remove_edge(graph, index, scratch, queue, edge)
        level -= 1
    return order


@njit(cache=True)
@no_type_check
def _top_is_due(queue, level):
    """Whether the next edge in the heap belongs to the current bucket, as far as is known."""
    if queue.size[0] == 0:
        return False
    return lowest(queue.keys[queue.heap[0], 0]) // queue.width >= level


@njit(cache=True)
@no_type_check
def _without(graph, index, vertex, triangles):
    """The walk index of a vertex without one of its edges, which is in so many triangles."""
    return index[vertex] - 2 * triangles - 3 if graph.degree[vertex] > 1 else 0


@njit(cache=True)
@no_type_check
def _bound(graph, index, edge):
    """An upper bound of the lowest walk index that an edge's removal causes."""
    u, v = graph.edges[edge]
    count = graph.triangles[edge]
    return min(_without(graph, index, u, count), _without(graph, index, v, count))


@njit(cache=True)
@no_type_check
def _evaluate(graph, index, scratch, edge):
    """Codes an edge's signature into `scratch.codes`; returns its length."""
    u, v = graph.edges[edge]
    count = graph.triangles[edge]
    if count > 0:
        find_triangles(graph, edge, scratch.thirds, scratch.sides)
    values = scratch.values
    # The last bit tells new values from old ones.
    values[0], values[1] = 2 * index[u], 2 * _without(graph, index, u, count) + 1
    values[2], values[3] = 2 * index[v], 2 * _without(graph, index, v, count) + 1
    for place in range(count):
        value = index[scratch.thirds[place]]
        values[2 * place + 4], values[2 * place + 5] = 2 * value, 2 * (value - 2) + 1
    return encode(values[: 2 * count + 4], scratch.codes)


@njit(cache=True)
@no_type_check
def _refill(graph, index, scratch, queue, level):
    """Moves the edges that belong there from a bucket into the heap, the others further down."""
    edge, queue.first[level] = queue.first[level], -1
    while edge >= 0:
        upcoming = queue.following[edge]
        queue.bucket_of[edge] = -1
        if not graph.gone[edge] and queue.place_of[edge] < 0:
            bound = _bound(graph, index, edge)
            if bound // queue.width >= level:
                length = _evaluate(graph, index, scratch, edge)
                bound = lowest(scratch.codes[0])
                set_key(queue, edge, scratch.codes[:length])
            if bound // queue.width >= level:
                insert(queue, edge)
            else:
                wait(queue, edge, bound)
        edge = upcoming


@njit(cache=True)
@no_type_check
def _renew(queue, edge, codes, level):
    """Gives an edge in the heap its new place, or a bucket if it belongs there and is in none."""
    if lowest(codes[0]) // queue.width < level and queue.bucket_of[edge] < 0:
        delete(queue, edge)
        wait(queue, edge, lowest(codes[0]))
    else:
        set_key(queue, edge, codes)
        sift(queue, edge)


@njit(cache=True)
@no_type_check
def _break_tie(graph, index, scratch, queue, edge, length, level):
    """The next edge to go, of those that share their first codes with one out of the heap."""
    best = scratch.codes[:length].copy()
    others = [edge for _ in range(0)]
    while queue.size[0] > 0 and same_key(queue, queue.heap[0], edge):
        other = queue.heap[0]
        codes = scratch.codes[: _evaluate(graph, index, scratch, other)]
        if not has_key(queue, other, codes):
            _renew(queue, other, codes, level)
            continue
        delete(queue, other)
        difference = compare(codes, best)
        if difference < 0 or (difference == 0 and other < edge):
            edge, other = other, edge
            best = codes.copy()
        others.append(other)
    for other in others:
        insert(queue, other)
    return edge


@njit(cache=True)
@no_type_check
def _remove_edge(graph, index, scratch, queue, edge):
    """Takes an edge out of the graph, and sees to the other edges of its triangles."""
    triangles = graph.triangles[edge]
    for side in range(2):
        vertex = graph.edges[edge, side]
        index[vertex] = _without(graph, index, vertex, triangles)
    remove_edge(graph, edge, scratch.thirds, scratch.sides)
    for third in scratch.thirds[:triangles]:
        index[third] -= 2
    for place in range(triangles):
        _reconsider(graph, index, queue, scratch.sides[place, 0])
        _reconsider(graph, index, queue, scratch.sides[place, 1])


@njit(cache=True)
@no_type_check
def _reconsider(graph, index, queue, edge):
    """Lets an edge whose signature may have become smaller be evaluated in time."""
    bound = _bound(graph, index, edge)
    if queue.place_of[edge] < 0:
        if queue.bucket_of[edge] < bound // queue.width:
            set_least_key(queue, edge, bound)
            insert(queue, edge)
    else:
        set_least_key(queue, edge, bound)
        sift(queue, edge)
