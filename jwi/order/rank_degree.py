"""Rank degree: edges stay that walkers to the highest neighbor take first, from random vertices."""

from typing import no_type_check

import jax
import numpy as np
from jaxtyping import Array, Int32, Key
from numba import njit

from jwi._checks import checked_integer
from jwi.graph.adjacency import arcs_by_vertex
from jwi.graph.host import check_undirected
from jwi.graph.info import Graph, info_of
from jwi.order.entry import Order
from jwi.order.selection import kept_edges


def rank_degree_order(
    key: Key[Array, ""], graph: Graph, *, num_seeds: int | np.integer | None = None
) -> Int32[np.ndarray, " N"]:
    """The edges in the reverse of the order in which rank degree sampling selects them.

    In a round, every seed selects the edge to its neighbor of highest degree, ties by edge id, and
    that neighbor is a seed of the next round. Then selected edges leave the graph, and degrees
    fall. When no seed has an edge left, the next vertices of a random list are seeds.

    Args:
        key: A JAX random key.
        graph: An undirected graph; on a masked graph only the N kept edges count.
        num_seeds: How many vertices of the list are seeds at a time; None for one in a hundred
            vertices with edges, rounded up.

    Returns:
        int32[N], edge ids, first removed first.

    Raises:
        ValueError: For a directed graph, or fewer than 1 seed.

    References:
        Voudigari, Salamanos, Papageorgiou, Yannakoudakis, 2016, Rank degree: An efficient algorithm
        for graph sampling, RD(max).

    Example:
        >>> import jwi
        >>> triangle_with_tail = jwi.from_edges([2, 0, 0, 1], [3, 1, 2, 2], num_vertices=4)
        >>> sorted(rank_degree_order(jax.random.key(0), triangle_with_tail).tolist())
        [0, 1, 2, 3]
    """
    check_undirected(graph, "rank degree")
    kept, edges = kept_edges(graph)
    entered = np.unique(edges)
    asked = max(1, -(-len(entered) // 100)) if num_seeds is None else num_seeds
    count = checked_integer("num_seeds", asked, "how many vertices start at a time", low=1)
    listed = np.array(jax.random.permutation(key, entered), np.int64)
    return kept[select(edges, info_of(graph).num_vertices, listed, count)[::-1]]


def select(
    edges: np.ndarray, num_vertices: int, listed: np.ndarray, num_seeds: int
) -> Int32[np.ndarray, " E"]:
    """The rows of `edges`, int32[E, 2], as they are selected; `listed` is overwritten."""
    ids = np.repeat(np.arange(len(edges), dtype=np.int32), 2)
    opposite = np.ascontiguousarray(edges[:, ::-1]).ravel()
    arcs = arcs_by_vertex(edges.ravel(), opposite, ids, num_vertices)
    return _select(edges, *arcs, listed, num_seeds)


@njit(cache=True)
@no_type_check
def _select(edges, starts, to, ids, listed, num_seeds):
    selected, count = np.empty(len(edges), np.int32), 0
    is_selected, gone = np.zeros(len(edges), np.bool_), np.zeros(len(edges), np.bool_)
    ends, degree = starts[1:].copy(), np.diff(starts)
    seeds, new_seeds = np.empty(len(degree), np.int64), np.empty(len(degree), np.int64)
    is_new = np.zeros(len(degree), np.bool_)
    num_now, size, read, left = 0, len(listed), 0, 0
    while count < len(edges):
        # The list is read again and again. Vertices without edges drop out, so that no vertex is
        # read in vain twice.
        while num_now == 0:
            while read < size and num_now < num_seeds:
                vertex, read = listed[read], read + 1
                if degree[vertex] > 0:
                    listed[left], left = vertex, left + 1
                    seeds[num_now], num_now = vertex, num_now + 1
            if read == size:
                size, read, left = left, 0, 0
        before, num_new = count, 0
        for seed in seeds[:num_now]:
            edge, neighbor = _highest(starts, ends, to, ids, gone, degree, seed)
            if edge < 0:
                continue
            # Two seeds may select one edge, or reach one vertex.
            if not is_selected[edge]:
                is_selected[edge] = True
                selected[count], count = edge, count + 1
            if not is_new[neighbor]:
                is_new[neighbor] = True
                new_seeds[num_new], num_new = neighbor, num_new + 1
        # Only now do degrees fall, so that the order of the seeds does not matter within a round.
        for edge in selected[before:count]:
            gone[edge] = True
            degree[edges[edge, 0]] -= 1
            degree[edges[edge, 1]] -= 1
        is_new[new_seeds[:num_new]] = False
        seeds, new_seeds, num_now = new_seeds, seeds, num_new
    return selected


@njit(cache=True)
@no_type_check
def _highest(starts, ends, to, ids, gone, degree, vertex):
    """The edge to the neighbor of highest degree, of the lowest id; −1 if there is no edge."""
    best, top = -1, -1
    end = starts[vertex]
    for place in range(starts[vertex], ends[vertex]):
        edge, neighbor = ids[place], to[place]
        if gone[edge]:
            continue
        # Arcs that are left move up, so that no visit passes those that went before it again.
        ids[end], to[end] = edge, neighbor
        end += 1
        is_higher = best < 0 or degree[neighbor] > degree[top]
        if is_higher or (degree[neighbor] == degree[top] and edge < best):
            best, top = edge, neighbor
    ends[vertex] = end
    return best, top


ORDER = Order(
    "rank degree",
    lambda graph, options: rank_degree_order(options.required_key(), graph),
    is_random=True,
)
