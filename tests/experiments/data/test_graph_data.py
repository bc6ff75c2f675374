"""The graphs of the sparsification study, as their sources describe them."""

import gzip
import zipfile

import numpy as np
import pytest
import scipy.sparse

from experiments.data import attributed_npz, ogb
from experiments.data.attributed_npz import amazon_computers, content_sha256, dblp
from experiments.data.heterophilous import chameleon, squirrel, tolokers
from experiments.data.planetoid import citeseer
from experiments.data.sources import DataUnavailableError


@pytest.mark.public_data
@pytest.mark.parametrize(
    ("load", "num_edges", "shape", "classes"),
    [
        (citeseer, 4_552, (3_327, 3_703), [264, 590, 668, 701, 596, 508]),
        (dblp, 52_867, (17_716, 1_639), [7920, 5645, 1982, 2169]),
        (amazon_computers, 245_861, (13_752, 767), None),
        (chameleon, 31_371, (2_277, 2_325), [456, 460, 453, 521, 387]),
        (squirrel, 198_353, (5_201, 2_089), [1042, 1040, 1039, 1040, 1040]),
        (tolokers, 519_000, (11_758, 10), [9192, 2566]),
    ],
)
def test_a_data_set_is_as_described(load, num_edges, shape, classes):
    data = load()
    ends = np.sort(data.edges, axis=1)
    codes = ends[:, 0] * len(data.labels) + ends[:, 1]
    assert len(np.unique(codes[ends[:, 0] != ends[:, 1]])) == num_edges
    assert data.features.shape == shape
    assert data.features.dtype == np.float32
    counts = np.bincount(data.labels).tolist()
    assert len(counts) == data.num_classes
    assert counts == (classes or counts)


def write_npz(path, *, weight=1.0, index=np.int32):
    adjacency = scipy.sparse.csr_array(np.array([[0, 1, 0], [1, 0, 0], [0, 1, 1]], np.float32))
    features = scipy.sparse.csr_array(np.array([[weight, 0], [0, weight], [0, 0]]))
    arrays = {
        f"{name}_{part}": getattr(matrix, part)
        for name, matrix in (("adj", adjacency), ("attr", features))
        for part in ("data", "indices", "indptr", "shape")
    }
    arrays = {name: np.asarray(a) for name, a in arrays.items()}
    for name in ("adj_indices", "attr_indices"):
        arrays[name] = arrays[name].astype(index)
    # Public files also hold pickled objects, which nobody needs.
    np.savez(path, **arrays, labels=np.array([0, 1, 1]), notes=np.array([{"a": 1}], object))


def test_content_is_the_same_however_it_is_written(tmp_path):
    write_npz(tmp_path / "one.npz")
    write_npz(tmp_path / "two.npz", weight=0.5, index=np.int64)
    one, two = (attributed_npz.parse("tiny", tmp_path / f"{n}.npz") for n in ("one", "two"))
    assert one.features.tolist() == [[1, 0], [0, 1], [0, 0]]
    assert one.edges.tolist() == [[0, 1], [1, 0], [2, 1], [2, 2]]
    assert content_sha256(one) == content_sha256(two)
    other = one._replace(labels=np.array([0, 1, 0], np.int32))
    assert content_sha256(other) != content_sha256(one)


def test_another_data_set_of_that_name_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    (tmp_path / "citation-full").mkdir()
    write_npz(tmp_path / "citation-full" / "dblp.npz")
    with pytest.raises(DataUnavailableError, match="dblp has edges, features and labels of check"):
        dblp()


def write_ogb(path, tables):
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in tables.items():
            archive.writestr(f"arxiv/raw/{name}.csv.gz", gzip.compress(text.encode()))


def test_ogb_tables_are_read_and_sized(tmp_path, monkeypatch):
    path = tmp_path / "ogb" / "arxiv.zip"
    path.parent.mkdir()
    tables = {"edge": "0,1\n2,1\n", "node-feat": "0.5,1\n-1,2\n0,0\n", "node-label": "3\n0\n1\n"}
    write_ogb(path, tables)
    data = ogb.parse("tiny", path)
    assert data.edges.tolist() == [[0, 1], [2, 1]]
    assert data.features.tolist() == [[0.5, 1], [-1, 2], [0, 0]]
    assert (data.labels.tolist(), data.num_classes) == ([3, 0, 1], 4)

    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    with pytest.raises(DataUnavailableError, match=r"classes\) = \(3, 2, 2, 4\), not \(169343,"):
        ogb.ogbn_arxiv()
    write_ogb(path, {"edge": "0,1\n"})
    with pytest.raises(DataUnavailableError, match=r"holds 0 files raw/node-feat.csv.gz, not one"):
        ogb.parse("tiny", path)


def test_broken_archives_are_not_the_data_set(tmp_path):
    parts = {"data": np.ones(1), "indices": np.array([2**30 + 1]), "indptr": np.array([0, 1])}
    arrays = {f"{name}_{part}": held for name in ("adj", "attr") for part, held in parts.items()}
    path = tmp_path / "dblp.npz"
    np.savez(path, adj_shape=(1, 1), attr_shape=(1, 1), labels=[0], **arrays)
    with pytest.raises(DataUnavailableError, match=r"dblp is not the public .*: .*Remove the file"):
        attributed_npz.parse("dblp", path)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(DataUnavailableError, match="dblp is not the public data set"):
        attributed_npz.parse("dblp", path)
