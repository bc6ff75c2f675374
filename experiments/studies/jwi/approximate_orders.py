"""Removing edges in small chunks stays near the exact order; a lower depth does so less.

Claim: Razin et al. (NeurIPS 2023), Section 5: the cost of (L − 1)-WIS is why their experiments take
  1-WIS for networks of three layers, and 2-WIS in chunks of edges. How many of the edges that the
  exact order removes such orders remove too is measured here.

Command: python -m experiments jwi_approximate_orders

Cost: see `seconds` in the result file; under two minutes of one core.

Expected: the smaller the chunks, and the nearer the lower depth, the larger the overlap; the more
  edges a graph has that are alike, the smaller it is. Which of the two is nearer is the question.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from tqdm.auto import tqdm

import jwi
from experiments.data.planetoid import cora
from experiments.output.record import Record

TITLES = {"random": "random graphs", "cora": "Cora"}


@dataclass(frozen=True)
class Config:
    """Removal orders for networks of some depth, against the exact one."""

    cases: tuple[tuple[str, int], ...] = (("random", 3), ("random", 6), ("cora", 3))
    """Pairs of a graph, random or cora, and the depth L of the exact order."""
    num_graphs: int = 50
    """Random graphs."""
    num_vertices: int = 40
    num_edges: int = 120
    """Of each random graph, of all sets of pairs with the same probability."""
    random_chunks: tuple[int, ...] = (4, 10, 40)
    cora_chunks: tuple[int, ...] = (10, 100, 1000)
    """Edges removed between two rankings."""
    removed: tuple[float, ...] = (0.1, 0.3, 0.5, 0.7, 0.9)
    """Shares of the edges at which the sets removed by then are compared."""
    seed: int = 0


SMOKE = Config(cases=(("random", 3),), num_graphs=3, num_vertices=12, num_edges=24)


def run(config: Config, directory: Path) -> dict[str, Any]:
    """Ranks the edges of all graphs by all methods.

    Args:
        config: The configuration; the result is a function of it alone.
        directory: Not needed: nothing is resumed.
    """
    del directory
    rows = []
    for name, depth in config.cases:
        graphs, chunks = _graphs(config, name)
        overlaps: dict[str, list[np.ndarray]] = {}
        keys = jax.random.split(jax.random.key(config.seed), len(graphs))
        for graph, key in tqdm(
            zip(graphs, keys, strict=True),
            total=len(graphs),
            desc=f"{TITLES[name]}, depth {depth}",
            disable=None,
        ):
            exact = jwi.walk_index_order(graph, depth)
            for method, order in methods(depth, chunks, key).items():
                found = overlap(order(graph), exact, config.removed)
                overlaps.setdefault(method, []).append(found)
        rows += [
            {"graph": name, "depth": depth, "method": method, "overlap": found}
            for method, found in overlaps.items()
        ]
    return {"rows": rows}


def _graphs(config: Config, name: str) -> tuple[list[Any], tuple[int, ...]]:
    """The graphs of a name and the chunks that are tried on them."""
    if name == "cora":
        data = cora()
        graph = jwi.from_edges(data.edges[:, 0], data.edges[:, 1], len(data.labels))
        return [graph], config.cora_chunks
    if name != "random":
        raise ValueError(f"cases has a graph {name!r}: pass random or cora")
    rng = np.random.default_rng(config.seed)
    u, v = np.triu_indices(config.num_vertices, 1)
    chosen = [rng.permutation(len(u))[: config.num_edges] for _ in range(config.num_graphs)]
    graphs = [jwi.from_edges(u[edges], v[edges], config.num_vertices) for edges in chosen]
    return graphs, config.random_chunks


def methods(
    depth: int, chunks: tuple[int, ...], key: jax.Array
) -> dict[str, Callable[[Any], np.ndarray]]:
    """Orders that stand in for the exact one of a depth, by name."""
    return {
        **{f"depth {lower}": _exact(lower) for lower in range(2, depth)},
        **{f"chunks of {size}": _chunked(depth, size) for size in chunks},
        "one ranking": lambda graph: jwi.chunked_walk_index_order(graph, depth, len(graph.senders)),
        "random": lambda graph: jwi.random_order(key, graph),
    }


def _exact(depth: int) -> Callable[[Any], np.ndarray]:
    return lambda graph: jwi.walk_index_order(graph, depth)


def _chunked(depth: int, size: int) -> Callable[[Any], np.ndarray]:
    return lambda graph: jwi.chunked_walk_index_order(graph, depth, size)


def overlap(order: np.ndarray, exact: np.ndarray, removed: tuple[float, ...]) -> np.ndarray:
    """Which share of the edges that one order has removed the other has removed too.

    Args:
        order: int[E], edges, first removed first.
        exact: int[E], the same.
        removed: shares of the edges, rounded to whole numbers of 1 or more.

    Returns:
        float64, one a share.
    """
    counts = [max(1, round(share * len(exact))) for share in removed]
    return np.array([len(np.intersect1d(order[:k], exact[:k])) / k for k in counts])


def figure(record: Record) -> Figure:
    """Overlap with the exact order against the share of edges removed."""
    cases = record.config["cases"]
    figure, axes = plt.subplots(
        1, len(cases), figsize=(4.2 * len(cases), 4.0), sharey=True, layout="constrained"
    )
    for axis, (name, depth) in zip(np.atleast_1d(axes), cases, strict=True):
        _draw_case(axis, _select(record, name, depth), record.config["removed"])
        axis.set_title(f"{TITLES[name]}, depth {depth}", fontsize="medium")
        axis.set_xlabel("edges removed")
        axis.legend(fontsize="small")
    np.atleast_1d(axes)[0].set_ylabel("overlap with the exact order")
    return figure


def _draw_case(axis: Axes, rows: list[dict[str, Any]], removed: list[float]) -> None:
    """Lower depths in greens, chunks in blues, and chance in gray."""
    styles = {"depth": ("Greens", "o-"), "chunks": ("Blues", "s-"), "one": ("Oranges", "^-")}
    for kind, (palette, style) in styles.items():
        of_kind = [row for row in rows if row["method"].split()[0] == kind]
        for place, row in enumerate(of_kind):
            color = plt.get_cmap(palette)(0.9 - 0.5 * place / len(of_kind))
            axis.plot(removed, _mean(row), style, color=color, label=row["method"])
    axis.plot(removed, removed, "--", color="#999999", label="chance")
    axis.set_ylim(0, 1.02)


def _select(record: Record, name: str, depth: int) -> list[dict[str, Any]]:
    """The rows of one case."""
    rows = record.results["rows"]
    return [row for row in rows if (row["graph"], row["depth"]) == (name, depth)]


def _mean(row: dict[str, Any]) -> np.ndarray:
    """The mean overlap over graphs, one a share."""
    return np.mean(row["overlap"], axis=0)


def table(record: Record) -> list[list[str]]:
    """Mean overlap with the exact order, by the share of edges removed."""
    shares = [f"{share:.0%} removed" for share in record.config["removed"]]
    rows = [["graph, depth", "order", *shares]]
    for row in record.results["rows"]:
        case = f"{TITLES[row['graph']]}, {row['depth']}"
        rows.append([case, row["method"], *(f"{share:.2f}" for share in _mean(row))])
    return rows


def summary(record: Record) -> str:
    """For each case, the overlap of each order when half of the edges are removed, or nearly."""
    removed = np.array(record.config["removed"])
    half = int(np.argmin(np.abs(removed - 0.5)))
    sentences = []
    for name, depth in record.config["cases"]:
        rows = sorted(_select(record, name, depth), key=lambda row: -_mean(row)[half])
        found = ", ".join(f"{row['method']} {_mean(row)[half]:.2f}" for row in rows)
        sentences.append(f"{TITLES[name]}, depth {depth}: {found}.")
    return (
        f"Overlap with the exact order when {removed[half]:.0%} of the edges are removed. "
        + " ".join(sentences)
    )
