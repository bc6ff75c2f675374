"""3-WIS: the removal order of Walk Index Sparsification for networks of depth 4."""

from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Int32
from numba import njit

from jwi.order.wis.four_walks import find_losses, four_walks, remove_edge
from jwi.order.wis.queue import (
    compare,
    delete,
    empty_queue,
    encode,
    has_key,
    insert,
    same_key,
    set_key,
    sift,
)
from jwi.progress import DONE, FEW_EDGES, STOP, Progress, run_watched

# Edges at one vertex have much of their signatures in common, so keys are longer than at depth 3.
_KEY = 8


class _Scratch(NamedTuple):
    """Room for what is found about one edge.

    Attributes:
        values: int64[2 k], what becomes a signature, for k losses.
        codes: int64[2 k], the signature's codes.
        near: int32[k], edges next to it.
        loss_of: int64[n], all 0 before and after, losses by vertex.
    """

    values: np.ndarray
    codes: np.ndarray
    near: np.ndarray
    loss_of: np.ndarray


def remove_by_squares(
    edges: np.ndarray, walks: np.ndarray, num_removed: int, progress: Progress | None = None
) -> Int32[np.ndarray, " N"]:
    """The first `num_removed` rows of `edges`, int32[E, 2], of an undirected graph, to go.

    Args:
        edges: the edges.
        walks: int64[n], the closed walks of length 4 at each vertex, self-loops added.
        num_removed: how many edges to remove.
        progress: see `run_watched`.
    """
    graph = four_walks(edges, walks)
    most = len(graph.losses)
    scratch = _Scratch(
        values=np.empty(2 * most, np.int64),
        codes=np.empty(2 * most, np.int64),
        near=np.empty(most, np.int32),
        loss_of=np.zeros(len(walks), np.int64),
    )
    queue = empty_queue(len(edges), _KEY)
    return run_watched(
        _remove,
        (graph, scratch, queue, num_removed),
        num_removed,
        progress,
        quick=len(edges) < FEW_EDGES,
    )


@njit(cache=True, nogil=True)
@no_type_check
def _remove(graph, scratch, queue, num_removed, watch):
    """The first `num_removed` edges to go.

    The search is lazy, as in `remove_by_definition`: signatures only grow, but for some of the
    edges that share an end with the removed one, which `_reconsider` finds. The heap has the edges
    by the first codes of their signatures; where these are equal and there are more, the whole
    signatures decide.

    Args:
        graph: a `FourWalks`, which loses its edges.
        scratch: a `_Scratch`.
        queue: an empty `EdgeQueue`.
        num_removed: how many edges to remove.
        watch: see `run_watched`.
    """
    order, count = np.empty(num_removed, np.int32), 0
    for edge in range(len(graph.edges)):
        if watch[STOP]:
            return order
        set_key(queue, edge, scratch.codes[: _evaluate(graph, scratch, edge)])
        insert(queue, edge)
    while count < num_removed and not watch[STOP]:
        edge = queue.heap[0]
        length = _evaluate(graph, scratch, edge)
        if not has_key(queue, edge, scratch.codes[:length]):
            set_key(queue, edge, scratch.codes[:length])
            sift(queue, edge)
            continue
        delete(queue, edge)
        if length > queue.keys.shape[1]:
            edge = _break_tie(graph, scratch, queue, edge, length)
        order[count] = edge
        count += 1
        watch[DONE] = count
        _reconsider(graph, scratch, queue, edge, remove_edge(graph, edge))
    return order


@njit(cache=True)
@no_type_check
def _evaluate(graph, scratch, edge):
    """Codes an edge's signature into `scratch.codes`; returns its length."""
    count = find_losses(graph, edge)
    for place in range(count):
        value = graph.walk_index[graph.vertices[place]]
        # The last bit tells new values from old ones.
        scratch.values[2 * place] = 2 * value
        scratch.values[2 * place + 1] = 2 * (value - graph.losses[place]) + 1
    return encode(scratch.values[: 2 * count], scratch.codes)


@njit(cache=True)
@no_type_check
def _break_tie(graph, scratch, queue, edge, length):
    """The next edge to go, of those that share their first codes with one out of the heap."""
    best = scratch.codes[:length].copy()
    others = [edge for _ in range(0)]
    while queue.size[0] > 0 and same_key(queue, queue.heap[0], edge):
        other = queue.heap[0]
        codes = scratch.codes[: _evaluate(graph, scratch, other)]
        if not has_key(queue, other, codes):
            set_key(queue, other, codes)
            sift(queue, other)
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
def _reconsider(graph, scratch, queue, removed, count):
    """Renews the edges whose signatures may have become smaller with the removal of an edge.

    Let f be the removed edge and e another. A vertex t that e changes, with f and without, and f,
    with e and without, falls with e to a lower place than before, from one not higher: its part of
    the signature grows. There are other parts only if e = {u, x} and f = {u, w} make no triangle:
    e changes w no more, which takes one from the place to which w fell; and f changes x no more
    once e is gone, which moves the place that x leaves down to the present one. Where e changes a
    neighbor of u, it falls by 1 or more from its present place. If one of these new places is lower
    than those two, the signature has grown. By e, w fell as far as x did by f. (Derived.)

    Args:
        graph: a `FourWalks`, without the edge, and with the losses that it has caused.
        scratch: a `_Scratch`.
        queue: the `EdgeQueue`.
        removed: the edge.
        count: how many losses there are.
    """
    num_near = 0
    loss_of = scratch.loss_of
    for place in range(count):
        loss_of[graph.vertices[place]] = graph.losses[place]
    _forget_common(graph, scratch, removed)
    for side in range(2):
        here, there = graph.edges[removed, side], graph.edges[removed, 1 - side]
        before = graph.walk_index[there] + loss_of[there]
        weakest, least, second = _lowest_around(graph, here)
        for arc in range(graph.starts[here], graph.starts[here] + graph.degree[here]):
            x = graph.neighbors[arc]
            limit = min(before - loss_of[x], graph.walk_index[x])
            if loss_of[x] > 0 and (second if x == weakest else least) - 1 >= limit:
                scratch.near[num_near] = graph.ids[arc]
                num_near += 1
    for vertex in graph.vertices[:count]:
        loss_of[vertex] = 0
    for edge in scratch.near[:num_near]:
        set_key(queue, edge, scratch.codes[: _evaluate(graph, scratch, edge)])
        sift(queue, edge)


@njit(cache=True)
@no_type_check
def _forget_common(graph, scratch, removed):
    """Sets the losses in `scratch.loss_of` to 0 where a vertex is next to both ends."""
    loss_of, starts, degree = scratch.loss_of, graph.starts, graph.degree
    u, v = graph.edges[removed]
    for x in graph.neighbors[starts[u] : starts[u] + degree[u]]:
        loss_of[x] = -loss_of[x]
    for x in graph.neighbors[starts[v] : starts[v] + degree[v]]:
        loss_of[x] = max(loss_of[x], 0)
    for x in graph.neighbors[starts[u] : starts[u] + degree[u]]:
        loss_of[x] = -loss_of[x]


@njit(cache=True)
@no_type_check
def _lowest_around(graph, vertex):
    """The neighbor of the lowest walk index, this index, and the lowest of the others."""
    weakest, least, second = -1, np.int64(2**62), np.int64(2**62)
    for arc in range(graph.starts[vertex], graph.starts[vertex] + graph.degree[vertex]):
        value = graph.walk_index[graph.neighbors[arc]]
        if value < least:
            weakest, least, second = graph.neighbors[arc], value, least
        else:
            second = min(second, value)
    return weakest, least, second
