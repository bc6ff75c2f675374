"""2-WIS: the removal order of Walk Index Sparsification for networks of depth 3."""

from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Int32, Int64
from numba import njit

from jwi.order.wis.hub_groups import MOST_TRIANGLES, HubGroups, hub_groups, join, leave
from jwi.order.wis.queue import (
    KEY,
    compare,
    delete,
    edge_queue,
    encode,
    has_key,
    insert,
    lowest,
    same_key,
    set_key,
    set_least_key,
    sift,
    wait,
)
from jwi.order.wis.triangulation import find_triangles, remove_edge, triangulate
from jwi.progress import DONE, FEW_EDGES, STOP, Progress, run_watched

# Below, an edge that is stale costs less than its group.
_HUB_DEGREE = 256


def remove_by_triangles(
    edges: np.ndarray,
    num_vertices: int,
    num_removed: int,
    progress: Progress | None = None,
    *,
    hub_degree: int = _HUB_DEGREE,
) -> Int32[np.ndarray, " N"]:
    """The first `num_removed` rows of `edges`, int32[E, 2], of an undirected graph, to go.

    A vertex of degree d > 0 in τ triangles has the walk index 1 + 3 d + 2 τ, an isolated one 0. An
    edge in c triangles takes 2 c + 3 from both its ends, or all 4 where it is the last one, and 2
    from the third vertex of each triangle. (Derived.)

    Args:
        edges: the edges.
        num_vertices: n.
        num_removed: how many edges to remove.
        progress: see `run_watched`.
        hub_degree: from which degree on the edges at a vertex are in groups, which changes the time
            that it takes.
    """
    if num_removed == 0:
        return np.zeros(0, np.int32)
    graph = triangulate(edges, num_vertices)
    index = np.where(graph.degree > 0, 1 + 3 * graph.degree, 0)
    for side in range(2):
        np.add.at(index, edges[:, side], graph.triangles)
    most = int(graph.triangles.max()) + 2
    scratch = _Scratch(
        thirds=np.empty(most, np.int32),
        sides=np.empty((most, 2), np.int32),
        values=np.empty(2 * most, np.int64),
        codes=np.empty(2 * most, np.int64),
    )
    drop = 2 * graph.triangles[:, None] + 3
    bounds = np.where(graph.degree[edges] > 1, index[edges] - drop, 0).min(axis=1)
    groups = hub_groups(edges, graph.degree, hub_degree)
    queue = edge_queue(_bounds_of_items(groups, bounds, graph.triangles), len(edges))
    return run_watched(
        _remove,
        (graph, index, scratch, queue, groups, num_removed),
        num_removed,
        progress,
        quick=len(edges) < FEW_EDGES,
    )


def _bounds_of_items(
    groups: HubGroups, bounds: np.ndarray, triangles: np.ndarray
) -> Int64[np.ndarray, " items"]:
    """The bounds of edges that are in no group, then those of groups; −1 for what does not wait."""
    grouped = (groups.hub >= 0) & (triangles <= MOST_TRIANGLES)
    of_group = np.full(len(groups.top), -1, np.int64)
    members = groups.first[groups.hub[grouped]] + triangles[grouped]
    np.maximum.at(of_group, members, bounds[grouped])
    return np.append(np.where(grouped, -1, bounds), of_group)


class _Scratch(NamedTuple):
    """Room for what is found about one edge.

    Attributes:
        thirds: int32[c], the third vertices of its triangles.
        sides: int32[c, 2], their other edges.
        values: int64[2 c + 4], what becomes a signature.
        codes: int64[2 c + 4], the signature's codes.
    """

    thirds: np.ndarray
    sides: np.ndarray
    values: np.ndarray
    codes: np.ndarray


@njit(cache=True, nogil=True)
@no_type_check
def _remove(graph, index, scratch, queue, groups, num_removed, watch):
    """The first `num_removed` edges to go.

    The search is lazy, as in `remove_by_definition`: signatures only grow, but for the edges that
    share a closed walk of length 3 with the removed one, the other two of each triangle. What is
    new is where an edge waits. Its signature starts with the lowest walk index that its removal
    causes. While that is below what other edges offer, the edge waits in a bucket, by an upper
    bound of this value. Only the edges of the current bucket are in a heap, by the first codes of
    their signatures; where these are equal and there are more, the whole signatures decide. Of a
    group at a hub, its first edge waits for all.

    Args:
        graph: a `Triangulation`, which loses its edges.
        index: int64[n], the walk indices of the vertices.
        scratch: a `_Scratch`.
        queue: an `EdgeQueue` of all edges without a group and of all groups, by `_bound`.
        groups: `HubGroups` without edges.
        num_removed: how many edges to remove.
        watch: see `run_watched`.
    """
    num_edges = len(graph.edges)
    order, count = np.empty(num_removed, np.int32), 0
    for edge in range(num_edges):
        if _is_grouped(groups.hub, graph.triangles, edge):
            _join(graph, index, groups, edge)
    level = len(queue.first) - 1
    while count < num_removed and not watch[STOP]:
        _refill(graph, index, scratch, queue, groups, level)
        while count < num_removed and _top_is_due(queue, level) and not watch[STOP]:
            item = queue.heap[0]
            edge = item
            if item >= num_edges:
                edge = _first_edge(graph, index, scratch, groups, item)
                if edge < 0:
                    delete(queue, item)
                    continue
            length = _evaluate(graph, index, scratch, edge, -1)
            known = item < num_edges or queue.edge_of[item - num_edges] == edge
            if not (known and has_key(queue, item, scratch.codes[:length])):
                _renew(queue, item, edge, scratch.codes[:length], level)
                continue
            delete(queue, item)
            if length > KEY:
                item, edge = _break_tie(
                    graph, index, scratch, queue, groups, item, edge, length, level
                )
            order[count] = edge
            count += 1
            watch[DONE] = count
            if item != edge:
                leave(groups, item - num_edges, groups.member_of[edge])
                # What is first now goes no sooner; the group is looked at when it is its turn.
                queue.edge_of[item - num_edges] = -1
                insert(queue, item)
            _remove_edge(graph, index, scratch, queue, groups, edge)
        level -= 1
    return order


@njit(cache=True)
@no_type_check
def _top_is_due(queue, level):
    """Whether the next item in the heap belongs to the current bucket, as far as is known."""
    if queue.size[0] == 0:
        return False
    return lowest(queue.keys[queue.heap[0], 0]) // queue.width >= level


@njit(cache=True)
@no_type_check
def _without(graph, index, vertex, triangles):
    """The walk index of a vertex without one of its edges, which is in so many triangles."""
    return index[vertex] - 2 * triangles - 3 if graph.degree[vertex] > 1 else 0


@njit(cache=True)
@no_type_check
def _bound(graph, index, edge):
    """An upper bound of the lowest walk index that an edge's removal causes."""
    u, v = graph.edges[edge]
    count = graph.triangles[edge]
    return min(_without(graph, index, u, count), _without(graph, index, v, count))


@njit(cache=True)
@no_type_check
def _evaluate(graph, index, scratch, edge, hub):
    """Codes an edge's signature into `scratch.codes`; returns its length.

    What the removal does to `hub` is left out; −1 for all of it.
    """
    count = graph.triangles[edge]
    if count > 0:
        find_triangles(graph, edge, scratch.thirds, scratch.sides)
    values, size = scratch.values, 0
    # The last bit tells new values from old ones.
    u, v = graph.edges[edge]
    if u != hub:
        values[0], values[1] = 2 * index[u], 2 * _without(graph, index, u, count) + 1
        size = 2
    if v != hub:
        values[size] = 2 * index[v]
        values[size + 1] = 2 * _without(graph, index, v, count) + 1
        size += 2
    for place in range(count):
        value = index[scratch.thirds[place]]
        values[size], values[size + 1] = 2 * value, 2 * (value - 2) + 1
        size += 2
    return encode(values[:size], scratch.codes)


@njit(cache=True)
@no_type_check
def _is_grouped(hub, triangles, edge):
    """Whether an edge is in a group."""
    return hub[edge] >= 0 and triangles[edge] <= MOST_TRIANGLES


@njit(cache=True)
@no_type_check
def _join(graph, index, groups, edge):
    """Puts an edge into its group, where it is evaluated when it comes to the top."""
    hub, member = groups.hub[edge], groups.member_of[edge]
    count, other = graph.triangles[edge], graph.edges[edge, 0] + graph.edges[edge, 1] - hub
    set_least_key(groups, member, _without(graph, index, other, count))
    join(groups, groups.first[hub] + count, member)


@njit(cache=True)
@no_type_check
def _first_edge(graph, index, scratch, groups, item):
    """The edge that the item of a group stands for; −1 if the group has none."""
    group = item - len(graph.edges)
    while groups.top[group] >= 0:
        member = groups.top[group]
        edge = groups.edge_of[member]
        codes = scratch.codes[: _evaluate(graph, index, scratch, edge, groups.hub[edge])]
        if has_key(groups, member, codes):
            return edge
        leave(groups, group, member)
        set_key(groups, member, codes)
        join(groups, group, member)
    return -1


@njit(cache=True)
@no_type_check
def _refill(graph, index, scratch, queue, groups, level):
    """Moves the items that belong there from a bucket into the heap, the others further down."""
    # Taken out once: that, and a call with all of them, cost as much as looking at an item.
    gone, triangles, hub, top = graph.gone, graph.triangles, groups.hub, groups.top
    following, bucket_of, place_of = queue.following, queue.bucket_of, queue.place_of
    width, num_edges = queue.width, len(gone)
    item, queue.first[level] = queue.first[level], -1
    while item >= 0:
        upcoming = following[item]
        bucket_of[item] = -1
        if item < num_edges:
            over = gone[item] or _is_grouped(hub, triangles, item)
        else:
            over = top[item - num_edges] < 0
        if place_of[item] < 0 and not over:
            bound, edge = level * width, item
            if item < num_edges:
                bound = _bound(graph, index, item)
            if bound // width >= level:
                if item >= num_edges:
                    edge = _first_edge(graph, index, scratch, groups, item)
                    queue.edge_of[item - num_edges] = edge
                length = _evaluate(graph, index, scratch, edge, -1)
                bound = lowest(scratch.codes[0])
                set_key(queue, item, scratch.codes[:length])
            if bound // width >= level:
                insert(queue, item)
            else:
                wait(queue, item, bound)
        item = upcoming


@njit(cache=True)
@no_type_check
def _renew(queue, item, edge, codes, level):
    """Gives an item in the heap its new place, or a bucket if it belongs there and is in none."""
    if lowest(codes[0]) // queue.width < level and queue.bucket_of[item] < 0:
        delete(queue, item)
        wait(queue, item, lowest(codes[0]))
    else:
        set_key(queue, item, codes)
        if item != edge:
            queue.edge_of[item - len(queue.keys) + len(queue.edge_of)] = edge
        sift(queue, item)


@njit(cache=True)
@no_type_check
def _break_tie(graph, index, scratch, queue, groups, item, edge, length, level):
    """The next item to go, and its edge, of those that share their first codes with one that is out
    of the heap.
    """
    num_edges = len(graph.edges)
    best = scratch.codes[:length].copy()
    others = [item for _ in range(0)]
    while queue.size[0] > 0 and same_key(queue, queue.heap[0], item):
        rival = queue.heap[0]
        rivals_edge = rival
        if rival >= num_edges:
            rivals_edge = _first_edge(graph, index, scratch, groups, rival)
            if rivals_edge < 0:
                delete(queue, rival)
                continue
        codes = scratch.codes[: _evaluate(graph, index, scratch, rivals_edge, -1)]
        known = rival < num_edges or queue.edge_of[rival - num_edges] == rivals_edge
        if not (known and has_key(queue, rival, codes)):
            _renew(queue, rival, rivals_edge, codes, level)
            continue
        delete(queue, rival)
        difference = compare(codes, best)
        if difference < 0 or (difference == 0 and rivals_edge < edge):
            item, rival, edge = rival, item, rivals_edge
            best = codes.copy()
        others.append(rival)
    for rival in others:
        insert(queue, rival)
    return item, edge


@njit(cache=True)
@no_type_check
def _remove_edge(graph, index, scratch, queue, groups, edge):
    """Takes an edge out of the graph, and sees to the other edges of its triangles."""
    triangles = graph.triangles[edge]
    for side in range(2):
        vertex = graph.edges[edge, side]
        index[vertex] = _without(graph, index, vertex, triangles)
    remove_edge(graph, edge, scratch.thirds, scratch.sides)
    for third in scratch.thirds[:triangles]:
        index[third] -= 2
    for place in range(triangles):
        _reconsider(graph, index, queue, groups, scratch.sides[place, 0])
        _reconsider(graph, index, queue, groups, scratch.sides[place, 1])


@njit(cache=True)
@no_type_check
def _reconsider(graph, index, queue, groups, edge):
    """Lets an edge that has lost a triangle be evaluated in time: its signature may be smaller."""
    item, bound = edge, _bound(graph, index, edge)
    if _is_grouped(groups.hub, graph.triangles, edge):
        count = graph.triangles[edge]
        group = groups.first[groups.hub[edge]] + count
        if count < MOST_TRIANGLES:
            leave(groups, group + 1, groups.member_of[edge])
        elif queue.place_of[edge] >= 0:
            delete(queue, edge)
        _join(graph, index, groups, edge)
        item = len(graph.edges) + group
        if queue.place_of[item] >= 0 and lowest(queue.keys[item, 0]) > bound:
            return  # another edge of the group comes before it
    if queue.place_of[item] < 0:
        if queue.bucket_of[item] < bound // queue.width:
            set_least_key(queue, item, bound)
            insert(queue, item)
    else:
        set_least_key(queue, item, bound)
        sift(queue, item)
