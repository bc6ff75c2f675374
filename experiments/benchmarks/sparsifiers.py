"""How much longer than sorting its edges does each order that sparsifies a graph take?

The limit is `numpy.lexsort` of two integer key columns of the same edges. All methods of
`jwi.ORDERS` are timed, for networks of depth 2 (`large_orders` has others), and two orders that
need more than a graph. The peers are the scores of networkit, where it is installed, and an argsort
of them. Its graph, like ours, is built beforehand. Of `proxy-delete` the first of its twenty shares
is timed. Seconds are CPU time, of all cores together. Graphs are random with power-law degrees and
32 features a vertex; the candidates to add are as many random pairs.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import jax
import numpy as np

import jwi
from experiments.benchmarks.one_walk_index_order import power_law_graph
from experiments.benchmarks.timing import compare, ratio

_NUM_FEATURES = 32


@dataclass(frozen=True)
class Config:
    """Sizes of the graphs, and how often each order is timed."""

    num_edges: tuple[int, ...] = (100_000, 1_000_000)
    """Edges drawn; duplicates and loops are dropped."""
    mean_degree: int = 14
    repeats: int = 2
    seed: int = 0


SMOKE = Config(num_edges=(1_000,), repeats=1)


def run(config: Config) -> dict[str, Any]:
    """Times every order, its peer and the sort in turn, for each size."""
    rows = [["edges", "order", "ours (s)", "ours / lexsort", "networkit / ours", "first (s)"]]
    for size in config.num_edges:
        graph = power_law_graph(config.seed, size, 2 * size // config.mean_degree)
        features = np.random.default_rng(config.seed).normal(size=(len(graph.nodes), _NUM_FEATURES))
        graph = graph._replace(nodes=features.astype(np.float32))
        edges = jwi.edge_list(graph)
        peers = _networkit_orders(edges, len(graph.nodes)) if find_spec("networkit") else {}
        sort = partial(np.lexsort, (edges[:, 0].copy(), edges[:, 1].copy()))
        for name, order in _orders(config.seed, graph).items():
            functions: dict[str, Callable[[], Any]] = {"ours": order, "lexsort": sort}
            if name in peers:
                functions["networkit"] = peers[name]
            timings = compare(functions, repeats=config.repeats, clock=time.process_time)
            ours = timings["ours"]
            against = f"{ratio(timings['networkit'], ours):.2f}" if name in peers else "–"
            rows.append(
                [
                    f"{len(edges):,}",
                    name,
                    f"{ours.median:.4f}",
                    f"{ratio(ours, timings['lexsort']):.1f}",
                    against,
                    f"{ours.first:.2f}",
                ]
            )
    return {"table": rows}


def _orders(seed: int, graph: Any) -> dict[str, Callable[[], Any]]:
    """Our orders, by their names on the command line; then those that are not in the table."""
    options = jwi.RankingOptions(random_key=jax.random.key(seed))
    table = {name: partial(each.rank, graph, options) for name, each in jwi.ORDERS.items()}
    edges = jwi.edge_list(graph)
    share = replace(options, num_removed=len(edges) // 20)
    table["proxy-delete"] = partial(jwi.ORDERS["proxy-delete"].rank, graph, share)
    values = np.random.default_rng(seed).normal(size=len(edges))
    pairs = _absent_pairs(seed, edges, len(graph.nodes))
    return table | {
        "magnitude": partial(jwi.magnitude_order, graph, values),
        "1-WIS addition": partial(jwi.walk_index_addition_order, graph, pairs, 2),
    }


def _absent_pairs(seed: int, edges: np.ndarray, num_vertices: int) -> np.ndarray:
    """As many random pairs as there are edges, none of which is one."""
    rng = np.random.default_rng(seed)
    pairs = np.sort(rng.integers(0, num_vertices, (3 * len(edges), 2)), axis=1)
    codes = np.unique(pairs[pairs[:, 0] < pairs[:, 1]] @ [num_vertices, 1])
    codes = np.setdiff1d(codes, edges.astype(np.int64) @ [num_vertices, 1], assume_unique=True)
    codes = rng.permutation(codes)[: len(edges)]
    return np.stack(np.divmod(codes, num_vertices), axis=1)


def _networkit_orders(edges: np.ndarray, num_vertices: int) -> dict[str, Callable[[], Any]]:
    """The peer's scores and their argsort, by the names of our orders."""
    networkit = import_module("networkit")
    sparsification = import_module("networkit.sparsification")
    graph = networkit.Graph(num_vertices)
    graph.addEdges(tuple(edges.T.astype(np.uint64)))
    graph.indexEdges()

    def ranked(score: Any) -> np.ndarray:
        return np.argsort(score.run().scores(), kind="stable")

    def local_similarity() -> np.ndarray:
        triangles = sparsification.TriangleEdgeScore(graph).run().scores()
        return ranked(sparsification.LocalSimilarityScore(graph, triangles))

    return {
        "random": lambda: ranked(sparsification.RandomEdgeScore(graph)),
        "local-degree": lambda: ranked(sparsification.LocalDegreeScore(graph)),
        "local-similarity": local_similarity,
    }
