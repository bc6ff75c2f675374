"""The command line as a process: its streams, whatever they are, and the signals it gets."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import jwi
from tests.cases.commands import kept_by, write_graph

ROOT = Path(__file__).parents[3]
JWI = f"{sys.executable} -m jwi"
PRUNE = f"{JWI} prune graph.txt --keep 0.5 -o out.txt"


@pytest.fixture
def graph(tmp_path, monkeypatch):
    return write_graph(tmp_path, monkeypatch)


def shell(command, **environment):
    return subprocess.run(
        command,
        shell=isinstance(command, str),
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
    )


def test_as_a_module_in_a_pipe(graph):
    run = shell(f"{PRUNE} | head -n 1")
    assert run.returncode == 0
    assert run.stdout.splitlines()[-1].startswith("graph.txt: 10 vertices")
    order = jwi.log_share_order(graph)
    assert Path("out.txt").read_text() == kept_by(graph, order, keep=0.5)
    assert "Traceback" not in run.stderr


def test_a_pipe_that_nobody_reads_is_fine(graph):
    run = shell(f"({JWI} info graph.txt; echo $? >&2) | true")
    assert run.stderr == "0\n"


def test_streams_that_are_closed_are_not_missed(graph):
    assert shell(f"{JWI} info none.txt 2>&-").returncode == 2
    run = shell(f"{PRUNE} >&- 2>&-")
    assert run.returncode == 0
    # The next file opened has the number of a stream, and may not become one.
    order = jwi.log_share_order(graph)
    assert Path("out.txt").read_text() == kept_by(graph, order, keep=0.5)


def test_streams_of_other_encodings_do_no_harm(graph):
    run = shell(f"{JWI} prune --help", PYTHONIOENCODING="ascii")
    assert run.returncode == 0
    assert r"(L \u2212 1)-WIS: Walk Index Sparsification" in run.stdout
    Path("é.txt").write_text("1 2\n2 3\n")
    run = shell(f"{JWI} prune é.txt --keep 0.5 -o out.txt", PYTHONIOENCODING="ascii")
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith(r"\xe9.txt: 3 vertices")


RANKING = """
import dataclasses, gc, sys, time
import jwi.order.random as file
from jwi.cli import main

def interrupt(phase, info):
    gc.callbacks.remove(interrupt)
    {interrupt}

def slow(graph, options):
    gc.callbacks.append(interrupt)
    gc.collect()
    for _ in range(600):
        time.sleep(0.1)

file.ORDER = dataclasses.replace(file.ORDER, rank=slow)
sys.argv = ["jwi", "prune", "graph.txt", "--keep", "0.5", "-o", "out.txt", "--method", "random"]
sys.exit(main())
"""


@pytest.mark.parametrize(
    ("interrupt", "code", "told"),
    [("raise KeyboardInterrupt", 130, "jwi: interrupted\n"), ("raise SystemExit(143)", 143, "")],
)
def test_an_interrupt_in_garbage_collection_is_not_lost(graph, interrupt, code, told):
    run = shell([sys.executable, "-c", RANKING.replace("{interrupt}", interrupt)])
    assert run.stderr == told
    assert run.returncode == code
    assert not Path("out.txt").exists()


WRITING = """
import os, signal, sys, time
from pathlib import Path
from jwi.cli import main

def terminated(self, target):
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)

Path.replace = terminated
sys.argv = ["jwi", "prune", "graph.txt", "--keep", "0.5", "-o", "out.txt"]
sys.exit(main())
"""


def test_a_signal_to_end_leaves_no_half_file(graph):
    run = shell([sys.executable, "-c", WRITING])
    assert run.returncode == 143
    assert os.listdir() == ["graph.txt"]
