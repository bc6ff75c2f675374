"""NumPy archives: sparse matrices and arrays of edges, there and back, and broken ones refused."""

import io
import zipfile

import numpy as np
import pytest
import scipy.sparse

import jwi
from jwi.io import read_graph

# A triangle with a tail and a self-loop.
MATRIX = scipy.sparse.coo_array(
    [[0, 1, 1, 0], [1, 0, 2.5, 0], [1, 2.5, 1, 1], [0, 0, 1, 0]], dtype=float
)


@pytest.mark.parametrize("form", ["csr_array", "csc_matrix", "coo_array", "bsr_array", "dia_array"])
def test_sparse_matrices_keep_form_and_values(tmp_path, form):
    matrix = getattr(scipy.sparse, form)(MATRIX)
    scipy.sparse.save_npz(tmp_path / "a.npz", matrix)
    file = read_graph(tmp_path / "a.npz")
    assert len(jwi.edge_list(file.graph)) == 4
    keep = np.array([set(edge) != {0, 2} for edge in jwi.edge_list(file.graph).tolist()])
    file.write(tmp_path / "b.npz", keep)
    back = scipy.sparse.load_npz(tmp_path / "b.npz")
    assert type(back) is type(matrix)
    expected = MATRIX.toarray()
    expected[0, 2] = expected[2, 0] = 0
    np.testing.assert_array_equal(back.toarray(), expected)


def test_zeros_are_edges_unless_they_fill_blocks(tmp_path):
    rows, columns, values = [0, 0, 1], [1, 2, 2], [0.0, 1.0, 1.0]
    matrix = scipy.sparse.csr_array((values, (rows, columns)), shape=(4, 4))
    for form, num_edges in (("csr_array", 3), ("coo_array", 3), ("bsr_array", 2)):
        scipy.sparse.save_npz(tmp_path / "a.npz", getattr(scipy.sparse, form)(matrix))
        assert len(jwi.edge_list(read_graph(tmp_path / "a.npz").graph)) == num_edges


ENDS = np.array([[0, 1, 1, 2], [1, 0, 2, 2]], np.int32)


@pytest.mark.parametrize(
    "arrays",
    [
        {"senders": ENDS[0], "receivers": ENDS[1]},
        {"edge_index": ENDS},
        {"edges": ENDS.T},
        {"edges": ENDS},
        {"edge_index": ENDS.T},
    ],
)
def test_arrays_of_edges(tmp_path, arrays):
    more = {
        "num_nodes": 4,
        "x": np.ones((4, 3)),
        "edge_attr": np.arange(8).reshape(4, 2),
        "name": np.array("of the graph"),
    }
    np.savez(tmp_path / "a.npz", **arrays, **more)
    file = read_graph(tmp_path / "a.npz")
    assert jwi.edge_list(file.graph).tolist() == [[0, 1], [1, 2]]
    assert file.graph.nodes.shape[0] == 4
    assert (file.num_loops, file.num_repeats) == (1, 1)
    assert "shortened with the edges: edge_attr" in file.content.notes
    file.write(tmp_path / "b.npz", np.array([False, True]))
    with np.load(tmp_path / "b.npz") as back:
        assert back.files == [*arrays, *more]
        for name, array in arrays.items():
            axis = int(array.ndim == 2 and len(array) == 2)
            np.testing.assert_array_equal(back[name], array.take([2, 3], axis=axis))
            assert back[name].dtype == array.dtype
        assert back["edge_attr"].tolist() == [[4, 5], [6, 7]]
        assert back["x"].shape == (4, 3)
        assert back["name"] == "of the graph"


@pytest.mark.parametrize("size", [4, np.array([4]), np.array([[4]], np.uint8)])
def test_a_number_of_vertices_is_any_one_integer(tmp_path, size):
    # With one edge an array of one entry could be one of the edge's.
    np.savez(tmp_path / "a.npz", edge_index=ENDS[:, :1], num_vertices=size)
    file = read_graph(tmp_path / "a.npz")
    assert len(file.content.labels) == 4
    file.write(tmp_path / "b.npz", np.array([False]))
    with np.load(tmp_path / "b.npz") as back:
        np.testing.assert_array_equal(back["num_vertices"], size)


def test_arrays_of_any_name_are_copied(tmp_path):
    arrays = {name: np.ones(3) for name in ("file", "allow_pickle", "args", "self", "a/b")}
    (tmp_path / "a.npz").write_bytes(members(edges=ENDS.T, **arrays))
    read_graph(tmp_path / "a.npz").write(tmp_path / "b.npz", np.array([True, True]))
    with np.load(tmp_path / "b.npz") as back:
        assert set(back.files) == {"edges", *arrays}


def test_arrays_without_edges_say_how_many_vertices(tmp_path):
    path = tmp_path / "graph.npz"
    np.savez(path, edge_index=np.zeros((2, 0), int))
    with pytest.raises(ValueError, match="edge_index have no edges: pass some, or add num_vert"):
        read_graph(path)
    np.savez(path, edge_index=np.zeros((2, 0), int), num_nodes=3)
    assert len(read_graph(path).content.labels) == 3


FAR = np.array([[1], [0]])


def single(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def archive(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def members(compression=zipfile.ZIP_DEFLATED, **contents):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as output:
        for name, content in contents.items():
            raw = content if isinstance(content, bytes) else single(content)
            output.writestr(f"{name}.npy", raw)
    return file.getvalue()


def broken(content, place, bits=0xFF):
    """The content with other bits in a byte."""
    return content[:place] + bytes([content[place] ^ bits]) + content[place + 1 :]


def header(text):
    """An array whose header is a text."""
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


def csr(indptr, indices=(), **more):
    data = np.ones(len(indices))
    return archive(**{"format": b"csr", "shape": [3, 3]} | more, data=data, indices=indices,
                   indptr=indptr)  # fmt: skip


BLOCKS = np.ones((1, 2, 2))
HUGE = header("{'descr': '<i8', 'fortran_order': False, 'shape': (2, 10000000000000)}")
# Both of its places: before the content, and in the directory at the end.
FLAGS = [6, members(edges=ENDS).rindex(b"PK\x01\x02") + 8]
LOCKED = broken(broken(members(edges=ENDS), FLAGS[0], 1), FLAGS[1], 1)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"1 2\n", "a.npz is no archive of plain arrays"),
        (archive(a=np.array([{}])), "a.npz is no archive of plain arrays"),
        (single(np.eye(3)), "a.npz is no archive of plain arrays .it is a single array"),
        (archive(edge_index=FAR * 2**40), "of edge_index makes 1,099,511,627,777 vertices, too"),
        (
            archive(edge_index=np.uint64(FAR) * 2**63),
            "makes 9,223,372,036,854,775,809 vertices",
        ),
        (archive(edge_index=FAR * 10**7), r"\(at most 10,000,000\): number the vertices"),
        (archive(edge_index=FAR, num_nodes=2**31), "num_nodes makes 2,147,483,648 vertices"),
        (archive(x=np.ones(3)), "a.npz holds x: pass a matrix of scipy"),
        (archive(edges=np.ones((3, 2))), "edges hold float64: pass integers"),
        (archive(edges=np.ones((3, 3), int)), r"edges has shape \[3, 3\]: pass \(2, M\)"),
        (archive(edges=np.ones(3, int)), r"edges has shape \[3\]: pass \(2, M\)"),
        (archive(edge_index=ENDS - 1), "edge_index have the vertex -1: vertices are 0 to"),
        (archive(edges=ENDS, num_nodes=2), "edges have the vertex 2: vertices are 0 to 1"),
        (
            archive(senders=ENDS[0], receivers=ENDS[0, 1:]),
            r"senders has shape \[4\] and receivers \[3\]: pass two vectors",
        ),
        (archive(format=b"csr", shape=[2, 2], data=[1]), "a.npz holds no sparse matrix"),
        (broken(members(edges=ENDS), 60), r"arrays \(edges.npy: "),
        (broken(members(zipfile.ZIP_LZMA, edges=ENDS), 60), r"arrays \(edges.npy: Corrupt input"),
        (LOCKED, r"arrays \(edges.npy: .* is encrypted"),
        (members(edges=ENDS, readme=b"Read me!"), r"arrays \(readme.npy: the magic string"),
        (members(edges=header("{'shape': (")), r"arrays \(edges.npy: "),
        (members(edges=HUGE), r"arrays \(edges.npy: Unable to allocate"),
        (members(edges=header("{" + " " * 20000)), r"may not be safe to load securely.\): save it"),
        (archive(a=np.array([{}])), r"arrays \(a.npy: Object arrays cannot be loaded\): save it"),
        (b"1 2\n", r"arrays \(File is not a zip file\): save it"),
        (csr([0, 9, 1, 1], [1]), r"no sparse matrix \(indptr must be a non-decreasing"),
        # The last number says that there are no entries.
        (csr([0, 9, 1, 0]), r"no sparse matrix \(indptr must be a non-decreasing"),
        (csr([0, 1, 1, 1], [3]), r"no sparse matrix \(indices must be < 3"),
        (csr([0, 1, 1, 1], [-1]), r"no sparse matrix \(indices must be >= 0"),
        (csr([0, 1], [0], format=3.5), "no sparse matrix .*: save it again"),
        (csr([0, 1, 1, 1], [0], format=b"lil"), r"no sparse matrix \(Load is not implemented"),
        (
            archive(format=b"bsr", shape=[4, 4], data=BLOCKS, indices=[0], indptr=[0, 9, 1]),
            r"no sparse matrix \(indptr must be a non-decreasing",
        ),
        (
            archive(format=b"coo", shape=[2**31] * 2, data=[1], row=[0], col=[1]),
            "its shape makes 2,147,483,648 vertices",
        ),
        (
            archive(format=b"dia", shape=[10**12] * 2, data=[[1, 1]], offsets=[1]),
            "its shape makes 1,000,000,000,000 vertices",
        ),
        (archive(edges=ENDS, num_nodes=0), r"num_nodes is 0 \(int64\): pass the number of vert"),
        (archive(edges=ENDS, num_nodes=3.0), r"num_nodes is 3.0 \(float64\): pass the number"),
        (archive(edges=ENDS, num_nodes=3j), r"num_nodes is 3j \(complex128\): pass"),
        (archive(edges=ENDS, num_nodes="3"), r"num_nodes is '3' \(<U1\): pass"),
        (archive(edges=ENDS, num_nodes=np.datetime64(3, "s")), r"\(datetime64\[s\]\): pass"),
        (archive(edges=ENDS, num_vertices=[3, 4, 5, 6]), r"num_vertices is \[3, 4, 5, 6\]"),
    ],
)
def test_bad_archives_are_refused(tmp_path, content, message):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(ValueError, match=message) as refused:
        read_graph(tmp_path / "a.npz")
    assert "allow_pickle" not in str(refused.value)
    assert "\n" not in str(refused.value)
