"""2-WIS: the removal order of Walk Index Sparsification for networks of depth 3."""

from typing import no_type_check

import numpy as np
from numba import njit

from jwi.adjacency import sorted_arcs_by_vertex
from jwi.order.edge_queue import (
    KEY,
    compare,
    delete,
    encode,
    has_key,
    insert,
    lowest,
    set_key,
    set_least_key,
    sift,
    wait,
)
from jwi.order.triangles import count_triangles, drop_removed, find_triangles

_MAX_BUCKETS = 2**22


@njit(cache=True)
@no_type_check
def remove_by_triangles(edges, num_vertices, num_removed):
    """The first `num_removed` rows of `edges`, of an undirected graph, to go.

    A vertex of degree d > 0 in τ triangles has the walk index 1 + 3 d + 2 τ, an isolated one 0. An
    edge in c triangles takes 2 c + 3 from both its ends, or all 4 where it is the last one, and 2
    from the third vertex of each triangle. (Derived.)

    The search is lazy, as in `remove_by_definition`: signatures only grow, but for the edges that
    share a closed walk of length 3 with the removed one, the other two of each triangle. What is
    new is where an edge waits. Its signature starts with the lowest walk index that its removal
    causes. While that is below what other edges offer, the edge waits in a bucket, by an upper
    bound of this value. Only the edges of the current bucket are in a heap, by the first entries
    of their signatures; where these are equal and there are more, the whole signatures decide.
    """
    order, count = np.empty(num_removed, np.int32), 0
    if num_removed == 0:
        return order
    graph, index = _start(edges, num_vertices)
    most = graph[4].max() + 2
    thirds, sides = np.empty(most, np.int32), np.empty((most, 2), np.int32)
    scratch = (thirds, sides, np.empty(2 * most, np.int64), np.empty(2 * most, np.int64))
    codes = scratch[3]

    bounds = np.array([_bound(edge, graph, index) for edge in range(len(edges))])
    width = bounds.max() // _MAX_BUCKETS + 1
    level = bounds.max() // width
    first, following = np.full(level + 1, -1, np.int32), np.empty(len(edges), np.int32)
    buckets = (first, following, np.full(len(edges), -1, np.int32), width)
    for edge in range(len(edges)):
        wait(edge, bounds[edge], buckets)
    heap, place_of = np.empty(len(edges), np.int32), np.full(len(edges), -1, np.int32)
    keys, size = np.empty((len(edges), KEY), np.int64), 0
    queue = (heap, place_of, keys)

    while count < num_removed:
        size = _refill(level, graph, index, scratch, buckets, queue, size)
        while size > 0 and count < num_removed and lowest(keys[heap[0], 0]) // width >= level:
            edge = heap[0]
            length = _evaluate(edge, graph, index, scratch)
            if not has_key(edge, codes, length, keys):
                size = _renew(edge, codes, length, level, buckets, queue, size)
                continue
            size = delete(edge, queue, size)
            if length > KEY:
                edge, size = _break_tie(
                    edge, length, level, graph, index, scratch, buckets, queue, size
                )
            order[count] = edge
            count += 1
            num_thirds = _remove(edge, graph, index, thirds, sides)
            for side in sides[:num_thirds].ravel():
                size = _reconsider(side, graph, index, buckets, queue, size)
        level -= 1
    return order


@njit(cache=True)
@no_type_check
def _start(edges, num_vertices):
    """The graph, as all functions here pass it on, and the walk indices of the vertices."""
    ids = np.arange(len(edges), dtype=np.int32)
    at = np.append(edges[:, 0], edges[:, 1])
    to = np.append(edges[:, 1], edges[:, 0])
    starts, to, ids = sorted_arcs_by_vertex(at, to, np.append(ids, ids), num_vertices)
    adjacency = (starts[:-1], starts[1:].copy(), to, ids)
    degree = np.diff(starts)
    triangles = count_triangles(edges, num_vertices)
    index = np.where(degree > 0, 1 + 3 * degree, 0)
    for edge in range(len(edges)):
        index[edges[edge, 0]] += triangles[edge]
        index[edges[edge, 1]] += triangles[edge]
    gone = np.zeros(len(edges), np.bool_)
    return (edges, adjacency, gone, degree, triangles), index


@njit(cache=True)
@no_type_check
def _without(vertex, count, degree, index):
    """The walk index of an edge's end without the edge, which is in `count` triangles."""
    return index[vertex] - 2 * count - 3 if degree[vertex] > 1 else 0


@njit(cache=True)
@no_type_check
def _bound(edge, graph, index):
    """An upper bound of the lowest walk index that an edge's removal causes."""
    edges, _, _, degree, triangles = graph
    u, v = edges[edge]
    count = triangles[edge]
    return min(_without(u, count, degree, index), _without(v, count, degree, index))


@njit(cache=True)
@no_type_check
def _evaluate(edge, graph, index, scratch):
    """Codes an edge's signature into the last scratch array; returns its length."""
    edges, adjacency, gone, degree, triangles = graph
    thirds, sides, values, codes = scratch
    u, v = edges[edge]
    count = triangles[edge]
    if count > 0:
        find_triangles(u, v, adjacency, gone, thirds, sides)
    # The last bit tells new values from old ones.
    values[0], values[1] = 2 * index[u], 2 * index[v]
    values[2] = 2 * _without(u, count, degree, index) + 1
    values[3] = 2 * _without(v, count, degree, index) + 1
    size = 4
    for third in thirds[:count]:
        values[size], values[size + 1] = 2 * index[third], 2 * (index[third] - 2) + 1
        size += 2
    return encode(values[:size], codes)


@njit(cache=True)
@no_type_check
def _refill(level, graph, index, scratch, buckets, queue, size):
    """Moves the edges that belong there from a bucket into the heap, the others further down."""
    first, following, bucket_of, width = buckets
    gone, codes = graph[2], scratch[3]
    edge, first[level] = first[level], -1
    while edge >= 0:
        upcoming = following[edge]
        bucket_of[edge] = -1
        if not gone[edge] and queue[1][edge] < 0:
            bound, length = _bound(edge, graph, index), 0
            if bound // width >= level:
                length = _evaluate(edge, graph, index, scratch)
                bound = lowest(codes[0])
            if bound // width >= level:
                size = insert(edge, codes, length, queue, size)
            else:
                wait(edge, bound, buckets)
        edge = upcoming
    return size


@njit(cache=True)
@no_type_check
def _renew(edge, codes, length, level, buckets, queue, size):
    """Gives an edge in the heap its new place, or a bucket if it belongs there and is in none."""
    _, _, bucket_of, width = buckets
    if lowest(codes[0]) // width < level and bucket_of[edge] < 0:
        wait(edge, lowest(codes[0]), buckets)
        return delete(edge, queue, size)
    set_key(edge, codes, length, queue[2])
    sift(edge, queue, size)
    return size


@njit(cache=True)
@no_type_check
def _remove(edge, graph, index, thirds, sides):
    """Takes an edge out of the graph; returns the number of its triangles."""
    edges, adjacency, gone, degree, triangles = graph
    u, v = edges[edge]
    count = find_triangles(u, v, adjacency, gone, thirds, sides) if triangles[edge] > 0 else 0
    gone[edge] = True
    for end in (u, v):
        index[end] = _without(end, count, degree, index)
        degree[end] -= 1
        drop_removed(end, degree, adjacency, gone)
    for place in range(count):
        index[thirds[place]] -= 2
        triangles[sides[place, 0]] -= 1
        triangles[sides[place, 1]] -= 1
    return count


@njit(cache=True)
@no_type_check
def _reconsider(edge, graph, index, buckets, queue, size):
    """Lets an edge whose signature may have become smaller be evaluated in time."""
    _, _, bucket_of, width = buckets
    _, place_of, keys = queue
    bound = _bound(edge, graph, index)
    if place_of[edge] < 0:
        if bucket_of[edge] >= bound // width:
            return size
        place_of[edge], queue[0][size] = size, edge
        size += 1
    set_least_key(edge, bound, keys)
    sift(edge, queue, size)
    return size


@njit(cache=True)
@no_type_check
def _break_tie(edge, length, level, graph, index, scratch, buckets, queue, size):
    """The next edge to go, of those that share their first entries with one out of the heap."""
    codes = scratch[3]
    heap, _, keys = queue
    best = codes[:length].copy()
    losers = [edge for _ in range(0)]
    while size > 0 and np.array_equal(keys[heap[0]], keys[edge]):
        other = heap[0]
        length = _evaluate(other, graph, index, scratch)
        if not has_key(other, codes, length, keys):
            size = _renew(other, codes, length, level, buckets, queue, size)
            continue
        size = delete(other, queue, size)
        difference = compare(codes[:length], best)
        if difference < 0 or (difference == 0 and other < edge):
            edge, other = other, edge
            best = codes[:length].copy()
        losers.append(other)
    for other in losers:
        queue[1][other], heap[size] = size, other
        size += 1
        sift(other, queue, size)
    return edge, size
