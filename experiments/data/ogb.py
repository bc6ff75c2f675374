"""OGBN-ArXiv (Hu et al., 2020): an archive of compressed tables.

No copy was at hand to take a checksum from, so the published size of the graph is verified.
"""

import gzip
import io
import zipfile
from pathlib import Path

import numpy as np

from experiments.data.sources import DataUnavailableError, Source, fetch
from experiments.data.vertex_classification import VertexClassification

_SOURCE = Source(
    "ogb", "arxiv.zip", ("http://snap.stanford.edu/ogb/data/nodeproppred/arxiv.zip",), None
)
# Vertices, arcs, features, classes.
_ARXIV_SIZE = (169_343, 1_166_243, 128, 40)


def ogbn_arxiv() -> VertexClassification:
    """OGBN-ArXiv: 169 343 papers, 1 166 243 citations, 128 features, 40 subjects.

    Raises:
        DataUnavailableError: It is not at hand and cannot be downloaded, or has another size.
    """
    data = parse("ogbn-arxiv", fetch(_SOURCE))
    size = (*data.features.shape[:1], len(data.edges), data.features.shape[1], data.num_classes)
    if size != _ARXIV_SIZE:
        raise DataUnavailableError(
            f"ogb/arxiv.zip has (vertices, arcs, features, classes) = {size}, not {_ARXIV_SIZE}, as"
            " the public data set has: remove it to download it anew"
        )
    return data


def parse(name: str, path: Path) -> VertexClassification:
    """Reads `*/raw/edge.csv.gz`, `node-feat.csv.gz` and `node-label.csv.gz`."""
    with zipfile.ZipFile(path) as archive:
        edges, features, labels = (
            _table(archive, part, dtype)
            for part, dtype in (("edge", np.int64), ("node-feat", np.float32), ("node-label", int))
        )
    labels = labels[:, 0].astype(np.int32)
    return VertexClassification(name, edges, features, labels, int(labels.max()) + 1)


def _table(archive: zipfile.ZipFile, part: str, dtype: type) -> np.ndarray:
    found = [name for name in archive.namelist() if name.endswith(f"raw/{part}.csv.gz")]
    if len(found) != 1:
        raise DataUnavailableError(
            f"{archive.filename} holds {len(found)} files raw/{part}.csv.gz, not one: pass an"
            " archive of the Open Graph Benchmark"
        )
    text = gzip.decompress(archive.read(found[0]))
    return np.loadtxt(io.BytesIO(text), dtype=dtype, delimiter=",", ndmin=2)
