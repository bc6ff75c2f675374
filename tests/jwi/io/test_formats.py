"""Formats in the wild: what their tools write is read, what is broken is refused with a remedy."""

import bz2
import gzip
import io
import json
import lzma
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import scipy.io
import scipy.sparse

from jwi.cli import main
from jwi.io import FORMATS, read_graph
from jwi.io.formats import recognized_format

TRIANGLE = scipy.sparse.csr_array(np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]], np.float32))


def read(folder, name, content, **options):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_graph(path, **options)


def edges(file):
    labels = [str(label) for label in file.content.labels]
    return sorted("".join(sorted((labels[u], labels[v]))) for u, v in file.edges.tolist())


def saved(write, *args, **kwargs):
    held = io.BytesIO()
    write(held, *args, **kwargs)
    return held.getvalue()


@pytest.mark.parametrize(
    ("name", "text", "found", "directed"),
    [
        ("a.gml", 'graph [ node [ id 1 label "A" ] node [ id 2 label "A" ]\n'
         " edge [ source 1 target 2 ] ]", ["12"], False),
        ("a.gml", 'Creator "x"\ngraph\n[ directed 1 node [ id 1 label "a" ]\n'
         ' node [ id 2 label "b" ]\n'
         " edge [ source 1 target 2 ] edge [ source 1 target 2 ] ]", ["ab"], True),
        ("a.gml", 'graph [ node [ id 1 label "é" ] node [ id 2 label "b" ]\n'
         " edge [ source 1 target 2 ] ]", ["bé"], False),
        ("a.net", "*Vertices 3\n*Edges\n1 2\n2 3\n", ["12", "23"], False),
        ("a.net", "*Vertices 3\n2 \"b\"\n% why\n*Arcs\n1 2\n2 3\n", ["1b", "3b"], True),
        ("a.net", "*Vertices 3\r\n1 \"a\"\r\n2 \"b\"\r\n3 \"c\"\r\n*Edgeslist\r\n1 2 3\r\n",
         ["ab", "ac"], False),
        ("a.dot", "strict digraph g { a -> {b c}; }", ["ab", "ac"], True),
        ("a.dot", "graph { subgraph s { a -- b } subgraph s { b -- c } }", ["ab", "bc"], False),
        ("a.gr", "c roads\np sp 3 2\na 1 2 803\na 3 2 1\n", ["12", "23"], True),
        ("a.col", "p col 3 4\ne 1 2\ne 2 3\n", ["12", "23"], False),
        ("a.graph", "3 2 011 2\n1 1 2 5\n1 1 1 5 3 6\n1 1 2 6\n", ["12", "23"], False),
        ("a.sif", "a\tbinds\tb\tc\nd\n", ["ab", "ac"], False),
        ("a.json", '{"nodes": [{"id": "a"}, {"id": "b"}],\n'
         '"edges": [{"source": "a", "target": "b"}]}', ["ab"], False),
        ("a.json", '{"directed": true, "elements": {"nodes": [{"data": {"id": "a", "value": "a", '
         '"name": "a"}}, {"data": {"id": "b", "value": "b", "name": "b"}}], "edges": [{"data": '
         '{"source": "a", "target": "b"}}]}, "data": []}', ["ab"], True),
    ],
)  # fmt: skip
def test_what_tools_write(tmp_path, name, text, found, directed):
    file = read(tmp_path, name, text)
    assert edges(file) == found
    assert file.directed == directed
    file.write(tmp_path / f"out{file.suffix}", np.arange(len(found)) > 0)
    assert len(read_graph(tmp_path / f"out{file.suffix}").edges) == len(found) - 1
    # The same without its name, by how it begins, or else by the option.
    recognized = recognized_format(text.encode())
    assert recognized in (None, file.format)
    assert edges(read(tmp_path, "a.dat", text, format=None if recognized else file.format)) == found


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.gml", 'graph [ node [ id 1 label "a" ] edge [ source 1 target 7 ] ]',
         "undefined target 7.*: correct it there, or save it"),
        ("a.net", "*Vertices x\n", "invalid literal.*: pass .Vertices and their number"),
        ("a.net", "*Vertices 999999999\n*Edges\n1 2\n", "999,999,999 vertices, too many"),
        ("a.dot", "graph { a -- ", r"\(Expected .*: let Graphviz write it"),
        ("a.gr", "a 1 2 3\n", "no line of sizes: pass `p edge VERTICES EDGES`"),
        ("a.gr", "p sp 2 1\na 1 3 1\n", "an edge outside its 2 vertices"),
        ("a.gr", "p sp 2 1\nc\na 1 x 1\n", "line 3: 'a 1 x 1' is no edge"),
        ("a.graph", "3 2\n2\n1 3\n", "promises 3 vertices, and 2 lines follow: pass `VERTICES"),
        ("a.graph", "3 2\n2\n1 3\n\n", "vertex 2 has the neighbor 3, and not the other way round"),
        ("a.graph", "2 2\n2\n1\n", "promises 2 edges, and 1 follow"),
        ("a.graph", "2 1\n3\n1\n", "vertex 1 has the neighbor 3, and vertices are 1, …, 2"),
        ("a.graph", "2 1\n2 x\n1\n", "a neighbor is no integer"),
        ("a.graph", "hello\n", "its first line, 'hello', is not sizes"),
        ("a.sif", "a b\n", "line 1: 'a b' has two columns: pass NODE RELATION NODE, or read it"),
        ("a.json", '{"nodes": []', "is no JSON"),
        ("a.json", '{"source": 1}\n{"source": 2}', "edges with the keys source: call the two ends"),
        ("a.sif", "a;pp;b\nb;pp;c\n", "--format edge-list --labels --columns 1,3"),
        ("a.dot", "graph { subgraph s { a b } subgraph s -- c }", "subgraph by its name"),
        ("a.dot", "graph { subgraph s { a b } c -- subgraph s {} }", "has more in it than"),
        ("a.dot", "digraph { a -> subgraph s { b -> c } }", "more in it than .*dot -Tcanon"),
        ("a.adjlist", "a 1\nb {}\n", "by networkx.write_adjlist or write_graphml"),
        ("a.txt", "a 1\nb {'w': 2}\n", "by networkx.write_adjlist or write_graphml"),
        ("a.paj", "*Vertices 1\n1 a\n*Edges\n1 1\n*Partition p\n1\n", "a part .Partition besides"),
        ("a.mtx", b"%%MatrixMarket matrix coordinate real general\n3 3 1\n1 2 NaN\n",
         "1 of the stored entries are NaN or infinite: leave them out"),
        ("a.npz", saved(scipy.sparse.save_npz, TRIANGLE * np.float32(np.inf)), "6 of the stored"),
        ("a.txt", "@prefix ex: <http://e> .\n", "is Turtle: write it as N-Triples"),
        ("a.txt", "LEDA.GRAPH\nstring\nint\n-1\n", "is a graph of LEDA: pass its rows of edges"),
        ("a.txt", "dl n=3 format=edgelist1\n", "is a file of UCINET: export it as Pajek"),
        ("a.txt", "*Node data\nID\n", "is a file of NetDraw: save it as Pajek"),
        ("a.csv", "nodedef>name VARCHAR\na\n", "is GDF: save it from Gephi as GraphML"),
        ("a.gr", "c places\np aux sp co 1\nv 1 2 3\n", "a table of places, by DIMACS: pass its"),
        ("a.txt", "<!DOCTYPE html>\n<html>", "is a web page: fetch the file that it links to"),
        ("a.csv", "version https://git-lfs.github.com/spec/v1\n", "of Git LFS.*git lfs pull"),
        ("a.parquet", b"PAR1\0\0", r"is damaged \(.*\): write it again"),
        ("a.pkl", b"\x80\x04\x95", "is a pickle: save the graph as GraphML"),
        ("a.tar", b"a".ljust(257, b"\0") + b"ustar", "is a tar archive: unpack it"),
        ("a.json", "[1]", "edges of several kinds: pass objects, or lists of two ends"),
        ("a.json", '{"nodes": [{"id": 1}], "links": [{"source": 1, "target": 2}]}',
         "at 2, which is none of its 1 nodes: give each node an id"),
        ("a.s6", b":~~\x3f\xff\xff\xff\xff\xff\xff<", "has the byte 255, and lines of graph6"),
        ("a.npy", saved(np.save, np.zeros((3, 4))), r"has shape \[3, 4\] and type float64"),
        ("a.npy", saved(np.save, np.zeros((2, 2), int)), "which may be a matrix or two edges"),
        ("a.npy", b"\x93NUMPY", "is no array of numbers"),
        ("a.npy", saved(np.save, np.full((3, 3), np.nan)), "other things than finite numbers"),
        ("a.zip", b"PK\x03\x04", "cannot be decompressed"),
    ],
)  # fmt: skip
def test_broken_files_are_refused(tmp_path, name, text, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, name, text)


def test_matrices_by_their_parts(tmp_path):
    parts = {name: getattr(TRIANGLE, name) for name in ("data", "indices", "indptr", "shape")}
    arrays = {f"adj_{name}": part for name, part in parts.items()} | {"labels": np.arange(3)}
    arrays |= {"attr_data": np.ones(1), "attr_indices": [0], "attr_indptr": [0, 1, 1, 1]}
    arrays["attr_shape"] = [3, 9]
    np.savez(tmp_path / "a.npz", **arrays)
    file = read_graph(tmp_path / "a.npz")
    assert len(file.edges) == 3
    file.write(tmp_path / "b.npz", np.array([True, False, False]))
    with np.load(tmp_path / "b.npz") as held:
        kept = scipy.sparse.csr_array(
            (held["adj_data"], held["adj_indices"], held["adj_indptr"]), held["adj_shape"]
        )
        np.testing.assert_array_equal(held["labels"], arrays["labels"])
        assert held["adj_data"].dtype == np.float32
    np.testing.assert_array_equal(kept.toarray(), [[0, 1, 0], [1, 0, 0], [0, 0, 0]])
    np.savez(tmp_path / "c.npz", **arrays | {"adj_indices": parts["indices"] + 1})
    with pytest.raises(ValueError, match="holds no sparse matrix"):
        read_graph(tmp_path / "c.npz")


def test_dense_matrices_of_numpy_and_matlab(tmp_path):
    dense = TRIANGLE.toarray()
    scipy.io.savemat(tmp_path / "a.mat", {"A": dense, "year": 1999})
    np.save(tmp_path / "a.npy", dense)
    np.save(tmp_path / "pairs.npy", np.array([[0, 1, 2], [1, 2, 0]]))
    for name in ("a.mat", "a.npy", "pairs.npy"):
        file = read_graph(tmp_path / name)
        assert sorted(file.edges.tolist()) == [[0, 1], [0, 2], [1, 2]]
        file.write(tmp_path / f"out{file.suffix}", np.array([True, False, False]))
        assert read_graph(tmp_path / f"out{file.suffix}").edges.tolist() == [[0, 1]]
    assert int(scipy.io.loadmat(tmp_path / "out.mat")["year"].item()) == 1999


@pytest.mark.parametrize("matrix", [TRIANGLE, TRIANGLE.toarray()])
@pytest.mark.parametrize("packed", [False, True])
def test_no_flipped_bit_of_a_matlab_file_ends_the_process(tmp_path, matrix, packed):
    held = saved(scipy.io.savemat, {"Problem": {"A": matrix, "name": "x"}}, do_compression=packed)
    flips = np.random.default_rng(0).integers(128, len(held), 60).tolist()
    for place in flips:
        broken = bytearray(held)
        broken[place] ^= 1 << place % 8
        (tmp_path / f"{place}.mat").write_bytes(broken)
    code = (
        "import pathlib, sys; from jwi.io import read_graph\n"
        "for path in pathlib.Path(sys.argv[1]).glob('*.mat'):\n"
        "    try: read_graph(path)\n"
        "    except ValueError: pass\n"
    )
    # What scipy may do to a process, it is to do to another one than this.
    ended = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True)
    assert ended.returncode == 0, ended.stderr.decode()


def zipped(content, *names):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), content)
    return held.getvalue()


ROWS = b"1 2\n2 3\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt.gz", gzip.compress(ROWS, mtime=0)),
        ("a.txt.bz2", bz2.compress(ROWS)),
        ("a.txt.xz", lzma.compress(ROWS)),
        ("a.zip", zipped(ROWS, "folder/", "folder/a.txt", "__MACOSX/a.txt")),
        # The name does not say it, or says it of what is not.
        ("a.txt", gzip.compress(ROWS, mtime=0)),
        ("a.txt.gz", ROWS),
    ],
)
def test_compressed_files(tmp_path, name, content):
    file = read(tmp_path, name, content)
    assert edges(file) == ["12", "23"]
    for suffix in (".txt", ".txt.gz", ".txt.bz2", ".txt.xz", ".txt.zip"):
        file.write(tmp_path / f"out{suffix}", np.array([True, False]))
        file.write(tmp_path / f"again{suffix}", np.array([True, False]))
        assert edges(read_graph(tmp_path / f"out{suffix}")) == ["12"]
        if suffix != ".txt.zip":
            same = (tmp_path / f"out{suffix}").read_bytes()
            assert (tmp_path / f"again{suffix}").read_bytes() == same


def test_zstandard(tmp_path):
    pytest.importorskip("pyarrow")
    file = read(tmp_path, "a.txt", ROWS)
    file.write(tmp_path / "a.txt.zst", np.array([True, True]))
    assert (tmp_path / "a.txt.zst").read_bytes()[:4] == b"\x28\xb5\x2f\xfd"
    assert edges(read_graph(tmp_path / "a.txt.zst")) == ["12", "23"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (bz2.compress(ROWS)[:-5], "cannot be decompressed .*: fetch it again"),
        (lzma.compress(ROWS)[:-5], "cannot be decompressed .*: fetch it again"),
        (bz2.compress(gzip.compress(ROWS, mtime=0)), "compressed twice: decompress it once"),
        (zipped(ROWS, "a.txt", "b.txt"), "holds a.txt, b.txt: unzip it, and pass the file"),
        (zipped(ROWS), "holds nothing: unzip it"),
        (zipped(ROWS, "[Content_Types].xml", "xl/workbook.xml"), "workbook of Excel .*as CSV"),
        (zipped(ROWS, "mimetype", "content.xml"), "workbook of Excel or LibreOffice: export"),
        (zipped(ROWS, "archive/data.pkl", "archive/version"), "PyTorch: save its edge_index by"),
    ],
)
def test_broken_archives_are_refused(tmp_path, content, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, "a.txt", content)


def test_the_standard_input(tmp_path):
    def info(content, *options):
        command = [sys.executable, "-m", "jwi", "info", "-", "--json", *options]
        return json.loads(subprocess.run(command, input=content, capture_output=True).stdout)

    assert info(gzip.compress(ROWS, mtime=0))["edges"] == 2
    report = info(saved(np.savez, senders=[0, 1, 2], receivers=[1, 2, 3]))
    assert (report["format"], report["edges"]) == ("npz", 3)


def test_the_standard_output(tmp_path):
    (tmp_path / "a.txt").write_bytes(ROWS)
    command = [sys.executable, "-m", "jwi", "prune", str(tmp_path / "a.txt"), "--num-removed", "1"]
    ended = subprocess.run([*command, "-o", "-"], capture_output=True)
    assert ended.stdout in (b"1 2\n", b"2 3\n")
    assert b"removed 1 of 2 edges" in ended.stderr


def test_the_table_of_formats_is_in_help(capsys):
    with pytest.raises(SystemExit):
        main(["info", "--help"])
    out = capsys.readouterr().out
    for name, entry in FORMATS.items():
        assert f"  {name} " in out
        assert all(suffix in out for suffix in entry.suffixes)
