"""Files that people have and no specification foresees: read as meant, or asked about."""

import re
import shlex

import numpy as np
import pytest

from jwi.cli.arguments import parser
from jwi.cli.terminal import read as read_as_told
from jwi.io import read_graph


def read(folder, text, options="", name="graph.txt"):
    """The graph as `jwi info` reads it."""
    path = folder / name
    path.write_text(text)
    return read_as_told(parser().parse_args(["info", str(path), *shlex.split(options)]))


def size(file):
    return len(file.content.labels), len(file.edges)


@pytest.mark.parametrize(
    "header",
    [
        "源,目标",
        "источник,цель",
        "出発,到着",
        "host,guest",
        "teacher,student",
        "url,link",
        "from_id,to_id",
        "u,v",
        "a,b",
        "x,y",
        "left,right",
        "alpha,omega",
        "k,l",
    ],
)
@pytest.mark.parametrize(
    "rows", ["kim,lee\nlee,max\nnora,max\n", "kim,lee\nmax,nora\nolga,pia\n", "3,14\n14,15\n9,3\n"]
)
def test_headers_are_read_or_asked_about(tmp_path, header, rows):
    named = "" if rows[0].isdigit() else "--labels"
    expected = (6, 3) if "olga" in rows else (4, 3)
    options = named
    # A remedy may leave a second doubt: are these vertices, or attributes of vertices?
    for _ in range(3):
        try:
            file = read(tmp_path, f"{header}\n{rows}", options, "a.csv")
            break
        except ValueError as refused:
            options += " " + re.findall("--header|--no-bipartite|--columns 1,2", str(refused))[0]
    assert size(file) == expected
    bare = read(tmp_path, rows, f"{named} --no-header", "a.csv")
    assert size(bare) == expected


FEATURES = "".join(f"{paper}\t0\t{paper % 2}\t0\t1\t0\t0\tTheory\n" for paper in (77, 1204, 98))


@pytest.mark.parametrize(
    ("text", "name", "options", "message", "remedies"),
    [
        (
            FEATURES,
            "a.content",
            "--format edge-list",
            "zeros and ones|like ends",
            ["--columns 1,2"],
        ),
        (FEATURES, "a.txt", "--labels", "zeros and ones|like ends", ["--columns 1,2"]),
        ("6.4,2.8,virginica\n5.0,3.6,setosa\n", "a.csv", "--labels", "decimals", ["--columns 1,2"]),
        (
            "We give the graph here\nPlease cite our paper too\nIt has no edges at all\n",
            "a.txt",
            "--labels",
            "'We give'|rows of 5 to 6 names",
            [],
        ),
        ("2 000 3 000\n3 000 12 000\n", "a.txt", "", "blanks within numbers", ["--columns 1,2"]),
        ("2 000;3 500\n3 500;12 000\n", "a.csv", "", "several signs between", []),
        ("2,0;3,0\n3,0;4,0\n", "a.csv", "", "several signs between", []),
        ("2.000;3.000\n3.000;4.000\n", "a.csv", "", "'2.000' is not an integer", ["--labels"]),
        (
            "3 5 4 1300000007\n5 9 5 1300000011\n8 3 1 1300000025\n",
            "a.txt",
            "",
            "as users and items",
            ["--bipartite", "--no-bipartite"],
        ),
        ("link(4, 5).\nlink(5, 7).\n", "a.txt", "--labels", "rows in brackets", []),
        ("| from | to |\n|:--|---|\n| p | q |\n", "a.csv", "--labels", "for readers", []),
        ("p & q \\\\\nq & r \\\\\n", "a.csv", "--labels", "for readers", []),
        ("'May, K','Lee, A'\n'Lee, A','Orr, P'\n", "a.csv", "--labels", "single quotes", []),
        ("x,y,z\n4,7,2\n7,9,1\n2,4,5\n", "a.csv", "", "two kinds", ["--no-bipartite"]),
        ("from,to\n4,7,2\n9,4,7\n1,9,7\n", "a.csv", "", "2 names of columns", ["--columns 1,2"]),
        ("0 2 0\n1 0 3\n2 1 3\n3 0 1\n", "a.txt", "", "look like ends", ["--columns 2,3"]),
        ('0 2 1\n2 0 0\n" 0 2\n', "a.txt", "", "a quote that is not closed", []),
        ("graph { p -- q; graph r { s -- t } }", "a.dot", "", "nested ones too", []),
        ("digraph { p -> q }\ngraph { s -- t }", "a.dot", "", "holds 2 graphs", []),
    ],
)
def test_other_tables_stop_and_remedies_work(tmp_path, text, name, options, message, remedies):
    with pytest.raises(ValueError, match=message) as refused:
        read(tmp_path, text, options, name)
    for remedy in remedies:
        assert re.search(remedy, str(refused.value))
        assert len(read(tmp_path, text, f"{options} {remedy}", name).edges) > 0


@pytest.mark.parametrize(
    ("text", "name", "options", "expected"),
    [
        ("4.0,7.0\n7.0,9.0\n", "a.csv", "", (3, 2)),
        ("source\ttarget\n4.00\t7.00\n7.00\t9.00\n", "a.tsv", "", (3, 2)),
        ("4 7 1.0\n7 9 1.0\n9 4 2.0\n", "a.txt", "", (3, 3)),
        ("1.1.1 2.7.1\n2.7.1 2.7.11\n", "a.txt", "--labels", (3, 2)),
        ("10.0.0.7 10.0.0.9\n10.0.0.9 10.0.0.1\n", "a.txt", "--labels", (3, 2)),
        ("2019-05-04,kim,lee\n2019-05-05,lee,max\n", "a.csv", "--labels", (3, 2)),
        ("4/5/2019 7:30 kim lee\n4/5/2019 7:41 lee max\n", "a.txt", "--labels", (3, 2)),
        ("u,v,w\n4,7,2\n7,9,1\n", "a.csv", "", (3, 2)),
        ("'kim','lee'\n'lee','max'\n", "a.csv", "--labels", (3, 2)),
        ("from,to\n4,7,2\n4,9,7\n1,9,7\n", "a.csv", "", (4, 3)),
        (",user,friend\n0,kim,lee\n1,lee,max\n", "a.csv", "--labels", (3, 2)),
        ("007 012\n012 113\n", "a.txt", "", (3, 2)),
        ("id;a;b;kind\n9;1;2;0,5\n8;2;3;0,25\n", "a.csv", "", (3, 2)),
        ('graph "di graph {" { p -- q /* graph { */ }', "a.dot", "", (2, 1)),
        ("graph { subgraph graph_1 { p -- q } // graph x {\n}", "a.dot", "", (2, 1)),
    ],
)
def test_unusual_numbers_and_names_are_read(tmp_path, text, name, options, expected):
    assert size(read(tmp_path, text, options, name)) == expected


def test_graphml_that_leaves_its_direction_open(tmp_path):
    nodes = "".join(f'<node id="{name}"/>' for name in "pqr")
    edges = '<edge source="q" target="p"/><edge source="q" target="r"/>'
    text = (
        f"<graphml><!-- <graph edgedefault='directed'> --><graph>{nodes}{edges}</graph></graphml>"
    )
    with pytest.raises(ValueError, match="pass --directed or --undirected"):
        read(tmp_path, text, name="a.graphml")
    assert not read(tmp_path, text, "--undirected", "a.graphml").directed
    file = read(tmp_path, text, "--directed", "a.graphml")
    assert file.directed
    labels = np.array(file.content.labels)
    assert labels[file.edges].tolist() == [["q", "p"], ["q", "r"]]
    file.write(tmp_path / "b.graphml", np.array([False, True]))
    assert read_graph(tmp_path / "b.graphml").directed
