"""The command line on a terminal: progress, clocks, and an interrupt that loses nothing."""

import io
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import jwi
from jwi.cli import main
from jwi.order.wis import log_share
from tests.cases.commands import PRUNE, write_graph


@pytest.fixture
def graph(tmp_path, monkeypatch):
    return write_graph(tmp_path, monkeypatch)


def test_an_interrupt_leaves_the_old_file(graph, monkeypatch, capsys):
    Path("out.txt").write_text("old")

    def interrupt(self, target):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupt)
    assert main([*PRUNE, "--keep", "0.5", "--force"]) == 130
    assert "jwi: interrupted" in capsys.readouterr().err
    assert Path("out.txt").read_text() == "old"
    assert sorted(path.name for path in Path().iterdir()) == ["graph.txt", "out.txt"]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_for_terminals_alone(graph, monkeypatch, capsys):
    assert main([*PRUNE, "--keep", "0.5"]) == 0
    assert capsys.readouterr().err == ""

    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert main([*PRUNE, "--keep", "0.5", "--force"]) == 0
    assert "reading graph.txt" in terminal.getvalue()
    assert "ranking 15 edges by log-share" in terminal.getvalue()


def rank_by(monkeypatch, function):
    """Makes the default method call a function."""
    monkeypatch.setattr(log_share, "ORDER", replace(log_share.ORDER, rank=function))


def test_a_bar_shows_how_much_is_ranked_and_goes(graph, monkeypatch):
    def slow(graph, options):
        options.progress(0.25)
        return jwi.log_share_order(graph)

    rank_by(monkeypatch, slow)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert main([*PRUNE, "--keep", "0.5"]) == 0
    assert "\rranking 15 edges by log-share  25%|#####" in terminal.getvalue()
    # At the end the line is taken away.
    assert terminal.getvalue().endswith(" \r")


def test_a_failure_takes_the_bar_away(graph, monkeypatch):
    def broken(graph, options):
        raise ValueError("there is no such order")

    rank_by(monkeypatch, broken)
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    assert main([*PRUNE, "--keep", "0.5"]) == 2
    assert terminal.getvalue().endswith(" \rjwi: there is no such order\n")


@pytest.mark.parametrize("depth", [2, 3, 4, 5])
def test_compiled_orders_let_a_clock_run(depth):
    ends = np.random.default_rng(0).integers(0, 60, (2, 80))
    num_edges = {2: 400_000, 3: 200_000, 4: 5_000, 5: 1_000}[depth]
    small = jwi.from_edges(ends[0], ends[1], 60)
    ends = np.random.default_rng(0).integers(0, num_edges // 4, (2, num_edges))
    large = jwi.from_edges(ends[0], ends[1], num_edges // 4)
    jwi.walk_index_order(small, depth)  # compiles
    ticks, done = [], threading.Event()

    def tick():
        while not done.wait(0.002):
            ticks.append(time.monotonic())

    clock = threading.Thread(target=tick)
    clock.start()
    start = time.monotonic()
    jwi.walk_index_order(large, depth)
    end = time.monotonic()
    done.set()
    clock.join()
    # Without the lock's release the clock stands still all through the compiled loop.
    gaps = np.diff([start, *(one for one in ticks if start < one < end), end])
    assert end - start > 0.02
    assert gaps.max() < 0.5 * (end - start)
