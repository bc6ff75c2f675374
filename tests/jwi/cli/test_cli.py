"""The command line: what it writes and prints, and exit codes that scripts can trust."""

import json
import os
from dataclasses import replace
from pathlib import Path

import jax
import networkx
import numpy as np
import pytest

import jwi
from jwi.cli import main
from jwi.io import read_graph
from jwi.order import METHODS, order_of, summaries
from tests.cases.commands import PRUNE, TEXT, kept_by, write_graph


@pytest.fixture
def graph(tmp_path, monkeypatch):
    return write_graph(tmp_path, monkeypatch)


def words(line):
    return line.split()


@pytest.mark.parametrize("method", METHODS)
def test_what_is_written_is_what_the_library_prunes(graph, method, capsys):
    order = jwi.ORDERS[method]
    if order.needs_features:
        assert main([*PRUNE, "--keep", "0.4", "--method", method]) == 2
        name = f"jwi.{method.replace('-', '_')}_order"
        assert f"and graph files have none: rank in Python by {name}" in capsys.readouterr().err
        return
    depth = order.depths[0] if order.depths else 3
    ranking = order.rank(graph, jwi.RankingOptions(depth, random_key=jax.random.key(5)))
    command = ["prune", "graph.txt", "-o", "out.txt", "--method", method, "--seed", "5"]
    command += ["--depth", str(depth)]
    assert main([*command, "--keep", "0.4"]) == 0
    assert Path("out.txt").read_text() == kept_by(graph, ranking, keep=0.4)
    assert main([*command, "--num-removed", "2", "--force"]) == 0
    assert Path("out.txt").read_text() == kept_by(graph, ranking, num_removed=2)


def test_help_describes_every_method(capsys):
    with pytest.raises(SystemExit):
        main(["prune", "--help"])
    out = capsys.readouterr().out
    for method, summary in summaries().items():
        assert f"  {method:<18}{summary}\n" in out


def test_what_was_done_is_told(graph, capsys):
    assert main(["prune", "graph.txt", "--keep", "0.4", "-o", "out.txt"]) == 0
    out = capsys.readouterr().out
    assert "graph.txt: 10 vertices, undirected, read as edge-list, columns separated by tabs" in out
    assert "1 self-loops, which stay" in out
    assert "1 entries repeat an edge" in out
    assert "log-share removed 9 of 15 edges" in out
    lines = {line[:12]: words(line)[-2:] for line in out.splitlines()}
    assert lines["edges       "] == ["15", "6"]
    assert "wrote out.txt (" in out


def test_the_report_as_json(graph, capsys):
    command = ["prune", "graph.txt", "--num-removed", "12", "-o", "out.txt", "--method", "random"]
    assert main([*command, "--depth", "3", "--removed", "gone.txt", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    pruned = jwi.prune(graph, jwi.random_order(jax.random.key(0), graph), num_removed=12)
    left = jwi.edge_list(graph)[jwi.edge_mask(pruned.graph)]
    assert report["edges"] == [15, 3]
    assert report["isolated_vertices"] == [0, 10 - len(np.unique(left))]
    own = [
        [jwi.walk_index(g, np.arange(10) == t, 2, target=t) for t in range(10)]
        for g in (graph, pruned.graph)
    ]
    assert report["walk_index_sum"] == [sum(own[0]), sum(own[1])]
    assert report["walk_index_min"] == [min(own[0]), min(own[1])]
    assert set(report["seconds"]) == {"read", "rank", "count", "write"}
    assert report["separator"] == "tab"
    gone = [
        [int(end) // 10 for end in words(row)] for row in Path("gone.txt").read_text().splitlines()
    ]
    assert gone == jwi.edge_list(graph)[pruned.removed].tolist()


def test_names_directions_and_formats(graph, capsys):
    Path("named.csv").write_text("from,to\nann,bob\nbob,ann\nbob,cy\ncy,ann\n")
    command = ["prune", "named.csv", "--labels", "--num-removed", "1", "-o", "out.csv", "--force"]
    assert main(command) == 0
    assert Path("out.csv").read_text() == "from,to\nbob,cy\ncy,ann\n"
    assert main([*command, "--directed", "--method", "walk-index", "--depth", "2"]) == 0
    directed = jwi.from_edges([0, 1, 1, 2], [1, 0, 2, 0], 3, undirected=False)
    (row,) = jwi.walk_index_order(directed, 2, num_removed=1)
    rows = ["ann,bob", "bob,ann", "bob,cy", "cy,ann"]
    expected = ["from,to", *(kept for place, kept in enumerate(rows) if place != row)]
    assert Path("out.csv").read_text().splitlines() == expected
    Path("graph.dat").write_text(TEXT)
    assert main(["info", "graph.dat", "--format", "edge-list"]) == 0
    assert "read as edge-list" in capsys.readouterr().out


def test_a_graph_of_self_loops_loses_nothing(graph, capsys):
    Path("loops.txt").write_text("1 1\n2 2\n")
    assert main(["prune", "loops.txt", "--keep", "0.5", "-o", "out.txt"]) == 0
    assert Path("out.txt").read_text() == "1 1\n2 2\n"


def test_info(graph, capsys):
    assert main(["info", "graph.txt", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["vertices"] == 10
    assert report["edges"] == 15
    assert report["degree"] == [2, 3.0, 4]
    assert (report["components"], report["largest_component"]) == (1, 10)
    assert (report["self_loops"], report["repeated_entries"]) == (1, 1)
    assert report["separator"] == "tab"
    assert main(["info", "graph.txt"]) == 0
    out = capsys.readouterr().out
    assert "graph.txt: undirected, read as edge-list, columns separated by tabs\n" in out
    assert "edges at a vertex: fewest, mean, most  2, 3.00, 4" in out
    Path("graph.adjlist").write_text("1 2\n")
    assert main(["info", "graph.adjlist"]) == 0
    assert "undirected, read as adjlist\n" in capsys.readouterr().out


def test_self_loops_alone_are_directed_if_said(graph, capsys):
    Path("loops.txt").write_text("1 1\n2 2\n")
    assert main(["info", "loops.txt", "--directed"]) == 0
    assert "loops.txt: directed" in capsys.readouterr().out
    assert main(["prune", "loops.txt", "--directed", "--keep", "1", "-o", "out.txt"]) == 2
    assert "the graph is directed and log-share is for undirected" in capsys.readouterr().err


def test_removed_names_are_read_as_they_were(graph, capsys):
    names = ["#one", "two words", "a\ttab", 'a "quote"', " blanks ", "x,y"]
    network = networkx.path_graph(names)
    networkx.write_graphml(network, "named.graphml")
    command = ["prune", "named.graphml", "--keep", "0", "-o", "out.graphml"]
    assert main([*command, "--removed", "gone.txt"]) == 0
    assert sorted(read_graph("gone.txt", named=True).content.labels) == sorted(names)
    Path("lines.gml").write_text(
        'graph [ node [ id 0 label "a&#10;b" ] node [ id 1 label "c" ] edge [ source 0 target 1 ] ]'
    )
    command = ["prune", "lines.gml", "--keep", "0", "-o", "out.gml", "--removed", "lines.txt"]
    assert main(command) == 0
    assert Path("lines.txt").read_text() == '"a\nb"\tc\n'


def test_walk_index_of_vertices_sets_and_partitions(graph, capsys):
    labels = [str(10 * vertex) for vertex in range(10)]
    Path("sides.tsv").write_text("".join(f"{x}\t{'lr'[int(x) > 40]}\n" for x in labels[:-1]))

    def table(*options):
        assert main(["walk-index", "graph.txt", "--depth", "3", *options]) == 0
        out, err = capsys.readouterr()
        head, *rows = out.splitlines()
        assert err.startswith("graph.txt: undirected, read as edge-list, columns separated by tab")
        return head, {name: int(index) for name, index in (row.split("\t") for row in rows)}

    def index(inside, target=None):
        return jwi.walk_index(graph, np.isin(np.arange(10), inside), 2, target)

    alone = {label: index([vertex]) for vertex, label in enumerate(labels)}
    assert table() == ("# vertex\twalk_index", alone)
    for_itself = {label: index([vertex], vertex) for vertex, label in enumerate(labels)}
    assert table("--own") == ("# vertex\twalk_index", for_itself)
    at_six = {label: index([vertex], 6) for vertex, label in enumerate(labels)}
    assert table("--target", "60")[1] == at_six
    sides = {"l": index(range(5)), "r": index(range(5, 9))}
    assert table("--partition", "sides.tsv") == ("# set\twalk_index", sides)

    command = ["walk-index", "graph.txt", "--length", "2", "--vertices", "0, 10,20,30"]
    assert main(command) == 0
    assert capsys.readouterr().out == f"{index(range(4))}\n"
    assert main([*command, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["walk_index"] == {"0, 10,20,30": index(range(4))}


WALKS = ["walk-index", "graph.txt", "--depth", "3"]
MANY = "there are more than 2^63 − 1 walks that long at a vertex: pass a smaller number\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["info", "none.txt"], "none.txt: there is no such file"),
        (["info", "words.txt"], "words.txt, line 2: 'cy' is not an integer: --labels takes names"),
        (["info", "graph.txt", "--format", "xls"], "--format is 'xls': pass one of edge-list, "),
        ([*PRUNE, "--keep", "50"], "--keep is 50.0: pass the share of edges that stays"),
        ([*PRUNE, "--num-removed", "16"], "--num-removed is 16: pass how many of the 15 edges go"),
        ([*PRUNE, "--keep", "0.5", "--depth", "3"], "log-share is for depth 2: add --method"),
        (
            [*PRUNE, "--keep", "0.5", "--depth", "0"],
            "--depth is 0: pass how many layers",
        ),
        (
            [*PRUNE, "--keep", "0.5", "--method", "random", "--depth", str(2**31)],
            "--depth is 2147483648: pass how many layers the network has, an integer",
        ),
        # Nothing is written before all is known.
        (
            [*PRUNE, "--keep", "0.5", "--method", "random", "--depth", "99"],
            f"--depth is 99: {MANY}",
        ),
        (
            [*PRUNE, "--keep", "0.5", "--method", "walk-index", "--depth", "99"],
            f"--depth is 99: {MANY}",
        ),
        (
            [*PRUNE, "--keep", "0.5", "--method", "walk-index", "--depth", "0"],
            "--depth is 0: pass how many layers",
        ),
        (
            [*PRUNE, "--keep", "0.5", "--directed"],
            "log-share is for undirected graphs: add --undirected, or",
        ),
        (["prune", "graph.txt", "-o", "graph.txt", "--keep", "1"], "graph.txt exists: add --force"),
        (["prune", "graph.txt", "-o", "no/out.txt", "--keep", "1"], "there is no folder no: make"),
        (["prune", "graph.txt", "-o", ".", "--keep", "1"], ". is a folder: pass a file"),
        (["prune", "graph.txt", "-o", "o.mtx", "--keep", "1"], "o.mtx would be mtx by its name"),
        (["prune", "graph.txt", "-o", "o.csv", "--keep", "1"], "o.csv would have a comma between"),
        (PRUNE, "no amount is given: pass --keep, --keep-edges, --num-removed or --max-degree"),
        ([*PRUNE, "--keep-edges", "16"], "--keep-edges is 16: pass how many of the 15 edges stay"),
        ([*PRUNE, "--keep", "1", "--rows", "-"], "--rows is -, and only the graph goes to stdout"),
        ([*PRUNE, "--keep", "1", "--mask", "m.mtx"], "m.mtx, which would be mtx by its name: pass"),
        (
            [*PRUNE, "--keep", "1", "--scores", "s.npy"],
            "would be a NumPy array by its name",
        ),
        (
            [*PRUNE, "--keep", "1", "--rows", "r.txt", "--mask", "r.txt"],
            "--mask is r.txt, as is --rows: pass two files",
        ),
        (
            [*PRUNE, "--keep", "1", "--weights", "--method", "random"],
            "--weights is for one-walk-index, walk-index, spectral, ",
        ),
        ([*PRUNE, "--keep", "1", "--protect", "words.txt"], "words.txt: 'ann' is no vertex of gr"),
        (
            [*PRUNE, "--keep", "1", "--protect", "far.txt"],
            "no edge from 0 to 90 in graph.txt",
        ),
        ([*PRUNE, "--keep", "1", "--protect", "empty.txt"], "rows: pass the two ends of each edge"),
        (
            [*PRUNE, "--keep", "0.1", "--keep-connected"],
            "13 edges are to be removed and 6 may go: --keep-connected holds the others, so remove"
            " at most 6",
        ),
        ([*PRUNE, "--keep", "1", "--removed", "words.txt"], "words.txt exists: add --force"),
        ([*PRUNE, "--keep", "1", "--removed", "out.txt"], "--removed is out.txt, as is the output"),
        (
            [*PRUNE, "--keep", "1", "--removed", "../here/out.txt"],
            "--removed is ../here/out.txt, as is the output",
        ),
        ([*PRUNE, "--keep", "1", "--removed", "g.npz"], "g.npz, which would be npz by its name"),
        (
            ["prune", "graph.txt", "-o", "loop.txt", "--keep", "1", "--force"],
            "loop.txt cannot be written (Too many levels of symbolic links): pass another file",
        ),
        (
            ["prune", "graph.txt", "-o", "graph.txt/out.txt", "--keep", "1"],
            "graph.txt/out.txt cannot be written (Not a directory): pass another file",
        ),
        (
            ["prune", "graph.txt", "-o", "pipe", "--keep", "1", "--force"],
            "pipe is a device or a pipe: pass a file",
        ),
        (
            ["prune", "graph.txt", "-o", f"{'n' * 300}.txt", "--keep", "1"],
            "n.txt cannot be written (File name too long): pass another file",
        ),
        ([*WALKS, "--vertices", "0,7"], "--vertices: '7' is no vertex of graph.txt: its vertices"),
        ([*WALKS, "--target", "x"], "--target: 'x' is no vertex of graph.txt: its vertices are 0"),
        ([*WALKS, "--own", "--target", "0"], "--own is for the prediction at each vertex: leave"),
        ([*WALKS, "--partition", "words.txt"], "words.txt: 'ann' is no vertex of graph.txt"),
        ([*WALKS, "--partition", "twice.txt"], "twice.txt has 10 more than once: put each vertex"),
        (
            ["walk-index", "graph.txt", "--depth", "0"],
            "--depth is 0: pass how many layers",
        ),
        (["walk-index", "graph.txt", "--length", "-1"], "--length is -1: pass the number of steps"),
        (["walk-index", "graph.txt", "--length", str(2**31)], "an integer from 0 to 2147483647"),
        (["walk-index", "smiths.csv", "--depth", str(2**31)], "an integer from 1 to 2147483647"),
        (["walk-index", "graph.txt", "--length", "99"], f"--length is 99: {MANY}"),
        (["walk-index", "graph.txt", "--length", "99", "--own"], f"--length is 99: {MANY}"),
        (["walk-index", "graph.txt", "--depth", "99"], f"--depth is 99: {MANY}"),
        (
            ["walk-index", "smiths.csv", "--labels", "--length", "1", "--vertices", "Smith, J,Doe"],
            "'Smith' is no vertex of smiths.csv: its vertices are Smith, J, Doe, …; names with"
            " commas go into a file for --partition",
        ),
        ([*WALKS, "--partition", "empty.txt"], "empty.txt has no rows: pass one of a vertex and"),
        (["info", "."], ". is a folder: pass a file"),
        (["info", "two\nlines.txt"], "two lines.txt: there is no such file"),
    ],
)
def test_bad_input_is_exit_code_2_and_one_line(graph, capsys, arguments, message):
    Path("words.txt").write_text("ann bob\ncy ann\n")
    Path("twice.txt").write_text("10 a\n10 b\n")
    Path("smiths.csv").write_text('"Smith, J",Doe\n')
    Path("empty.txt").touch()
    Path("far.txt").write_text("0 90\n")
    Path("loop.txt").symlink_to("loop.txt")
    os.mkfifo("pipe")
    assert main(arguments) == 2
    out, error = capsys.readouterr()
    assert out == ""
    assert error.startswith("jwi: ")
    assert message in error
    assert error.count("\n") == 1
    assert not Path("out.txt").exists()
    assert Path("graph.txt").read_text() == TEXT


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([*PRUNE, "--keep", "half"], "argument --keep: invalid float value: 'half'"),
        ([*PRUNE, "--keep", "1", "--num-removed", "1"], "not allowed with argument --keep"),
        ([*PRUNE, "--keep", "1", "--method", "ugs"], "are trained with a network, and here is"),
        ([*PRUNE, "--keep", "1", "--method", "wis"], "'wis' is no method: pass one of one-walk-"),
        ([*PRUNE, "--keep", "1", "--seed", "9" * 20], f"--seed: '{'9' * 20}' is no integer of 64"),
        ([*PRUNE, "--keep", "1", "--seed", "x"], "argument --seed: 'x' is no integer of 64 bits"),
        (["prune", "graph.txt", "--keep", "1"], "the following arguments are required: -o"),
        (["walk-index", "graph.txt"], "one of the arguments --length --depth is required"),
        ([], "the following arguments are required: COMMAND"),
    ],
)
def test_arguments_that_are_none_are_exit_code_2(graph, capsys, arguments, message):
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ("prune", "UGS is not among them: it needs a network to be trained"),
        ("prune", "in edge lists and Matrix Market comments,\ntoo; networkx writes its formats"),
        ("walk-index", "--vertices=-1,2 if"),
    ],
)
def test_help_says_what_is_often_asked(capsys, command, text):
    with pytest.raises(SystemExit) as exit_:
        main([command, "--help"])
    assert exit_.value.code == 0
    assert text in capsys.readouterr().out


def test_a_set_may_begin_with_a_negative_vertex(graph, capsys):
    Path("below.txt").write_text("-1 2\n2 3\n3 4\n")
    assert main(["walk-index", "below.txt", "--length", "0", "--vertices=-1,2"]) == 0
    assert capsys.readouterr().out == "2\n"


def test_too_little_memory_is_told_in_one_line(graph, monkeypatch, capsys):
    def hungry(graph, options):
        raise MemoryError

    monkeypatch.setattr("jwi.order.random.ORDER", replace(order_of("random"), rank=hungry))
    assert main([*PRUNE, "--keep", "0.5", "--method", "random"]) == 2
    message = "jwi: there is not enough memory for this graph: pass a smaller one\n"
    assert capsys.readouterr().err == message


def test_overwriting_follows_links_and_leaves_who_may_read(graph):
    Path("out.txt").write_text("old")
    Path("out.txt").chmod(0o600)
    Path("link.txt").symlink_to("out.txt")
    assert main(["prune", "graph.txt", "-o", "link.txt", "--keep", "0", "--force"]) == 0
    assert Path("link.txt").is_symlink()
    assert Path("out.txt").read_text() == kept_by(graph, jwi.log_share_order(graph), keep=0)
    assert Path("out.txt").stat().st_mode & 0o777 == 0o600
    before = os.umask(0o027)
    try:
        assert main(["prune", "graph.txt", "-o", "new.txt", "--keep", "0"]) == 0
    finally:
        os.umask(before)
    assert Path("new.txt").stat().st_mode & 0o777 == 0o640
