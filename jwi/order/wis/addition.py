"""Walk Index Sparsification run forward: which edges to add."""

from typing import no_type_check

import numpy as np
from jaxtyping import Int32
from numba import njit
from numpy.typing import ArrayLike

from jwi._checks import checked_depth, checked_integer
from jwi.graph.graph import GraphsTuple, from_edges
from jwi.graph.host import host_graph
from jwi.order.wis.shrinking_graph import find_losses, walk_graph
from jwi.order.wis.signatures import compare, sift, signature
from jwi.progress import DONE, FEW_EDGES, STOP, Progress, run_watched
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
    smallest first; the candidate whose sorted tuple is lexicographically largest is added, of
    equal ones that of the lowest row. The self-loops of the theory are always there. Exact, one
    edge at a time; directed graphs by the same definition.

    At depth 2 an undirected graph takes little more than sorting the candidates. Otherwise each
    candidate is evaluated once, and once more whenever one is added within (L − 2) / 2 steps of it;
    an evaluation looks at the arcs, those of candidates too, within (L − 1) / 2 steps.

    Args:
        graph: a graph; on a masked graph only the kept edges count.
        candidates: int[M, 2], distinct pairs of vertices without a kept edge: in a directed graph
            sender and receiver, else in any order; a graph of no edges is undirected.
        depth: L, the depth of the network: walks have length L − 1.
        num_added: N, how many candidates are ranked; None for all.
        progress: called now and then with the share that is ranked, in [0, 1]; None for nothing.

    Returns:
        int32[N], rows of `candidates`, first added first.

    Raises:
        ValueError: for a depth below 1 or above 2^31 − 1, more candidates to add than there are, or
            candidates that are loops, no vertices, edges already, or there twice.
        OverflowError: if the closed walks of length L at a vertex exceed 2^63 − 1 when all
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
    if depth == 2 and undirected:
        degree = np.bincount(edges.ravel(), minlength=n)
        return run_watched(
            _add_by_degrees, (pairs, degree, count), count, progress, quick=len(pairs) < FEW_EDGES
        )
    all_edges = np.append(edges, pairs, axis=0)
    full = from_edges(all_edges[:, 0], all_edges[:, 1], n, undirected=undirected)
    closed_walks(full, depth)  # Raises if a walk index ahead does not fit.
    walks = walk_graph(all_edges, n, depth, undirected=undirected)
    index = closed_walks(graph, depth)
    return run_watched(
        _add_by_definition,
        (walks, index, len(edges), count),
        count,
        progress,
        quick=len(pairs) < FEW_EDGES,
    )


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
def _add_by_degrees(pairs, degree, num_added, watch):
    """The first `num_added` candidates at depth 2.

    An edge between degrees a ≤ b makes the tuple largest whose a is smallest, among those one whose
    b is smallest. Degrees only grow, so a candidate only falls behind, and a, the level, only
    grows: candidates wait in buckets for their level, where a heap has them by b and row. Both are
    renewed when it is their turn.

    Args:
        pairs: int32[M, 2], the candidates.
        degree: int64[n], which grows.
        num_added: how many to add.
        watch: see `run_watched`.
    """
    order, count, level = np.empty(num_added, np.int32), 0, 0
    first, following = np.full(len(degree), np.int32(-1)), np.empty(len(pairs), np.int32)
    heap = np.empty(len(pairs), np.int64)
    for row in range(len(pairs)):
        _wait(first, following, row, _degrees(pairs, degree, row)[0])
    while count < num_added and not watch[STOP]:
        watch[DONE] = count
        size = _fill(pairs, degree, first, following, level, heap)
        while size > 0 and count < num_added:
            row = heap[0] & 0xFFFFFFFF
            low, high = _degrees(pairs, degree, row)
            entry = (high << 32) | row
            if low > level or entry == heap[0]:
                if low > level:
                    _wait(first, following, row, low)
                else:
                    order[count] = row
                    count += 1
                    degree[pairs[row, 0]] += 1
                    degree[pairs[row, 1]] += 1
                size -= 1
                entry = heap[size]
            _sink(heap, size, 0, entry)
        level += 1
    return order


@njit(cache=True)
@no_type_check
def _degrees(pairs, degree, row):
    """The smaller and the larger degree of a candidate's ends."""
    one, other = degree[pairs[row, 0]], degree[pairs[row, 1]]
    return min(one, other), max(one, other)


@njit(cache=True)
@no_type_check
def _wait(first, following, row, level):
    """Puts a candidate into the bucket of a level, a linked list."""
    following[row] = first[level]
    first[level] = row


@njit(cache=True)
@no_type_check
def _fill(pairs, degree, first, following, level, heap):
    """Makes a heap of the candidates of a level, as b · 2^32 + row; returns how many there are."""
    size, row = 0, first[level]
    while row >= 0:
        upcoming = following[row]
        low, high = _degrees(pairs, degree, row)
        if low > level:
            _wait(first, following, row, low)
        else:
            heap[size] = (high << 32) | row
            size += 1
        row = upcoming
    for place in range(size // 2 - 1, -1, -1):
        _sink(heap, size, place, heap[place])
    return size


@njit(cache=True)
@no_type_check
def _sink(heap, size, place, entry):
    """Puts an entry into a heap, from a place that is free downwards."""
    while 2 * place + 1 < size:
        child = 2 * place + 1
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= entry:
            break
        heap[place] = heap[child]
        place = child
    heap[place] = entry


@njit(cache=True, nogil=True)
@no_type_check
def _add_by_definition(graph, index, num_edges, num_added, watch):
    """The first `num_added` candidates at any depth.

    A lazy greedy search, as for removal, and exact by the same argument, turned around (derived):
    the addition of f lets the signature of e become better only if a closed walk of length L passes
    both. Else e adds the same closed walks as before, so that every vertex that e changes rises
    from a place not below its old one by as much as before, or by one less where f was its first
    edge; a vertex that rises from a higher place takes nothing from the lower one.

    Args:
        graph: a `WalkGraph` of the edges and, after them, the candidates.
        index: int64[n], closed walks of the vertices without candidates.
        num_edges: how many edges are no candidates.
        num_added: how many candidates to add.
        watch: see `run_watched`.
    """
    size = len(graph.gone) - num_edges
    for edge in range(num_edges, len(graph.gone)):
        _switch(graph, edge, True)
    for vertex in range(len(index)):
        index[vertex] -= graph.in_degree[vertex] == 0
    heap, place_of = np.empty(size, np.int32), np.empty(len(graph.gone), np.int32)
    order, near = np.empty(num_added, np.int32), np.empty(size, np.int32)
    is_near = np.zeros(len(graph.gone), np.bool_)
    signatures = [np.empty((0, 2), np.int64) for _ in range(len(graph.gone))]
    for place in range(size):
        if watch[STOP]:
            return order
        edge = num_edges + place
        signatures[edge] = _evaluate(graph, index, edge)
        heap[place], place_of[edge] = edge, place
        sift(heap, place_of, edge, signatures, place + 1)

    count = 0
    while count < num_added and not watch[STOP]:
        top = heap[0]
        current = _evaluate(graph, index, top)
        if compare(current, signatures[top]) != 0:
            signatures[top] = current
            sift(heap, place_of, top, signatures, size)
            continue
        order[count] = top - num_edges
        count += 1
        watch[DONE] = count
        size -= 1
        heap[0], place_of[heap[size]] = heap[size], 0
        sift(heap, place_of, heap[0], signatures, size)
        _switch(graph, top, False)
        num_changed = find_losses(graph, top)
        for place in range(num_changed):
            index[graph.around[place]] += np.int64(graph.lost[place])
        for edge in near[: _candidates_near(graph, top, is_near, near)]:
            signatures[edge] = _evaluate(graph, index, edge)
            sift(heap, place_of, edge, signatures, size)
    return order


@njit(cache=True)
@no_type_check
def _switch(graph, edge, off):
    """Takes an edge out of the graph, or puts it in."""
    graph.gone[edge] = off
    for arc in range(edge, len(graph.heads), len(graph.gone)):
        graph.in_degree[graph.heads[arc]] += -1 if off else 1


@njit(cache=True)
@no_type_check
def _evaluate(graph, index, edge):
    """The signature of adding a candidate: that of removing it again, with the sign turned."""
    _switch(graph, edge, False)
    count = find_losses(graph, edge)
    _switch(graph, edge, True)
    around, lost = graph.around[:count], graph.lost[:count]
    for place in range(count):
        index[around[place]] += np.int64(lost[place])
    changes = signature(index, around, lost)
    for place in range(count):
        index[around[place]] -= np.int64(lost[place])
    changes[:, 1] = -changes[:, 1]
    return changes


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
        if 2 * distance[vertex] > graph.depth - 2:
            continue
        for place in range(starts[vertex], starts[vertex + 1]):
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
