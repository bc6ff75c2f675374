"""Walk Index Sparsification run forward: which edges to add."""

from collections.abc import Callable
from typing import Any, no_type_check

import numpy as np
from jaxtyping import Int32
from numba import njit
from numpy.typing import ArrayLike

from jwi._checks import checked_depth, checked_integer
from jwi.graph.graph import GraphsTuple, from_edges
from jwi.graph.host import host_graph
from jwi.order.wis.addition_depth_2 import add_by_degrees
from jwi.order.wis.any_depth import signature_scratch
from jwi.order.wis.borrowed import borrowed
from jwi.order.wis.heap import delete, heap_of_signatures, insert, sift
from jwi.order.wis.shrinking_graph import find_drops, switch, walk_graph
from jwi.order.wis.signatures import compare, encode_large, read_changes
from jwi.progress import DONE, FEW_EDGES, STOP, Progress, run_with_progress
from jwi.walks.closed import closed_walks


def walk_index_addition_order(
    graph: GraphsTuple,
    candidates: ArrayLike,
    depth: int | np.integer,
    *,
    num_added: int | np.integer | None = None,
    progress: Progress | None = None,
) -> Int32[np.ndarray, " N"]:
    """The order in which edges are to be added to raise the weakest vertices' walk index.

    `walk_index_order` run forward (derived): at each step, for every candidate that is left, take
    the walk indices WI_{L−1, t}({t}) of all vertices t in the graph with it and sort them, the
    smallest first. The candidate whose sorted tuple is lexicographically largest is added; ties
    go to the lowest row. The self-loops of the theory are always there. The order is exact, one
    edge at a time. Directed graphs follow the same definition.

    At depth 2 an undirected graph takes little more than sorting the candidates. Otherwise each
    candidate is evaluated once, and once more whenever one is added within (L − 2) / 2 steps of it;
    an evaluation looks at all arcs within (L − 1) / 2 steps, arcs of candidates included.

    Args:
        graph: A graph; on a masked graph only the kept edges count.
        candidates: int[M, 2], distinct pairs of vertices without a kept edge: in a directed graph
            sender and receiver, else in any order; a graph of no edges is undirected.
        depth: L, the depth of the network: walks have length L − 1.
        num_added: N, how many candidates are ranked; None for all.
        progress: Called now and then with the share that is ranked, in [0, 1]; None for nothing.

    Returns:
        int32[N], rows of `candidates`, first added first.

    Raises:
        ValueError: For a depth below 1 or above 2^31 − 1, more candidates to add than there are, or
            candidates that are loops, no vertices, edges already, or there twice.
        OverflowError: If the closed walks of length L at a vertex exceed 2^63 − 1 when all
            candidates are added.

    References:
        Razin, Verbin, Cohen, 2023, Algorithm 1, whose scores it reuses.

    Example:
        >>> import jwi
        >>> path = jwi.from_edges([0, 1], [1, 2], num_vertices=4)
        >>> walk_index_addition_order(path, [[0, 2], [1, 3], [3, 0]], depth=2).tolist()
        [2, 0, 1]
    """
    depth = checked_depth(depth)
    read = host_graph(graph)
    undirected, n = read.undirected, read.num_vertices
    edges = read.edges[read.mask]
    pairs = _checked_candidates(candidates, edges, n, undirected=undirected)
    if num_added is None:
        num_added = len(pairs)
    meaning = "how many of the candidates to rank"
    count = checked_integer("num_added", num_added, meaning, low=0, high=len(pairs))
    kernel: Callable[..., np.ndarray]
    arguments: tuple[Any, ...]
    if depth == 2 and undirected:
        degree = np.bincount(edges.ravel(), minlength=n)
        kernel, arguments = add_by_degrees, (pairs, degree, count)
    else:
        all_edges = np.append(edges, pairs, axis=0)
        full = from_edges(all_edges[:, 0], all_edges[:, 1], n, undirected=undirected)
        closed_walks(full, depth)  # Raises if a walk index ahead does not fit.
        present = closed_walks(graph, depth)
        walks = walk_graph(all_edges, present, depth, undirected=undirected, num_absent=len(pairs))
        kernel, arguments = _add_by_definition, (walks, signature_scratch(walks), count)
    return run_with_progress(kernel, arguments, count, progress, quick=len(pairs) < FEW_EDGES)


def _checked_candidates(
    candidates: ArrayLike, edges: np.ndarray, n: int, *, undirected: bool
) -> Int32[np.ndarray, "M 2"]:
    """The candidates, each of them checked; an undirected one with its smaller vertex first."""
    pairs = np.asarray(candidates)
    if pairs.shape == (0,):
        pairs = np.zeros((0, 2), np.int64)
    is_table = pairs.ndim == 2 and pairs.shape[1] == 2
    if not is_table or (pairs.size and not np.issubdtype(pairs.dtype, np.integer)):
        raise ValueError(
            f"candidates is {pairs.dtype}{list(pairs.shape)}: pass two vertices a row, int[M, 2]"
        )
    outside = np.any((pairs < 0) | (pairs >= n), axis=1)
    _refuse(pairs, outside, f"vertices are 0 to {n - 1}")
    ends = np.sort(pairs, axis=1) if undirected else pairs
    ends = ends.astype(np.int32)
    _refuse(pairs, ends[:, 0] == ends[:, 1], "self-loops are always there, leave them out")
    codes = ends[:, 0] * np.int64(n) + ends[:, 1]
    present = np.isin(codes, edges[:, 0] * np.int64(n) + edges[:, 1])
    _refuse(pairs, present, "the graph has this edge already, leave it out")
    again = np.ones(len(pairs), bool)
    again[np.unique(codes, return_index=True)[1]] = False
    _refuse(pairs, again, "an earlier row is the same edge, give each edge once")
    return ends


def _refuse(candidates: np.ndarray, rows: ArrayLike, because: str) -> None:
    if np.any(rows):
        row = int(np.argmax(rows))
        raise ValueError(f"candidates[{row}] is {candidates[row].tolist()}: {because}")


@njit(cache=True, nogil=True)
@no_type_check
def _add_by_definition(graph, scratch, num_added, status):
    """The first `num_added` candidates at any depth.

    A lazy greedy search, as for removal, and exact by the same argument, turned around (derived):
    the addition of f lets the signature of e become better only if a closed walk of length L passes
    both. Else e adds the same closed walks as before, so that every vertex that e changes rises
    from a place not below its old one by as much as before, or by one less where f was its first
    edge; a vertex that rises from a higher place takes nothing from the lower one.

    Args:
        graph: A `WalkGraph` of the edges and, after them, the candidates, which are not there yet.
        scratch: A `Scratch`.
        num_added: How many candidates to add.
        status: See `run_with_progress`.
    """
    graph, scratch = borrowed((graph, scratch))
    num_candidates = np.sum(graph.gone)
    # Items are rows of candidates, whose edges come last.
    num_edges = len(graph.gone) - num_candidates
    order, near = np.empty(num_added, np.int32), np.empty(num_candidates, np.int32)
    is_near = np.zeros(len(graph.gone), np.bool_)
    heap = heap_of_signatures(num_candidates)
    for row in range(num_candidates):
        if status[STOP]:
            return order
        heap.keys[row] = _signature_with(graph, scratch, num_edges + row)
        insert(heap, row)

    count = 0
    while count < num_added and not status[STOP]:
        row = heap.items[0]
        current = _signature_with(graph, scratch, num_edges + row)
        if compare(current, heap.keys[row]) != 0:
            # It was stale, and has grown. Its place is further down.
            heap.keys[row] = current
            sift(heap, row)
            continue
        delete(heap, row)
        order[count] = row
        count += 1
        status[DONE] = count
        switch(graph, num_edges + row, False)
        # With the edge back in the graph, its drops are how much its addition has raised.
        num_changed = find_drops(graph, num_edges + row)
        for place in range(num_changed):
            graph.walk_index[graph.vertices[place]] += graph.drops[place]
        # Only these signatures may have become smaller.
        for edge in near[: _candidates_near(graph, num_edges + row, is_near, near)]:
            heap.keys[edge - num_edges] = _signature_with(graph, scratch, edge)
            sift(heap, edge - num_edges)
    return order


@njit(cache=True)
@no_type_check
def _signature_with(graph, scratch, edge):
    """The codes of the signature of adding a candidate, which is not in the graph."""
    switch(graph, edge, False)
    count = find_drops(graph, edge)
    switch(graph, edge, True)
    # The graph has the walk indices without the edge; with it they are higher by the drops.
    for place in range(count):
        graph.drops[place] = -graph.drops[place]
    size = read_changes(graph, count, scratch)
    length = encode_large(scratch.old[:size], scratch.new[:size], scratch.codes)
    return scratch.codes[:length].copy()


@njit(cache=True)
@no_type_check
def _candidates_near(graph, edge, is_near, near):
    """Fills `near` with candidates left that may share a closed walk of length L with an edge.

    Such a walk crosses an arc of the edge, comes to a candidate in i steps, and returns from it in
    j steps, i + j ≤ L − 2: one of the two is at most (L − 2) / 2. Returns how many there are.
    """
    count = 0
    for arc in range(edge, len(graph.heads), len(graph.gone)):
        for backward in range(2):
            arcs = graph.backward if backward else graph.forward
            start = graph.tails[arc] if backward else graph.heads[arc]
            count = _search(graph, arcs, start, is_near, near, count)
    for candidate in near[:count]:
        is_near[candidate] = False
    return count


@njit(cache=True)
@no_type_check
def _search(graph, arcs, start, is_near, near, count):
    """Adds the candidates at vertices within (L − 2) / 2 steps; returns how many there are."""
    starts, to, ids = arcs
    layers, distance = graph.layers, graph.distance
    layers[0], distance[start] = start, 0
    size, done = 1, 0
    while done < size:
        vertex = layers[done]
        done += 1
        # Vertices that are farther are reached, but their candidates do not count.
        if 2 * distance[vertex] > graph.depth - 2:
            continue
        for place in range(starts[vertex], starts[vertex + 1]):
            # A candidate is no way to go on: it is not in the graph.
            if graph.gone[ids[place]]:
                if not is_near[ids[place]]:
                    is_near[ids[place]] = True
                    near[count] = ids[place]
                    count += 1
            elif distance[to[place]] < 0:
                distance[to[place]] = distance[vertex] + 1
                layers[size] = to[place]
                size += 1
    for vertex in layers[:size]:
        distance[vertex] = -1
    return count
