"""DBLP (Bojchevski and Günnemann, 2018) and Amazon Computers (Shchur et al., 2018).

Both are .npz files of two sparse matrices and labels. Mirrors write the same data as
different bytes, so the checksum is of the arrays.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import scipy.sparse

from experiments.data.sources import DataUnavailableError, Source, fetch
from experiments.data.vertex_classification import VertexClassification

_DBLP = Source(
    "citation-full",
    "dblp.npz",
    ("https://github.com/abojchevski/graph2gauss/raw/master/data/dblp.npz",),
    None,
)
_COMPUTERS = Source(
    "amazon",
    "amazon_electronics_computers.npz",
    (
        "https://github.com/shchur/gnn-benchmark/raw/master/data/npz/"
        "amazon_electronics_computers.npz",
    ),
    None,
)
_DBLP_CONTENT = "e2406539d56358f297d5946e088de678a46e56c6cbacce0040c96e27261f3ebb"
_COMPUTERS_CONTENT = "27b14cb67967dc6c57c2397b960acebb433d1899805160df031ad5dbc134b010"


def dblp() -> VertexClassification:
    """DBLP: 17 716 papers, 52 867 citations, 1 639 words (present or not), 4 topics.

    Raises:
        DataUnavailableError: It is not at hand and cannot be downloaded, or is not that data set.
    """
    return _verified(parse("dblp", fetch(_DBLP)), _DBLP_CONTENT)


def amazon_computers() -> VertexClassification:
    """Amazon Computers: 13 752 goods, 245 861 pairs bought together, 767 words, 10 categories.

    Raises:
        DataUnavailableError: It is not at hand and cannot be downloaded, or is not that data set.
    """
    return _verified(parse("computers", fetch(_COMPUTERS)), _COMPUTERS_CONTENT)


def parse(name: str, path: Path) -> VertexClassification:
    """Reads the arrays `adj_*`, `attr_*` (CSR) and `labels`; no object is unpickled.

    Features are 1 where a word is present, whatever its weight in the file.

    Raises:
        DataUnavailableError: The file is cut short or broken.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            adjacency, features = (_matrix(arrays, name) for name in ("adj", "attr"))
            labels = arrays["labels"].astype(np.int32)
    # Broken archives make zipfile, zlib, numpy and scipy raise whatever they stumble on.
    except Exception as error:
        raise DataUnavailableError(
            f"{name} is not the public data set: {path} cannot be read ({error}). Remove the file,"
            " or unset DATA_DIR, to download it anew"
        ) from error
    edges = np.stack(adjacency.nonzero(), axis=1).astype(np.int64)
    present = (features.toarray() != 0).astype(np.float32)
    return VertexClassification(name, edges, present, labels, int(labels.max()) + 1)


def _matrix(arrays: Mapping[str, np.ndarray], name: str) -> scipy.sparse.csr_array:
    """A matrix whose indices lead nowhere else than into it."""
    parts = tuple(arrays[f"{name}_{part}"] for part in ("data", "indices", "indptr"))
    matrix = scipy.sparse.csr_array(parts, shape=tuple(arrays[f"{name}_shape"]))
    matrix.check_format(full_check=True)
    return matrix


def content_sha256(data: VertexClassification) -> str:
    """Checksum of the undirected edges, of which features are not zero, and of the labels."""
    ends = np.sort(data.edges, axis=1)
    edges = np.unique(ends[ends[:, 0] != ends[:, 1]], axis=0)
    digest = hashlib.sha256()
    for array in (edges, np.argwhere(data.features), data.labels):
        digest.update(np.ascontiguousarray(array, "<i8").tobytes())
    return digest.hexdigest()


def _verified(data: VertexClassification, expected: str) -> VertexClassification:
    found = content_sha256(data)
    if found != expected:
        raise DataUnavailableError(
            f"{data.name} has edges, features and labels of checksum {found}, not {expected}, as "
            "the public data set has: remove the file, or unset DATA_DIR, to download it anew"
        )
    return data
