"""JSON as programs write it: the same graph from each, or a question; and back."""

import itertools
import json

import numpy as np
import pytest

from jwi.io import read_graph

NAMES, PAIRS = ["p", "q", "r", "s"], [(0, 1), (1, 2), (3, 1)]
NAMED = [(NAMES[u], NAMES[v]) for u, v in PAIRS]
NODES = [{"id": name} for name in NAMES]
LINKS = [{"source": u, "target": v, "value": 2} for u, v in NAMED]
DATA = {"nodes": [{"data": node} for node in NODES], "edges": [{"data": link} for link in LINKS]}


def read(folder, held, *, lines=False, directed=None):
    path = folder / "a.json"
    path.write_text("\n".join(map(json.dumps, held)) if lines else json.dumps(held))
    return read_graph(path, directed=directed)


def pairs_of(file):
    labels = list(map(str, file.content.labels))
    ends = zip(file.content.senders.tolist(), file.content.receivers.tolist(), strict=True)
    return [(labels[u], labels[v]) for u, v in ends]


@pytest.mark.parametrize(
    "held",
    [
        NAMED,
        [[u, v, 0.5] for u, v in NAMED],
        [{"from": u, "to": v, "w": 3} for u, v in NAMED],
        {"nodes": NODES, "links": LINKS},
        {"nodes": NAMES, "edges": NAMED},
        {"nodes": [{"name": name} for name in NAMES], "links": LINKS},
        {"nodes": NODES, "edges": [{"from": u, "to": v, "arrows": "to"} for u, v in NAMED]},
        {"nodes": [{"key": name, "attributes": {}} for name in NAMES], "edges": LINKS},
        {
            "nodes": [{"name": n} for n in NAMES],
            "links": [{"source": u, "target": v} for u, v in PAIRS],
        },
        {"nodes": NODES, "links": [{"source": u, "target": v} for u, v in PAIRS]},
        {"elements": DATA},
        {"elements": [*DATA["nodes"], *DATA["edges"]]},
        [*DATA["nodes"], *DATA["edges"]],
        {"graph": {"nodes": {name: {} for name in NAMES}, "edges": LINKS}},
        {"p": ["q"], "q": ["r"], "r": [], "s": ["q"]},
        {"edges": NAMED, "features": {}},
    ],
    ids=itertools.count(),
)
def test_each_program_writes_the_same_graph(tmp_path, held):
    file = read(tmp_path, held)
    assert pairs_of(file) == NAMED
    kept = np.isin(np.arange(3), [0, 2])
    file.write(tmp_path / "b.json", _keep(file, kept))
    back = read_graph(tmp_path / "b.json")
    assert pairs_of(back) == [NAMED[0], NAMED[2]]
    whole = json.loads((tmp_path / "b.json").read_text())
    # What is no edge stays.
    assert type(whole) is type(held)
    assert not isinstance(held, dict) or whole.keys() == held.keys()


def _keep(file, entries):
    """Edges by id, for a choice of entries."""
    keep = np.zeros(len(file.edges), bool)
    keep[file.edge_of_entry[entries]] = True
    return keep


def test_a_record_a_line(tmp_path):
    file = read(tmp_path, LINKS, lines=True)
    assert pairs_of(file) == NAMED
    file.write(tmp_path / "b.json", _keep(file, np.array([False, True, False])))
    assert (tmp_path / "b.json").read_text() == json.dumps(LINKS[1])


def test_ids_as_numbers_and_as_text_are_the_same(tmp_path):
    links = [{"source": 10, "target": 20}, {"source": 20, "target": 30}]
    nodes = [{"id": str(name)} for name in (30, 20, 10)]
    assert pairs_of(read(tmp_path, {"nodes": nodes, "links": links})) == [
        ("10", "20"),
        ("20", "30"),
    ]
    # Ids come before places.
    nodes = [{"id": 2}, {"id": 0}, {"id": 1}]
    links = [{"source": 0, "target": 1}]
    file = read(tmp_path, {"nodes": nodes, "links": links})
    assert (pairs_of(file), len(file.content.labels), file.notes) == ([("0", "1")], 3, ())
    note = "edges name nodes by their place in the list, counted from 0"
    nodes = [{"name": name} for name in "xyz"]
    file = read(tmp_path, {"nodes": nodes, "links": links})
    assert (pairs_of(file), file.notes) == ([("x", "y")], (note,))


@pytest.mark.parametrize(
    ("held", "message"),
    [
        ([[0, 1, 0], [1, 0, 1], [0, 1, 0]], "may be a matrix"),
        ([["p", "likes", "q"], ["q", "likes", "r"]], "a time or a relation"),
        ([[5, 11, 12], [6, 12, 13], [7, 13, 14], [9, 14, 15]], "a time or a relation"),
        ([{"source": "p"}, {"source": "q", "target": "r"}], "with the keys source: call"),
        ({"source": ["p", "q"], "target": ["q", "r"]}, r"to_json\(orient='records'\)"),
        ({"nodes": [{"id": 1}, {"id": 1}], "links": []}, "no id of their own"),
        ({"nodes": [{"id": 1}, {"x": 1}], "links": []}, "no id of their own"),
        ({"nodes": NODES, "links": [{"source": "p", "target": "z"}]}, "at 'z', which is none"),
        (
            {"nodes": NODES, "links": [{"source": NODES[0], "target": "q"}]},
            "an end that is an object",
        ),
        (
            {"nodes": [{"name": 1}, {"name": 0}], "links": [{"source": 0, "target": 1}]},
            "by it or by their place",
        ),
        ([{"user": 1, "item": 2}, {"user": 2, "item": 1}], "two kinds of vertices"),
        ({"a": {"b": {}}}, "holds keys a"),
        ({"nodes": [], "links": []}, "has no vertices"),
    ],
)
def test_json_that_leaves_its_graph_open_is_refused(tmp_path, held, message):
    with pytest.raises(ValueError, match=message):
        read(tmp_path, held)


def test_what_json_says_of_direction(tmp_path):
    held = {"nodes": NODES, "links": LINKS}
    assert not read(tmp_path, held).directed
    assert read(tmp_path, {**held, "directed": True}).directed
    assert read(tmp_path, {**held, "options": {"type": "directed"}}).directed
    assert read(tmp_path, {"graph": {**held, "directed": True}}).directed
    links = [{**link, "undirected": place > 0} for place, link in enumerate(LINKS)]
    with pytest.raises(ValueError, match="pass --directed or --undirected"):
        read(tmp_path, {"nodes": NODES, "links": links})
    assert read(tmp_path, {"nodes": NODES, "links": links}, directed=True).directed
    assert read(tmp_path, {"nodes": NODES, "links": links[1:]}).notes == (
        "the file says that it is undirected, by the key of its edges",
    )
