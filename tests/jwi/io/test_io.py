"""Graph files of all formats: there and back, against the libraries that define the formats."""

import gzip
import json
from pathlib import Path

import networkx
import numpy as np
import pytest
import scipy.io
import scipy.sparse

import jwi
from jwi.io import FORMATS, read_graph
from jwi.io.options import OptionNames, Options

# A triangle with a tail, an isolated vertex, a self-loop at c.
NETWORK = networkx.Graph([("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("c", "c")])
NETWORK.add_node("alone", color="red")
NETWORK.edges["b", "c"]["weight"] = 2.5
MATRIX = scipy.sparse.coo_array(networkx.to_scipy_sparse_array(NETWORK, weight="weight"))
EDGES = [(0, 1), (0, 2), (1, 2), (2, 3)]

WRITERS = {
    "edge-list": lambda path: path.write_text("0 1\n0 2\n1 2\n2 3\n2 2\n2 1\n"),
    "dense": lambda path: np.savetxt(path, MATRIX.toarray(), fmt="%g"),
    "sif": lambda path: path.write_text("a pp b c\nb pp c\nc pp d c\nalone\n"),
    "dimacs": lambda path: path.write_text(
        "c of a test\np edge 5 5\ne 1 2\ne 1 3\ne 2 3\ne 3 4\ne 3 3\n"
    ),
    "metis": lambda path: path.write_text("% a comment\n5 5\n2 3\n1 3\n1 2 4 3\n3\n\n"),
    "npy": lambda path: np.save(path, MATRIX.toarray()),
    "dot": lambda path: path.write_text(
        'graph { alone [color="red"]; a -- b -- c; subgraph s { c -- a } c:f0 -- "d"; c -- c }'
    ),
    "json": lambda path: path.write_text(json.dumps(networkx.node_link_data(NETWORK))),
    "parquet": lambda path: written_table(path),
    "npz": lambda path: scipy.sparse.save_npz(path, MATRIX.tocsr()),
    "mtx": lambda path: scipy.io.mmwrite(path, MATRIX),
    "mat": lambda path: scipy.io.savemat(path, {"A": MATRIX}),
    "graphml": lambda path: networkx.write_graphml(NETWORK, path),
    "gml": lambda path: networkx.write_gml(NETWORK, path),
    "gexf": lambda path: networkx.write_gexf(NETWORK, path),
    "pajek": lambda path: networkx.write_pajek(NETWORK, path),
    "adjlist": lambda path: networkx.write_adjlist(NETWORK, path),
    "graph6": lambda path: networkx.write_graph6(networkx.Graph(EDGES), path),
    "sparse6": lambda path: networkx.write_sparse6(networkx.Graph(EDGES), path),
}


def written_table(path):
    arrow = pytest.importorskip("pyarrow")
    table = arrow.table({"from": [0, 0, 1, 2, 2, 2], "to": [1, 2, 2, 3, 2, 1]})
    pytest.importorskip("pyarrow.parquet").write_table(table, path)


def made(tmp_path, format_, suffix=""):
    path = tmp_path / f"graph{FORMATS[format_].suffixes[0]}"
    WRITERS[format_](path)
    if suffix:
        path.with_name(path.name + suffix).write_bytes(gzip.compress(path.read_bytes()))
    return path.with_name(path.name + suffix)


def labeled(file, keep):
    labels = [str(label) for label in file.content.labels]
    return {frozenset((labels[u], labels[v])) for u, v in jwi.edge_list(file.graph)[keep].tolist()}


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_there_and_back(tmp_path, format_, suffix):
    file = read_graph(made(tmp_path, format_, suffix))
    assert file.format == format_
    assert len(jwi.edge_list(file.graph)) == 4
    assert jwi.is_undirected(file.graph)
    assert file.num_loops == (0 if format_ in ("graph6", "sparse6") else 1)
    keep = np.array([True, False, True, False])
    out = tmp_path / f"out{FORMATS[format_].suffixes[-1]}{suffix}"
    file.write(out, keep)
    back = read_graph(out)
    assert labeled(back, [True, True]) == labeled(file, keep)
    assert back.num_loops == file.num_loops
    if format_ not in ("edge-list", "parquet", "sif"):
        assert [str(x) for x in back.content.labels] == [str(x) for x in file.content.labels]
    # Equal graphs make equal files.
    again = tmp_path / f"again{FORMATS[format_].suffixes[-1]}{suffix}"
    file.write(again, keep)
    assert again.read_bytes() == out.read_bytes()


@pytest.mark.parametrize("format_", ["graphml", "gexf", "gml"])
def test_attributes_are_kept(tmp_path, format_):
    file = read_graph(made(tmp_path, format_))
    out = tmp_path / f"out{FORMATS[format_].suffixes[0]}"
    file.write(out, np.array([edge == ("b", "c") for edge in _named_edges(file)]))
    back = getattr(networkx, f"read_{format_}")(out)
    assert back.nodes["alone"]["color"] == "red"
    assert back.edges["b", "c"]["weight"] == 2.5
    assert sorted(back) == ["a", "alone", "b", "c", "d"]
    assert back.number_of_edges() == 2


def _named_edges(file):
    labels = file.content.labels
    return [tuple(sorted((labels[u], labels[v]))) for u, v in jwi.edge_list(file.graph).tolist()]


@pytest.mark.parametrize("format_", ["graphml", "gml", "gexf", "pajek"])
def test_directed_files_are_directed(tmp_path, format_):
    network = networkx.MultiDiGraph([("a", "b"), ("b", "a"), ("a", "b")])
    path = tmp_path / f"graph{FORMATS[format_].suffixes[0]}"
    getattr(networkx, f"write_{format_}")(network, path)
    file = read_graph(path)
    assert not jwi.is_undirected(file.graph)
    assert (len(jwi.edge_list(file.graph)), file.num_repeats) == (2, 1)
    assert len(jwi.edge_list(read_graph(path, directed=False).graph)) == 1
    file.write(tmp_path / path.name.replace("graph.", "out."), np.array([False, True]))
    back = read_graph(tmp_path / path.name.replace("graph.", "out."))
    assert len(back.edge_of_entry) == 1


def test_an_undirected_file_is_not_read_as_directed(tmp_path):
    path = made(tmp_path, "graphml")
    with pytest.raises(ValueError, match="says that its edges are undirected: leave out --direct"):
        read_graph(path, directed=True)


@pytest.mark.parametrize("symmetry", ["general", "symmetric"])
@pytest.mark.parametrize("field", ["real", "pattern", "integer"])
def test_matrix_market_is_what_scipy_reads(tmp_path, field, symmetry):
    path, out = tmp_path / "a.mtx", tmp_path / "b.mtx"
    scipy.io.mmwrite(
        path, MATRIX, comment="a comment\nof two lines", field=field, symmetry=symmetry
    )
    file = read_graph(path)
    assert list(file.content.labels) == [1, 2, 3, 4, 5]
    edges = jwi.edge_list(file.graph)
    keep = np.array([set(edge) != {0, 2} for edge in edges.tolist()])
    file.write(out, keep)
    expected = scipy.io.mmread(path).toarray()
    expected[0, 2] = expected[2, 0] = 0
    np.testing.assert_array_equal(scipy.io.mmread(out).toarray(), expected)
    assert scipy.io.mminfo(out)[3:] == scipy.io.mminfo(path)[3:]
    assert "of two lines" in out.read_text()


HEAD = b"%%MatrixMarket matrix coordinate pattern general\n"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.dat", b"1 2\n", "a.dat: its suffix says no format: --format edge-list reads rows"),
        ("a.txt.gz", gzip.compress(b"1 2\n" * 99, mtime=1)[:-9], "cannot be decompressed"),
        (
            "a.txt.gz",
            gzip.compress(gzip.compress(b"1 2\n", mtime=0), mtime=0),
            "compressed twice: decompress it once",
        ),
        ("a.mtx", b"1 2\n", "a.mtx does not begin with %%MatrixMarket matrix coordinate"),
        ("a.mtx", HEAD.replace(b"coordinate", b"array"), "holds a matrix array pattern general"),
        ("a.mtx", HEAD + b"2 3 1\n1 2\n", "line 2: the matrix has 2 rows and 3 columns"),
        ("a.mtx", HEAD + b"% c\n2 2\n", "line 3: '2 2' is not three sizes"),
        ("a.mtx", HEAD, "a.mtx has no line of sizes"),
        ("a.mtx", HEAD + b"2 2 2\n1 2\n", "has 1 entries and line 2 promises 2"),
        ("a.mtx", HEAD + b"2 2 1\n1 3\n", r"line 3: entry \(1, 3\) is outside the 2 rows"),
        ("a.mtx", HEAD + b"2 2 1\n1 x\n", "line 3: '1 x' is no entry: pass i j value"),
        ("a.mtx", HEAD + b"%d %d 1\n1 2\n" % (10**9, 10**9), "line 2 makes 1,000,000,000 vertices"),
        ("a.mtx", HEAD + b"%d %d 1\n1 2\n" % (10**18, 10**18), "ENTRIES, of at most 18 digits"),
        ("a.mtx", HEAD + b"9" * 5000 + b" 2 1\n1 2\n", "'9{57}…' is not three sizes"),
        ("a.mtx", HEAD.decode().encode("utf-16"), "a.mtx is UTF-16 text: convert it with iconv"),
    ],
)
def test_bad_files_are_refused(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_graph(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("none.txt", "none.txt: there is no such file"),
        # Their names say no format, but that is not what is wrong.
        ("none", "none: there is no such file"),
        ("folder", "folder is a folder: pass a file"),
        ("n" * 300, r"n cannot be read \(File name too long\): pass another file"),
        ("a.txt/b.txt", r"b.txt cannot be read \(Not a directory\): pass another file"),
        ("loop.txt", r"loop.txt cannot be read \(Too many levels of symbolic links\): pass"),
    ],
)
def test_files_that_are_not_there_are_refused(tmp_path, name, message):
    (tmp_path / "folder").mkdir()
    (tmp_path / "a.txt").write_text("1 2\n")
    (tmp_path / "loop.txt").symlink_to("loop.txt")
    with pytest.raises(ValueError, match=message):
        read_graph(tmp_path / name)


def test_a_byte_order_mark_of_a_matrix_stays(tmp_path):
    content = b"\xef\xbb\xbf" + HEAD + b"% note\n3 3 2\n1 2\n2 3\n"
    (tmp_path / "a.mtx").write_bytes(content)
    file = read_graph(tmp_path / "a.mtx")
    file.write(tmp_path / "b.mtx", np.array([True, True]))
    assert (tmp_path / "b.mtx").read_bytes() == content
    file.write(tmp_path / "b.mtx", np.array([False, True]))
    expected = content.replace(b"3 3 2\n1 2\n", b"3 3 1\n")
    assert (tmp_path / "b.mtx").read_bytes() == expected


def test_errors_of_the_disk_name_the_file(tmp_path, monkeypatch):
    file = read_graph(made(tmp_path, "edge-list"))

    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(ValueError, match=r"out.txt cannot be written \(No space left"):
        file.write(tmp_path / "out.txt", np.ones(4, bool))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["graph.txt"]


def test_suffixes_in_capitals(tmp_path):
    path = tmp_path / "a.TXT.GZ"
    path.write_bytes(gzip.compress(b"1 2\n2 3\n"))
    read_graph(path).write(tmp_path / "b.TXT.GZ", np.array([True, False]))
    assert gzip.decompress((tmp_path / "b.TXT.GZ").read_bytes()) == b"1 2\n"


def test_a_format_by_hand(tmp_path):
    path = tmp_path / "out.petster"
    path.write_text("1 2\n2 3\n")
    assert len(read_graph(path, format="edge-list").edge_of_entry) == 2
    path.write_text("1 2 3\n2 3\n")
    assert len(read_graph(path, format="adjlist").edge_of_entry) == 3


def test_other_formats_are_not_written(tmp_path):
    file = read_graph(made(tmp_path, "edge-list"))
    file.check_name(Path("out.dat"))
    with pytest.raises(ValueError, match=r"out.mtx would be mtx by its name, .*\.txt or \.csv"):
        file.check_name(Path("out.mtx"))


@pytest.mark.parametrize(
    ("name", "text", "fine", "wrong"),
    [
        ("a.txt", "1 2\n", ("b.txt", "b.el.gz"), {"b.csv": "comma", "b.tsv.gz": "tab"}),
        ("a.txt", "1,2\n", ("b.csv", "b.csv.gz"), {"b.tsv": "tab"}),
        ("a.txt", "1;2\n", ("b.csv",), {"b.TSV": "tab"}),
        ("a.edges", "1\t2\n", ("b.tsv", "b.edgelist"), {"b.CSV": "comma"}),
        ("a.csv", "1 2\n", ("b.csv", "b.txt"), {"b.tsv": "tab"}),
    ],
)
def test_names_for_other_separators_are_refused(tmp_path, name, text, fine, wrong):
    (tmp_path / name).write_text(text)
    file = read_graph(tmp_path / name)
    for other in fine:
        file.check_name(tmp_path / other)
    for other, separator in wrong.items():
        with pytest.raises(ValueError, match=f"{other} would have a {separator} between columns"):
            file.write(tmp_path / other, np.ones(1, bool))
        assert not (tmp_path / other).exists()


def test_an_error_leaves_the_old_file(tmp_path):
    file = read_graph(made(tmp_path, "edge-list"))
    out = tmp_path / "out.txt"
    out.write_text("old")
    with pytest.raises(IndexError):
        file.write(out, np.array([True]))
    assert out.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["graph.txt", "out.txt"]


def test_progress_goes_up_to_one(tmp_path):
    path = tmp_path / "a.txt.gz"
    path.write_bytes(gzip.compress(b"1 2\n" * 3_000_000))
    shares = []
    read_graph(path, progress=shares.append)
    assert shares == sorted(shares)
    assert len(shares) > 1
    assert shares[-1] == 1


def test_options_and_their_names_as_arguments_agree():
    assert OptionNames.__annotations__ == {
        name: field.type for name, field in Options.__dataclass_fields__.items()
    }
