"""Files that look like others: read as they are meant, or refused with a remedy that works."""

import itertools
import json
import re
import shlex

import numpy as np
import pytest
import scipy.sparse

from jwi.cli.arguments import parser
from jwi.cli.terminal import read as read_as_told
from jwi.io import read_graph


def read(folder, text, *options, name="graph.txt"):
    """The graph as `jwi info` reads it."""
    path = folder / name
    path.write_text(text)
    return read_as_told(parser().parse_args(["info", str(path), *options]))


def size(file):
    return len(file.content.labels), len(file.edges)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("5 4\n0 1\n1 4\n4 0\n3 4\n", "a.txt"),
        ("5 5 4\n0 1\n1 4\n4 0\n3 4\n", "a.txt"),
        ("4\n0 1\n1 4\n4 0\n2 4\n", "a.txt"),
        ("5\n0 1\n1 4\n4 0\n3 4\n", "a.txt"),
        ("% sym unweighted\n% 4 5 5\n1 2\n2 5\n5 1\n4 5\n", "out.small"),
        ("p tw 5 4\n1 2\n2 5\n5 1\n4 5\n", "a.gr"),
    ],
)
def test_counts_of_rows_are_those_of_the_rows_that_are_kept(tmp_path, text, name):
    options = () if name.endswith((".gr", ".txt")) else ("--format", "edge-list")
    file = read(tmp_path, text, *options, name=name)
    assert len(file.edges) == 4
    kept = np.array([True, False, False, True])
    file.write(tmp_path / f"kept.{name}", kept)
    back = read(tmp_path, (tmp_path / f"kept.{name}").read_text(), *options, name=name)
    labels, old = list(back.content.labels), list(file.content.labels)
    ends = [[old.index(labels[end]) for end in edge] for edge in back.edges]
    assert ends == file.edges[kept].tolist()
    assert back.num_loops == 0


@pytest.mark.parametrize(
    ("comment", "directed"),
    [
        ("# Directed graph: web.txt", True),
        ("# The graph is directed.", True),
        ("% directed: 1", True),
        ("# undirected = no", True),
        ("# Undirected graph (each pair once)", False),
        ("# is_directed=False", False),
        ("# Directed: no", False),
        ("# Directed graph: no", False),
        ("# not directed", False),
        ("# Votes (till 2008). Directed edge A->B means that A voted on B", True),
        ("# Directed graph. Its arcs were symmetrized", None),
        ("# Directed graph. An undirected edge is two arcs", None),
        ("# films directed by Varda", None),
        ("# semi-directed", None),
        ("# first directed, then made symmetric", None),
        ("# directed graph, symmetrized", None),
    ],
)
def test_comments_that_speak_of_direction(tmp_path, comment, directed):
    file = read(tmp_path, f"{comment}\n1 2\n2 3\n")
    assert file.content.directed == directed
    assert any("leaves the direction open" in note for note in file.notes) == (directed is None)
    told = read(tmp_path, f"{comment}\n1 2\n2 3\n", "--directed")
    assert not any("leaves the direction open" in note for note in told.notes)


@pytest.mark.parametrize(
    ("text", "name", "options", "message", "remedies"),
    [
        ("0 0 1 2 3 3\n1 2 2 3 4 5\n", "a.txt", "", "as edge_index", ["--columns 1,2"]),
        (
            "1 2\t1\t52\n2 3\t1\t67\n",
            "a.tsv",
            "",
            "blanks between integers",
            ["--separator blank", "--columns 2,3"],
        ),
        (
            "% asym positive\n1 2\t1\t52\n2 3\t1\t67\n",
            "out.a",
            "",
            "'1 2' is not an integer",
            ["--separator blank"],
        ),
        ("1 2 3\n2 3\n3\n", "a.txt", "", "--format adjlist reads", ["--format adjlist"]),
        ("6 3 1\n0 1 9\n1 2 9\n2 5 8\n", "a.txt", "", "sizes and a flag", ["--no-header"]),
        ("1 -> 2\n2 <-> 3\n", "a.txt", "", "by the signs", ["--directed", "--undirected"]),
        ("#red #blue\ngray #pink\n", "a.txt", "--labels", "--comment", ["--comment ''"]),
        (
            "7000000001 8 4\n7000000009 4 3\n7000000023 2 5\n",
            "a.txt",
            "",
            "look like ends",
            ["--columns 2,3"],
        ),
        ("3 20 21\n9 22 23\n11 25 24\n", "a.txt", "", "look like ends", ["--columns 2,3"]),
        ("4 11 12\n4 13 14\n5 15 11\n5 16 12\n", "a.txt", "", "look like ends", ["--columns 2,3"]),
        ("1 <- 2\n3 <- 1\n", "a.txt", "", "backward", ["--columns 3,1"]),
        ("0 1 0\n1 0 1\n0 1 0\n1 2 1\n", "a.txt", "", "sum of the others", ["--columns 1,2"]),
        ("0 1 1 0\n1 0 0 1\n1 0 1 1\n", "a.txt", "", "zeros", ["--format edge-list"]),
        (
            "True,False,False\nFalse,True,True\nTrue,True,False\n",
            "a.csv",
            "--labels",
            "zeros and ones",
            ["--format edge-list"],
        ),
        ("1,0,1,1\n0,0,1,0\n1,1,0,0\n", "a.csv", "", "is square", ["--format edge-list"]),
        (",p,q,r\np,0,1,0\nr,0,1,0\nq,1,0,1\n", "a.csv", "--labels", "in one order", []),
        (",x1,x2\nu,0,1\nv,1,0\nw,1,1\n", "a.csv", "--labels", "of vertices", []),
        ("id;p;q\np;0;2,5\nq;2,5;0\nr;0;0\n", "a.csv", "--labels", "zeros", []),
        ("8 x\n9 y\n#\n8 9\n", "a.tgf", "--format edge-list --labels", "TGF", ["--comment '#'"]),
        ("v 0 3\nv 1 3\ne 0 1 2\n", "a.txt", "--labels", "gSpan", ["--comment ''"]),
        ("p q r\nq p\nr p q s\n", "a.txt", "--labels", "2 to 4 names", ["--format adjlist"]),
        ("from,to\np,q\nfrom,to\nq,r\n", "a.csv", "--labels", "again", ["--no-header"]),
        ("vertex,score\n0,2\n1,3\n2,1\n", "a.csv", "", "of vertices", ["--columns 1,2"]),
        ("# Bipartite: pupils\n4 4\n5 4\n", "a.txt", "", "both", ["--bipartite", "--no-bipartite"]),
        ("p cnf 3 2\n1 -3 0\n2 3 -1 0\n", "a.gr", "", "is of no graph", []),
        ("p edge 3 2\n1 2\n", "a.gr", "", "promises 2 edges .*has 1 rows", []),
        ("(0, 1)\n(1, 2)\n", "a.txt", "--labels", "rows in brackets", []),
        ("[(0, 1), (1, 2)]\n", "a.txt", "", "rows in brackets", []),
        ("{0,1}\n{1,2}\n", "a.txt", "", "rows in brackets", []),
        ("1: 2 3\n2: 3 4\n", "a.txt", "--labels", "a colon after the first word", []),
        ("a -> b, c\nb -> c\n", "a.txt", "--labels", "several ends after an arrow", []),
        (
            "1,2;3\n2,3\n3,1\n",
            "a.csv",
            "--labels",
            "a list of other vertices",
            ["--format edge-list"],
        ),
        ("1::2::5\n2::3::4\n", "a.txt", "--labels", "'::' between columns: put one sign", []),
        ("E 1\nV 2 3\nV 3 4\nE 2\n", "a.txt", "--labels", "several kinds", ["--comment ''"]),
        ("c0\t1\t2\t3\nc1\t4\nc2\t5\t6\n", "a.txt", "--labels", "names", ["--format adjlist"]),
        ('{"directed": "false", "nodes": [], "links": []}', "a.json", "", "write true", []),
        ('{"nodes": [], "links": [], "edges": [1]}', "a.json", "", "leave out one", []),
    ],
)
def test_doubts_stop_and_their_remedies_work(tmp_path, text, name, options, message, remedies):
    with pytest.raises(ValueError, match=message) as refused:
        read(tmp_path, text, *shlex.split(options), name=name)
    for remedy in remedies:
        assert re.search(remedy, str(refused.value))
        assert len(read(tmp_path, text, *shlex.split(f"{options} {remedy}"), name=name).edges) > 0


@pytest.mark.parametrize(
    ("text", "options", "expected"),
    [
        ("person1 film1\nperson2 film2\nperson3 film2\n", "--labels", (5, 3)),
        ("u4 v7\nu5 v8\nu6 v8\n", "--labels", (5, 3)),
        ("season,player,player\n7,1,2\n8,2,3\n9,3,4\n", "", (4, 3)),
        ("syn_id,pre_root_id,post_root_id\n9,1,2\n5,2,3\n7,3,4\n", "", (4, 3)),
        ("start,end,node_a,node_b\n1,5,11,12\n2,6,12,13\n3,7,13,14\n", "", (4, 3)),
        ("buyer,price,seller\n1,30,5\n2,40,5\n3,50,6\n", "", (5, 3)),
        ("0 1 1\n1 0 1\n0 1 0\n", "--format edge-list", (2, 1)),
        # A self-loop, and an edge that comes again, head no columns.
        ("meg meg\nann tim\ntim meg\n", "--labels", (3, 2)),
        ("a b\nb c\na b\n", "--labels", (3, 2)),
        # Data frames number columns without a name.
        ("0,1\nann,tim\ntim,meg\n", "--labels", (3, 2)),
        # Not all names with a comma are lists.
        ('",","a"\n",",",a"\n', "--labels", (3, 2)),
        # Stars with a weight are no matrices.
        ("2 1 1\n5 1 1\n4 1 1\n", "", (4, 3)),
    ],
)
def test_headers_and_ends(tmp_path, text, options, expected):
    assert size(read(tmp_path, text, *shlex.split(options))) == expected


def test_networks_of_two_modes_and_of_cytoscape(tmp_path):
    rows = "".join(f'{vertex} "v{vertex}"\n' for vertex in range(1, 6))
    file = read(tmp_path, f"*Vertices 5 2\n{rows}*Edges\n1 3\n2 5\n", name="a.net")
    assert size(file) == (5, 2)
    assert any("two modes" in note for note in file.notes)
    path = tmp_path / "b.net"
    path.write_bytes('*Vertices 2\n1 "Zoë"\n2 "Bo"\n*Edges\n1 2\n'.encode("latin-1"))
    with pytest.raises(ValueError, match="for instance --encoding latin-1"):
        read_graph(path)
    assert read_graph(path, encoding="latin-1").content.labels == ["Zoë", "Bo"]
    nodes = [{"data": {"id": name}} for name in "pqr"]
    elements = {"nodes": nodes, "edges": [{"data": {"source": "p", "target": "q"}}]}
    assert size(read(tmp_path, json.dumps({"elements": elements}), name="c.json")) == (3, 1)


def test_arrays_that_leave_vertices_or_their_meaning_open(tmp_path):
    ends, path = np.array([[0, 1], [1, 2]]), tmp_path / "a.npz"
    np.savez(path, edge_index=ends, x=np.ones((5, 2)))
    with pytest.raises(ValueError, match=r"x has 5 rows, .*: add num_nodes"):
        read_graph(path)
    np.savez(path, edge_index=ends, x=np.ones((5, 2)), num_nodes=5)
    assert size(read_graph(path)) == (5, 2)
    np.savez(path, senders=ends[0], receivers=ends[1], n_node=[4])
    assert size(read_graph(path)) == (4, 2)
    np.save(tmp_path / "b.npy", np.array([[0, 1, 7], [1, 2, 8], [3, 0, 9]]))
    with pytest.raises(ValueError, match="may be a matrix or three edges"):
        read_graph(tmp_path / "b.npy")
    np.savez(path, senders=[0, 1, 3], receivers=[1, 2, 0], weight=[7, 8, 9])
    assert size(read_graph(path)) == (4, 3)


def test_a_row_of_sizes_without_edges_is_no_edge(tmp_path):
    file = read(tmp_path, "5 4\n0 1\n1 4\n4 0\n3 4\n")
    file.write(tmp_path / "none.txt", np.zeros(4, bool))
    assert (tmp_path / "none.txt").read_text() == "# 5 0\n"


NETWORK = '*Vertices 4\n1 "a"\n2 "b"\n3 "c"\n4 "d"\n'


@pytest.mark.parametrize(
    ("sections", "arcs", "said"),
    [
        ("*Arcs\n1 2\n*Edges\n2 3 5\n4 4\n", "ab bc cb dd", "directed, an edge is two arcs"),
        ("*Edgeslist\n2 3 4\n*Arcs\n1 2\n", "ab bc bd cb db", "directed, an edge is two arcs"),
        ('*Arcs :1 "likes"\n1 2\n*Arcs :2 "hates"\n1 2\n3 4\n', "ab ab cd", "2 relations, read"),
        ("*Edges\n1: 1 2 3\n2: 2 3 1\n", "ab bc", "2 relations, read as one graph"),
    ],
)
def test_sections_and_relations_of_pajek(tmp_path, sections, arcs, said):
    file = read(tmp_path, NETWORK + sections, name="a.net")
    labels = np.array(file.content.labels)
    ends = zip(labels[file.content.senders], labels[file.content.receivers], strict=True)
    assert sorted(map("".join, ends)) == arcs.split()
    assert file.directed == ("*Arcs" in sections)
    (note,) = file.notes
    assert said in note
    file.write(tmp_path / "b.net", np.ones(len(file.edges), bool))
    assert size(read_graph(tmp_path / "b.net")) == size(file)


def test_stored_zeros_are_said(tmp_path):
    rows = "2 1 0.0\n3 1 2\n3 2 -0e5\n4 10 1\n"
    head = "%%MatrixMarket matrix coordinate {} general\n"
    text = head.format("real") + f"10 10 4\n{rows}"
    file = read(tmp_path, text, name="a.mtx")
    assert len(file.edges) == 4
    assert "2 stored entries are 0, and an edge" in file.notes[0]
    assert read_graph(tmp_path / "a.mtx", weights=True).content.weights.tolist() == [0, 2, 0, 1]
    text = head.format("complex") + "3 3 2\n2 1 0 0\n3 1 0 1\n"
    assert "1 stored entry is 0" in read(tmp_path, text, name="b.mtx").notes[0]
    text = head.format("pattern") + "10 10 1\n3 10\n"
    assert read(tmp_path, text, name="c.mtx").notes == ()
    matrix = scipy.sparse.coo_array(([0.0, 1.0], ([0, 1], [1, 2])), shape=(3, 3))
    scipy.sparse.save_npz(tmp_path / "d.npz", matrix)
    assert "1 stored entry is 0" in read_graph(tmp_path / "d.npz").notes[0]


def test_layers_whose_numbers_are_ids_as_well(tmp_path):
    with pytest.raises(ValueError, match="and column 1 like a time, a layer"):
        read(tmp_path, "1 1 2\n1 3 4\n2 9 11\n2 13 14\n")
    file = read(tmp_path, "1 1 2\n1 3 4\n2 9 11\n2 13 14\n", "--columns", "2,3")
    assert size(file) == (8, 4)
    # Sources that come in order, with weights.
    rng = np.random.default_rng(0)
    ends = np.sort(rng.choice(30, (60, 2)), axis=1)
    rows = sorted(map(tuple, np.column_stack([ends, rng.integers(1, 31, 60)]).tolist()))
    text = "".join(f"{u} {v} {weight}\n" for u, v, weight in rows)
    assert "ends: columns 1 and 2" in read(tmp_path, text).notes[0]


@pytest.mark.parametrize(
    ("rows", "options"),
    [
        ("0,3 1,4 2,4 3,3 4,4 5,3 6,3", ()),
        ("node,club 1,0 2,0 3,1 4,1 5,0 6,1", ("--header",)),
        ("ann,red bob,blue cy,red di,red eve,blue fay,red", ("--labels",)),
    ],
)
def test_vertices_with_their_classes_are_no_edges(tmp_path, rows, options):
    text = rows.replace(" ", "\n")
    with pytest.raises(ValueError, match=r"as in a table of vertices: .* or --columns 1,2"):
        read(tmp_path, text, *options, name="a.csv")
    num_rows = text.count(",") - ("--header" in options)
    file = read(tmp_path, text, *options, "--columns", "1,2", name="a.csv")
    assert len(file.content.senders) == num_rows
    # Each vertex with its parent, and vertices around two others.
    assert size(read(tmp_path, "1 0\n2 0\n3 1\n4 1\n5 2\n6 2\n7 3\n")) == (8, 7)
    assert size(read(tmp_path, "9 8\n2 8\n3 8\n4 7\n5 7\n6 7\n1 7\n")) == (9, 7)


def test_a_square_table_whose_header_names_ends_is_no_matrix(tmp_path):
    file = read(tmp_path, "edge_id,u,v\n0,1,2\n1,2,3\n2,3,1\n", name="a.csv")
    assert size(file) == (3, 3)
    assert "ends: columns 'u' and 'v'; weights: not used" in file.notes


def test_formats_with_weights_of_their_own(tmp_path):
    def weights(name, text=None):
        if text is not None:
            (tmp_path / name).write_text(text)
        file = read_graph(tmp_path / name, weights=True)
        labels = np.array(file.content.labels)[file.edges]
        return {tuple(ends): w for ends, w in zip(labels.tolist(), file.weights(), strict=True)}

    expected = {(1, 2): 5, (2, 3): 0.5}
    assert weights("a.gr", "p sp 3 2\na 1 2 5\na 2 3 0.5\n") == expected
    assert weights("a.graph", "3 2 001\n2 5\n1 5 3 0.5\n2 0.5\n") == expected
    head = "%%MatrixMarket matrix coordinate real symmetric\n"
    assert weights("a.mtx", head + "3 3 2\n2 1 5\n3 2 0.5\n") == expected
    ends = {"senders": np.array([0, 1]), "receivers": np.array([1, 2])}
    np.savez(tmp_path / "a.npz", **ends, edge_weight=np.array([5, 0.5]))
    assert weights("a.npz") == {(0, 1): 5, (1, 2): 0.5}
    with pytest.raises(ValueError, match="was read without weights"):
        weights("a.col", "p edge 3 2\ne 1 2\ne 2 3\n")
    with pytest.raises(ValueError, match="line 2: 'a 1 2' is no edge"):
        weights("b.gr", "p sp 3 1\na 1 2\n")


def test_a_header_is_doubted_beside_a_few_rows_alone(tmp_path):
    names = "abcdefghijklmnopqrstuvwxyz"
    path = "".join(f"n{one}x,n{two}x\n" for one, two in itertools.pairwise(names))
    with pytest.raises(ValueError, match="no other row has a vertex of the first one"):
        read(tmp_path, f"employee,chief\n{path}zed,yan\n", "--labels")


def test_vertices_called_like_gaps_are_said(tmp_path):
    file = read(tmp_path, "from,to\nNaN,b\nb,c\nNaN,d\n", "--labels", name="a.csv")
    assert "'NaN' is a vertex as any other" in file.notes


def test_a_graph_without_edges_is_said(tmp_path):
    for name, text in (("a.txt", "1 1\n2 2\n"), ("a.sif", "p\nq\n"), ("a.col", "p edge 3 0\n")):
        file = read(tmp_path, text, name=name)
        assert "there is no edge between two vertices: is it the right file?" in file.notes


@pytest.mark.parametrize("first", ["0", "title", "My graph"])
def test_a_first_line_of_one_cell_has_a_message(tmp_path, first):
    with pytest.raises(ValueError, match=r"g\.csv"):
        read(tmp_path, f"{first}\n1,2\n2,3\n", name="g.csv")


def test_numbers_of_columns_and_numbers_from_1_are_said(tmp_path):
    file = read(tmp_path, "0,1\n1,2\n2,3\n3,1\n", name="a.csv")
    note = "first row: '0 1' is taken for an edge (--header takes it for names of columns)"
    assert note in file.notes
    assert size(file) == (4, 4)
    file = read(tmp_path, "0,1\n1,2\n2,3\n3,1\n", "--header", name="a.csv")
    assert size(file) == (3, 3)
    for text in ("0,1\n1,2\n2,0\n", "1,2\n2,3\n", "0 1\n1 2\n"):
        assert note not in read(tmp_path, text, name="b.csv").notes
    ends = np.array([[1, 2], [2, 3], [1, 3], [3, 4]])
    note = "vertex 0 has no edge: if vertices are counted from 1, subtract 1 from all"
    for shift in (0, 1):
        np.save(tmp_path / "a.npy", ends - shift)
        np.savez(tmp_path / "a.npz", edges=ends - shift)
        for name in ("a.npy", "a.npz"):
            assert (note in read_graph(tmp_path / name).notes) == (shift == 0)
    np.savez(tmp_path / "a.npz", edges=ends, num_nodes=6)
    assert read_graph(tmp_path / "a.npz").notes == ("copied: num_nodes",)
