"""Log share: edges go whose loss costs least of the logarithms of all vertices' walk indices."""

from heapq import heapify, heappop, heapreplace
from typing import no_type_check

import numpy as np
from jaxtyping import Int32
from numba import njit

from jwi.graph.host import check_undirected, host_graph
from jwi.graph.info import Graph
from jwi.order.entry import Order
from jwi.order.selection import kept_edges, lightest_first
from jwi.progress import DONE, FEW_EDGES, STOP, Progress, run_with_progress

_SCALE = 8
# Of the 52 bits behind a score's leading one, those that tell buckets apart.
_COARSE_BITS, _FINE_BITS = 4, 10


def log_share_order(graph: Graph, *, progress: Progress | None = None) -> Int32[np.ndarray, " N"]:
    """Keeps the sum of log(1 + 8 s_v) over all vertices v high, by removing edge after edge.

    The share s_v is the part of v's walk index of depth 2 that is left: d'_v of d_v edges. While
    shares are large, this is nearly a sum of logarithms of walk indices: like 1-WIS, it takes edges
    from vertices that have many. Once they are small, it is nearly the sum of the shares, as DSpar
    keeps it: some vertices keep all of their edges, instead of each one of its dozens (derived).

    Each step removes the edge {u, v} whose loss costs least to first order: the smallest
    1/(d_u + 8 d'_u) + 1/(d_v + 8 d'_v), which is one quotient of integers, rounded to float64; ties
    go to the lowest id.

    Args:
        graph: An undirected graph; on a masked graph only the N kept edges count.
        progress: Called now and then with the share that is ranked, in [0, 1]; None for nothing.

    Returns:
        int32[N], edge ids, first removed first.

    Raises:
        ValueError: For a directed graph.

    Example:
        >>> import jwi
        >>> triangle_with_tail = jwi.from_edges([2, 0, 0, 1], [3, 1, 2, 2], num_vertices=4)
        >>> log_share_order(triangle_with_tail).tolist()
        [2, 3, 1, 0]
    """
    read = host_graph(graph)
    check_undirected(read, "log share")
    kept, edges = kept_edges(read)
    if not len(edges):
        return kept
    # d + 8 d' of each vertex, at first for d' = d: in half the memory if they fit.
    sums = (1 + _SCALE) * np.bincount(edges.ravel(), minlength=read.num_vertices)
    sums = sums.astype(np.int32 if sums.max() < 2**31 else np.int64)
    order = np.empty(len(edges), np.int32)
    run_with_progress(
        _remove_by_score,
        (edges, sums, order),
        len(edges),
        progress,
        quick=len(edges) < FEW_EDGES,
    )
    return kept[order]


ORDER = Order(
    "log share",
    lambda graph, options: lightest_first(
        graph, options.weights, lambda same: log_share_order(same, progress=options.progress)
    ),
    depths=(2,),
    weighted=True,
)


@njit(cache=True, nogil=True)
@no_type_check
def _remove_by_score(edges, sums, order, status):
    """Writes the edges in the order of removal.

    Scores only rise. So buckets of edges by score are emptied one after the other, and an edge is
    looked at again only when the bucket of its last score comes up. There are two sizes of buckets,
    since memory is fastest read in sequence: for each coarse one, a pass over all active edges
    copies its own to `near`, where the lists of the fine ones stay in the processor's cache.

    Args:
        edges: int32[E, 2].
        sums: int32[n] or int64[n], d + 8 d', which fall.
        order: int32[E], which is filled.
        status: See `run_with_progress`.
    """
    lowest = _bucket(2 / sums.max(), _COARSE_BITS)
    grouped, stops = _group(edges, sums, lowest)
    # Rows (id, u, v): those whose coarse bucket has come up before, and those of the present one.
    active, near = np.empty_like(grouped), np.empty_like(grouped)
    following = np.empty(len(edges), np.int32)
    num_fine = 1 << (_FINE_BITS - _COARSE_BITS)
    count = num_active = start = 0
    for coarse in range(len(stops)):
        first = np.full(num_fine, np.int32(-1))
        num_waiting, num_near, num_left = stops[coarse] - start, 0, 0
        base = (coarse + lowest) * num_fine
        for place in range(num_active + num_waiting):
            if place < num_active:
                edge, u, v = active[place, 0], active[place, 1], active[place, 2]
            else:
                new = start + place - num_active
                edge, u, v = grouped[new, 0], grouped[new, 1], grouped[new, 2]
            fine = _bucket(_score(sums, u, v), _FINE_BITS) - base
            if fine < num_fine:
                near[num_near, 0], near[num_near, 1], near[num_near, 2] = edge, u, v
                following[num_near], first[fine] = first[fine], num_near
                num_near += 1
            else:
                active[num_left, 0], active[num_left, 1], active[num_left, 2] = edge, u, v
                num_left += 1
        start, num_active = stops[coarse], num_left
        for fine in range(num_fine):
            if status[STOP]:
                return
            count, num_active = _empty(
                fine, base, (first, following, near), (active, num_active), sums, (order, count)
            )
            status[DONE] = count


@njit(cache=True)
@no_type_check
def _group(edges, sums, lowest):
    """Rows (id, u, v) by coarse bucket, int32[E, 3], and where each bucket stops, int64[B]."""
    stops = np.zeros(_bucket(2 / (1 + _SCALE), _COARSE_BITS) - lowest + 1, np.int64)
    for u, v in edges:
        stops[_bucket(_score(sums, u, v), _COARSE_BITS) - lowest] += 1
    # Running sums: where each bucket starts. Each edge then moves the end of its bucket on.
    total = 0
    for bucket in range(len(stops)):
        total, stops[bucket] = total + stops[bucket], total
    grouped = np.empty((len(edges), 3), np.int32)
    for edge in range(len(edges)):
        u, v = edges[edge]
        bucket = _bucket(_score(sums, u, v), _COARSE_BITS) - lowest
        place = stops[bucket]
        stops[bucket] = place + 1
        grouped[place, 0], grouped[place, 1], grouped[place, 2] = edge, u, v
    return grouped, stops


@njit(cache=True, nogil=True)
@no_type_check
def _empty(fine, base, lists, actives, sums, removed):
    """Removes the edges of a fine bucket, by score and id; those whose score rises move on."""
    (first, following, near), (active, num_active), (order, count) = lists, actives, removed
    heap, place = [(0.0, 0, 0) for _ in range(0)], first[fine]
    while place != -1:
        after, score = following[place], _score(sums, near[place, 1], near[place, 2])
        if _bucket(score, _FINE_BITS) - base == fine:
            heap.append((score, near[place, 0], place))
        else:
            num_active = _move_on(
                place, _bucket(score, _FINE_BITS) - base, lists, active, num_active
            )
        place = after
    heapify(heap)
    while heap:
        known, edge, place = heap[0]
        u, v = near[place, 1], near[place, 2]
        score = _score(sums, u, v)
        bucket = _bucket(score, _FINE_BITS) - base
        if bucket == fine and score > known:
            heapreplace(heap, (score, edge, place))
            continue
        heappop(heap)
        if bucket == fine:
            order[count] = edge
            count += 1
            sums[u] -= _SCALE
            sums[v] -= _SCALE
        else:
            num_active = _move_on(place, bucket, lists, active, num_active)
    return count, num_active


@njit(cache=True, inline="always")
@no_type_check
def _move_on(place, bucket, lists, active, num_active):
    """Puts an edge into a later bucket, a fine one or the active edges; counts these."""
    first, following, near = lists
    if bucket < len(first):
        following[place], first[bucket] = first[bucket], place
        return num_active
    for column in range(3):
        active[num_active, column] = near[place, column]
    return num_active + 1


@njit(cache=True, inline="always")
@no_type_check
def _score(sums, u, v):
    """1/a + 1/b of the sums at two vertices, as one quotient."""
    a, b = np.int64(sums[u]), np.int64(sums[v])
    return (a + b) / (a * b)


@njit(cache=True, inline="always")
@no_type_check
def _bucket(score, bits):
    """The leading bits of a positive number: an integer that never falls as the number rises."""
    return np.float64(score).view(np.int64) >> (52 - bits)
