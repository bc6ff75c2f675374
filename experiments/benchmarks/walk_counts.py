"""How does counting walks exactly compare with sparse products, and with a pass over memory?

The peer multiplies by scipy's CSR adjacency in int64, which wraps silently where ours raises; for
logarithms in float64, which ends at e^709. Ours is timed from the masked graph, the peer from a CSR
matrix that is there already. The limit is one copy of the arcs' arrays for each step of a walk.
`count_walks_with_overflow` is the form for a caller's jit, here of int32 counts.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

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


class Quantity(NamedTuple):
    """Computations of ours and of the peer, which must agree."""

    ours: Callable[[], Any]
    peer: Callable[[], Any]
    tolerance: float = 0.0


def run(config: Config) -> dict[str, Any]:
    """Times counts from every vertex, a walk index and closed walks, each beside its peer."""
    rows = [["edges", "quantity", "ours (s)", "ours / scipy", "ours / memory pass"]]
    for size in config.num_edges:
        graph = power_law_graph(config.seed, size, 2 * size // config.mean_degree)
        subset = np.random.default_rng(config.seed).random(len(graph.nodes)) < 0.5
        for name, quantity in _quantities(graph, subset, config.length).items():
            timings = compare(
                {
                    "ours": quantity.ours,
                    "scipy": quantity.peer,
                    "pass": lambda graph=graph: _memory_pass(graph, config.length),  # type: ignore[misc]
                },
                repeats=config.repeats,
            )
            if not np.allclose(quantity.ours(), quantity.peer(), rtol=quantity.tolerance, atol=0):
                raise AssertionError(f"{name} and scipy's products disagree at {size} edges")
            rows.append(
                [
                    f"{len(graph.senders) // 2:,}",
                    name,
                    f"{timings['ours'].median:.4f}",
                    f"{ratio(timings['ours'], timings['scipy']):.2f}",
                    f"{ratio(timings['ours'], timings['pass']):.1f}",
                ]
            )
    return {"table": rows}


def _quantities(graph: Any, subset: np.ndarray, length: int) -> dict[str, Quantity]:
    num_vertices = len(graph.nodes)
    senders, receivers = np.asarray(graph.senders), np.asarray(graph.receivers)
    adjacency = scipy.sparse.csr_array(
        (np.ones(len(senders), np.int64), (senders, receivers)), shape=(num_vertices, num_vertices)
    ) + scipy.sparse.eye_array(num_vertices, dtype=np.int64, format="csr")
    in_floats = adjacency.astype(np.float64)

    def products(adjacency: Any = adjacency) -> np.ndarray:
        counts = np.ones(num_vertices, adjacency.dtype)
        for _ in range(length):
            counts = adjacency @ counts
        return counts

    def diagonal() -> np.ndarray:
        # (A³)_tt without the cube: the entries of A² where A has an arc, summed by vertex.
        return (adjacency @ adjacency).multiply(adjacency).sum(axis=1)

    return {
        "count_walks": Quantity(lambda: jwi.count_walks(graph, length), products),
        "count_walks_with_overflow": Quantity(
            lambda: jwi.count_walks_with_overflow(graph, length)[0], products
        ),
        "log_count_walks": Quantity(
            lambda: jwi.log_count_walks(graph, length),
            lambda: np.log(products(in_floats)),
            tolerance=1e-6,
        ),
        "walk_index": Quantity(
            lambda: jwi.walk_index(graph, subset, length),
            lambda: products()[np.asarray(jwi.boundary(graph, subset))].sum(),
        ),
        "closed_walks": Quantity(lambda: jwi.closed_walks(graph, 3), diagonal),
    }


def _memory_pass(graph: Any, length: int) -> None:
    senders, receivers = np.asarray(graph.senders), np.asarray(graph.receivers)
    for _ in range(length):
        senders.copy(), receivers.copy()
