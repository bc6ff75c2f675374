"""The edges in triangles, of which 2-WIS has to know the whole signatures, lazily."""

from typing import NamedTuple, no_type_check

import numpy as np
from numba import njit

from jwi.order.wis.buckets import Buckets, buckets, wait
from jwi.order.wis.heap import Heap, delete, insert, sift
from jwi.order.wis.hub_groups import (
    MOST_TRIANGLES,
    HubGroups,
    bounds_of_items,
    first_edge,
    hub_groups,
    is_grouped,
    join,
    leave,
)
from jwi.order.wis.queue import (
    Ties,
    edge_in_key,
    empty_queue,
    has_key,
    hold,
    set_key,
    set_least_key,
    settle,
    top_may_go_first,
)
from jwi.order.wis.signatures import Scratch, compare, lowest, scratch_for
from jwi.order.wis.triangulation import (
    Triangulation,
    find_drops,
    find_signature,
    index_without,
    remove_edge,
)
from jwi.progress import DONE, STOP

# Codes in a key. Four are all of an edge in no triangle; eight tell most edges of cliques apart.
# Edges that they do not tell apart are looked at again at every removal among them.
_KEY = 8


class Search(NamedTuple):
    """A lazy search for the edge in triangles that goes first.

    It is lazy as `remove_by_definition` is: signatures only grow, except for the edges that share a
    closed walk of length 3 with the removed one, the other two of each triangle. What is new is
    where an edge waits. Its signature starts with the lowest walk index that its removal causes.
    While that is below what other edges offer, the edge waits in a bucket, by an upper bound of
    this value: the lower of what its ends fall to, and of what the lowest third vertex of last time
    falls to if that triangle is still there. Only the edges of the current bucket are in a heap, by
    the first codes of their signatures; where these are equal and there are more, the whole
    signatures decide. Of a group at a hub, its first edge waits for all.

    Attributes:
        graph: A `Triangulation`, which loses its edges.
        scratch: A `Scratch`.
        buckets: `Buckets` of all edges without a group and of all groups, by `_bound`.
        heap: A `Heap` of these items.
        ties: `Ties`, empty between two edges.
        groups: `HubGroups`.
        level: int64[1], the current bucket: all above it are empty.
        offer: int64[key + 2], an upper bound of the lowest walk index that an edge in a bucket
            causes, then the key on top of the heap, with the edge's id in the whole graph.
        ids: int32[E], the edges in the whole graph.
    """

    graph: Triangulation
    scratch: Scratch
    buckets: Buckets
    heap: Heap
    ties: Ties
    groups: HubGroups
    level: np.ndarray
    offer: np.ndarray
    ids: np.ndarray


def search_in(graph: Triangulation, ids: np.ndarray, hub_degree: int) -> Search:
    """A search among the edges of a graph, whose ids in the whole graph are int32[E], rising."""
    edges = graph.edges
    scratch = scratch_for(len(graph.vertices))
    drop = 2 * graph.triangles[:, None] + 3
    bounds = np.where(graph.degree[edges] > 1, graph.walk_index[edges] - drop, 0).min(axis=1)
    groups = hub_groups(edges, graph.degree, hub_degree)
    waiting = buckets(bounds_of_items(groups, graph, bounds))
    heap, ties = empty_queue(len(waiting.bucket_of), _KEY, len(scratch.codes))
    level = np.array([len(waiting.first)])
    offer = np.full(_KEY + 2, np.iinfo(np.int64).max)
    offer[0] = bounds.max(initial=-1)
    search = Search(graph, scratch, waiting, heap, ties, groups, level, offer, ids)
    _join_all(search)
    return search


@njit(cache=True)
@no_type_check
def _join_all(search):
    """Puts edges into their groups."""
    for edge in range(len(search.graph.edges)):
        if is_grouped(search.groups.hub, search.graph.triangles, edge):
            join(search.groups, search.graph, edge)


@njit(cache=True)
@no_type_check
def remove_before(search, codes, other, order, count, status):
    """Removes the edges that go before another one, which is in no triangle.

    Args:
        search: A `Search`.
        codes: The other one's signature, which has no more codes than a key.
        other: Its id.
        order: int32[N], ids of the removed edges.
        count: How many there are.
        status: See `run_with_progress`.

    Returns:
        How many there are now, at most N.
    """
    graph, _, buckets, heap, ties, groups, level, offer, ids = search
    num_edges = len(ids)
    while count < len(order) and not status[STOP]:
        if top_may_go_first(heap, ties):
            item = heap.items[0]
            if lowest(heap.keys[item, 0]) // buckets.width >= level[0]:
                _set_offer(search)
                if ties.size[0] == 0 and is_after(offer[1:], codes, other):
                    break
                _look(search, item)
                continue
        if ties.size[0] == 0:
            if level[0] * buckets.width <= lowest(codes[0]):
                break
            # Nothing that is left offers as much as this level.
            level[0] -= 1
            _refill(search)
            continue
        difference = compare(ties.codes[: ties.length[0]], codes)
        item = settle(heap, ties)
        edge = edge_in_key(heap.keys, item)
        if difference > 0 or (difference == 0 and ids[edge] > other):
            insert(heap, item)
            break
        order[count] = ids[edge]
        count += 1
        status[DONE] = count
        if item >= num_edges:
            leave(groups, item - num_edges, edge)
            # The group's next edge goes no sooner, and is looked at when it is the group's turn.
            insert(heap, item)
        num_changed = find_drops(graph, edge)
        remove_edge(graph, edge, num_changed)
        for place in range(num_changed - 2):
            _reconsider(search, graph.sides[place, 0])
            _reconsider(search, graph.sides[place, 1])
    _set_offer(search)
    return count


@njit(cache=True)
@no_type_check
def _set_offer(search):
    """Brings the offer up to date."""
    buckets, heap, offer = search.buckets, search.heap, search.offer
    offer[0] = search.level[0] * buckets.width - 1
    offer[1:] = np.iinfo(np.int64).max
    if heap.size[0] > 0:
        offer[1:] = heap.keys[heap.items[0]]
        # A key without an edge, below those of all signatures, is settled by its codes.
        offer[-1] = search.ids[max(0, offer[-1])]


@njit(cache=True)
@no_type_check
def is_after(key, codes, other):
    """Whether a key, with its edge's id, comes after the signature of another edge.

    Of two edges with equal codes, one that has more codes than a key goes later anyway.
    """
    last = len(key) - 1
    for place in range(last):
        code = codes[place] if place < len(codes) else 0
        if key[place] != code:
            return key[place] > code
    return key[last] > other


@njit(cache=True)
@no_type_check
def _look(search, item):
    """Holds the item on top of the heap if its key is right, else gives it its right place."""
    graph, scratch, buckets, heap, ties, groups, levels, _, _ = search
    edge, level = item, levels[0]
    if item >= len(graph.edges):
        edge = first_edge(groups, graph, scratch, item - len(graph.edges))
        if edge < 0:
            delete(heap, item)
            return
    else:
        # The bound is cheap, and in cliques it often shows that the key is stale.
        bound = _bound(graph, edge)
        if bound < lowest(heap.keys[item, 0]):
            if bound // buckets.width < level and buckets.bucket_of[item] < 0:
                delete(heap, item)
                wait(buckets, item, bound)
            else:
                set_least_key(heap.keys, item, bound)
                sift(heap, item)
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
    bound = min(index_without(graph, u, triangles), index_without(graph, v, triangles))
    # The third vertex that was the lowest last time falls by 2, if that triangle is still there.
    one, other = graph.lowest_sides[edge]
    if one >= 0 and not graph.gone[one] and not graph.gone[other]:
        a, b = graph.edges[one]
        third = b if a in (u, v) else a
        bound = min(bound, graph.walk_index[third] - 2)
    return bound


@njit(cache=True)
@no_type_check
def _refill(search):
    """Moves the items that belong there from a bucket into the heap, the others further down."""
    graph, scratch, buckets, heap, _, groups, levels, _, _ = search
    level = levels[0]
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
def _reconsider(search, edge):
    """Lets an edge that has lost a triangle be evaluated in time: its signature may be smaller."""
    graph, _, buckets, heap, _, groups, _, _, _ = search
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
