"""What is classified: the vertices of one graph, or many graphs as one of several components."""

from collections.abc import Callable
from typing import NamedTuple

import networkx as nx
import numpy as np

import jwi
from experiments.data.heterophilous import chameleon, squirrel
from experiments.data.planetoid import cora
from experiments.data.tudataset import GraphClassification, mutag, proteins
from experiments.data.vertex_classification import VertexClassification


class Task(NamedTuple):
    """A data set.

    Attributes:
        edges: int32[E, 2], distinct, without loops, the smaller vertex first.
        features: float32[n, d].
        member: int32[n], ascending, the graph that a vertex belongs to; None where the vertices of
            one graph are classified.
        labels: int32[m], of the vertices or graphs.
        num_classes: Number of classes.
    """

    edges: np.ndarray
    features: np.ndarray
    member: np.ndarray | None
    labels: np.ndarray
    num_classes: int

    @property
    def num_vertices(self) -> int:
        """N."""
        return len(self.features)


def load(name: str) -> Task:
    """The task of that name.

    Raises:
        ValueError: There is none.
        DataUnavailableError: Its data are not at hand and cannot be downloaded.
    """
    if name not in _LOADERS:
        raise ValueError(f"datasets has {name!r}: pass names among {', '.join(_LOADERS)}")
    data = _LOADERS[name]()
    member = data.graph_of_vertex if isinstance(data, GraphClassification) else None
    edges = jwi.edge_list(jwi.from_edges(data.edges[:, 0], data.edges[:, 1], len(data.features)))
    if member is not None:
        # The edges of a graph follow those of the graph before.
        edges = edges[np.argsort(member[edges[:, 0]], kind="stable")]
    return Task(edges, data.features, member, data.labels, data.num_classes)


def communities(num_vertices: int = 40, seed: int = 0) -> VertexClassification:
    """A small graph of two communities, whose vertices have noisy hints of theirs."""
    sizes = [num_vertices // 2, num_vertices - num_vertices // 2]
    graph = nx.stochastic_block_model(sizes, [[0.2, 0.02], [0.02, 0.2]], seed=seed)
    labels = np.repeat([0, 1], sizes).astype(np.int32)
    hints = np.eye(2)[labels] + np.random.default_rng(seed).normal(size=(num_vertices, 2))
    edges = np.array(graph.edges, np.int64)
    return VertexClassification("communities", edges, hints.astype(np.float32), labels, 2)


def rings(num_graphs: int = 12) -> GraphClassification:
    """Rings of 6, 7, 8, … vertices, and, of the other class, the same cut open."""
    edges: list[tuple[int, int]] = []
    member: list[int] = []
    for graph in range(num_graphs):
        size, first = 6 + graph // 2, len(member)
        around = [(first + v, first + (v + 1) % size) for v in range(size)]
        edges += around[: size - graph % 2]
        member += [graph] * size
    labels = (np.arange(num_graphs) % 2).astype(np.int32)
    features = np.ones((len(member), 1), np.float32)
    return GraphClassification(
        "rings", np.array(edges), np.array(member, np.int32), features, labels, 2
    )


_LOADERS: dict[str, Callable[[], VertexClassification | GraphClassification]] = {
    "cora": cora,
    "chameleon": chameleon,
    "squirrel": squirrel,
    "mutag": mutag,
    "proteins": proteins,
    "communities": communities,
    "rings": rings,
}
