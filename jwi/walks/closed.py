"""Closed walks of every vertex, on the host: exact or refused, like the counts of `jwi.walks`."""

from typing import no_type_check

import numpy as np
from jaxtyping import Int64
from numba import njit

from jwi._checks import checked_length
from jwi.graph.adjacency import arcs_by_vertex
from jwi.graph.host import HostGraph, host_graph
from jwi.graph.info import Graph
from jwi.progress import DONE, STOP, Progress, run_with_progress
from jwi.walks.triangles import count_triangles

# A loop of fewer steps along arcs is too quick for a progress bar.
_QUICK = 10**7


def closed_walks(
    graph: Graph, length: int | np.integer, *, progress: Progress | None = None
) -> Int64[np.ndarray, " n"]:
    """Counts the walks of a length from each vertex back to it, exactly; on the host.

    Self-loops are added. The counts are the diagonal of A^length, which decides the walk index of
    single vertices: WI_{L−1, t}({t}) = (A^L)_tt if another vertex has an edge into t, else 0
    (derived). Time grows with the number of arcs within length/2 steps of a vertex; on undirected
    graphs of E edges it is E for length 2 and E × arboricity for length 3.

    Args:
        graph: A graph of n vertices, masked or not.
        length: Number of steps, ≥ 0.
        progress: Called now and then with the share of the vertices that is done, in [0, 1]; None
            for no call.

    Returns:
        int64[n].

    Raises:
        ValueError: For a length that is negative or above 2^31 − 1.
        OverflowError: If a count exceeds 2^63 − 1.

    Example:
        >>> import jwi
        >>> closed_walks(jwi.from_edges([0, 1, 2], [1, 2, 0], num_vertices=4), 3).tolist()
        [9, 9, 9, 1]
    """
    steps, read = checked_length(length), host_graph(graph)
    if read.undirected and steps in (2, 3):
        return _by_triangles(read, steps)
    if read.undirected and steps >= 64:
        # One edge with its two self-loops has 2^(length − 1) closed walks at either end.
        overflowed = np.zeros(read.num_vertices, bool)
        overflowed[read.edges[read.mask]] = True
        _refuse_overflow(overflowed, steps)
        # No edge is there: a vertex has one closed walk of any length.
        steps = 0
    counts, estimates = _by_expansion(read, steps, progress)
    # Counts are exact modulo 2^64 and estimates are precise to many digits. A count from 2^63 to
    # 2^64 − 1 is negative here, and an estimate exposes any larger one.
    _refuse_overflow((counts < 0) | (estimates > 1.5 * 2.0**63), steps)
    return counts


def _refuse_overflow(overflowed: np.ndarray, length: int) -> None:
    if overflowed.any():
        raise OverflowError(
            f"closed_walks: more than 2^63 − 1 walks of length {length} from vertex"
            f" {np.flatnonzero(overflowed)[0]} to itself: pass a shorter length or a sparser graph"
        )


def _by_triangles(graph: HostGraph, length: int) -> Int64[np.ndarray, " n"]:
    """(A²)_tt = 1 + d and (A³)_tt = 1 + 3 d + 2 △ at a vertex of d edges and △ triangles."""
    edges = graph.edges[graph.mask]
    degree = np.bincount(edges.ravel(), minlength=graph.num_vertices)
    if length == 2:
        return 1 + degree
    # A triangle of a vertex counts at two of the vertex's edges.
    at_edges = np.repeat(count_triangles(edges, degree), 2)
    twice = np.zeros_like(degree)
    np.add.at(twice, edges.ravel(), at_edges)
    return 1 + 3 * degree + twice


def _by_expansion(
    graph: HostGraph, length: int, progress: Progress | None
) -> tuple[np.ndarray, np.ndarray]:
    """(A^length)_tt for all t: modulo 2^64, and in floating point."""
    tails, heads = graph.arcs()
    arcs = np.arange(len(tails), dtype=np.int32)
    n = graph.num_vertices
    kernel, ways = _count_undirected, [arcs_by_vertex(tails, heads, arcs, n)]
    if not graph.undirected:
        kernel, ways = _count_directed, [*ways, arcs_by_vertex(heads, tails, arcs, n)]
    quick = length * n * len(arcs) < _QUICK
    return run_with_progress(kernel, (*ways, length), n, progress, quick=quick)


@njit(cache=True, nogil=True)
@no_type_check
def _count_directed(forward, backward, length, status):
    """Meets in the middle: Σ_j (A^p)_tj (A^q)_jt with p + q = length, p = q or p = q + 1."""
    n = len(forward[0]) - 1
    counts, estimates = np.empty(n, np.int64), np.empty(n, np.float64)
    # One set of arrays serves all vertices. It is all 0 at the start of each turn: a turn clears
    # the entries that it reached, since clearing all n would cost n² in total.
    ahead, behind = np.zeros(n, np.uint64), np.zeros(n, np.uint64)
    ahead_estimate, behind_estimate = np.zeros(n, np.float64), np.zeros(n, np.float64)
    for vertex in range(n):
        status[DONE] = vertex
        if status[STOP]:
            break
        reached = _walk(forward, vertex, (length + 1) // 2, ahead, ahead_estimate, status)
        others = _walk(backward, vertex, length // 2, behind, behind_estimate, status)
        count, estimate = np.uint64(0), 0.0
        for other in others:
            if ahead_estimate[other] == 0:
                continue  # 0 times an estimate of infinity would be NaN
            count += ahead[other] * behind[other]
            estimate += ahead_estimate[other] * behind_estimate[other]
        counts[vertex], estimates[vertex] = np.int64(count), estimate
        for other in reached:
            ahead[other], ahead_estimate[other] = 0, 0
        for other in others:
            behind[other], behind_estimate[other] = 0, 0
    return counts, estimates


@njit(cache=True, nogil=True)
@no_type_check
def _count_undirected(arcs, length, status):
    """With a = A^q e_t for q = ⌊length/2⌋: a · a, or a · A a if the length is odd."""
    starts, to, _ = arcs
    n = len(starts) - 1
    counts, estimates = np.empty(n, np.int64), np.empty(n, np.float64)
    # All 0 at the start of each turn, as in `_count_directed`.
    ahead, ahead_estimate = np.zeros(n, np.uint64), np.zeros(n, np.float64)
    for vertex in range(n):
        status[DONE] = vertex
        if status[STOP]:
            break
        # A is symmetric, so the walks back are the walks ahead: one expansion serves both halves.
        reached = _walk(arcs, vertex, length // 2, ahead, ahead_estimate, status)
        count, estimate = np.uint64(0), 0.0
        for other in reached:
            step, step_estimate = ahead[other], ahead_estimate[other]
            if length % 2:
                # (A a)[other]: the self-loop has given the first term.
                for place in range(starts[other], starts[other + 1]):
                    step += ahead[to[place]]
                    step_estimate += ahead_estimate[to[place]]
            count += ahead[other] * step
            estimate += ahead_estimate[other] * step_estimate
        counts[vertex], estimates[vertex] = np.int64(count), estimate
        for other in reached:
            ahead[other], ahead_estimate[other] = 0, 0
    return counts, estimates


@njit(cache=True)
@no_type_check
def _walk(arcs, start, steps, counts, estimates, status):
    """Adds the number of walks from `start` to each vertex in reach; returns these vertices."""
    starts, to, _ = arcs
    reached = [start]
    counts[start], estimates[start] = 1, 1
    for _ in range(steps):
        if status[STOP]:
            break
        # New counts come from old ones alone, hence the copy. Self-loops leave counts in place.
        before = [(vertex, counts[vertex], estimates[vertex]) for vertex in reached]
        for vertex, count, estimate in before:
            for place in range(starts[vertex], starts[vertex + 1]):
                # A count may be 0 modulo 2^64; its estimate is then above 0, so both are asked.
                if counts[to[place]] == 0 and estimates[to[place]] == 0:
                    reached.append(np.int64(to[place]))
                counts[to[place]] += count
                estimates[to[place]] += estimate
    return reached
