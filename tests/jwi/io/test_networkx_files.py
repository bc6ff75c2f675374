"""Graph files through networkx, and what it would read as something else than they say."""

import numpy as np
import pytest

from jwi.io import read_graph

GEXF = "<gexf xmlns='http://www.gexf.net/1.2draft'>{}</gexf>"
GRAPH = "<graph><nodes><node id='a'/></nodes><edges>{}</edges></graph>"
NODE = "<graph edgedefault='directed'><node id='a'>{}</node>{}</graph>"
EDGE = "<edge source='a' target='b'/>"
PAJEK = "*Vertices 2\n1 ann\n2 bob\n"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.graphml", "<graphml", "a.graphml cannot be read as graphml"),
        ("a.gml", "hello", "a.gml cannot be read as gml"),
        ("a.g6", "A_\nA_\n", "a.g6 holds 2 graphs: pass a file of one graph"),
        ("a.adjlist", "# nothing\n", "a.adjlist has no vertices"),
        ("a.graphml", f"<graphml>{NODE.format('', '') * 2}</graphml>", "a.graphml holds 2 graphs"),
        ("a.graphml", f"<graphml>{NODE.format(NODE, '')}</graphml>", "holds 2 graphs, nested ones"),
        (
            "a.graphml",
            f"<graphml>{NODE.format('', EDGE)}</graphml>",
            "has an edge at 'b', which is none of its nodes: add a <node> for it",
        ),
        ("a.gexf", GEXF.format(GRAPH.format("") * 2), "a.gexf holds 2 graphs"),
        (
            "a.gexf",
            GEXF.format(GRAPH.format("<edge id='0' source='b' target='a'/>")),
            "has an edge at 'b', which is none of its nodes",
        ),
        (
            "a.gexf",
            GEXF.format(""),
            "No <graph> element.*: export it as version 1.2, or as GraphML",
        ),
        (
            "a.gexf",
            GEXF.format("<graph><attributes class='x'/></graph>"),
            "cannot be read as gexf .*: export it as version 1.2",
        ),
        ("a.net", PAJEK + "*Arcs\n1 2\n*Matrix\n0 1\n1 0\n", r"rows in \*matrix after \*arcs, and"),
        ("a.net", PAJEK + "*Signed\n1 2\n", r"has a section \*signed: networkx reads \*arcs"),
        ("a.net", PAJEK + "3 cy\n*Edges\n1 2\n", "declares 2 vertices, lists 3, and networkx"),
        ("a.net", PAJEK + "*Edges\n1 3\n", "declares 2 vertices, lists 2, and networkx makes 3"),
        ("a.net", PAJEK.replace("bob", "ann"), "lists 2, and networkx makes 1: pass each a row"),
        ("a.s6", ":~~@?????\n", "its header makes 1,073,741,824 vertices, too many"),
        ("a.s6", ":An\n>>sparse6<<:~~~~~~~~A\n", "its header makes 68,719,476,735 vertices"),
    ],
)
def test_bad_files_are_refused(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        read_graph(tmp_path / name)


def test_utf16_is_read(tmp_path):
    (tmp_path / "a.net").write_text(PAJEK + "*Edges\n1 2\n", "utf-16")
    assert len(read_graph(tmp_path / "a.net").edges) == 1
    head = "<?xml version='1.0' encoding='utf-16'?>"
    (tmp_path / "a.gexf").write_text(head + GEXF.format(GRAPH.format("")), "utf-16")
    assert read_graph(tmp_path / "a.gexf").content.labels == ["a"]


@pytest.mark.parametrize(
    ("name", "text", "labels"),
    [
        ("a.adjlist", "1 2\n", ["1", "2"]),
        ("a.net", PAJEK + "*Edges\n1 2\n", ["ann", "bob"]),
        ("a.net", "*Network friends\n" + PAJEK + "*Matrix\n0 1\n1 0\n", ["ann", "bob"]),
        ("a.gml", "graph [ node [ id 1 ] node [ id 2 ] edge [ source 1 target 2 ] ]", [1, 2]),
        (
            "a.gexf",
            GEXF.format(GRAPH.format("<edge id='0' source='a' target='a'/>")),
            ["a"],
        ),
    ],
)
def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path, name, text, labels):
    (tmp_path / name).write_text(text, "utf-8-sig")
    file = read_graph(tmp_path / name)
    assert file.content.labels == labels
    file.write(tmp_path / f"b{name}", np.ones(len(file.edges), bool))
    assert len(read_graph(tmp_path / f"b{name}").edge_of_entry) == len(file.edge_of_entry)


def test_vertices_of_gml_without_labels_go_by_their_ids(tmp_path):
    path = tmp_path / "a.gml"
    path.write_text("graph [ node [ id 5 ] node [ id 7 ] edge [ source 5 target 7 ] ]")
    assert read_graph(path).content.labels == [5, 7]
