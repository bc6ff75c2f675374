"""Rewired graphs of a task, and all of them in one shape."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.sparse import BCOO

import jwi
from experiments.studies.jwi.rewiring.methods import Method
from experiments.studies.jwi.rewiring.methods.graph import Graph
from experiments.studies.jwi.rewiring.tasks import Task

# Above this share of non-zero features a dense product is faster.
_MAX_SPARSE_SHARE = 0.05


def rewired(task: Task, method: Method, shares: tuple[float, ...], seed: int) -> list[np.ndarray]:
    """The edges of the task's graphs, each rewired by itself.

    Args:
        task: The task, of E edges.
        method: How to rewire.
        shares: Of each graph's edges to add, rounded up, ascending.
        seed: Of random choices.

    Returns:
        For each share int32[≤ E + added, 2], distinct edges.
    """
    rng = np.random.default_rng(seed)
    by_graph = [
        [edges + first for edges in method.rewire(graph, added_edges(graph, shares), rng)]
        for first, graph in _graphs(task)
    ]
    return [np.concatenate(edges) for edges in zip(*by_graph, strict=True)]


def added_edges(graph: Graph, shares: tuple[float, ...]) -> list[int]:
    """How many edges a graph gets, for each share of those it has."""
    return [math.ceil(share * len(graph.edges)) for share in shares]


def room_for(task: Task, shares: tuple[float, ...]) -> int:
    """The most edges that the task's graphs have together after an addition."""
    added = sum(added_edges(graph, shares)[-1] for _, graph in _graphs(task))
    return len(task.edges) + added


def _graphs(task: Task) -> list[tuple[int, Graph]]:
    """The first vertex of each graph, and the graph, whose vertices count from there."""
    if task.member is None:
        return [(0, Graph(task.edges, task.num_vertices))]
    sizes = np.bincount(task.member, minlength=len(task.labels))
    firsts = np.cumsum(sizes) - sizes
    own = task.edges - firsts[task.member[task.edges[:, 0]], None]
    counts = np.bincount(task.member[task.edges[:, 0]], minlength=len(sizes))
    parts = np.split(own.astype(np.int32), np.cumsum(counts)[:-1])
    return [
        (int(first), Graph(edges, int(size)))
        for first, edges, size in zip(firsts, parts, sizes, strict=True)
    ]


def features_of(task: Task) -> Any:
    """The features for a network: a BCOO matrix if few of them are not zero."""
    features = jnp.asarray(task.features)
    is_sparse = np.count_nonzero(task.features) < _MAX_SPARSE_SHARE * task.features.size
    return BCOO.fromdense(features) if is_sparse else features


def in_one_shape(edges: list[np.ndarray], num_vertices: int, room: int) -> Any:
    """Graphs of one shape, stacked along a leading axis of runs, without features.

    Args:
        edges: int[·, 2] of each run.
        num_vertices: n, of all runs.
        room: Edges that each graph has room for.
    """
    made: dict[bytes, Any] = {}
    for own in edges:
        if own.tobytes() not in made:
            graph = jwi.from_edges(own[:, 0], own[:, 1], num_vertices)
            made[own.tobytes()] = jwi.pad(graph, num_edges=room)
    return jax.tree.map(lambda *arrays: jnp.stack(arrays), *(made[own.tobytes()] for own in edges))
