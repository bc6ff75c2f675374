"""Edges that stay, weights, and the files that `jwi prune` writes beside the graph."""

import functools
import json
from pathlib import Path

import numpy as np
import pytest

import jwi
from jwi.cli import main
from tests.cases.commands import EDGES, PRUNE, TEXT, kept_by, write_graph


@pytest.fixture
def graph(tmp_path, monkeypatch):
    return write_graph(tmp_path, monkeypatch)


def labels(edges):
    """Edges as rows of the file's vertices."""
    return [[10 * end for end in edge] for edge in np.asarray(edges).tolist()]


def test_edges_that_stay_are_those_of_the_library(graph):
    Path("stay.txt").write_text("10 0\n0 10\n0 0\n")
    protect = jwi.edge_ids(graph, [0], [1])
    order = jwi.log_share_order(graph)
    options = ["--protect", "stay.txt", "--keep-connected", "--min-degree", "2"]
    given = {"protect": protect, "keep_connected": True, "min_degree": 2}
    assert main([*PRUNE, *options, "--keep-edges", "11"]) == 0
    assert Path("out.txt").read_text() == kept_by(graph, order, num_removed=4, **given)
    assert main([*PRUNE, "--max-degree", "3", "--force"]) == 0
    assert Path("out.txt").read_text() == kept_by(graph, order, max_degree=3)


def test_components_are_told_and_a_graph_that_falls_apart(graph, capsys):
    command = [*PRUNE, "--keep-edges", "5", "--method", "random", "--force"]
    assert main([*command, "--json"]) == 0
    parts = json.loads(capsys.readouterr().out)["components"]
    assert parts[0] == 1
    assert parts[1] >= 5
    assert main(command) == 0
    told = f"warning: the graph falls apart, from 1 connected components into {parts[1]}: --keep-c"
    assert told in capsys.readouterr().out
    assert main([*PRUNE, "--keep-edges", "9", "--keep-connected", "--force"]) == 0
    out = capsys.readouterr().out
    assert "removed 6 of 15 edges; a spanning forest stays" in out
    assert "warning" not in out


def test_companion_files_say_what_stays(graph):
    files = ["--rows", "r.npy", "--mask", "m.txt", "--scores", "s.txt", "--removed", "gone.txt"]
    assert main([*PRUNE, "--num-removed", "5", *files]) == 0
    order = jwi.log_share_order(graph)
    assert np.loadtxt("s.txt", int).tolist() == [
        [*edge, place + 1] for place, edge in enumerate(labels(jwi.edge_list(graph)[order]))
    ]
    gone = np.loadtxt("gone.txt", int).tolist()
    assert gone == labels(jwi.edge_list(graph)[order[:5]])
    # Self-loops stay, and a repeated edge goes with all its rows.
    stays = [sorted(edge) not in map(sorted, gone) for edge in labels(EDGES)]
    rows = [row for row in TEXT.splitlines() if not row.startswith("#")]
    assert Path("out.txt").read_text().splitlines()[1:] == [rows[row] for row in np.load("r.npy")]
    assert np.loadtxt("m.txt", bool).tolist() == stays
    assert np.load("r.npy").tolist() == np.flatnonzero(stays).tolist()


def test_the_graph_on_stdout_and_the_report_on_stderr(graph, capfdbinary):
    assert main(["prune", "graph.txt", "-o", "-", "--keep", "0.4"]) == 0
    out, error = capfdbinary.readouterr()
    assert out.decode() == kept_by(graph, jwi.log_share_order(graph), keep=0.4)
    assert b"log-share removed 9 of 15 edges" in error


WEIGHTED = "a,b,weight\n0,1,5\n1,2,4\n2,3,3\n3,0,2\n0,2,1\n4,5,9\n5,6,8\n6,4,7\n"


def test_ties_are_broken_by_weight(graph):
    Path("w.csv").write_text(WEIGHTED)
    command = ["prune", "w.csv", "--columns", "a,b,weight", "--force", "-o", "out.csv"]
    rows = [list(map(float, row.split(","))) for row in WEIGHTED.splitlines()[1:]]
    ends = np.array(rows)[:, :2].astype(int)
    graph, weights = jwi.from_edges(*ends.T, num_vertices=7), np.array(rows)[:, 2]
    for method, depth in (("one-walk-index", "2"), ("walk-index", "3")):
        given = ["--method", method, "--depth", depth, "--scores", "s.txt", "--keep", "0.5"]
        assert main([*command, *given, "--weights"]) == 0
        scores = np.loadtxt("s.txt", int)
        found = jwi.edge_ids(graph, scores[:, 0], scores[:, 1]).tolist()
        assert found == slow_order(graph, weights, int(depth))
    rank = functools.partial(jwi.walk_index_order, depth=2)
    assert jwi.lightest_first(graph, weights, rank).tolist() == slow_order(graph, weights, 2)
    spectral = [*command, "--method", "spectral", "--keep", "0.5", "--weights"]
    assert main(spectral) == 0
    with_weights = Path("out.csv").read_text()
    order = jwi.ORDERS["spectral"]
    key = jwi.RankingOptions(random_key=jax_key(), weights=weights)
    kept = jwi.edge_mask(jwi.prune(graph, order.rank(graph, key), keep=0.5).graph)
    lines = WEIGHTED.splitlines()
    assert with_weights.splitlines()[1:] == [lines[1 + row] for row in np.flatnonzero(kept)]


def jax_key():
    import jax

    return jax.random.key(0)


def slow_order(graph, weights, depth):
    """Algorithm 1 by its definition: of edges whose sorted walk indices tie, the lightest goes."""
    left, gone = list(range(len(weights))), []
    while left:

        def rank(edge):
            keep = np.isin(np.arange(len(weights)), [other for other in left if other != edge])
            pruned = jwi.with_edge_mask(graph, keep)
            return sorted(jwi.own_walk_indices(pruned, depth - 1).tolist()), -weights[edge]

        gone.append(max(left, key=rank))
        left.remove(gone[-1])
    return gone


def test_weights_that_are_not_there_or_differ_are_refused(graph, capsys):
    Path("none.csv").write_text("a,b\n0,1\n1,2\n")
    Path("twice.csv").write_text(f"{WEIGHTED}1,0,6\n")
    options = ["--keep", "0.5", "--weights", "-o", "out.csv"]
    assert main(["prune", "none.csv", *options]) == 2
    assert "it is not clear which column is the weight" in capsys.readouterr().err
    Path("m.mtx").write_text("%%MatrixMarket matrix coordinate pattern symmetric\n2 2 1\n2 1\n")
    assert main(["prune", "m.mtx", *options[:-1], "out.mtx"]) == 2
    assert "pass an edge list with a column of weights" in capsys.readouterr().err
    assert main(["prune", "twice.csv", *options]) == 2
    assert "the edge from 0 to 1 with the weights" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--rows", "--mask", "--scores", "--removed"])
@pytest.mark.parametrize(("path", "named"), [("graph.txt", "the graph"), ("stay.txt", "--protect")])
def test_companion_files_never_replace_an_input(graph, capsys, option, path, named):
    Path("stay.txt").write_text("10 0\n")
    held = Path(path).read_text()
    command = [*PRUNE, "--keep", "0.5", "--protect", "stay.txt", "--force"]
    assert main([*command, option, path]) == 2
    assert f"{option} is {path}, as is {named}: pass two files" in capsys.readouterr().err
    assert Path(path).read_text() == held


def test_the_output_may_replace_the_graph_alone(graph, capsys):
    Path("stay.txt").write_text("10 0\n")
    command = ["prune", "graph.txt", "--keep", "0.5", "--protect", "stay.txt", "--force"]
    assert main([*command, "-o", "stay.txt"]) == 2
    assert "as is --protect: pass two files" in capsys.readouterr().err
    assert main([*command, "-o", "graph.txt"]) == 0
    assert len(Path("graph.txt").read_text().splitlines()) < len(TEXT.splitlines())


def test_names_of_columns_are_no_edge_that_stays(graph, capsys):
    Path("stay.txt").write_text("source target\n10 0\n")
    assert main([*PRUNE, "--keep", "0.5", "--protect", "stay.txt"]) == 2
    assert "'source' is no vertex of graph.txt" in (told := capsys.readouterr().err)
    assert "leave out a first row that names columns" in told
