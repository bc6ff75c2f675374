"""The separation rank, computed exactly, lies between its bounds and grows with the walk index.

Claim: Razin et al. (NeurIPS 2023), Section 4: for a graph network with product aggregation, the
  logarithm of the separation rank across a partition is bounded from above by the walk index of
  the partition, up to constants, for all weights, and for almost all weights from below by the
  walks that start in admissible subsets of the partition's boundary.

Command: python -m experiments jwi_separation

Cost: see `seconds` in the result file; minutes on 2 cores.

Expected: no violation in any case, directed graphs included; a separation rank that grows with the
  walk index.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import jax
import matplotlib.pyplot as plt
import numpy as np
import scipy.stats
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from tqdm.auto import tqdm

import jwi
from experiments.output.record import Record
from jwi.separation import (
    BoundedSeparationRank,
    NetworkShape,
    RankSampling,
    bounded_separation_rank,
    separation_bounds,
)

PREDICTIONS = ("graph", "vertex")
TITLES = {"graph": "prediction over the graph", "vertex": "prediction of a vertex"}


@dataclass(frozen=True)
class Config:
    """Exact separation ranks of random networks on random graphs, between their bounds."""

    num_cases: int = 240
    """Random graphs with a partition and weights each; depths, widths, predictions take turns."""
    num_vertices: int = 6
    depths: tuple[int, ...] = (1, 2, 3)
    widths: tuple[tuple[int, int], ...] = ((2, 2), (3, 2), (2, 3), (3, 3))
    """Pairs of input width and hidden width."""
    largest_log_upper: float = 55.0
    """Cases of a larger upper bound are drawn again: their ranks may not fit in memory."""
    error_probability: float = 1e-9
    """Of the sample, for each case and prime."""
    seed: int = 0


SMOKE = Config(num_cases=12, num_vertices=4, widths=((2, 2),), largest_log_upper=30.0)


class Case(NamedTuple):
    """A network's prediction and a partition of the vertices."""

    graph: Any
    directed: bool
    subset: np.ndarray
    target: int | None
    depth: int
    input_width: int
    hidden_width: int


def run(config: Config, directory: Path) -> dict[str, Any]:
    """Computes rank and bounds of every case.

    Args:
        config: The configuration; the result is a function of it alone.
        directory: Not needed: nothing is resumed.
    """
    del directory
    keys = jax.random.split(jax.random.key(config.seed), config.num_cases)
    rows = []
    for case, key in tqdm(
        zip(cases(config), keys, strict=True),
        total=config.num_cases,
        desc="separation ranks",
        disable=None,
    ):
        sampling = RankSampling(error_probability=config.error_probability)
        found = bounded_separation_rank(key, **_arguments(case), sampling=sampling)
        rows.append(_row(case, found))
    return {"cases": {name: [row[name] for row in rows] for name in rows[0]}}


def cases(config: Config) -> list[Case]:
    """The cases, by turns over depths, predictions, directions and widths; else random."""
    rng = np.random.default_rng(config.seed)
    found: list[Case] = []
    while len(found) < config.num_cases:
        case = _draw(rng, config, len(found))
        bounds = separation_bounds(**_arguments(case))
        # Without a walk across, ranks are trivial: no more than a few of them.
        if bounds.log_upper <= config.largest_log_upper and (
            bounds.walk_index > 0 or rng.random() < 0.1
        ):
            found.append(case)
    return found


def _draw(rng: np.random.Generator, config: Config, turn: int) -> Case:
    """A random graph, as a mask over the complete directed one: all compile once."""
    n = config.num_vertices
    tails, heads = np.nonzero(~np.eye(n, dtype=bool))
    there = rng.random((n, n)) < rng.uniform(0.2, 0.8)
    turn, depth = divmod(turn, len(config.depths))
    turn, prediction = divmod(turn, len(PREDICTIONS))
    turn, width = divmod(turn, len(config.widths))
    directed = turn % 2 == 1
    if not directed:
        there = np.triu(there) | np.triu(there).T
    return Case(
        graph=jwi.with_edge_mask(
            jwi.from_edges(tails, heads, n, undirected=False), there[tails, heads]
        ),
        directed=directed,
        subset=rng.permutation(n) < rng.integers(1, n),
        target=None if PREDICTIONS[prediction] == "graph" else int(rng.integers(n)),
        depth=config.depths[depth],
        input_width=config.widths[width][0],
        hidden_width=config.widths[width][1],
    )


def _arguments(case: Case) -> dict[str, Any]:
    return {
        "graph": case.graph,
        "subset": case.subset,
        "shape": NetworkShape(case.depth, case.input_width, case.hidden_width),
        "target": case.target,
    }


def _row(case: Case, found: BoundedSeparationRank) -> dict[str, Any]:
    """The part of a case that the result file keeps."""
    about = case._asdict()
    graph = about.pop("graph")
    about["subset"] = "".join(map(str, case.subset.astype(int)))
    arcs = int(graph.edges.mask.sum())
    return {
        **about,
        "num_edges": arcs if case.directed else arcs // 2,
        **found._asdict(),
        "within_bounds": found.is_bounded,
    }


def figure(record: Record) -> Figure:
    """Exact log rank of each case between its bounds, against the walk index."""
    figure, axes = plt.subplots(1, 2, figsize=(9.6, 4.4), sharey=True, layout="constrained")
    for axis, prediction in zip(axes, PREDICTIONS, strict=True):
        _draw_cases(axis, _select(record, prediction), record.config["num_cases"])
        axis.set_title(TITLES[prediction], fontsize="medium")
        axis.set_xlabel("walk index of the partition")
        axis.set_yscale("symlog", linthresh=10, linscale=3)
        axis.set_yticks([0, 2, 4, 6, 8, 10, 20, 50], ["0", "2", "4", "6", "8", "10", "20", "50"])
    axes[0].set_ylabel("log of the separation rank")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


def _draw_cases(axis: Axes, cases: dict[str, np.ndarray], num_cases: int) -> None:
    # Cases of one walk index side by side.
    aside = np.random.default_rng(0).uniform(-0.35, 0.35, num_cases)[: len(cases["rank"])]
    x = cases["walk_index"] + aside
    axis.vlines(x, cases["log_multiset"], cases["log_upper"], color="#999999", alpha=0.25)
    for bound, marker, color, label in [
        ("log_upper", "v", "#d55e00", "upper bound"),
        ("log_multiset", "^", "#56b4e9", "lower bound, multisets"),
        ("log_lower", "_", "#0072b2", "lower bound, paper"),
    ]:
        axis.scatter(x, cases[bound], s=12, marker=marker, color=color, alpha=0.6, label=label)
    axis.scatter(x, cases["log_rank"], s=14, color="black", label="exact", zorder=3)


def _select(record: Record, prediction: str, **columns: Any) -> dict[str, np.ndarray]:
    """The columns of the cases of one prediction, with the values given in other columns."""
    cases = {name: np.array(column) for name, column in record.results["cases"].items()}
    chosen = np.array([t is None for t in cases["target"]]) == (prediction == "graph")
    for name, value in columns.items():
        chosen &= cases[name] == value
    return {name: column[chosen] for name, column in cases.items()}


def table(record: Record) -> list[list[str]]:
    """Cases, largest numbers, how often the multiset bound is attained, and violations."""
    heading = ["prediction, layers, edges", "cases", "walk index ≤", "rank ≤", "attained"]
    rows = [[*heading, "violations"]]
    for prediction in PREDICTIONS:
        for depth in record.config["depths"]:
            for directed in (False, True):
                cases = _select(record, prediction, depth=depth, directed=directed)
                if len(cases["rank"]):
                    name = f"{prediction}, {depth}, {'directed' if directed else 'undirected'}"
                    rows.append([name, *map(str, _counts(cases))])
    return rows


def _counts(cases: dict[str, np.ndarray]) -> list[int]:
    return [
        len(cases["rank"]),
        cases["walk_index"].max(),
        cases["rank"].max(),
        int(np.isclose(cases["log_rank"], cases["log_multiset"], rtol=1e-6, atol=1e-6).sum()),
        int((~cases["within_bounds"]).sum()),
    ]


def summary(record: Record) -> str:
    """How many cases violate a bound, how tight the bounds are, and whether ranks grow."""
    cases = [_select(record, prediction) for prediction in PREDICTIONS]
    counts = np.sum([_counts(of_prediction) for of_prediction in cases], axis=0)
    number, _, _, attained, violations = counts
    growth = [scipy.stats.spearmanr(c["walk_index"], c["log_rank"]).statistic for c in cases]
    return (
        f"{violations} of {number} exact separation ranks violate a bound; "
        f"{attained} are equal to the multiset bound. "
        f"Their rank correlation with the walk index is {growth[0]:.2f} for predictions over the "
        f"graph and {growth[1]:.2f} for those of a vertex."
    )
