"""Stochastic discrete Ricci flow: edges that support the most negatively curved edge.

Each step takes the edge {i, j} of the smallest balanced Forman curvature, and of all pairs of a
vertex in the ball B_1(i) and one in B_1(j) adds the one that raises this curvature the most: the
paper's limit τ → ∞, without removal of edges. Where all these pairs are edges, the edge of the next
smallest curvature takes its place.

References:
    Topping, Di Giovanni, Chamberlain, Dong, Bronstein, 2022, Understanding over-squashing and
    bottlenecks on graphs via curvature (arXiv 2111.14522): Definition 1 and Algorithm 1.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from numba import njit

from experiments.studies.jwi.rewiring.methods.graph import Graph

# A value that is larger by less is equal, but for rounding: the first one wins.
_MARGIN = 1e-9


class _Neighbors(NamedTuple):
    """A graph that grows.

    Attributes:
        lists: int32[n, n], row v begins with the neighbors of v.
        degree: int64[n], how many they are.
        adjacent: bool[n, n].
    """

    lists: np.ndarray
    degree: np.ndarray
    adjacent: np.ndarray


def additions(graph: Graph, count: int, rng: np.random.Generator | None = None) -> np.ndarray:
    """The pairs that SDRF adds.

    Args:
        graph: The graph.
        count: K.
        rng: Ignored.

    Returns:
        int32[≤ K, 2], first added first; fewer where there are fewer.
    """
    del rng
    edges = np.concatenate([graph.edges, np.zeros((count, 2), np.int32)])
    found = _add(_neighbors(graph), edges, len(graph.edges))
    return edges[len(graph.edges) :][:found]


def balanced_forman_curvature(graph: Graph) -> np.ndarray:
    """The balanced Forman curvature of all edges, float64[E].

    For an edge {i, j} whose ends have degrees of 2 or more it is

        2/d_i + 2/d_j − 2 + 2 t / max(d_i, d_j) + t / min(d_i, d_j)
            + (q_i + q_j) / (γ max(d_i, d_j)),

    else 0. Here t is the number of triangles on the edge; q_i the number of neighbors of i that lie
    on a cycle of four vertices through the edge without diagonals; γ the largest number of such
    cycles that share a neighbor. Without such cycles the last term is 0.

    Args:
        graph: The graph.
    """
    return _curvatures(_neighbors(graph), graph.edges)


def _neighbors(graph: Graph) -> _Neighbors:
    adjacent = graph.adjacency()
    degree = adjacent.sum(axis=1)
    lists = np.zeros(adjacent.shape, np.int32)
    tails, heads = np.nonzero(adjacent)
    lists[tails, np.arange(len(tails)) - np.repeat(np.cumsum(degree) - degree, degree)] = heads
    return _Neighbors(lists, degree, adjacent)


@njit(cache=True)
@no_type_check
def _curvatures(graph, edges):
    curvature, counts = np.zeros(len(edges)), np.zeros(len(graph.degree), np.int64)
    for e in range(len(edges)):
        curvature[e] = _curvature(graph, edges[e, 0], edges[e, 1], counts, counts)
    return curvature


@njit(cache=True)
@no_type_check
def _add(graph, edges, num_edges):
    """Appends pairs to the edges, as far as there is room; returns how many."""
    start = num_edges
    at_i, at_j = np.zeros(len(graph.degree), np.int64), np.zeros(len(graph.degree), np.int64)
    # A curvature is bounded from below, and computed only where the bound is the smallest.
    curvature, is_bound = np.full(len(edges), np.inf), np.ones(len(edges), np.bool_)
    for e in range(num_edges):
        curvature[e] = _bound(graph, edges[e, 0], edges[e, 1])
    while num_edges < len(edges):
        lowest = _first_smallest(curvature[:num_edges])
        i, j = edges[lowest]
        if curvature[lowest] == np.inf:
            break
        if is_bound[lowest]:
            curvature[lowest] = _curvature(graph, i, j, at_i, at_j)
            is_bound[lowest] = False
            continue
        k, m = _best_support(graph, i, j, at_i, at_j)
        if k < 0:
            # It counts again once its curvature changes.
            curvature[lowest] = np.inf
            continue
        _link(graph, k, m)
        edges[num_edges, 0], edges[num_edges, 1] = min(k, m), max(k, m)
        num_edges += 1
        for e in range(num_edges):
            u, v = edges[e]
            # The new edge is at an end of this one, or across it in a cycle of four vertices.
            beside = u in (k, m) or v in (k, m)
            if beside or _faces(graph.adjacent, u, v, k, m) or _faces(graph.adjacent, u, v, m, k):
                curvature[e] = _bound(graph, u, v)
                is_bound[e] = True
    return num_edges - start


@njit(cache=True)
@no_type_check
def _faces(adjacent, u, v, k, m):
    return adjacent[k, u] and adjacent[m, v]


@njit(cache=True)
@no_type_check
def _first_smallest(values):
    place = 0
    for e in range(1, len(values)):
        if values[e] < values[place] - _MARGIN:
            place = e
    return place


@njit(cache=True)
@no_type_check
def _link(graph, u, v):
    graph.lists[u, graph.degree[u]], graph.lists[v, graph.degree[v]] = v, u
    graph.degree[u] += 1
    graph.degree[v] += 1
    graph.adjacent[u, v] = graph.adjacent[v, u] = True


@njit(cache=True)
@no_type_check
def _unlink_last(graph, u, v):
    graph.degree[u] -= 1
    graph.degree[v] -= 1
    graph.adjacent[u, v] = graph.adjacent[v, u] = False


@njit(cache=True)
@no_type_check
def _curvature(graph, i, j, at_i, at_j):
    """The curvature of an edge; fills the counts of `_squares` of both ends."""
    triangles = _triangles(graph, i, j)
    q_i, most_i = _squares(graph, i, j, at_i)
    q_j, most_j = _squares(graph, j, i, at_j)
    return _formula(graph.degree[i], graph.degree[j], triangles, q_i + q_j, max(most_i, most_j))


@njit(cache=True)
@no_type_check
def _bound(graph, i, j):
    """The curvature of an edge without its last term, which is not negative."""
    return _formula(graph.degree[i], graph.degree[j], _triangles(graph, i, j), 0, 0)


@njit(cache=True)
@no_type_check
def _triangles(graph, i, j):
    count = 0
    for k in graph.lists[i, : graph.degree[i]]:
        count += graph.adjacent[j, k]
    return count


@njit(cache=True)
@no_type_check
def _formula(d_i, d_j, triangles, q, most):
    low, high = min(d_i, d_j), max(d_i, d_j)
    if low <= 1:
        return 0.0
    value = 2 / d_i + 2 / d_j - 2 + 2 * triangles / high + triangles / low
    return value + q / (most * high) if most > 0 else value


@njit(cache=True)
@no_type_check
def _squares(graph, i, j, counts):
    """Cycles i, k, w, j without diagonals by their k; how many k there are, and the most of one."""
    number, most, size = 0, 0, 0
    across = np.empty(graph.degree[j], np.int32)
    for w in graph.lists[j, : graph.degree[j]]:
        if w != i and not graph.adjacent[i, w]:
            across[size] = w
            size += 1
    for k in graph.lists[i, : graph.degree[i]]:
        if k == j or graph.adjacent[j, k]:
            continue
        counts[k] = 0
        # The shorter list is walked through.
        if size < graph.degree[k]:
            for w in across[:size]:
                counts[k] += graph.adjacent[k, w]
        else:
            for w in graph.lists[k, : graph.degree[k]]:
                counts[k] += w != i and graph.adjacent[j, w] and not graph.adjacent[i, w]
        number += counts[k] > 0
        most = max(most, counts[k])
    return number, most


@njit(cache=True)
@no_type_check
def _best_support(graph, i, j, at_i, at_j):
    """The pair that raises the curvature of {i, j} the most; (−1, −1) where there is none."""
    triangles = _triangles(graph, i, j)
    q_i, most_i = _squares(graph, i, j, at_i)
    q_j, most_j = _squares(graph, j, i, at_j)
    d_i, d_j, most = graph.degree[i], graph.degree[j], max(most_i, most_j)
    now = _formula(d_i, d_j, triangles, q_i + q_j, most)
    scratch = np.zeros(len(graph.degree), np.int64)
    best, first, second = -np.inf, -1, -1
    # Place −1 of a ball is its center.
    for place in range(-1, d_i):
        k = i if place < 0 else graph.lists[i, place]
        for other in range(-1, d_j):
            m = j if other < 0 else graph.lists[j, other]
            if k == m or graph.adjacent[k, m]:
                continue
            if place < 0 or other < 0:
                # A triangle more, and a degree.
                _link(graph, k, m)
                value = _curvature(graph, i, j, scratch, scratch)
                _unlink_last(graph, k, m)
            elif graph.adjacent[j, k] or graph.adjacent[i, m]:
                value = now  # A neighbor of both is on no cycle that counts.
            else:
                # One more cycle, i, k, m, j.
                q = q_i + q_j + (at_i[k] == 0) + (at_j[m] == 0)
                value = _formula(d_i, d_j, triangles, q, max(most, at_i[k] + 1, at_j[m] + 1))
            if value > best + _MARGIN:
                best, first, second = value, k, m
    return first, second
