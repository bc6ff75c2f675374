"""2-WIS: the removal order of Walk Index Sparsification for networks of depth 3."""

from typing import no_type_check

import numpy as np
from jaxtyping import Int32
from numba import njit

from jwi.order.wis.borrowed import borrowed
from jwi.order.wis.buckets import buckets, wait
from jwi.order.wis.heap import delete, insert, sift
from jwi.order.wis.hub_groups import (
    MOST_TRIANGLES,
    bounds_of_items,
    first_edge,
    hub_groups,
    is_grouped,
    join,
    leave,
)
from jwi.order.wis.queue import (
    edge_in_key,
    empty_queue,
    has_key,
    hold,
    set_key,
    set_least_key,
    settle,
    top_may_go_first,
)
from jwi.order.wis.signatures import lowest, scratch_for
from jwi.order.wis.triangulation import (
    find_drops,
    find_signature,
    index_without,
    remove_edge,
    triangulate,
)
from jwi.progress import DONE, FEW_EDGES, STOP, Progress, run_with_progress

# Below, an edge that is stale costs less than its group.
_HUB_DEGREE = 256
# Codes in a key: all of them for an edge that is in no triangle.
_KEY = 4


def remove_by_triangles(
    edges: np.ndarray,
    num_vertices: int,
    num_removed: int,
    progress: Progress | None = None,
    *,
    hub_degree: int = _HUB_DEGREE,
) -> Int32[np.ndarray, " N"]:
    """The first `num_removed` rows of `edges`, int32[E, 2], of an undirected graph, to go.

    Args:
        edges: The edges.
        num_vertices: n.
        num_removed: How many edges to remove.
        progress: See `run_with_progress`.
        hub_degree: From which degree on the edges at a vertex are in groups, which changes the time
            that it takes.
    """
    if num_removed == 0:
        return np.zeros(0, np.int32)
    graph = triangulate(edges, num_vertices)
    scratch = scratch_for(len(graph.vertices))
    drop = 2 * graph.triangles[:, None] + 3
    bounds = np.where(graph.degree[edges] > 1, graph.walk_index[edges] - drop, 0).min(axis=1)
    groups = hub_groups(edges, graph.degree, hub_degree)
    items = bounds_of_items(groups, graph, bounds)
    heap, ties = empty_queue(len(items), _KEY, len(scratch.codes))
    return run_with_progress(
        _remove,
        (graph, scratch, buckets(items), heap, ties, groups, num_removed),
        num_removed,
        progress,
        quick=len(edges) < FEW_EDGES,
    )


@njit(cache=True, nogil=True)
@no_type_check
def _remove(graph, scratch, buckets, heap, ties, groups, num_removed, status):
    """The first `num_removed` edges to go.

    The search is lazy, as in `remove_by_definition`: signatures only grow, except for the edges
    that share a closed walk of length 3 with the removed one, the other two of each triangle. What
    is new is where an edge waits. Its signature starts with the lowest walk index that its removal
    causes. While that is below what other edges offer, the edge waits in a bucket, by an upper
    bound of this value. Only the edges of the current bucket are in a heap, by the first codes of
    their signatures; where these are equal and there are more, the whole signatures decide. Of a
    group at a hub, its first edge waits for all.

    Args:
        graph: A `Triangulation`, which loses its edges.
        scratch: A `Scratch`.
        buckets: `Buckets` of all edges without a group and of all groups, by `_bound`.
        heap: An empty `Heap` of these items.
        ties: Empty `Ties`.
        groups: `HubGroups` without edges.
        num_removed: How many edges to remove.
        status: See `run_with_progress`.
    """
    graph, scratch, buckets, heap, ties, groups = borrowed(
        (graph, scratch, buckets, heap, ties, groups)
    )
    num_edges = len(graph.edges)
    order, count = np.empty(num_removed, np.int32), 0
    for edge in range(num_edges):
        if is_grouped(groups.hub, graph.triangles, edge):
            join(groups, graph, edge)
    level = len(buckets.first) - 1
    _refill(graph, scratch, buckets, heap, groups, level)
    while count < num_removed and not status[STOP]:
        if top_may_go_first(heap, ties):
            item = heap.items[0]
            if lowest(heap.keys[item, 0]) // buckets.width >= level:
                _look(graph, scratch, buckets, heap, ties, groups, item, level)
                continue
        if ties.size[0] == 0:
            # Nothing that is left offers as much as this level.
            level -= 1
            _refill(graph, scratch, buckets, heap, groups, level)
            continue
        item = settle(heap, ties)
        edge = edge_in_key(heap.keys, item)
        order[count] = edge
        count += 1
        status[DONE] = count
        if item >= num_edges:
            leave(groups, item - num_edges, edge)
            # The group's next edge goes no sooner, and is looked at when it is the group's turn.
            insert(heap, item)
        num_changed = find_drops(graph, edge)
        remove_edge(graph, edge, num_changed)
        for place in range(num_changed - 2):
            _reconsider(graph, buckets, heap, groups, graph.sides[place, 0])
            _reconsider(graph, buckets, heap, groups, graph.sides[place, 1])
    return order


@njit(cache=True)
@no_type_check
def _look(graph, scratch, buckets, heap, ties, groups, item, level):
    """Holds the item on top of the heap if its key is right, else gives it its right place."""
    edge = item
    if item >= len(graph.edges):
        edge = first_edge(groups, graph, scratch, item - len(graph.edges))
        if edge < 0:
            delete(heap, item)
            return
    codes = find_signature(graph, scratch, edge, -1)
    if has_key(heap.keys, item, codes, edge):
        hold(heap, ties, item, codes)
    elif lowest(codes[0]) // buckets.width < level and buckets.bucket_of[item] < 0:
        delete(heap, item)
        wait(buckets, item, lowest(codes[0]))
    else:
        # An item that is in a bucket already must not wait in a second one: it stays in the heap.
        set_key(heap.keys, item, codes, edge)
        sift(heap, item)


@njit(cache=True)
@no_type_check
def _bound(graph, edge):
    """An upper bound of the lowest walk index that an edge's removal causes."""
    u, v = graph.edges[edge]
    triangles = graph.triangles[edge]
    return min(index_without(graph, u, triangles), index_without(graph, v, triangles))


@njit(cache=True)
@no_type_check
def _refill(graph, scratch, buckets, heap, groups, level):
    """Moves the items that belong there from a bucket into the heap, the others further down."""
    # Taken out once: that, and a call with all of them, cost as much as looking at an item.
    gone, triangles, hub, sizes = graph.gone, graph.triangles, groups.hub, groups.sizes
    following, bucket_of, place_of = buckets.following, buckets.bucket_of, heap.place_of
    width, num_edges = buckets.width, len(gone)
    item, buckets.first[level] = buckets.first[level], -1
    while item >= 0:
        upcoming = following[item]
        bucket_of[item] = -1
        if item < num_edges:
            over = gone[item] or is_grouped(hub, triangles, item)
        else:
            over = sizes[item - num_edges] == 0
        if place_of[item] < 0 and not over:
            # The bound is cheap and often shows that an edge belongs further down.
            bound, edge = level * width, item
            if item < num_edges:
                bound = _bound(graph, item)
            if bound // width >= level:
                if item >= num_edges:
                    edge = first_edge(groups, graph, scratch, item - num_edges)
                codes = find_signature(graph, scratch, edge, -1)
                bound = lowest(codes[0])
                set_key(heap.keys, item, codes, edge)
            if bound // width >= level:
                insert(heap, item)
            else:
                wait(buckets, item, bound)
        item = upcoming


@njit(cache=True)
@no_type_check
def _reconsider(graph, buckets, heap, groups, edge):
    """Lets an edge that has lost a triangle be evaluated in time: its signature may be smaller."""
    item, bound = edge, _bound(graph, edge)
    if is_grouped(groups.hub, graph.triangles, edge):
        triangles = graph.triangles[edge]
        group = groups.first[groups.hub[edge]] + triangles
        # The edge comes from the group of one triangle more, or was in too many for a group.
        if triangles < MOST_TRIANGLES:
            leave(groups, group + 1, edge)
        elif heap.place_of[edge] >= 0:
            delete(heap, edge)
        join(groups, graph, edge)
        item = len(graph.edges) + group
        if heap.place_of[item] >= 0 and lowest(heap.keys[item, 0]) > bound:
            return  # another edge of the group comes before it
    if heap.place_of[item] < 0:
        # A bucket of this bound or a higher one is looked at in time.
        if buckets.bucket_of[item] < bound // buckets.width:
            set_least_key(heap.keys, item, bound)
            insert(heap, item)
    else:
        set_least_key(heap.keys, item, bound)
        sift(heap, item)
