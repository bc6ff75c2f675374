"""What do exact orders cost on large graphs, of few triangles, of many, with a hub, and dense?

Each order is timed against `numpy.lexsort` of two integer key columns of the same edges, in the
same run. Memory is how far a process of its own grows during a call, against the edge list's (two
int32 an edge); it is measured on Linux only. DBLP is real, the others are random.
"""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

import jwi
from experiments.benchmarks.one_walk_index_order import power_law_graph
from experiments.benchmarks.timing import compare, ratio
from experiments.studies.jwi.sparsification.prepare import load

_MEAN_DEGREE = 14


@dataclass(frozen=True)
class Config:
    """Sizes of the graphs."""

    num_edges: int = 1_170_000
    """Drawn; duplicates and loops are dropped."""
    num_edges_most: int = 10_100_000
    num_edges_dense: int = 3_000_000
    num_vertices_dense: int = 30_000
    clique: int = 15
    """Size of the cliques of the graph with many triangles."""
    dataset: str = "dblp"
    repeats: int = 1
    seed: int = 0


SMOKE = Config(2_000, 4_000, 3_000, 100, 6, "digits")


def run(config: Config) -> dict[str, Any]:
    """Times every order and a sort of the graph's edges in turn."""
    rows = [["graph", "edges", "order", "seconds", "/ lexsort", "memory / edge list"]]
    with _other_process() as process:
        for name, make, orders in _cases(config):
            graph = make()
            edges = jwi.edge_list(graph)
            degree = np.bincount(edges.ravel())[edges]
            low, high = degree.min(axis=1), degree.max(axis=1)
            for label, depth, share in orders:
                timings = compare(
                    {
                        "order": partial(_order, graph, depth, share),
                        "lexsort": partial(np.lexsort, (high, low)),
                    },
                    repeats=config.repeats,
                )
                memory = process and process.submit(growth, make, depth, share).result()
                rows.append(
                    [
                        name,
                        f"{len(edges):,}",
                        label,
                        f"{timings['order'].median:.3g}",
                        f"{ratio(timings['order'], timings['lexsort']):.1f}",
                        "–" if memory is None else f"{memory:.1f}",
                    ]
                )
    return {"table": rows}


def _cases(
    config: Config,
) -> list[tuple[str, Callable[[], Any], list[tuple[str, int, float]]]]:
    """Name, graph and orders (label, depth, share of the edges that are removed) of each case."""
    one, two = ("1-WIS, all edges", 2, 1.0), ("2-WIS, all edges", 3, 1.0)
    first = ("2-WIS, first tenth", 3, 0.1)

    def power_law(num_edges: int) -> Callable[[], Any]:
        return partial(power_law_graph, config.seed, num_edges, 2 * num_edges // _MEAN_DEGREE)

    return [
        ("power-law", power_law(config.num_edges), [one, two]),
        ("power-law", power_law(config.num_edges_most), [one]),
        ("dense", partial(_dense_graph, config), [one]),
        ("cliques", partial(cliques_graph, config.seed, config.num_edges, config.clique), [first]),
        ("hub", partial(hub_graph, config.seed, config.num_edges), [two]),
        (config.dataset, partial(_real_graph, config.dataset),
         [one, two, ("3-WIS, all edges", 4, 1.0)]),
    ]  # fmt: skip


def cliques_graph(seed: int, num_edges: int, size: int) -> Any:
    """Cliques of random vertices, of which each is in two on average: triangles everywhere."""
    pairs = np.stack(np.triu_indices(size, 1))
    num_cliques = num_edges // pairs.shape[1]
    num_vertices = num_cliques * size // 2
    members = np.random.default_rng(seed).integers(num_vertices, size=(num_cliques, size))
    return jwi.from_edges(members[:, pairs[0]].ravel(), members[:, pairs[1]].ravel(), num_vertices)


def hub_graph(seed: int, num_edges: int) -> Any:
    """One vertex that is next to all others, and random edges between a tenth as many of these."""
    num_vertices = num_edges * 10 // 11 + 1
    others = np.arange(1, num_vertices)
    pairs = np.random.default_rng(seed).integers(1, num_vertices, (2, num_edges // 11))
    return jwi.from_edges(
        np.append(np.zeros_like(others), pairs[0]), np.append(others, pairs[1]), num_vertices
    )


def _dense_graph(config: Config) -> Any:
    ends = np.random.default_rng(config.seed).integers(
        config.num_vertices_dense, size=(2, config.num_edges_dense)
    )
    return jwi.from_edges(ends[0], ends[1], config.num_vertices_dense)


def _real_graph(name: str) -> Any:
    loaded = load(name)
    return jwi.from_edges(loaded.edges[:, 0], loaded.edges[:, 1], len(loaded.labels))


def _order(graph: Any, depth: int, share: float) -> np.ndarray:
    num_removed = int(share * len(jwi.edge_list(graph)))
    return jwi.walk_index_order(graph, depth, num_removed=num_removed)


@contextmanager
def _other_process() -> Iterator[ProcessPoolExecutor | None]:
    """Where memory is measured; None where it cannot be."""
    if not Path("/proc/self/clear_refs").exists():
        yield None
        return
    # Given back as soon as it is freed, or memory left from making the graph would serve the order.
    given_back = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "0"}
    before = dict(os.environ)
    os.environ |= given_back
    try:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            process.submit(_peak_bytes).result()  # starts it
            yield process
    finally:
        for name in given_back:
            os.environ.pop(name)
        os.environ |= before


def growth(make: Callable[[], Any], depth: int, share: float) -> float:
    """How far this process grows during a call at the most, in units of the edge list. Linux."""
    _order(power_law_graph(0, 100, 30), depth, share)  # loads the compiled code
    graph = make()
    Path("/proc/self/clear_refs").write_text("5")  # sets the peak to the memory in use now
    before = _peak_bytes()
    _order(graph, depth, share)
    return (_peak_bytes() - before) / jwi.edge_list(graph).nbytes


def _peak_bytes() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
