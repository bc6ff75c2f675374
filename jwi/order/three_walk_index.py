"""3-WIS: the removal order of Walk Index Sparsification for networks of depth 4."""

from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Int32
from numba import njit

from jwi.adjacency import arcs_by_vertex
from jwi.order.edge_queue import (
    compare,
    delete,
    empty_queue,
    encode,
    has_key,
    insert,
    same_key,
    set_key,
    sift,
)

# Edges at one vertex have much of their signatures in common, so keys are longer than at depth 3.
_KEY = 8


class _Graph(NamedTuple):
    """An undirected graph that loses edges.

    Attributes:
        edges: int32[E, 2].
        walk_index: int64[n], of the vertices.
        degree: int64[n].
        reach: int64[n], the sum of the neighbors' degrees.
        starts: int64[n], where the arcs at each vertex start; there are as many as its degree.
        neighbors: int32[2E], the other end of each arc.
        ids: int32[2E], its edge.
    """

    edges: np.ndarray
    walk_index: np.ndarray
    degree: np.ndarray
    reach: np.ndarray
    starts: np.ndarray
    neighbors: np.ndarray
    ids: np.ndarray


class _Scratch(NamedTuple):
    """Room for what is found about one edge.

    Attributes:
        paths: int64[n], all 0 before and after: numbers of paths, or losses, by vertex.
        vertices: int32[k], the vertices whose walk indices fall with it.
        losses: int64[k], by how much.
        values: int64[2 k], what becomes a signature.
        codes: int64[2 k], the signature's codes.
        near: int32[k], edges next to it.
    """

    paths: np.ndarray
    vertices: np.ndarray
    losses: np.ndarray
    values: np.ndarray
    codes: np.ndarray
    near: np.ndarray


def remove_by_squares(
    edges: np.ndarray, walks: np.ndarray, num_removed: int
) -> Int32[np.ndarray, " N"]:
    """The first `num_removed` rows of `edges`, int32[E, 2], of an undirected graph, to go.

    Args:
        edges: the edges.
        walks: int64[n], the closed walks of length 4 at each vertex, self-loops added.
        num_removed: how many edges to remove.
    """
    num_vertices = len(walks)
    ids = np.repeat(np.arange(len(edges), dtype=np.int32), 2)
    opposite = np.ascontiguousarray(edges[:, ::-1]).ravel()
    starts, neighbors, ids = arcs_by_vertex(edges.ravel(), opposite, ids, num_vertices)
    degree = np.diff(starts)
    reach = np.zeros_like(degree)
    np.add.at(reach, edges.ravel(), degree[opposite])
    index = walks - (degree == 0)
    graph = _Graph(edges, index, degree, reach, starts[:-1].copy(), neighbors, ids)
    most = int(degree[edges].sum(axis=1).max(initial=0))
    scratch = _Scratch(
        paths=np.zeros(num_vertices, np.int64),
        vertices=np.empty(most, np.int32),
        losses=np.empty(most, np.int64),
        values=np.empty(2 * most, np.int64),
        codes=np.empty(2 * most, np.int64),
        near=np.empty(most, np.int32),
    )
    return _remove(graph, scratch, empty_queue(len(edges), _KEY), num_removed)


@njit(cache=True)
@no_type_check
def _remove(graph, scratch, queue, num_removed):
    """The first `num_removed` edges to go.

    The search is lazy, as in `remove_by_definition`: signatures only grow, but for some of the
    edges that share an end with the removed one, which `_reconsider` finds. The heap has the edges
    by the first codes of their signatures; where these are equal and there are more, the whole
    signatures decide.

    Args:
        graph: a `_Graph`, which loses its edges.
        scratch: a `_Scratch`.
        queue: an empty `EdgeQueue`.
        num_removed: how many edges to remove.
    """
    order, count = np.empty(num_removed, np.int32), 0
    for edge in range(len(graph.edges)):
        set_key(queue, edge, scratch.codes[: _evaluate(graph, scratch, edge)])
        insert(queue, edge)
    while count < num_removed:
        edge = queue.heap[0]
        length = _evaluate(graph, scratch, edge)
        if not has_key(queue, edge, scratch.codes[:length]):
            set_key(queue, edge, scratch.codes[:length])
            sift(queue, edge)
            continue
        delete(queue, edge)
        if length > queue.keys.shape[1]:
            edge = _break_tie(graph, scratch, queue, edge, length)
        order[count] = edge
        count += 1
        _reconsider(graph, scratch, queue, edge, _remove_edge(graph, scratch, edge))
    return order


@njit(cache=True)
@no_type_check
def _find_losses(graph, scratch, edge):
    """By how much walk indices fall when an edge goes; returns how many vertices there are.

    With the self-loops, (A⁴)_tt = Σ_j (A²)_tj². Without the edge {u, v}, (A²)_tj falls by 1 for
    t next to u and j = v, and for t next to v and j = u; so t loses 2 (A²)_tv − 1, or
    2 (A²)_tu − 1, or their sum. At u itself (A²)_uj falls by 1 for every j next to v and for j = u,
    and by 2 for j = v, where (A²)_uu = 1 + d_u and (A²)_uv = 2 + c, with c common neighbors: u
    loses what the other neighbors of v lose through v, and 2 d_u + 1 + 4 (c + 1). (Derived.)
    """
    paths, neighbors, starts, degree = scratch.paths, graph.neighbors, graph.starts, graph.degree
    u, v = graph.edges[edge]
    if graph.reach[u] > graph.reach[v]:
        u, v = v, u
    for y in neighbors[starts[v] : starts[v] + degree[v]]:
        paths[y] = 1  # By way of v; those by way of the neighbors of u follow.
    paths[u] = 0
    count = common = 0
    for x in neighbors[starts[u] : starts[u] + degree[u]]:
        if x != v:
            paths_to_v = 1  # By way of u.
            for y in neighbors[starts[x] : starts[x] + degree[x]]:
                if paths[y] > 0:
                    paths[y] += 1
                    paths_to_v += 1
            scratch.vertices[count], scratch.losses[count] = x, 2 * paths_to_v - 1
            count += 1
    loss_u, loss_v = 2 * degree[u] + 1, 2 * degree[v] + 1
    for place in range(count):
        x = scratch.vertices[place]
        if paths[x] > 0:
            common += 1
            scratch.losses[place] += 4
            loss_u += 2 * paths[x] + 3
        loss_v += scratch.losses[place]
        if paths[x] > 0:
            scratch.losses[place] += 2 * paths[x] + 3
            paths[x] = 0
    for y in neighbors[starts[v] : starts[v] + degree[v]]:
        if paths[y] > 0:
            scratch.vertices[count], scratch.losses[count] = y, 2 * paths[y] - 1
            loss_u += 2 * paths[y] - 1
            count += 1
            paths[y] = 0
    # Without edges the walk that only stands still counts no more.
    loss_u += 4 * (common + 1) + (degree[u] == 1)
    loss_v += 4 * (common + 1) + (degree[v] == 1)
    scratch.vertices[count], scratch.losses[count] = u, loss_u
    scratch.vertices[count + 1], scratch.losses[count + 1] = v, loss_v
    return count + 2


@njit(cache=True)
@no_type_check
def _evaluate(graph, scratch, edge):
    """Codes an edge's signature into `scratch.codes`; returns its length."""
    count = _find_losses(graph, scratch, edge)
    for place in range(count):
        value = graph.walk_index[scratch.vertices[place]]
        # The last bit tells new values from old ones.
        scratch.values[2 * place] = 2 * value
        scratch.values[2 * place + 1] = 2 * (value - scratch.losses[place]) + 1
    return encode(scratch.values[: 2 * count], scratch.codes)


@njit(cache=True)
@no_type_check
def _break_tie(graph, scratch, queue, edge, length):
    """The next edge to go, of those that share their first codes with one out of the heap."""
    best = scratch.codes[:length].copy()
    others = [edge for _ in range(0)]
    while queue.size[0] > 0 and same_key(queue, queue.heap[0], edge):
        other = queue.heap[0]
        codes = scratch.codes[: _evaluate(graph, scratch, other)]
        if not has_key(queue, other, codes):
            set_key(queue, other, codes)
            sift(queue, other)
            continue
        delete(queue, other)
        difference = compare(codes, best)
        if difference < 0 or (difference == 0 and other < edge):
            edge, other = other, edge
            best = codes.copy()
        others.append(other)
    for other in others:
        insert(queue, other)
    return edge


@njit(cache=True)
@no_type_check
def _remove_edge(graph, scratch, edge):
    """Takes an edge out of the graph; returns how many walk indices fall, as `_find_losses`."""
    count = _find_losses(graph, scratch, edge)
    for place in range(count):
        graph.walk_index[scratch.vertices[place]] -= scratch.losses[place]
    for side in range(2):
        here, there = graph.edges[edge, side], graph.edges[edge, 1 - side]
        graph.reach[here] -= graph.degree[there]
        place, last = graph.starts[here], graph.starts[here] + graph.degree[here] - 1
        while graph.ids[place] != edge:
            place += 1
        graph.neighbors[place], graph.ids[place] = graph.neighbors[last], graph.ids[last]
    for side in range(2):
        here = graph.edges[edge, side]
        graph.degree[here] -= 1
        for arc in range(graph.starts[here], graph.starts[here] + graph.degree[here]):
            graph.reach[graph.neighbors[arc]] -= 1
    return count


@njit(cache=True)
@no_type_check
def _reconsider(graph, scratch, queue, removed, count):
    """Renews the edges whose signatures may have become smaller with the removal of an edge.

    Let f be the removed edge and e another. A vertex t that e changes, with f and without, and f,
    with e and without, falls with e to a lower place than before, from one not higher: its part of
    the signature grows. There are other parts only if e = {u, x} and f = {u, w} make no triangle:
    e changes w no more, which takes one from the place to which w fell; and f changes x no more
    once e is gone, which moves the place that x leaves down to the present one. Where e changes a
    neighbor of u, it falls by 1 or more from its present place. If one of these new places is lower
    than those two, the signature has grown. By e, w fell as far as x did by f. (Derived.)

    Args:
        graph: a `_Graph`, without the edge.
        scratch: a `_Scratch`, with the losses that the edge has caused.
        queue: the `EdgeQueue`.
        removed: the edge.
        count: how many losses there are.
    """
    num_near = 0
    loss_of = scratch.paths
    for place in range(count):
        loss_of[scratch.vertices[place]] = scratch.losses[place]
    _forget_common(graph, scratch, removed)
    for side in range(2):
        here, there = graph.edges[removed, side], graph.edges[removed, 1 - side]
        before = graph.walk_index[there] + loss_of[there]
        weakest, least, second = _lowest_around(graph, here)
        for arc in range(graph.starts[here], graph.starts[here] + graph.degree[here]):
            x = graph.neighbors[arc]
            limit = min(before - loss_of[x], graph.walk_index[x])
            if loss_of[x] > 0 and (second if x == weakest else least) - 1 >= limit:
                scratch.near[num_near] = graph.ids[arc]
                num_near += 1
    for vertex in scratch.vertices[:count]:
        loss_of[vertex] = 0
    for edge in scratch.near[:num_near]:
        set_key(queue, edge, scratch.codes[: _evaluate(graph, scratch, edge)])
        sift(queue, edge)


@njit(cache=True)
@no_type_check
def _forget_common(graph, scratch, removed):
    """Sets the losses in `scratch.paths` to 0 where a vertex is next to both ends."""
    paths, starts, degree = scratch.paths, graph.starts, graph.degree
    u, v = graph.edges[removed]
    for x in graph.neighbors[starts[u] : starts[u] + degree[u]]:
        paths[x] = -paths[x]
    for x in graph.neighbors[starts[v] : starts[v] + degree[v]]:
        paths[x] = max(paths[x], 0)
    for x in graph.neighbors[starts[u] : starts[u] + degree[u]]:
        paths[x] = -paths[x]


@njit(cache=True)
@no_type_check
def _lowest_around(graph, vertex):
    """The neighbor of the lowest walk index, this index, and the lowest of the others."""
    weakest, least, second = -1, np.int64(2**62), np.int64(2**62)
    for arc in range(graph.starts[vertex], graph.starts[vertex] + graph.degree[vertex]):
        value = graph.walk_index[graph.neighbors[arc]]
        if value < least:
            weakest, least, second = graph.neighbors[arc], value, least
        else:
            second = min(second, value)
    return weakest, least, second
