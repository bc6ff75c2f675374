"""Orders that take long tell how far they are, and stop when they are asked to."""

import os
import re
import signal
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import jwi
from jwi import progress as watched
from jwi.order.wis import addition, log_share
from jwi.order.wis import any_depth as by_definition
from jwi.order.wis import chunked as approximate
from jwi.order.wis import depth_2 as one_walk_index
from jwi.order.wis import depth_3 as two_walk_index
from jwi.order.wis import depth_4 as three_walk_index

ROOT = Path(__file__).parents[3]


def random_graph(num_edges, *, undirected=True):
    n = num_edges // 5
    ends = np.random.default_rng(0).integers(0, n, (2, num_edges))
    return jwi.from_edges(ends[0], ends[1], n, undirected=undirected)


def add(depth, num_edges, *, progress):
    half = jwi.edge_list(random_graph(num_edges))
    graph = jwi.from_edges(*half[::2].T, num_edges // 5)
    return jwi.walk_index_addition_order(graph, half[1::2], depth, progress=progress)


def chunked(num_edges, *, progress):
    return jwi.chunked_walk_index_order(random_graph(num_edges), 3, 50, progress=progress)


def remove(depth, num_edges, *, undirected=True, progress):
    graph = random_graph(num_edges, undirected=undirected)
    return jwi.walk_index_order(graph, depth, progress=progress)


def one_walk(num_edges, *, progress):
    return jwi.one_walk_index_order(random_graph(num_edges), progress=progress)


def logarithms(num_edges, *, progress):
    return jwi.log_share_order(random_graph(num_edges), progress=progress)


# Where the compiled loop is called, and an order that takes some hundredths of a second.
ORDERS = {
    "1-WIS": (one_walk_index, partial(one_walk, 300_000)),
    "log share": (log_share, partial(logarithms, 300_000)),
    "2-WIS": (two_walk_index, partial(remove, 3, 20_000)),
    "3-WIS": (three_walk_index, partial(remove, 4, 5_000)),
    "4-WIS": (by_definition, partial(remove, 5, 250)),
    "directed": (by_definition, partial(remove, 3, 5_000, undirected=False)),
    "chunked": (approximate, partial(chunked, 1_500)),
    "addition at depth 2": (addition, partial(add, 2, 300_000)),
    "addition": (addition, partial(add, 3, 5_000)),
}


@pytest.fixture(params=ORDERS)
def order(request, monkeypatch):
    """An order, and the watches of its compiled loop with how much there is to do."""
    module, rank = ORDERS[request.param]
    watches = []

    def spy(kernel, arguments, total, progress, *, quick):
        def kept(*given):
            watches.append((given[-1], total))
            return kernel(*given)

        return watched.run_with_progress(kept, arguments, total, progress, quick=quick)

    monkeypatch.setattr(module, "run_with_progress", spy)
    monkeypatch.setattr(watched, "_TICK", 0.001)
    return rank, watches


def test_the_share_rises_to_one(order):
    rank, _ = order
    rank(progress=None)  # compiles
    shares = []
    expected = rank(progress=shares.append)
    assert len(expected) > 0
    assert shares == sorted(shares)
    assert len(set(shares)) > 3
    assert 0 <= shares[0] < 1 == shares[-1]


class StopError(Exception):
    pass


def test_an_error_stops_the_loop(order):
    rank, watches = order
    rank(progress=None)  # compiles

    def stop(share):
        raise StopError

    with pytest.raises(StopError):
        rank(progress=stop)
    watch, total = watches[-1]
    assert watch[watched.STOP] == 1
    assert watch[watched.DONE] < total
    # An error leaves nothing behind.
    assert len(rank(progress=None)) == total


@pytest.mark.parametrize("quick", [False, True])
def test_errors_of_the_function_are_the_callers(quick):
    def fail(watch):
        raise OverflowError("too much")

    with pytest.raises(OverflowError, match="too much"):
        watched.run_with_progress(fail, (), 1, quick=quick)


def test_ctrl_c_ends_a_long_ranking(tmp_path):
    # Cliques, of which the order at depth 5 takes minutes.
    pairs = np.stack(np.triu_indices(60, 1), axis=1)
    np.savetxt(tmp_path / "graph.txt", np.concatenate([pairs + 60 * i for i in range(100)]), "%d")
    command = ["prune", "graph.txt", "--method", "walk-index", "--depth", "5", "--keep", "0"]
    terminal, end = os.openpty()
    run = subprocess.Popen(
        [sys.executable, "-m", "jwi", *command, "-o", "out.txt"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=end,
    )
    os.close(end)  # or reading would wait for ever if it died
    # Without it the process would go on for minutes if its bar looked otherwise.
    too_late = threading.Timer(120, run.kill)
    too_late.start()
    shown = ""
    try:
        while not re.search(r"ranking .*%\|.*\| \d\d:\d\d", shown):
            shown += os.read(terminal, 1000).decode(errors="ignore")
        run.send_signal(signal.SIGINT)
        assert run.wait(timeout=60) == 130
    finally:
        too_late.cancel()
        run.kill()
    assert os.read(terminal, 1000).decode().strip().endswith("jwi: interrupted")
    os.close(terminal)
    assert [path.name for path in tmp_path.iterdir()] == ["graph.txt"]
