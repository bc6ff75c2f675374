import gzip
import hashlib
import http.server
import os
import pickle
import struct
import threading
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
from sklearn.datasets import load_digits

from experiments.data.digits import digits
from experiments.data.mnist import Images, mnist, mnist_embedded, read_idx, stratified
from experiments.data.planetoid import cora, load_pickle, parse_planetoid
from experiments.data.sources import DataUnavailableError, Source, fetch
from experiments.data.vertex_classification import random_split

CONTENT = b"the public file"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server(tmp_path):
    """A public source on this machine: address of a folder, and the folder."""
    folder = tmp_path / "public"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *arguments):
            pass

        def __init__(self, *arguments, **settings):
            super().__init__(*arguments, directory=folder, **settings)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}/", folder
        running.shutdown()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("EXPERIMENTS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("DATA_DIR", raising=False)
    return tmp_path / "cache"


def test_fetch_downloads_once_and_verifies(server, cache):
    url, folder = server
    (folder / "file").write_bytes(CONTENT)
    source = Source("set", "file", (url + "missing", url + "file"), SHA256)
    path = fetch(source)
    assert path == cache / "set" / "file"
    assert path.read_bytes() == CONTENT
    (folder / "file").unlink()
    assert fetch(source) == path


def test_fetch_refuses_what_is_not_the_public_file(server, cache):
    url, folder = server
    (folder / "file").write_bytes(b"something else")
    with pytest.raises(DataUnavailableError, match="could not be downloaded") as error:
        fetch(Source("set", "file", (url + "file",), SHA256))
    assert "hash" in str(error.value)
    assert f"Download it elsewhere to {cache / 'set' / 'file'}" in str(error.value)
    assert not [p for p in cache.rglob("*") if p.is_file()]


def test_fetch_without_network_says_what_to_do(cache):
    with pytest.raises(DataUnavailableError, match="or set DATA_DIR to a folder that holds"):
        fetch(Source("set", "file", ("http://127.0.0.1:9/file",), SHA256))


def test_fetch_prefers_local_copies(cache, tmp_path, monkeypatch):
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    (tmp_path / "set").mkdir()
    local = tmp_path / "set" / "file"
    local.write_bytes(CONTENT)
    source = Source("set", "file", ("http://127.0.0.1:9/file",), SHA256)
    assert fetch(source) == local
    local.write_bytes(b"corrupted")
    with pytest.raises(DataUnavailableError, match="as the public file has: remove it"):
        fetch(source)


@pytest.fixture
def planetoid_files(tmp_path):
    """A data set of six vertices in Planetoid's form, vertex 4 missing from the test vertices."""
    dense = np.arange(12, dtype=np.float32).reshape(6, 2)
    one_hot = np.eye(3, dtype=np.int32)[[0, 1, 2, 0, 0, 1]]
    test = [5, 3]
    graph = defaultdict(list, {0: [1, 1], 1: [0, 2], 5: [3]})
    contents = {
        "allx": scipy.sparse.csr_matrix(dense[:3]),
        "ally": one_hot[:3],
        "tx": scipy.sparse.csr_matrix(dense[test]),
        "ty": one_hot[test],
        "graph": graph,
    }
    files = {}
    for name, value in contents.items():
        # Protocol 2 names Python 2's modules, 3 has its byte strings.
        data = pickle.dumps(value, protocol=2 if name == "graph" else 3)
        # The modules' names as they were when the public files were written.
        for new, old in (
            (b"numpy._core.multiarray", b"numpy.core.multiarray"),
            (b"scipy.sparse._csr", b"scipy.sparse.csr"),
        ):
            data = data.replace(new, old)
        files[name] = tmp_path / name
        files[name].write_bytes(data)
    files["test.index"] = tmp_path / "test.index"
    files["test.index"].write_text("5\n3\n")
    return files, dense, one_hot


def test_planetoid_puts_test_vertices_in_their_places(planetoid_files):
    files, dense, one_hot = planetoid_files
    data = parse_planetoid("tiny", files)
    expected = dense.copy()
    expected[4] = 0
    np.testing.assert_array_equal(data.features, expected)
    np.testing.assert_array_equal(data.labels, one_hot.argmax(1))
    assert data.edges.tolist() == [[0, 1], [0, 1], [1, 0], [1, 2], [5, 3]]
    assert data.num_classes == 3


class Exploit:
    def __reduce__(self):
        return os.system, ("touch exploited",)


def test_unpickling_runs_no_code(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "ind.evil.graph"
    path.write_bytes(pickle.dumps(Exploit()))
    with pytest.raises(pickle.UnpicklingError, match="system is not allowed in a Planetoid file"):
        load_pickle(path)
    assert not Path("exploited").exists()


@pytest.mark.public_data
def test_cora_is_cora():
    data = cora()
    ends = np.sort(data.edges, axis=1)
    assert len(np.unique(ends[ends[:, 0] != ends[:, 1]], axis=0)) == 5278
    assert data.features.shape == (2708, 1433)
    assert np.bincount(data.labels).tolist() == [351, 217, 418, 818, 426, 298, 180]


def test_digits_have_the_stated_graph():
    data = digits()
    assert len(np.unique(np.sort(data.edges, axis=1), axis=0)) == 7522
    pixels = load_digits().data.astype(int)
    assert len(data.edges) == 6 * len(pixels)
    for vertex, edges in enumerate(data.edges.reshape(-1, 6, 2)):
        # Of equally near digits the first, of which 46 digits have more than they may take.
        distances = ((pixels - pixels[vertex]) ** 2).sum(axis=1).tolist()
        others = sorted((d, other) for other, d in enumerate(distances) if other != vertex)
        assert edges.tolist() == [[vertex, other] for _, other in others[:6]]
    assert data.features.shape == (1797, 64)
    assert data.features.dtype == np.float32
    # Half the pixels of the whole images are 0 too, so less than 15 % are not.
    assert 0.05 < (data.features != 0).mean() < 0.15
    np.testing.assert_array_equal(data.features, digits().features)


def write_idx(path, array, code):
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    path.write_bytes(gzip.compress(header + array.astype(array.dtype.newbyteorder(">")).tobytes()))


@pytest.mark.parametrize(("dtype", "code"), [(np.uint8, 8), (np.float32, 13)])
def test_idx_round_trip(tmp_path, dtype, code):
    array = np.arange(24).astype(dtype).reshape(2, 3, 4)
    write_idx(tmp_path / "x.gz", array, code)
    np.testing.assert_array_equal(read_idx(tmp_path / "x.gz"), array)


def test_idx_refuses_other_files(tmp_path):
    path = tmp_path / "x.gz"
    path.write_bytes(gzip.compress(b"PNG and more"))
    with pytest.raises(ValueError, match=r"starts with the bytes b'PNG '.*: pass a gzipped IDX"):
        read_idx(path)
    array = np.zeros((2, 2), np.uint8)
    write_idx(path, array, 8)
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-1]))
    with pytest.raises(ValueError, match="has 15 bytes where its header says 16"):
        read_idx(path)
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match=r"x.gz cannot be decompressed \(.*: fetch it again"):
        read_idx(path)


@pytest.mark.public_data
def test_mnist_is_mnist():
    data = mnist()
    assert data.train.pixels.shape == (60000, 28, 28)
    assert data.test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert data.train.pixels.max() == 1


def test_embedded_mnist_is_balanced_and_disjoint():
    data = mnist_embedded()
    for part in (data.train, data.test):
        assert np.bincount(part.labels).tolist() == [250] * 10
        assert part.pixels.shape == (2500, 28, 28)
        assert part.pixels.max() == 1
    images = np.concatenate([data.train.pixels, data.test.pixels]).reshape(5000, -1)
    assert len(np.unique(images, axis=0)) == 5000


def test_stratified_sample():
    labels = np.repeat(np.arange(3, dtype=np.int32), [5, 9, 7])
    images = Images(np.arange(21, dtype=np.float32).reshape(21, 1, 1), labels)
    sample = stratified(images, 12, seed=0)
    assert np.bincount(sample.labels).tolist() == [4, 4, 4]
    chosen = sample.pixels.ravel().astype(int)
    assert len(set(chosen)) == 12
    np.testing.assert_array_equal(labels[chosen], sample.labels)
    with pytest.raises(ValueError, match="num_examples=10: pass a positive multiple of the 3"):
        stratified(images, 10, seed=0)
    with pytest.raises(ValueError, match="num_examples=18 asks for 6 images of class 0: pass at"):
        stratified(images, 18, seed=0)


def test_split_is_a_partition():
    split = random_split(0, 100, 0.8, 0.1)
    assert [int(part.sum()) for part in split] == [80, 10, 10]
    assert np.sum(split, axis=0).tolist() == [1] * 100
    assert not np.array_equal(split.train, random_split(1, 100, 0.8, 0.1).train)
    for shares in ((0.5, 0.5), (-0.1, 0.5)):
        with pytest.raises(ValueError, match="since the rest is the test set"):
            random_split(0, 100, *shares)
