"""3-WIS: the removal order of Walk Index Sparsification for networks of depth 4."""

from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Int32
from numba import njit

from jwi.order.wis.borrowed import borrowed
from jwi.order.wis.four_walks import find_drops, four_walks, remove_edge
from jwi.order.wis.heap import insert, sift
from jwi.order.wis.queue import (
    empty_queue,
    has_key,
    hold,
    set_key,
    settle,
    top_may_go_first,
)
from jwi.order.wis.signatures import encode, read_changes, scratch_for
from jwi.progress import DONE, FEW_EDGES, STOP, Progress, run_with_progress

# Edges at one vertex have much of their signatures in common, so keys are longer than at depth 3.
_KEY = 8


class _Around(NamedTuple):
    """Memory for the surroundings of a removed edge.

    Attributes:
        edges: int32[k], edges that share an end with it.
        drop_of: int64[n], all 0 before and after, drops by vertex.
    """

    edges: np.ndarray
    drop_of: np.ndarray


def remove_by_squares(
    edges: np.ndarray, walks: np.ndarray, num_removed: int, progress: Progress | None = None
) -> Int32[np.ndarray, " N"]:
    """The first `num_removed` rows of `edges`, int32[E, 2], of an undirected graph, to go.

    Args:
        edges: The edges.
        walks: int64[n], the closed walks of length 4 at each vertex, self-loops added.
        num_removed: How many edges to remove.
        progress: See `run_with_progress`.
    """
    graph = four_walks(edges, walks)
    most = len(graph.drops)
    scratch = scratch_for(most)
    around = _Around(np.empty(most, np.int32), np.zeros(len(walks), np.int64))
    heap, ties = empty_queue(len(edges), _KEY, len(scratch.codes))
    return run_with_progress(
        _remove,
        (graph, scratch, around, heap, ties, num_removed),
        num_removed,
        progress,
        quick=len(edges) < FEW_EDGES,
    )


@njit(cache=True, nogil=True)
@no_type_check
def _remove(graph, scratch, around, heap, ties, num_removed, status):
    """The first `num_removed` edges to go.

    The search is lazy, as in `remove_by_definition`: signatures only grow, except for some of the
    edges that share an end with the removed one, which `_reconsider` finds. The heap has the edges
    by the first codes of their signatures; where these are equal and there are more, the whole
    signatures decide.

    Args:
        graph: A `FourWalks`, which loses its edges.
        scratch: A `Scratch`.
        around: An `_Around`.
        heap: An empty `Heap`.
        ties: Empty `Ties`.
        num_removed: How many edges to remove.
        status: See `run_with_progress`.
    """
    graph, scratch, around, heap, ties = borrowed((graph, scratch, around, heap, ties))
    order, count = np.empty(num_removed, np.int32), 0
    for edge in range(len(graph.edges)):
        if status[STOP]:
            return order
        set_key(heap.keys, edge, _find_signature(graph, scratch, edge), edge)
        insert(heap, edge)
    while count < num_removed and not status[STOP]:
        if top_may_go_first(heap, ties):
            edge = heap.items[0]
            codes = _find_signature(graph, scratch, edge)
            if has_key(heap.keys, edge, codes, edge):
                hold(heap, ties, edge, codes)
            else:
                # It was stale, and has grown. Its place is further down.
                set_key(heap.keys, edge, codes, edge)
                sift(heap, edge)
            continue
        edge = settle(heap, ties)
        order[count] = edge
        count += 1
        status[DONE] = count
        num_drops = find_drops(graph, edge)
        remove_edge(graph, edge, num_drops)
        _reconsider(graph, scratch, around, heap, edge, num_drops)
    return order


@njit(cache=True)
@no_type_check
def _find_signature(graph, scratch, edge):
    """The codes of an edge's signature, which the next call overwrites."""
    size = read_changes(graph, find_drops(graph, edge), scratch)
    return scratch.codes[: encode(scratch.old[:size], scratch.new[:size], scratch.codes)]


@njit(cache=True)
@no_type_check
def _reconsider(graph, scratch, around, heap, removed, count):
    """Renews the edges whose signatures may have become smaller with the removal of an edge.

    Let f be the removed edge and e another. A vertex t that e changes, with f and without, and f,
    with e and without, falls with e to a lower place than before, from one not higher: its part of
    the signature grows. There are other parts only if e = {u, x} and f = {u, w} make no triangle:
    e changes w no more, which takes one from the place to which w fell; and f changes x no more
    once e is gone, which moves the place that x leaves down to the present one. Where e changes a
    neighbor of u, it falls by 1 or more from its present place. If one of these new places is lower
    than the two, the signature has grown. By e, w fell as far as x did by f. (Derived.)

    Args:
        graph: A `FourWalks`, without the edge, and with the drops that it has caused.
        scratch: A `Scratch`.
        around: An `_Around`.
        heap: The `Heap`.
        removed: The edge.
        count: How many drops there are.
    """
    num_near = 0
    drop_of = around.drop_of
    for place in range(count):
        drop_of[graph.vertices[place]] = graph.drops[place]
    _forget_common(graph, drop_of, removed)
    # Each end u in turn is `here`, the other end w is `there`.
    for side in range(2):
        here, there = graph.edges[removed, side], graph.edges[removed, 1 - side]
        before = graph.walk_index[there] + drop_of[there]
        weakest, least, second = _lowest_around(graph, here)
        for arc in range(graph.starts[here], graph.starts[here] + graph.degree[here]):
            x = graph.neighbors[arc]
            # Only an x that is no neighbor of `there` still has a drop. Its edge lowers another
            # neighbor of `here` to the least index of the others less 1, or further.
            limit = min(before - drop_of[x], graph.walk_index[x])
            if drop_of[x] > 0 and (second if x == weakest else least) - 1 >= limit:
                around.edges[num_near] = graph.ids[arc]
                num_near += 1
    # Evaluating overwrites `graph.vertices`, so all edges were collected first.
    for vertex in graph.vertices[:count]:
        drop_of[vertex] = 0
    for edge in around.edges[:num_near]:
        set_key(heap.keys, edge, _find_signature(graph, scratch, edge), edge)
        sift(heap, edge)


@njit(cache=True)
@no_type_check
def _forget_common(graph, drop_of, removed):
    """Sets the drops in `drop_of` to 0 where a vertex is next to both ends."""
    starts, degree = graph.starts, graph.degree
    u, v = graph.edges[removed]
    # Neighbors of u are marked by their signs. A mark at a neighbor of v shows a common one.
    for x in graph.neighbors[starts[u] : starts[u] + degree[u]]:
        drop_of[x] = -drop_of[x]
    for x in graph.neighbors[starts[v] : starts[v] + degree[v]]:
        drop_of[x] = max(drop_of[x], 0)
    for x in graph.neighbors[starts[u] : starts[u] + degree[u]]:
        drop_of[x] = -drop_of[x]


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
