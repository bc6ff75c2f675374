"""The citation networks Cora and Citeseer in Planetoid's form (Yang et al., 2016): old pickles."""

import collections
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse

from experiments.data.sources import Source, fetch
from experiments.data.vertex_classification import VertexClassification

_URL = "https://raw.githubusercontent.com/kimiyoung/planetoid/master/data/"
_CORA_SHA256 = {
    "x": "23cfa55d91c6f624233f5eb7b6e3f141f1bd2b2ae39608a63cf5d084bb27baab",
    "tx": "b9afbaa4a400df991f6f02ef677e1e44da55ffc04801fd02f9e673987829226a",
    "allx": "9419ba2f26f5c35243db64aba110e0f35a04851609e0dc5433450676ca6b8543",
    "y": "94465c14eb53e04ca262198dcbb2521ee8af60fb3f3d546cd6ca24a511b0e7d1",
    "ty": "41f5ac76596a1699cc33f53084a2419e92961c42bb75f36fc38e616d348532ad",
    "ally": "2b998f5cc7fedc86e7f97ca2498f47a1ffc1462c29e2d578b23bf3f62b6e7d71",
    "graph": "58f13302f39dde8852dad6fe6d15b89b077b6d7f837626bce671ef80344b383d",
    "test.index": "297ce89af2b51a6a194181c7dbe1796c6a1cf9cd9349a88383b1b1e227867875",
}
_CITESEER_SHA256 = {
    "x": "d20de19150741e555de0ed037195630fc194114ebc7fd72ced62810148aa22f6",
    "tx": "539a8906a2da97628d212f2fdd668c109a8b3f0d36574b59e5d3fd5b5303da21",
    "allx": "2ac30345d95c9ec933a817ee0bdd6a5f077f8c184a20e696910192d534414668",
    "y": "8ba87e515d8e3ee3cf52f6d2c5b86aa73f11ecad825a808455209ec26cd54924",
    "ty": "55e5bd1ba1e733a04598753ad1a8d57957f4b8f89e74519f41f4f4938767e4ce",
    "ally": "f704b2d986dde6c2669934de1f3ae5696a6cf9455c0f6b2646a2d135ea0a1c95",
    "graph": "d79a4ef9d3e7169aee8946145f6b7306e35bc79bffad26346cfb94e10e9912a7",
    "test.index": "2af990671580b6b2df5d158d1038f8292e30c9cd821b5453f399659b25b723d4",
}


def cora() -> VertexClassification:
    """Cora: 2 708 papers, 5 278 citations, 1 433 words, 7 topics.

    Raises:
        DataUnavailableError: It is not at hand and cannot be downloaded.
    """
    return _load("cora", _CORA_SHA256)


def citeseer() -> VertexClassification:
    """Citeseer: 3 327 papers, 4 552 citations, 3 703 words, 6 topics; 48 papers cite nothing.

    Raises:
        DataUnavailableError: It is not at hand and cannot be downloaded.
    """
    return _load("citeseer", _CITESEER_SHA256)


def _load(name: str, checksums: dict[str, str]) -> VertexClassification:
    files = {
        part: fetch(
            Source("planetoid", f"ind.{name}.{part}", (f"{_URL}ind.{name}.{part}",), sha256)
        )
        for part, sha256 in checksums.items()
    }
    return parse_planetoid(name, files)


def parse_planetoid(name: str, files: dict[str, Path]) -> VertexClassification:
    """Reads a data set from its files `allx, ally, tx, ty, graph, test.index`.

    The last vertices are the test vertices, stored in the order of `test.index`; one that is
    missing there has no features and belongs to class 0, as in the usual loaders.
    """
    allx, tx = (np.asarray(load_pickle(files[part]).todense()) for part in ("allx", "tx"))
    ally, ty = (load_pickle(files[part]) for part in ("ally", "ty"))
    test_index = np.loadtxt(files["test.index"], dtype=np.int64)
    num_vertices = max(len(allx) + len(tx), int(test_index.max()) + 1)
    features = np.zeros((num_vertices, allx.shape[1]), np.float32)
    one_hot = np.zeros((num_vertices, ally.shape[1]), np.int32)
    features[: len(allx)], one_hot[: len(ally)] = allx, ally
    features[test_index], one_hot[test_index] = tx, ty
    neighbors = load_pickle(files["graph"])
    edges = np.array(
        [(vertex, other) for vertex, others in neighbors.items() for other in others], np.int64
    ).reshape(-1, 2)
    return VertexClassification(
        name, edges, features, one_hot.argmax(1).astype(np.int32), one_hot.shape[1]
    )


def load_pickle(path: Path) -> Any:
    """Unpickles arrays, sparse matrices and adjacency lists, and nothing else.

    Raises:
        pickle.UnpicklingError: The file asks for anything but those.
    """
    with path.open("rb") as file:
        return _ArraysOnly(file, encoding="latin1").load()


# The classes in the files, by their names of 2016.
_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    # What numpy.ndarray.__reduce__ names; its public path has changed over the years.
    ("numpy.core.multiarray", "_reconstruct"): np.zeros(0).__reduce__()[0],
    ("scipy.sparse.csr", "csr_matrix"): scipy.sparse.csr_matrix,
    ("collections", "defaultdict"): collections.defaultdict,
    ("__builtin__", "list"): list,
}


class _ArraysOnly(pickle.Unpickler):
    """An unpickler that cannot run code: it knows six harmless constructors."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(
                f"{module}.{name} is not allowed in a Planetoid file; this is not such a file"
            ) from None
