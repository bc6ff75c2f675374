"""How much faster are the walk index orders than the published algorithm, done as it is stated?

The peers are the two published algorithms, plain but vectorised. Before each removal the one for
1-WIS computes the degrees of the graph left, and from them the key of every edge; the general one
computes, for every edge, the walk index of every vertex without that edge, and sorts them. Each
order is of all edges of a random graph with power-law degrees; ours and the peer's must be equal.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import jwi
from experiments.benchmarks.one_walk_index_order import power_law_graph
from experiments.benchmarks.timing import compare, ratio


@dataclass(frozen=True)
class Config:
    """Sizes of the graphs, and how often each order is timed."""

    one_walk_edges: tuple[int, ...] = (1_000, 4_000, 16_000)
    """Edges drawn for 1-WIS; duplicates and loops are dropped."""
    two_walk_edges: tuple[int, ...] = (100, 200, 400)
    """For 2-WIS."""
    mean_degree: int = 8
    repeats: int = 1
    seed: int = 0


SMOKE = Config(one_walk_edges=(100,), two_walk_edges=(30,))


def run(config: Config) -> dict[str, Any]:
    """Times our order, the plain one and the sort of the edges in turn, for each size.

    Raises:
        RuntimeError: The orders differ.
    """
    rows = [["order", "edges", "ours (s)", "plain (s)", "plain / ours", "ours / lexsort"]]
    algorithms: list[tuple[str, tuple[int, ...], Callable[..., Any], Callable[..., Any]]] = [
        ("1-WIS", config.one_walk_edges, jwi.one_walk_index_order, plain_one_walk_index_order),
        ("2-WIS", config.two_walk_edges, _two_walk_index_order, plain_two_walk_index_order),
    ]
    for name, sizes, ours, plain in algorithms:
        for size in sizes:
            num_vertices = 2 * size // config.mean_degree
            graph = power_law_graph(config.seed, size, num_vertices)
            edges = jwi.edge_list(graph)
            if not np.array_equal(ours(graph), plain(edges, num_vertices)):
                raise RuntimeError(f"{name} and its plain form differ on {len(edges)} edges")
            timings = compare(
                {
                    "ours": partial(ours, graph),
                    "plain": partial(plain, edges, num_vertices),
                    "lexsort": partial(np.lexsort, (edges[:, 0].copy(), edges[:, 1].copy())),
                },
                repeats=config.repeats,
            )
            rows.append(
                [
                    name,
                    f"{len(edges):,}",
                    f"{timings['ours'].median:.5f}",
                    f"{timings['plain'].median:.3f}",
                    f"{ratio(timings['plain'], timings['ours']):,.0f}",
                    f"{ratio(timings['ours'], timings['lexsort']):.1f}",
                ]
            )
    return {"table": rows}


def _two_walk_index_order(graph: Any) -> np.ndarray:
    return jwi.walk_index_order(graph, 3)


def plain_one_walk_index_order(edges: np.ndarray, num_vertices: int) -> np.ndarray:
    """Algorithm 2 of Razin, Verbin and Cohen (2023), as stated: O(N·E) for N removals.

    Removes an edge of the largest smaller degree. Ties go to the largest larger degree, then to
    the lowest id.

    Args:
        edges: int[E, 2].
        num_vertices: n.

    Returns:
        int64[E], edge ids, first removed first.
    """
    left, order = np.arange(len(edges)), []
    while len(left):
        ends = edges[left]
        degrees = np.bincount(ends.ravel(), minlength=num_vertices)[ends]
        keys = degrees.min(axis=1) * (num_vertices + 1) + degrees.max(axis=1)
        at = int(np.argmax(keys))
        order.append(left[at])
        left = np.delete(left, at)
    return np.array(order, np.int64)


def plain_two_walk_index_order(edges: np.ndarray, num_vertices: int) -> np.ndarray:
    """Algorithm 1 of Razin, Verbin and Cohen (2023) at depth 3, as stated.

    Removes the edge without which the ascending walk indices of the vertices are largest, compared
    as words are. Ties go to the edge of the lowest id.

    Args:
        edges: int[E, 2].
        num_vertices: n.

    Returns:
        int64[E], edge ids, first removed first.
    """
    adjacency = np.eye(num_vertices)
    adjacency[edges[:, 0], edges[:, 1]] = adjacency[edges[:, 1], edges[:, 0]] = 1
    left, order = np.arange(len(edges)), []
    while len(left):
        words = [_sorted_walk_indices(_without(adjacency, edges[edge])) for edge in left]
        at = max(range(len(left)), key=words.__getitem__)
        order.append(left[at])
        adjacency = _without(adjacency, edges[left[at]])
        left = np.delete(left, at)
    return np.array(order, np.int64)


def _without(adjacency: np.ndarray, edge: np.ndarray) -> np.ndarray:
    """The adjacency matrix without an edge."""
    copy = adjacency.copy()
    copy[edge[0], edge[1]] = copy[edge[1], edge[0]] = 0
    return copy


def _sorted_walk_indices(adjacency: np.ndarray) -> list[float]:
    """Walks of two steps from the boundary of each vertex to it, ascending; exact below 2^53.

    The boundary of a vertex is itself and its neighbors, nothing if it has none.
    """
    indices = np.sum(adjacency * (adjacency @ adjacency), axis=0)
    return np.sort(np.where(adjacency.sum(axis=0) > 1, indices, 0)).tolist()
