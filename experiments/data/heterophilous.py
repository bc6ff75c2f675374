"""Chameleon, Squirrel and Tolokers in the form of Platonov et al. (2023)."""

import numpy as np
import scipy.sparse

from experiments.data.sources import Source, fetch
from experiments.data.vertex_classification import VertexClassification

_URL = "https://github.com/yandex-research/heterophilous-graphs/raw/main/data/"
_SHA256 = {
    "chameleon": "4c640bd2877fc4f9f101531e2f977bc16445a54e09a5cb01178df608e552f3fd",
    "squirrel": "d436e3b42c0546b105241c0ab0766097074e68e55f67b133eeb9b0162e55cbd9",
    "tolokers": "dacf3ac94cec53d03cd2adb5255c08b33dee1656c33ca8164a464bd9450a1667",
}


def chameleon() -> VertexClassification:
    """Chameleon: 2 277 pages of Wikipedia, 31 371 links, 2 325 words, 5 classes of traffic.

    Raises:
        DataUnavailableError: It is not at hand and cannot be downloaded.
    """
    return _load("chameleon")


def squirrel() -> VertexClassification:
    """Squirrel: 5 201 pages of Wikipedia, 198 353 links, 2 089 words, 5 classes of traffic.

    Raises:
        DataUnavailableError: It is not at hand and cannot be downloaded.
    """
    return _load("squirrel")


def tolokers() -> VertexClassification:
    """Tolokers: 11 758 workers, 519 000 pairs on one task, 10 features, 2 classes.

    Raises:
        DataUnavailableError: It is not at hand and cannot be downloaded.
    """
    return _load("tolokers")


def without_twins(data: VertexClassification) -> VertexClassification:
    """The graph with one vertex of each set of twins, which have the same neighbors.

    Chameleon and Squirrel have many twins of one class, so that a test vertex often has a twin
    among the training vertices (Platonov et al., 2023, who publish a filter of their own, after
    which 890 and 2 223 vertices are left). One pass: vertices may be twins after it.

    Args:
        data: The data set; the direction of its edges does not count.

    Example:
        >>> path = VertexClassification(
        ...     "path", np.array([[0, 1], [2, 1]]), np.eye(3, 2), np.array([0, 1, 0]), 2)
        >>> without_twins(path).edges.tolist()
        [[0, 1]]
    """
    n = len(data.labels)
    ends = np.concatenate([data.edges, data.edges[:, ::-1]])
    adjacency = scipy.sparse.csr_array((np.ones(len(ends), bool), tuple(ends.T)), (n, n))
    near = np.split(adjacency.indices, adjacency.indptr[1:-1])
    first: dict[bytes, int] = {}
    for vertex, neighbors in enumerate(near):
        first.setdefault(np.sort(neighbors).tobytes(), vertex)
    stays = np.zeros(n, bool)
    stays[list(first.values())] = True
    number = np.cumsum(stays) - 1
    edges = data.edges[stays[data.edges].all(axis=1)]
    return VertexClassification(
        f"{data.name} without twins",
        number[edges],
        data.features[stays],
        data.labels[stays],
        data.num_classes,
    )


def _load(name: str) -> VertexClassification:
    path = fetch(
        Source("heterophilous-graphs", f"{name}.npz", (f"{_URL}{name}.npz",), _SHA256[name])
    )
    with np.load(path, allow_pickle=False) as arrays:
        labels = arrays["node_labels"].astype(np.int32)
        return VertexClassification(
            name,
            arrays["edges"].astype(np.int64),
            arrays["node_features"].astype(np.float32),
            labels,
            int(labels.max()) + 1,
        )
