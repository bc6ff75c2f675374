"""How does counting walks exactly compare with sparse products, and with a pass over memory?

The peer multiplies by scipy's CSR adjacency in int64, which wraps silently where ours raises. The
limit is one copy of the arcs' arrays for each step of a walk.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import scipy.sparse

import jwi
from experiments.benchmarks.one_walk_index_order import power_law_graph
from experiments.benchmarks.timing import compare, ratio


@dataclass(frozen=True)
class Config:
    """Sizes of the graphs, and how often each is timed."""

    num_edges: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    """Edges drawn; duplicates and loops are dropped."""
    mean_degree: int = 14
    length: int = 3
    """Steps of a walk."""
    repeats: int = 5
    seed: int = 0


SMOKE = Config(num_edges=(1_000,), repeats=1)


def run(config: Config) -> dict[str, Any]:
    """Times counts from every vertex, a walk index and closed walks, each beside its peer."""
    rows = [["edges", "quantity", "ours (s)", "ours / scipy", "ours / memory pass"]]
    for size in config.num_edges:
        graph = power_law_graph(config.seed, size, 2 * size // config.mean_degree)
        num_vertices = len(graph.nodes)
        senders, receivers = np.asarray(graph.senders), np.asarray(graph.receivers)
        adjacency = scipy.sparse.csr_array(
            (np.ones(len(senders), np.int64), (senders, receivers)),
            shape=(num_vertices, num_vertices),
        ) + scipy.sparse.eye_array(num_vertices, dtype=np.int64, format="csr")
        subset = np.random.default_rng(config.seed).random(num_vertices) < 0.5

        def products(adjacency: Any = adjacency, n: int = num_vertices) -> np.ndarray:
            counts = np.ones(n, np.int64)
            for _ in range(config.length):
                counts = adjacency @ counts
            return counts

        def index_by_products(
            products: Any = products, graph: Any = graph, subset: np.ndarray = subset
        ) -> int:
            return int(products()[np.asarray(jwi.boundary(graph, subset))].sum())

        def diagonal(adjacency: Any = adjacency) -> np.ndarray:
            # (A³)_tt without the cube: the entries of A² where A has an arc, summed by vertex.
            return (adjacency @ adjacency).multiply(adjacency).sum(axis=1)

        def memory_pass(senders: Any = senders, receivers: Any = receivers) -> None:
            for _ in range(config.length):
                senders.copy(), receivers.copy()

        ours: dict[str, Callable[[], Any]] = {
            "count_walks": partial(jwi.count_walks, graph, config.length),
            "walk_index": partial(jwi.walk_index, graph, subset, config.length),
            "closed_walks": partial(jwi.closed_walks, graph, 3),
        }
        peers: dict[str, Callable[[], Any]] = {
            "count_walks": products,
            "walk_index": index_by_products,
            "closed_walks": diagonal,
        }
        for name, function in ours.items():
            timings = compare(
                {"ours": function, "scipy": peers[name], "pass": memory_pass},
                repeats=config.repeats,
            )
            if not np.array_equal(function(), peers[name]()):
                raise AssertionError(f"{name} and scipy's products disagree at {size} edges.")
            rows.append(
                [
                    f"{len(senders) // 2:,}",
                    name,
                    f"{timings['ours'].median:.4f}",
                    f"{ratio(timings['ours'], timings['scipy']):.2f}",
                    f"{ratio(timings['ours'], timings['pass']):.1f}",
                ]
            )
    return {"table": rows}
