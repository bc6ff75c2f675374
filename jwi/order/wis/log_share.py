"""Log share: edges go whose loss costs least of the logarithms of all vertices' walk indices."""

from collections.abc import Callable
from functools import partial
from heapq import heapify, heappop, heapreplace
from typing import no_type_check

import numpy as np
from jaxtyping import Int32
from numba import njit

from jwi.graph.host import check_undirected, host_graph
from jwi.graph.info import Graph
from jwi.order.entry import Order
from jwi.order.selection import kept_edges, lightest_first
from jwi.order.wis.depth_2 import EdgeRows, copy_row
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
    degree = np.bincount(edges.ravel(), minlength=read.num_vertices)
    rows = EdgeRows(np.arange(len(edges), dtype=np.int32), edges)
    empty = partial(np.empty, dtype=np.int32)
    return kept[remove_by_log_shares(rows, degree, len(edges), empty, progress)]


ORDER = Order(
    "log share",
    lambda graph, options: lightest_first(
        graph, options.weights, lambda same: log_share_order(same, progress=options.progress)
    ),
    depths=(2,),
    weighted=True,
)


def remove_by_log_shares(
    edges: EdgeRows,
    degree: np.ndarray,
    num_removed: int,
    empty: Callable[[tuple[int, ...]], np.ndarray],
    progress: Progress | None = None,
) -> Int32[np.ndarray, " N"]:
    """The ids of the first `num_removed` edges to go.

    Args:
        edges: Edges by rising id.
        degree: int[n], of the graph that they are.
        num_removed: How many edges go.
        empty: Makes an int32 array of a shape, in memory or on disk.
        progress: Called now and then with the share that is ranked.
    """
    num_edges = len(edges.ids)
    order, following = empty((num_edges,)), empty((num_edges,))
    if num_removed:
        # d + 8 d' of each vertex, at first for d' = d: in half the memory if they fit.
        sums = (1 + _SCALE) * degree.astype(np.int64)
        sums = sums.astype(np.int32 if sums.max() < 2**31 else np.int64)
        room = [EdgeRows(empty((num_edges,)), empty((num_edges, 2))) for _ in range(3)]
        run_with_progress(
            _remove_by_score,
            (edges, sums, (*room, following), order, num_removed),
            num_removed,
            progress,
            quick=num_edges < FEW_EDGES,
        )
    return order[:num_removed]


@njit(cache=True, nogil=True)
@no_type_check
def _remove_by_score(edges, sums, room, order, num_removed, status):
    """Writes the first `num_removed` edges to go into `order`.

    Scores only rise. So buckets of edges by score are emptied one after the other, and an edge is
    looked at again only when the bucket of its last score comes up. There are two sizes of buckets,
    since memory is fastest read in sequence: for each coarse one, a pass over all active edges
    copies its own to `near`, where the lists of the fine ones stay in the processor's cache.

    Args:
        edges: `EdgeRows` by rising id.
        sums: int32[n] or int64[n], d + 8 d', which fall.
        room: Three `EdgeRows` and int32[E].
        order: int32[E], which is filled.
        num_removed: How many edges to remove.
        status: See `run_with_progress`.
    """
    grouped, active, near, following = room
    lowest = _bucket(2 / sums.max(), _COARSE_BITS)
    stops = _group(edges, sums, lowest, grouped)
    num_fine = 1 << (_FINE_BITS - _COARSE_BITS)
    count = num_active = start = 0
    for coarse in range(len(stops)):
        base = (coarse + lowest) * num_fine
        lists = (np.full(num_fine, np.int32(-1)), following, near)
        sizes = _part(active, 0, num_active, sums, base, lists, active, (0, 0))
        sizes = _part(grouped, start, stops[coarse], sums, base, lists, active, sizes)
        start, num_active = stops[coarse], sizes[1]
        for fine in range(num_fine):
            if count == num_removed or status[STOP]:
                return
            removed = (order, count, num_removed)
            count, num_active = _empty(fine, base, lists, (active, num_active), sums, removed)
            status[DONE] = count


@njit(cache=True, nogil=True)
@no_type_check
def _group(edges, sums, lowest, grouped):
    """Fills `grouped` with the edges by coarse bucket; where each stops, int64[buckets]."""
    stops = np.zeros(_bucket(2 / (1 + _SCALE), _COARSE_BITS) - lowest + 1, np.int64)
    for u, v in edges.ends:
        stops[_bucket(_score(sums, u, v), _COARSE_BITS) - lowest] += 1
    # Running sums: where each bucket starts. Each edge then moves the end of its bucket on.
    total = 0
    for bucket in range(len(stops)):
        total, stops[bucket] = total + stops[bucket], total
    for row in range(len(edges.ids)):
        u, v = edges.ends[row]
        bucket = _bucket(_score(sums, u, v), _COARSE_BITS) - lowest
        copy_row(edges, row, grouped, stops[bucket])
        stops[bucket] += 1
    return stops


@njit(cache=True, nogil=True)
@no_type_check
def _part(rows, start, stop, sums, base, lists, active, sizes):
    """Puts edges into the fine buckets of a coarse one, or to the front of the active edges."""
    (first, following, near), (num_near, num_active) = lists, sizes
    for place in range(start, stop):
        fine = _bucket(_score(sums, rows.ends[place, 0], rows.ends[place, 1]), _FINE_BITS) - base
        if fine < len(first):
            copy_row(rows, place, near, num_near)
            following[num_near], first[fine] = first[fine], num_near
            num_near += 1
        else:
            copy_row(rows, place, active, num_active)
            num_active += 1
    return num_near, num_active


@njit(cache=True, nogil=True)
@no_type_check
def _empty(fine, base, lists, actives, sums, removed):
    """Removes the edges of a fine bucket, by score and id; those whose score rises move on."""
    (first, following, near), (active, num_active) = lists, actives
    order, count, num_removed = removed
    heap, place = [(0.0, 0, 0) for _ in range(0)], first[fine]
    while place != -1:
        after, score = following[place], _score(sums, near.ends[place, 0], near.ends[place, 1])
        bucket = _bucket(score, _FINE_BITS) - base
        if bucket == fine:
            heap.append((score, near.ids[place], place))
        else:
            num_active = _move_on(place, bucket, lists, active, num_active)
        place = after
    heapify(heap)
    while heap and count < num_removed:
        known, edge, place = heap[0]
        u, v = near.ends[place, 0], near.ends[place, 1]
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


@njit(cache=True, nogil=True)
@no_type_check
def _move_on(place, bucket, lists, active, num_active):
    """Puts an edge into a later bucket, a fine one or the active edges; counts these."""
    first, following, near = lists
    if bucket < len(first):
        following[place], first[bucket] = first[bucket], place
        return num_active
    copy_row(near, place, active, num_active)
    return num_active + 1


@njit(cache=True, nogil=True)
@no_type_check
def _score(sums, u, v):
    """1/a + 1/b of the sums at two vertices, as one quotient."""
    a, b = np.int64(sums[u]), np.int64(sums[v])
    return (a + b) / (a * b)


@njit(cache=True, nogil=True)
@no_type_check
def _bucket(score, bits):
    """The leading bits of a positive number: an integer that never falls as the number rises."""
    return np.float64(score).view(np.int64) >> (52 - bits)
