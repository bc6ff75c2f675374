"""Graph classification: MUTAG and PROTEINS of the TU Dortmund collection (Morris et al., 2020)."""

import hashlib
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments.data.sources import DataUnavailableError, Source, fetch

_URL = "https://www.chrsmrrs.com/graphkerneldatasets/"
# Mirrors pack the files differently, so the checksum is of the arrays.
_CONTENT = {
    "MUTAG": "ba8f2a4e199b4f5ad63271b74f94ba131dfb68dd7759bbf82cc2550aa8a71971",
    "PROTEINS": "20ecc54befa42905ff38696772d9f566d03481c75a7ad73fb7250e37d47f1859",
}
_PARTS = ("A", "graph_indicator", "graph_labels", "node_labels")


class GraphClassification(NamedTuple):
    """A data set of many graphs, as host arrays: together they are one graph of n vertices.

    Attributes:
        name: Name of the data set.
        edges: int64[m, 2], vertex pairs as the source lists them, both directions of each edge.
        graph_of_vertex: int32[n], ascending, in 0..g − 1.
        features: float32[n, d], a one in the column of the vertex's label.
        labels: int32[g], of the graphs, in 0..num_classes − 1.
        num_classes: Number of classes.
    """

    name: str
    edges: np.ndarray
    graph_of_vertex: np.ndarray
    features: np.ndarray
    labels: np.ndarray
    num_classes: int


def mutag() -> GraphClassification:
    """MUTAG: 188 molecules, 3 371 atoms of 7 elements, 3 721 bonds, mutagenic or not.

    Raises:
        DataUnavailableError: It is not at hand and cannot be downloaded, or is not that data set.
    """
    return _load("MUTAG")


def proteins() -> GraphClassification:
    """PROTEINS: 1 113 proteins, 43 471 elements of 3 kinds, 81 044 neighbors, enzymes or not.

    Raises:
        DataUnavailableError: It is not at hand and cannot be downloaded, or is not that data set.
    """
    return _load("PROTEINS")


def _load(name: str) -> GraphClassification:
    path = fetch(Source("tudataset", f"{name}.zip", (f"{_URL}{name}.zip",), None))
    data = parse_tudataset(name, path)
    found = content_sha256(data)
    if found != _CONTENT[name]:
        raise DataUnavailableError(
            f"{name} has graphs and labels of checksum {found}, not {_CONTENT[name]}, as the "
            f"public data set has: remove {path}, or unset DATA_DIR, to download it anew"
        )
    return data


def parse_tudataset(name: str, path: Path) -> GraphClassification:
    """Reads the text files `<name>/<name>_<part>.txt` of an archive; vertices count from 1 there.

    Args:
        name: Name of the data set.
        path: A zip archive.

    Raises:
        DataUnavailableError: The archive or a file in it cannot be read, or an edge leads from one
            graph into another or to no vertex.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            arcs, member, classes, kinds = (
                np.loadtxt(
                    archive.read(f"{name}/{name}_{part}.txt").decode().splitlines(),
                    np.int64,
                    delimiter=",",
                    ndmin=2,
                )
                for part in _PARTS
            )
        edges, member = arcs - 1, member[:, 0] - 1
        if len(kinds) != len(member) or not np.array_equal(
            np.unique(member), np.arange(len(classes))
        ):
            raise ValueError("vertices, their labels and graphs do not match")
        if edges.min() < 0 or edges.max() >= len(member):
            raise ValueError("an edge leads to no vertex")
        if np.any(np.diff(member[edges])):
            raise ValueError("an edge leads from one graph into another")
    # Broken archives make zipfile, zlib and numpy raise whatever they stumble on.
    except Exception as error:
        raise DataUnavailableError(
            f"{name} is not the public data set: {path} cannot be read ({error}). Remove the file,"
            " or unset DATA_DIR, to download it anew"
        ) from error
    values, labels = np.unique(classes[:, 0], return_inverse=True)
    _, kind = np.unique(kinds[:, 0], return_inverse=True)
    return GraphClassification(
        name,
        edges,
        member.astype(np.int32),
        np.eye(kind.max() + 1, dtype=np.float32)[kind],
        labels.astype(np.int32),
        len(values),
    )


def content_sha256(data: GraphClassification) -> str:
    """Checksum of the undirected edges, of the vertices' graphs and labels, and of the classes."""
    edges = np.unique(np.sort(data.edges, axis=1), axis=0)
    digest = hashlib.sha256()
    for array in (edges, data.graph_of_vertex, data.features.argmax(axis=1), data.labels):
        digest.update(np.ascontiguousarray(array, "<i8").tobytes())
    return digest.hexdigest()
