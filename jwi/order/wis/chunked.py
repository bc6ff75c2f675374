"""Walk Index Sparsification of several edges at a time."""

from typing import no_type_check

import numpy as np
from jaxtyping import Int32
from numba import njit

from jwi._checks import checked_depth, checked_integer
from jwi.graph.graph import GraphsTuple
from jwi.graph.info import info_of
from jwi.order.selection import checked_num_removed, kept_edges
from jwi.order.wis.any_depth import find_signature, signature_scratch
from jwi.order.wis.borrowed import borrowed
from jwi.order.wis.heap import delete, heap_of_signatures, insert
from jwi.order.wis.shrinking_graph import find_drops, remove_edge, walk_graph
from jwi.progress import DONE, FEW_EDGES, STOP, Progress, run_with_progress
from jwi.walks.closed import closed_walks


def chunked_walk_index_order(
    graph: GraphsTuple,
    depth: int | np.integer,
    chunk_size: int | np.integer,
    *,
    num_removed: int | np.integer | None = None,
    progress: Progress | None = None,
) -> Int32[np.ndarray, " N"]:
    """An order close to `walk_index_order`, with edges ranked again only from time to time.

    All edges that are left are ranked as Algorithm 1 does for one step, the first `chunk_size` of
    them are removed in this order, and the rest is ranked again. Chunks of one edge give the exact
    order, one chunk of all edges a single ranking. N edges take N / chunk_size rankings, each of
    which looks, for each edge, at all arcs within (L − 1) / 2 steps of it.

    For undirected graphs up to depth 4 the exact order is the faster one. A deeper network may also
    take the exact order of such a depth, which is faster than chunks and farther from the network's
    own order; how far is measured in `experiments/studies/jwi/approximate_orders.py`.

    Args:
        graph: A graph; on a masked graph only the kept edges count.
        depth: L, the depth of the network: walks have length L − 1.
        chunk_size: How many edges go between two rankings.
        num_removed: N, how many edges are ranked; None for all.
        progress: Called now and then with the share that is ranked, in [0, 1]; None for nothing.

    Returns:
        int32[N], edge ids, first removed first.

    Raises:
        ValueError: For a depth or chunk below 1, or more edges to remove than there are.
        OverflowError: If the closed walks of length L at a vertex exceed 2^63 − 1.

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
    walk = walk_graph(edges, walks, depth, undirected=info_of(graph).undirected)
    chunk = min(chunk, max(1, len(kept)))
    return kept[
        run_with_progress(
            _remove,
            (walk, signature_scratch(walk), chunk, count),
            count,
            progress,
            quick=len(edges) < FEW_EDGES,
        )
    ]


@njit(cache=True, nogil=True)
@no_type_check
def _remove(graph, scratch, chunk_size, num_removed, status):
    """The first `num_removed` edges to go.

    Args:
        graph: A `WalkGraph`, which loses its edges.
        scratch: A `Scratch`.
        chunk_size: How many edges go between two rankings.
        num_removed: How many edges to remove.
        status: See `run_with_progress`.
    """
    graph, scratch = borrowed((graph, scratch))
    heap = heap_of_signatures(len(graph.gone))
    order, count = np.empty(num_removed, np.int32), 0
    while count < num_removed:
        # A chunk leaves stale signatures in the heap, which are ranked again.
        heap.size[0] = 0
        for edge in range(len(graph.gone)):
            if status[STOP]:
                return order
            if not graph.gone[edge]:
                heap.keys[edge], _ = find_signature(graph, scratch, edge)
                insert(heap, edge)
        for _ in range(min(chunk_size, num_removed - count)):
            edge = heap.items[0]
            delete(heap, edge)
            remove_edge(graph, edge, find_drops(graph, edge))
            order[count] = edge
            count += 1
        status[DONE] = count
    return order
