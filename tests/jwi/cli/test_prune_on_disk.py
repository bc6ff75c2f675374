"""`jwi prune --memory` writes what `jwi prune` writes."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from jwi.cli import main, protected_on_disk, prune_on_disk
from jwi.disk import arrays, files, parquet, ranking, shuffling
from jwi.io import parquet as io_parquet

PRUNE = ["prune", "graph.txt", "-o", "out.txt"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # Blocks and parts of a few rows.
    monkeypatch.setattr(files, "_BYTES", 300)
    monkeypatch.setattr(prune_on_disk, "_LEAST", 1000)
    monkeypatch.setattr(io_parquet, "_ROWS_OF_GROUP", 40)
    for module in (arrays, files, parquet, ranking, shuffling, prune_on_disk, protected_on_disk):
        monkeypatch.setattr(module, "BLOCK", 7, raising=False)
    return tmp_path


def write_multigraph(path, seed):
    """Rows with repeats, both directions, self-loops, gaps and comments."""
    rng = np.random.default_rng(seed)
    pairs = rng.integers(0, rng.integers(5, 40), (150, 2)) * rng.integers(1, 4)
    if path.suffix == ".npy":
        np.save(path, pairs)
    elif path.suffix == ".parquet":
        pyarrow = pytest.importorskip("pyarrow")
        table = {"source": pairs[:, 0], "target": pairs[:, 1], "weight": rng.random(150)}
        pytest.importorskip("pyarrow.parquet").write_table(
            pyarrow.table(table), path, row_group_size=60
        )
    else:
        text = "".join(f"{u}\t{v}\t0.5\n" + "# note\n" * (u % 3 == 0) for u, v in pairs.tolist())
        path.write_text(text)


def check_as_in_memory(capsys, command, out):
    """Runs a command in memory and on disk, and compares files and reports."""
    assert main(command) == 0, capsys.readouterr().err
    expected, told = out.read_bytes(), json.loads(capsys.readouterr().out)
    assert main([*command, "--memory", "8K"]) == 0, capsys.readouterr().err
    assert out.read_bytes() == expected
    report = json.loads(capsys.readouterr().out)
    for key in ("components", "seconds"):
        told.pop(key)
    assert report.pop("seconds").keys() == {"read", "rank", "count", "write"}
    assert report == told


@pytest.mark.parametrize("method", ranking.METHODS)
@pytest.mark.parametrize("name", ["graph.txt", "graph.npy", "graph.parquet"])
def test_files_and_reports_are_those_of_memory(folder, capsys, method, name):
    path, out = Path(name), Path(f"out{Path(name).suffix}")
    for seed in range(4):
        write_multigraph(path, seed)
        columns = ["--columns", "1,2", "--no-header"] if path.suffix == ".txt" else []
        command = ["prune", name, "-o", str(out), "--method", method, *columns]
        command += ["--keep", f"{[0.0, 0.3, 0.7, 1.0][seed]}", "--json", "--force"]
        check_as_in_memory(capsys, [*command, "--seed", f"{seed}"], out)
    assert {file.name for file in folder.iterdir()} == {path.name, out.name}


@pytest.mark.parametrize("name", ["graph.txt", "graph.npy", "graph.parquet"])
def test_directed_graphs_are_pruned_at_random(folder, capsys, name):
    path, out = Path(name), Path(f"out{Path(name).suffix}")
    for seed in range(4):
        write_multigraph(path, seed)
        columns = ["--columns", "1,2", "--no-header"] if path.suffix == ".txt" else []
        command = ["prune", name, "-o", str(out), "--method", "random", "--directed", *columns]
        command += ["--keep", f"{[0.0, 0.3, 0.7, 1.0][seed]}", "--json", "--force"]
        check_as_in_memory(capsys, command, out)


def test_a_file_may_say_that_it_is_directed(folder, capsys):
    Path("graph.txt").write_text("# directed graph\n1 2\n2 1\n2 3\n3 3\n4 2\n")
    command = [*PRUNE, "--keep-edges", "2", "--json", "--force"]
    for options in (["--method", "random"], ["--undirected"]):
        check_as_in_memory(capsys, [*command, *options], Path("out.txt"))


@pytest.mark.parametrize("method", ranking.METHODS)
def test_protected_edges_stay(folder, capsys, method):
    for seed in range(3):
        write_multigraph(Path("graph.npy"), seed)
        pairs = np.load("graph.npy")
        pairs = pairs[pairs[:, 0] != pairs[:, 1]][::5, ::-1]
        np.savetxt("protect.txt", pairs, "%d")
        command = ["prune", "graph.npy", "-o", "out.npy", "--method", method, "--json", "--force"]
        command += ["--protect", "protect.txt", "--keep", "0.5"]
        check_as_in_memory(capsys, command, Path("out.npy"))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("7 7\n1 2\n1 9\n", "there is no edge from 1 to 9 in graph.txt: name its edges"),
        ("1 2\n1 99999999999\n", "'99999999999' is no vertex of graph.txt"),
        ("a b\n", "'a' is no vertex of graph.txt: with --memory, vertices are integers"),
        ("01 2\n", "'01' is no vertex"),
        ("1 2\n2 3\n", "3 edges are to be removed and 2 may go: --protect holds the others"),
    ],
)
def test_what_cannot_be_protected_is_told(folder, capsys, rows, message):
    Path("graph.txt").write_text("1 2\n2 3\n3 1\n5 1\n")
    Path("protect.txt").write_text(rows)
    command = [*PRUNE, "--num-removed", "3", "--protect", "protect.txt", "--memory", "1M"]
    assert main(command) == 2
    assert message in capsys.readouterr().err


def test_the_report_is_text(folder, capsys):
    write_multigraph(Path("graph.txt"), 0)
    assert main([*PRUNE, "--columns", "1,2", "--num-removed", "3", "--memory", "1M"]) == 0
    shown = capsys.readouterr().out
    assert "log-share removed 3 of" in shown
    assert "components" not in shown


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--method", "jaccard"], "pass one of them, or leave out --memory"),
        (["--depth", "3", "--method", "one-walk-index"], "for depth 2: leave it out"),
        (["--keep-connected"], "--keep-connected needs the graph in memory"),
        (["--mask", "mask.npy"], "--mask needs the graph in memory"),
        (["--directed"], "is for undirected graphs: add --undirected, or rank by --method random"),
        (["--format", "gml"], "read as gml, and --memory is for edge-list, npy and parquet"),
        (["--memory", "1K"], "need [0-9,]*: pass --memory 1M"),
    ],
)
def test_what_needs_the_graph_in_memory_is_refused(folder, capsys, options, message):
    write_multigraph(Path("graph.txt"), 0)
    command = [*PRUNE, "--columns", "1,2", "--keep", "0.5", "--memory", "1M", *options]
    assert main(command) == 2
    assert re.search(message, capsys.readouterr().err)
    assert [file.name for file in folder.iterdir()] == ["graph.txt"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("% sym\n% 3 3 3\n1 2\n2 3\n", "it is KONECT's, leave out the lines that begin with %"),
        ("# directed graph\n1 2\n2 3\n", "the graph is directed, and .*: add --undirected"),
        ("3\n0 1\n1 2\n0 2\n", "line 1"),
        ("3 3\n0 1\n1 2\n0 2\n", "may be the sizes of the graph: --no-header takes it"),
        ("0 1\n1 -2\n", "the vertex -2 is out of range: with --memory, number vertices from 0"),
        ("0 1\n1 3000000000\n", "the vertex 3000000000 is out of range"),
        ("1 0 1\n0 1 0\n1 0 1\n", "matrix"),
        ("user,item\n1,2\n3,1\n", "--no-bipartite takes the same id"),
        ("a b\nb c\nc d\n", "--labels"),
    ],
)
def test_doubtful_files_are_refused(folder, capsys, text, message):
    Path("graph.txt").write_text(text)
    assert main([*PRUNE, "--keep", "0.5", "--memory", "1M"]) == 2
    assert re.search(message, capsys.readouterr().err)
    assert [file.name for file in folder.iterdir()] == ["graph.txt"]


def test_two_kinds_of_vertices_that_show_late_stop(folder, capsys):
    rng = np.random.default_rng(3)
    late = np.column_stack([rng.integers(0, 25, 900), rng.integers(0, 60, 900)])
    early = np.column_stack([np.arange(80) % 12, 25 + np.arange(80) % 35])
    rows = np.vstack([early, late])
    np.savetxt("graph.txt", rows, "%d")
    assert next(files.blocks_of(Path("graph.txt"), 300)).count(b"\n") < 80
    command = [*PRUNE, "--keep", "0.5", "--force"]
    for memory in ([], ["--memory", "1M"]):
        assert main([*command, *memory]) == 2
        assert "two kinds of vertices do: --bipartite takes" in capsys.readouterr().err
        assert main([*command, *memory, "--no-bipartite"]) == 0


def test_an_interrupt_leaves_nothing(folder, capsys, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    write_multigraph(Path("graph.txt"), 0)
    monkeypatch.setattr(files.TextFile, "write", interrupted)
    assert main([*PRUNE, "--columns", "1,2", "--keep", "0.5", "--memory", "1M"]) == 130
    assert [file.name for file in folder.iterdir()] == ["graph.txt"]


def test_a_size_has_a_unit(capsys):
    with pytest.raises(SystemExit, match="2"):
        main([*PRUNE, "--memory", "6"])
    assert "'6' is no size: pass a number and K, M or G" in capsys.readouterr().err
