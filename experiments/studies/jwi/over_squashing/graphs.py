"""Small graphs of six families, and what is said to predict interactions on them."""

from typing import Any, NamedTuple

import networkx as nx
import numpy as np
import scipy.sparse.csgraph

import jwi

FAMILIES = {
    "Erdős–Rényi": lambda n, seed: nx.gnp_random_graph(n, 4 / n, seed=seed),
    "Watts–Strogatz": lambda n, seed: nx.watts_strogatz_graph(n, 4, 0.2, seed=seed),
    "Barabási–Albert": lambda n, seed: nx.barabasi_albert_graph(n, 2, seed=seed),
    "tree": lambda n, seed: nx.random_labeled_tree(n, seed=seed),
    "two communities": lambda n, seed: nx.stochastic_block_model(
        [n // 2, n - n // 2], [[0.6, 0.05], [0.05, 0.6]], seed=seed
    ),
    "geometric": lambda n, seed: nx.random_geometric_graph(n, 0.45, seed=seed),
}
"""Random graphs of about n vertices, by name."""


class Properties(NamedTuple):
    """Properties of K pairs of vertices or partitions, float[K] each.

    A larger walk index or cut should mean a stronger interaction; a larger resistance, commute
    time or distance a weaker one.

    Attributes:
        walk_index: Of a pair (t, v), the walk index of {v} for the prediction of t. Of a
            partition, the walk index for a prediction over the graph.
        resistance: Effective resistance; of a partition, its mean over the pairs across it.
        commute_time: Steps that a random walk needs from one vertex to the other and back; mean
            as above.
        distance: Edges of a shortest path; mean as above.
        cut: Edges of the graph that cross; of a pair, 1 for neighbors and 0 for others.
        weighted_walk_index: The walk index, with each step of a walk weighed as the GCN weighs it:
            by D^(−1/2) (A + I) D^(−1/2).
    """

    walk_index: np.ndarray
    resistance: np.ndarray
    commute_time: np.ndarray
    distance: np.ndarray
    cut: np.ndarray
    weighted_walk_index: np.ndarray


def connected_graphs(number: int, num_vertices: int, seed: int) -> list[np.ndarray]:
    """Adjacency matrices bool[n, n] of random connected graphs, from the families in turn."""
    rng = np.random.default_rng(seed)
    makers = list(FAMILIES.values())
    found: list[np.ndarray] = []
    while len(found) < number:
        drawn = makers[len(found) % len(makers)](num_vertices, int(rng.integers(2**31)))
        if nx.is_connected(drawn):
            found.append(nx.to_numpy_array(drawn) > 0)
    return found


def halves(adjacency: np.ndarray, number: int, rng: np.random.Generator) -> np.ndarray:
    """Random halves of the vertices, bool[number, n]; every other one is connected."""
    n = len(adjacency)
    chosen = np.zeros((number, n), bool)
    for turn, half in enumerate(chosen):
        half[rng.integers(n)] = True
        while half.sum() < n // 2:
            outside = ~half & (adjacency[half].any(axis=0) if turn % 2 else True)
            half[rng.choice(np.flatnonzero(outside))] = True
    return chosen


def of_pairs(adjacency: np.ndarray, depth: int) -> Properties:
    """Properties of the pairs (t, v) of different vertices, in the order of `off_diagonal`."""
    n = len(adjacency)
    graph = _graph(adjacency)
    # A part for each vertex: all walk indices that lead to t at once.
    walks = np.array([jwi.walk_indices(graph, np.arange(n), depth - 1, t) for t in range(n)])
    # The boundary of {v} is v and its neighbors: walks from there to t are one step longer from v.
    weighted = np.linalg.matrix_power(_step(adjacency), depth)
    matrices = (walks, *_distances(adjacency), adjacency, weighted)
    return Properties(*map(off_diagonal, matrices))


def of_partitions(adjacency: np.ndarray, inside: np.ndarray, depth: int) -> Properties:
    """Properties of the partitions of bool[K, n]."""
    graph = _graph(adjacency)
    walks = [jwi.walk_index(graph, half, depth - 1) for half in inside]
    resistance, commute_time, distance = (
        _across(inside, of).mean(axis=1) for of in _distances(adjacency)
    )
    cut = _across(inside, adjacency).sum(axis=1)
    other_side = np.where(inside[:, None, :], ~inside[:, :, None], inside[:, :, None])
    boundary = (adjacency & other_side).any(axis=1)
    weighted = boundary @ np.linalg.matrix_power(_step(adjacency), depth - 1).sum(axis=1)
    return Properties(np.array(walks, float), resistance, commute_time, distance, cut, weighted)


def off_diagonal(matrix: np.ndarray) -> np.ndarray:
    """The entries (t, v), t ≠ v, row by row: float[n (n − 1)]."""
    return matrix[~np.eye(len(matrix), dtype=bool)].astype(float)


def _across(inside: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Entries of the pairs across partitions into equal halves, float[K, pairs]."""
    return np.stack([matrix[np.ix_(half, ~half)].ravel() for half in inside])


def _distances(adjacency: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Effective resistance, commute time and distance of all pairs, float[n, n] each."""
    degree = adjacency.sum(axis=1)
    inverse = np.linalg.pinv(np.diag(degree) - adjacency.astype(float))
    own = np.diag(inverse)
    resistance = own[:, None] + own - 2 * inverse
    hops = scipy.sparse.csgraph.shortest_path(adjacency, unweighted=True)
    # Chandra et al. (1989): the commute time is 2 |E| times the resistance.
    return resistance, degree.sum() * resistance, hops


def _step(adjacency: np.ndarray) -> np.ndarray:
    """The weights of a GCN's steps, float[n, n]."""
    scale = (1 + adjacency.sum(axis=1)) ** -0.5
    return scale[:, None] * (adjacency + np.eye(len(adjacency))) * scale


def _graph(adjacency: np.ndarray) -> Any:
    return jwi.from_edges(*np.nonzero(np.triu(adjacency)), len(adjacency))
