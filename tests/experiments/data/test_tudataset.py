"""Many small graphs from the text files of the TU Dortmund collection."""

import zipfile

import numpy as np
import pytest

from experiments.data import tudataset
from experiments.data.sources import DataUnavailableError

# A triangle and an edge, of classes 1 and −1, whose vertices have the labels 0, 0, 2 and 2, 0.
FILES = {
    "A": "1, 2\n2, 1\n2, 3\n3, 2\n3, 1\n1, 3\n4, 5\n5, 4\n",
    "graph_indicator": "1\n1\n1\n2\n2\n",
    "graph_labels": "1\n-1\n",
    "node_labels": "0\n0\n2\n2\n0\n",
}


def write_archive(path, name="MUTAG", **changed):
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for part, text in (FILES | changed).items():
            archive.writestr(f"{name}/{name}_{part}.txt", text)
    return path


def test_graphs_labels_and_features_are_read(tmp_path):
    data = tudataset.parse_tudataset("MUTAG", write_archive(tmp_path / "tiny.zip"))
    assert data.edges.tolist()[:3] == [[0, 1], [1, 0], [1, 2]]
    assert data.graph_of_vertex.tolist() == [0, 0, 0, 1, 1]
    assert data.features.tolist() == [[1, 0], [1, 0], [0, 1], [0, 1], [1, 0]]
    assert (data.labels.tolist(), data.num_classes) == ([1, 0], 2)


@pytest.mark.parametrize(
    ("changed", "because"),
    [
        ({"A": "1, 2\n3, 4\n"}, "an edge leads from one graph into another"),
        ({"A": "1, 2\n5, 6\n"}, "an edge leads to no vertex"),
        ({"node_labels": "0\n0\n"}, "vertices, their labels and graphs do not match"),
        ({"graph_labels": "1\n-1\n1\n"}, "vertices, their labels and graphs do not match"),
        ({"graph_labels": "one\n"}, "could not convert string 'one'"),
    ],
)
def test_other_files_are_refused(tmp_path, changed, because):
    path = write_archive(tmp_path / "tiny.zip", **changed)
    with pytest.raises(DataUnavailableError, match=f"is not the public .*{because}.*Remove the"):
        tudataset.parse_tudataset("MUTAG", path)


def test_content_is_verified_however_it_is_packed(tmp_path, monkeypatch):
    path = write_archive(tmp_path / "tudataset" / "MUTAG.zip")
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    with pytest.raises(DataUnavailableError, match=r"MUTAG has graphs and labels of checksum"):
        tudataset.mutag()
    content = tudataset.content_sha256(tudataset.parse_tudataset("MUTAG", path))
    monkeypatch.setitem(tudataset._CONTENT, "MUTAG", content)
    # Other lines and another order of the arcs, but the same graphs.
    write_archive(path, A="5,4\n3,1\n1,2\n2,3\n", graph_labels="1\r\n-1\r\n")
    assert tudataset.mutag().labels.tolist() == [1, 0]
    write_archive(path, node_labels="0\n0\n2\n2\n2\n")
    with pytest.raises(DataUnavailableError, match="of checksum"):
        tudataset.mutag()
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataUnavailableError, match="is not the public data set"):
        tudataset.mutag()


@pytest.mark.public_data
@pytest.mark.parametrize(
    ("load", "shape", "num_edges", "classes"),
    [
        (tudataset.mutag, (3_371, 7), 3_721, [63, 125]),
        (tudataset.proteins, (43_471, 3), 81_044, [663, 450]),
    ],
)
def test_a_data_set_is_as_described(load, shape, num_edges, classes):
    data = load()
    assert data.features.shape == shape
    assert (data.features.sum(axis=1) == 1).all()
    assert len(np.unique(np.sort(data.edges, axis=1), axis=0)) == num_edges
    assert np.bincount(data.labels).tolist() == classes
