"""Local degree: keeps, at every vertex, the edges to its neighbors of highest degree."""

from typing import no_type_check

import numpy as np
from jaxtyping import Float64, Int32
from numba import njit

from jwi.graph.adjacency import arcs_by_vertex
from jwi.graph.info import Graph
from jwi.order.entry import Order
from jwi.order.selection import by_scores

_DIGITS = 40


def local_degree_order(graph: Graph) -> Int32[np.ndarray, " N"]:
    """The edges by their local degree scores, the smallest first, ties by edge id.

    Each vertex ranks its edges by the degree of the neighbor, the highest first, then by edge id.
    An edge of rank r at an end of degree d has the score 1 − log(r) / log(d) there, and 1 where
    d = 1; the larger of its two scores counts. So an edge has a score ≥ 1 − α, for 0 < α ≤ 1, if it
    is among the first d^α edges of an end: every vertex keeps an edge to the hub next to it.

    Scores have 40 binary digits after the point, so that equal quotients of logarithms tie on every
    machine, for instance log 4 / log 8 and log 25 / log 125.

    Args:
        graph: An undirected graph; on a masked graph only the N kept edges count.

    Returns:
        int32[N], edge ids, first removed first.

    Raises:
        ValueError: For a directed graph.

    References:
        Hamann, Lindner, Meyerhenke, Staudt, Wagner, 2016, Structure-preserving sparsification
        methods for social networks, Section 3 (LocalDegreeSparsifier of networkit, which ranks
        neighbors of one degree in no stated order).

    Example:
        >>> import jwi
        >>> triangle_with_tail = jwi.from_edges([2, 0, 0, 1], [3, 1, 2, 2], num_vertices=4)
        >>> local_degree_order(triangle_with_tail).tolist()
        [1, 0, 2, 3]
    """
    return by_scores(graph, "local degree", local_degree_scores)


ORDER = Order("local degree", lambda graph, _: local_degree_order(graph))


def local_degree_scores(edges: np.ndarray, num_vertices: int) -> Float64[np.ndarray, " E"]:
    """The scores of the edges int32[E, 2]."""
    degree = np.bincount(edges.ravel(), minlength=num_vertices)
    # Both arcs of the first edge, of the second, …, grouped by the degree they lead to.
    deficit = (degree.max(initial=0) - degree[edges[:, ::-1]]).astype(np.int32)
    ids = np.repeat(np.arange(len(edges), dtype=np.int32), 2)
    _, at, ids = arcs_by_vertex(deficit.ravel(), edges.ravel(), ids, int(degree.max(initial=0)) + 1)
    return best_scores(at, ids, degree)


def best_scores(at: np.ndarray, ids: np.ndarray, degree: np.ndarray) -> Float64[np.ndarray, " E"]:
    """The better of the scores that each edge has at its two ends.

    Args:
        at: int32[2E], the vertex that ranks an edge; each vertex gives ranks 1, 2, … in this order.
        ids: int32[2E], the edge that it ranks.
        degree: int64[n].
    """
    scores = np.zeros(len(at) // 2)
    score_arcs(at, ids, degree, logarithms_to(degree), scores)
    return rounded(scores)


def logarithms_to(degree: np.ndarray) -> Float64[np.ndarray, " d"]:
    """The logarithms of 1, 2, … up to the highest degree."""
    return np.log(np.arange(1, degree.max(initial=0) + 1))


def rounded(scores: np.ndarray) -> np.ndarray:
    """Scores float64[E] of so many digits that equal quotients tie."""
    return np.ldexp(np.rint(np.ldexp(scores, _DIGITS)), -_DIGITS)


@njit(cache=True)
@no_type_check
def score_arcs(at, ids, degree, logarithms, scores):
    """Raises the scores float64[E], 0 at first, to those of `best_scores`, not rounded."""
    # The ranks that each vertex has given are counted, so one pass over the arcs is enough.
    seen = np.zeros(len(degree), np.int32)
    for place in range(len(at)):
        vertex, edge = at[place], ids[place]
        score = 1.0
        # The first rank has the logarithm 0. At a vertex of one edge log d is 0, too, and no edge
        # of a second rank divides by it.
        if seen[vertex] > 0:
            score -= logarithms[seen[vertex]] / logarithms[degree[vertex] - 1]
        seen[vertex] += 1
        scores[edge] = max(scores[edge], score)
