"""MATLAB files: the adjacency matrix among other variables, there and back."""

import io

import numpy as np
import pytest
import scipy.io
import scipy.sparse

import jwi
from jwi.io import read_graph

# A triangle with a tail and a self-loop.
MATRIX = scipy.sparse.csc_array(
    np.array([[0, 1, 1, 0], [1, 0, 2.5, 0], [1, 2.5, 1, 1], [0, 0, 1, 0]])
)
LABELS = np.array([[1], [2], [1], [3]])
FILES = {
    "a variable": {"graph": MATRIX, "label": LABELS},
    "the usual one": {"other": MATRIX * 2, "network": MATRIX, "label": LABELS},
    "in a structure": {
        "Problem": {"A": MATRIX, "Zeros": MATRIX * 2, "title": "a tail"},
        "label": LABELS,
    },
}


def read_back(path, name):
    variables = scipy.io.loadmat(path)
    if name == "in a structure":
        problem = variables["Problem"]
        assert problem["title"].flat[0].tolist() == ["a tail"]
        assert (problem["Zeros"].flat[0] != MATRIX * 2).nnz == 0
        return variables, problem["A"].flat[0]
    return variables, variables["graph" if name == "a variable" else "network"]


@pytest.mark.parametrize("name", FILES)
def test_the_matrix_is_pruned_and_all_else_stays(tmp_path, name):
    scipy.io.savemat(tmp_path / "a.mat", FILES[name])
    file = read_graph(tmp_path / "a.mat")
    assert file.format == "mat"
    assert file.num_loops == 1
    edges = jwi.edge_list(file.graph)
    assert sorted(map(tuple, edges.tolist())) == [(0, 1), (0, 2), (1, 2), (2, 3)]
    file.write(tmp_path / "b.mat", (edges != [0, 2]).any(axis=1))
    variables, matrix = read_back(tmp_path / "b.mat", name)
    expected = MATRIX.toarray()
    expected[0, 2] = expected[2, 0] = 0
    np.testing.assert_array_equal(matrix.toarray(), expected)
    np.testing.assert_array_equal(variables["label"], LABELS)
    # Equal graphs make equal files, and the graph that was read is as it was.
    file.write(tmp_path / "c.mat", np.ones(4, bool))
    file.write(tmp_path / "d.mat", np.ones(4, bool))
    assert (tmp_path / "c.mat").read_bytes() == (tmp_path / "d.mat").read_bytes()
    np.testing.assert_array_equal(
        read_back(tmp_path / "c.mat", name)[1].toarray(), MATRIX.toarray()
    )


def saved(**variables):
    file = io.BytesIO()
    scipy.io.savemat(file, variables)
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"a\.mat cannot be read as MATLAB's \(.*\): save it with -v7"),
        (b"1 2\n2 3\n", "cannot be read as MATLAB's"),
        (saved(A=MATRIX)[:-40], "cannot be read as MATLAB's"),
        # What version 7.3 begins with; the rest is HDF5.
        (b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + b"\x89HDF", "save it with -v7"),
        (saved(), "a.mat holds nothing: pass one square matrix, sparse or dense, or call it A"),
        (saved(x=LABELS, y=1), "a.mat holds x, y: pass one square matrix, sparse or dense"),
        (
            saved(one=MATRIX, two=MATRIX),
            "a.mat holds one, two: pass one square matrix, sparse or dense",
        ),
        (saved(x=MATRIX[:2]), "a.mat holds x: pass one square matrix, sparse or dense"),
        (
            saved(A=scipy.sparse.csc_array((2 * 10**7, 2 * 10**7))),
            "its shape makes 20,000,000 vertices, too many for its edges",
        ),
    ],
    # The files have the time in them, and workers must find the same tests.
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_files_are_refused(tmp_path, content, message):
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_graph(tmp_path / "a.mat")
