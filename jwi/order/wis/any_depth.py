"""(L − 1)-WIS: Walk Index Sparsification for networks of any depth L, exact."""

from typing import no_type_check

import numpy as np
from jaxtyping import Int32
from numba import njit

from jwi._checks import checked_depth
from jwi.graph.info import Graph, info_of
from jwi.order.entry import Order
from jwi.order.selection import checked_num_removed, kept_edges
from jwi.order.wis.depth_2 import remove_by_degrees
from jwi.order.wis.depth_3 import remove_by_triangles
from jwi.order.wis.depth_4 import remove_by_squares
from jwi.order.wis.queue import MAX_MULTIPLICITY, MAX_WALK_INDEX
from jwi.order.wis.shrinking_graph import edges_among, find_losses, remove_edge, walk_graph
from jwi.order.wis.signatures import compare, sift, signature
from jwi.progress import DONE, FEW_EDGES, STOP, Progress, run_watched
from jwi.walks.closed import closed_walks


def walk_index_order(
    graph: Graph,
    depth: int | np.integer,
    *,
    num_removed: int | np.integer | None = None,
    progress: Progress | None = None,
) -> Int32[np.ndarray, " N"]:
    """The order in which Algorithm 1, (L − 1)-WIS, removes edges: exact, one edge at a time.

    At each step, for every edge that is left, take the walk indices WI_{L−1, t}({t}) of all
    vertices t in the graph without it and sort them, the smallest first; the edge whose sorted
    tuple is lexicographically largest goes, of equal ones that of the lowest id. The self-loops of
    the theory are always there. Directed graphs by the same definition.

    Undirected graphs have designs of their own up to depth 4; the others take one that looks, for
    each edge near a removed one, at all arcs within (L − 1) / 2 steps of it. What a removal changes
    is looked at again when it is its turn. That is little in most graphs, a million edges taking
    seconds at depths 2 and 3. But at depth 3 in a clique of hundreds, and above it at a vertex of
    thousands of edges too, it is nearly all of them at each step, and time grows as the square of
    their number.

    Args:
        graph: a graph; on a masked graph only the kept edges count.
        depth: L, the depth of the network: walks have length L − 1.
        num_removed: N, how many edges are ranked; None for all.
        progress: called now and then with the share that is ranked, in [0, 1]; None for nothing.

    Returns:
        int32[N], edge ids, first removed first.

    Raises:
        ValueError: for a depth below 1 or above 2^31 − 1, or more edges to remove than there are.
        OverflowError: if the closed walks of length L at a vertex exceed 2^63 − 1.

    References:
        Razin, Verbin, Cohen, 2023, Algorithm 1.

    Example:
        >>> import jwi
        >>> triangle_with_tail = jwi.from_edges([2, 0, 0, 1], [3, 1, 2, 2], num_vertices=4)
        >>> walk_index_order(triangle_with_tail, depth=3, num_removed=2).tolist()
        [2, 3]
    """
    depth = checked_depth(depth)
    kept, edges = kept_edges(graph)
    count = checked_num_removed(num_removed, len(kept))
    info = info_of(graph)
    n, undirected = info.num_vertices, info.undirected
    if depth == 2 and undirected:
        return kept[remove_by_degrees(edges, n, count, progress)]
    degrees = np.bincount(edges.ravel(), minlength=n)[edges]
    # At depth 3 an edge changes its ends and the third vertices of its triangles, and no walk index
    # exceeds 1 + 3 d + 2 E; at depth 4 it changes what is next to its ends.
    if depth == 3 and undirected and degrees.min(axis=1).max(initial=0) < MAX_MULTIPLICITY:
        return kept[remove_by_triangles(edges, n, count, progress)]
    walks = closed_walks(graph, depth)
    few = degrees.sum(axis=1).max(initial=0) <= MAX_MULTIPLICITY
    if depth == 4 and undirected and few and walks.max() <= MAX_WALK_INDEX:
        return kept[remove_by_squares(edges, walks, count, progress)]
    return kept[
        remove_by_definition(edges, walks, depth, count, undirected=undirected, progress=progress)
    ]


ORDER = Order(
    "(L − 1)-WIS",
    lambda graph, options: walk_index_order(
        graph, options.depth, num_removed=options.num_removed, progress=options.progress
    ),
    directed=True,
)


def remove_by_definition(
    edges: np.ndarray,
    walks: np.ndarray,
    depth: int,
    num_removed: int,
    *,
    undirected: bool,
    progress: Progress | None = None,
) -> Int32[np.ndarray, " N"]:
    """The first `num_removed` rows of `edges`, int32[E, 2], to go.

    Args:
        edges: the edges.
        walks: int64[n], the closed walks of length `depth` at each vertex.
        depth: L.
        num_removed: how many edges to remove.
        undirected: whether edges can be walked both ways.
        progress: see `run_watched`.
    """
    graph = walk_graph(edges, len(walks), depth, undirected=undirected)
    index = walks - (graph.in_degree == 0)
    return run_watched(
        _remove, (graph, index, num_removed), num_removed, progress, quick=len(edges) < FEW_EDGES
    )


@njit(cache=True, nogil=True)
@no_type_check
def _remove(graph, index, num_removed, watch):
    """The first `num_removed` edges to go.

    A lazy greedy search: signatures are kept in a heap and renewed when they reach the top. That is
    exact if no other signature has become smaller since it was computed. The removal of an edge f
    makes the signature of an edge e smaller only if one closed walk of length L passes both
    (derived): else e destroys the same closed walks as before, so that every vertex that e changes
    falls from a place not above its old one by as much as before, or by one more where f left e as
    the last edge into it; and so the signature stays or grows, as `signatures` says. Edges that may
    share a closed walk with the removed one are renewed at once.

    Args:
        graph: a `WalkGraph`, which loses its edges.
        index: int64[n], the walk indices of the vertices.
        num_removed: how many edges to remove.
        watch: see `run_watched`.
    """
    size = len(graph.gone)
    heap, place_of = np.empty(size, np.int32), np.empty(size, np.int32)
    near = np.empty(size, np.int32)
    signatures = [np.empty((0, 2), np.int64) for _ in range(size)]
    order, num_gone = np.empty(num_removed, np.int32), 0
    for edge in range(size):
        if watch[STOP]:
            return order
        count = find_losses(graph, edge)
        signatures[edge] = signature(index, graph.around[:count], graph.lost[:count])
        heap[edge], place_of[edge] = edge, edge
        sift(heap, place_of, edge, signatures, edge + 1)

    while num_gone < num_removed and not watch[STOP]:
        top = heap[0]
        count = find_losses(graph, top)
        current = signature(index, graph.around[:count], graph.lost[:count])
        if compare(current, signatures[top]) != 0:
            signatures[top] = current
            sift(heap, place_of, top, signatures, size)
            continue
        order[num_gone] = top
        num_gone += 1
        watch[DONE] = num_gone
        size -= 1
        heap[0], place_of[heap[size]] = heap[size], 0
        sift(heap, place_of, heap[0], signatures, size)
        remove_edge(graph, index, top, count)
        for edge in near[: edges_among(graph, count, near)]:
            count = find_losses(graph, edge)
            signatures[edge] = signature(index, graph.around[:count], graph.lost[:count])
            sift(heap, place_of, edge, signatures, size)
    return order
