"""How much longer than sorting its edges does a graph's whole 1-WIS order take?

The limit is `numpy.lexsort` of two integer key columns of the same edges, one pass of which any
ranking by degrees needs; the copy of the edge list is a pass over memory. Graphs are random with
power-law degrees, so cost is shown as it grows.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import jwi
from experiments.benchmarks.timing import compare, ratio


@dataclass(frozen=True)
class Config:
    """Sizes of the graphs, and how often each is timed."""

    num_edges: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    """Edges drawn; duplicates and loops are dropped."""
    mean_degree: int = 14
    repeats: int = 5
    seed: int = 0


SMOKE = Config(num_edges=(1_000,), repeats=1)


def run(config: Config) -> dict[str, Any]:
    """Times the order, the sort and the copy in turn, for each size."""
    rows = [["edges", "1-WIS (s)", "lexsort (s)", "1-WIS / lexsort", "copy / lexsort", "first (s)"]]
    for size in config.num_edges:
        graph = power_law_graph(config.seed, size, 2 * size // config.mean_degree)
        edges = np.ascontiguousarray(jwi.edge_list(graph))
        degree = np.bincount(edges.ravel())[edges]
        low, high = degree.min(axis=1), degree.max(axis=1)
        timings = compare(
            {
                "order": partial(jwi.one_walk_index_order, graph),
                "lexsort": partial(np.lexsort, (high, low)),
                "copy": edges.copy,
            },
            repeats=config.repeats,
        )
        order, sort, copy = timings["order"], timings["lexsort"], timings["copy"]
        rows.append(
            [
                f"{len(edges):,}",
                f"{order.median:.4f}",
                f"{sort.median:.4f}",
                f"{ratio(order, sort):.1f}",
                f"{ratio(copy, sort):.3f}",
                f"{order.first:.2f}",
            ]
        )
    return {"table": rows}


def power_law_graph(seed: int, num_edges: int, num_vertices: int) -> Any:
    """A random graph whose expected degrees fall as the square root of the vertex's rank."""
    rng = np.random.default_rng(seed)
    cumulative = np.cumsum(1 / np.sqrt(np.arange(1, num_vertices + 1)))
    ends = np.searchsorted(cumulative, rng.random((2, num_edges)) * cumulative[-1])
    return jwi.from_edges(ends[0], ends[1], num_vertices)
