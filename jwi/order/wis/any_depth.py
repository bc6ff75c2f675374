"""(L − 1)-WIS: Walk Index Sparsification for networks of any depth L, exact."""

from typing import no_type_check

import numpy as np
from jaxtyping import Int32
from numba import njit

from jwi._checks import checked_depth
from jwi.graph.info import Graph, info_of
from jwi.order.entry import Order
from jwi.order.selection import checked_num_removed, kept_edges, lightest_first
from jwi.order.wis.borrowed import borrowed
from jwi.order.wis.depth_2 import remove_by_degrees
from jwi.order.wis.depth_3 import remove_by_triangles
from jwi.order.wis.depth_4 import remove_by_squares
from jwi.order.wis.heap import delete, heap_of_signatures, insert, sift
from jwi.order.wis.in_no_triangle import MAX_EDGES
from jwi.order.wis.shrinking_graph import (
    WalkGraph,
    edges_among,
    find_drops,
    remove_edge,
    walk_graph,
)
from jwi.order.wis.signatures import (
    MAX_MULTIPLICITY,
    MAX_WALK_INDEX,
    Scratch,
    compare,
    encode_large,
    read_changes,
    scratch_for,
)
from jwi.progress import DONE, FEW_EDGES, STOP, Progress, run_with_progress
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
    vertices t in the graph without it and sort them, the smallest first. The edge whose sorted
    tuple is lexicographically largest is removed; ties go to the lowest id. The self-loops of the
    theory are always there. Directed graphs follow the same definition.

    Undirected graphs have designs of their own up to depth 4. All others take one that looks, for
    each edge near a removed one, at all arcs within (L − 1) / 2 steps of it. Edges that a removal
    changes are looked at again when it is their turn. In most graphs these are few: a million edges
    take seconds at depths 2 and 3. But in a clique of hundreds at depth 3, and at a vertex of
    thousands of edges above it, nearly all edges are looked at in each step, and time grows as the
    square of their number. So it does at depth 3 with the number of copies of one dense component.

    Args:
        graph: A graph; on a masked graph only the kept edges count.
        depth: L, the depth of the network: walks have length L − 1.
        num_removed: N, how many edges are ranked; None for all.
        progress: Called now and then with the share that is ranked, in [0, 1]; None for nothing.

    Returns:
        int32[N], edge ids, first removed first.

    Raises:
        ValueError: For a depth below 1 or above 2^31 − 1, or more edges to remove than there are.
        OverflowError: If the closed walks of length L at a vertex exceed 2^63 − 1.

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
    # exceeds 1 + 3 d + 2 E; at depth 4 it changes the neighbors of its ends.
    fits = degrees.min(axis=1).max(initial=0) < MAX_MULTIPLICITY and len(edges) <= MAX_EDGES
    if depth == 3 and undirected and fits:
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
    lambda graph, options: lightest_first(
        graph,
        options.weights,
        lambda same: walk_index_order(
            same, options.depth, num_removed=options.num_removed, progress=options.progress
        ),
    ),
    directed=True,
    weighted=True,
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
        edges: The edges.
        walks: int64[n], the closed walks of length `depth` at each vertex.
        depth: L.
        num_removed: How many edges to remove.
        undirected: Whether edges can be walked both ways.
        progress: See `run_with_progress`.
    """
    graph = walk_graph(edges, walks, depth, undirected=undirected)
    return run_with_progress(
        _remove,
        (graph, signature_scratch(graph), num_removed),
        num_removed,
        progress,
        quick=len(edges) < FEW_EDGES,
    )


def signature_scratch(graph: WalkGraph) -> Scratch:
    """Memory for the signatures of a `WalkGraph`."""
    return scratch_for(len(graph.walk_index), codes_per_entry=2)


@njit(cache=True, nogil=True)
@no_type_check
def _remove(graph, scratch, num_removed, status):
    """The first `num_removed` edges to go.

    A lazy greedy search: signatures are kept in a heap and renewed when they reach the top. That is
    exact if no other signature has become smaller since it was computed. The removal of an edge f
    makes the signature of an edge e smaller only if one closed walk of length L passes both
    (derived): else e destroys the same closed walks as before, so that every vertex that e changes
    falls from a place not above its old one by as much as before, or by one more where f left e as
    the last edge into it; and so the signature stays or grows, as `signatures` says. Edges that may
    share a closed walk with the removed one are renewed at once.

    Args:
        graph: A `WalkGraph`, which loses its edges.
        scratch: A `Scratch`.
        num_removed: How many edges to remove.
        status: See `run_with_progress`.
    """
    graph, scratch = borrowed((graph, scratch))
    num_edges = len(graph.gone)
    near = np.empty(num_edges, np.int32)
    order, count = np.empty(num_removed, np.int32), 0
    heap = heap_of_signatures(num_edges)
    for edge in range(num_edges):
        if status[STOP]:
            return order
        heap.keys[edge], _ = find_signature(graph, scratch, edge)
        insert(heap, edge)
    while count < num_removed and not status[STOP]:
        edge = heap.items[0]
        current, num_changed = find_signature(graph, scratch, edge)
        if compare(current, heap.keys[edge]) != 0:
            # It was stale, and has grown. Its place is further down.
            heap.keys[edge] = current
            sift(heap, edge)
            continue
        delete(heap, edge)
        order[count] = edge
        count += 1
        status[DONE] = count
        remove_edge(graph, edge, num_changed)
        # Only these signatures may have become smaller.
        for other in near[: edges_among(graph, num_changed, near)]:
            heap.keys[other], _ = find_signature(graph, scratch, other)
            sift(heap, other)
    return order


@njit(cache=True)
@no_type_check
def find_signature(graph, scratch, edge):
    """The codes of an edge's signature, and how many vertices `find_drops` found."""
    count = find_drops(graph, edge)
    size = read_changes(graph, count, scratch)
    length = encode_large(scratch.old[:size], scratch.new[:size], scratch.codes)
    return scratch.codes[:length].copy(), count
