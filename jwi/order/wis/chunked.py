"""Walk Index Sparsification of several edges at a time."""

from typing import no_type_check

import numpy as np
from jaxtyping import Int32
from numba import njit

from jwi._checks import checked_depth, checked_integer
from jwi.graph.graph import GraphsTuple
from jwi.graph.info import info_of
from jwi.order.selection import checked_num_removed, kept_edges
from jwi.order.wis.shrinking_graph import find_losses, remove_edge, walk_graph
from jwi.order.wis.signatures import sift, signature
from jwi.progress import DONE, FEW_EDGES, STOP, Progress, run_watched
from jwi.walks.closed import closed_walks


def chunked_walk_index_order(
    graph: GraphsTuple,
    depth: int | np.integer,
    chunk_size: int | np.integer,
    *,
    num_removed: int | np.integer | None = None,
    progress: Progress | None = None,
) -> Int32[np.ndarray, " N"]:
    """An order near that of `walk_index_order`, with edges ranked anew only from time to time.

    All edges that are left are ranked as Algorithm 1 does for one step, the first `chunk_size` of
    them go, in this order, and the rest is ranked anew. With chunks of one edge it is the exact
    order, with one of all edges a single ranking. N edges take N / chunk_size rankings, each of
    which looks, for each edge, at all arcs within (L − 1) / 2 steps of it.

    For undirected graphs up to depth 4 the exact order is the faster one. A deeper network may also
    take the exact order of such a depth, which is faster than chunks and farther from the network's
    own order; how far is measured in `experiments/studies/jwi/approximate_orders.py`.

    Args:
        graph: a graph; on a masked graph only the kept edges count.
        depth: L, the depth of the network: walks have length L − 1.
        chunk_size: how many edges go between two rankings.
        num_removed: N, how many edges are ranked; None for all.
        progress: called now and then with the share that is ranked, in [0, 1]; None for nothing.

    Returns:
        int32[N], edge ids, first removed first.

    Raises:
        ValueError: for a depth or chunk below 1, or more edges to remove than there are.
        OverflowError: if the closed walks of length L at a vertex exceed 2^63 − 1.

    References:
        Razin, Verbin, Cohen, 2023, whose experiments remove edges in chunks at depth 3.

    Example:
        >>> import jwi
        >>> triangle_with_tail = jwi.from_edges([2, 0, 0, 1], [3, 1, 2, 2], num_vertices=4)
        >>> chunked_walk_index_order(triangle_with_tail, depth=2, chunk_size=4).tolist()
        [2, 3, 1, 0]
    """
    depth = checked_depth(depth)
    meaning = "how many edges to remove between two rankings"
    chunk = checked_integer("chunk_size", chunk_size, meaning, low=1)
    kept, edges = kept_edges(graph)
    count = checked_num_removed(num_removed, len(kept))
    walks = closed_walks(graph, depth)
    walk = walk_graph(edges, len(walks), depth, undirected=info_of(graph).undirected)
    chunk = min(chunk, max(1, len(kept)))
    index = walks - (walk.in_degree == 0)
    return kept[
        run_watched(
            _remove, (walk, index, chunk, count), count, progress, quick=len(edges) < FEW_EDGES
        )
    ]


@njit(cache=True, nogil=True)
@no_type_check
def _remove(graph, walk_index, chunk_size, num_removed, watch):
    """The first `num_removed` edges to go.

    Args:
        graph: a `WalkGraph`, which loses its edges.
        walk_index: int64[n], of the vertices.
        chunk_size: how many edges go between two rankings.
        num_removed: how many edges to remove.
        watch: see `run_watched`.
    """
    num_edges = len(graph.gone)
    heap, place_of = np.empty(num_edges, np.int32), np.empty(num_edges, np.int32)
    signatures = [np.empty((0, 2), np.int64) for _ in range(num_edges)]
    order, num_gone = np.empty(num_removed, np.int32), 0
    while num_gone < num_removed:
        size = 0
        for edge in range(num_edges):
            if watch[STOP]:
                return order
            if not graph.gone[edge]:
                count = find_losses(graph, edge)
                signatures[edge] = signature(walk_index, graph.around[:count], graph.lost[:count])
                heap[size], place_of[edge] = edge, size
                size += 1
                sift(heap, place_of, edge, signatures, size)
        for _ in range(min(chunk_size, num_removed - num_gone)):
            top = heap[0]
            size -= 1
            heap[0], place_of[heap[size]] = heap[size], 0
            sift(heap, place_of, heap[0], signatures, size)
            remove_edge(graph, walk_index, top, find_losses(graph, top))
            order[num_gone] = top
            num_gone += 1
        watch[DONE] = num_gone
    return order
