"""What predicts how strongly a graph network makes vertices interact: walks, or distances?

Claim: Razin et al. (NeurIPS 2023), Theorem 1, bound the interaction across a partition by its walk
  index. Work on over-squashing explains weak interactions by effective resistance, commute time
  and distance (Di Giovanni et al., 2023, arXiv 2306.03589, who measure them by mixed second
  derivatives). This study compares them on the same networks: GCNs of depth 3, with initial and
  with trained weights, on small graphs of six families.

Command: python -m experiments jwi_over_squashing

Cost: see `seconds` in the result file; minutes on 2 cores.

Expected: on pairs the walk index is as good as the distance, and says most that the others do not.
  On partitions the mean resistance across is better. The walk index takes all walks alike, and a
  GCN does not, so walks weighed as the GCN weighs them stand beside it.
"""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from experiments.output.record import Record
from experiments.studies.jwi.over_squashing.config import SMOKE, Config
from experiments.studies.jwi.over_squashing.correlations import (
    partial_rank_correlations,
    rank_correlations,
)
from experiments.studies.jwi.over_squashing.graphs import (
    Properties,
    connected_graphs,
    halves,
    of_pairs,
    of_partitions,
    off_diagonal,
)
from experiments.studies.jwi.over_squashing.networks import Networks, data_of

__all__ = ["SMOKE", "Config", "figure", "run", "summary", "table"]

SUBJECTS = {
    "pairs": "pairs: norm of the Jacobian",
    "partitions": "partitions: mixed second derivative",
}
WEIGHTS = ("initial", "trained")
# Within a graph, commute times are resistances times a constant: one of them is enough.
LABELS = {
    "walk_index": "walk index", "resistance": "resistance, commute time", "distance": "distance",
    "cut": "edges across",
}  # fmt: skip


def run(config: Config, directory: Path) -> dict[str, Any]:
    """Trains the networks, and correlates their interactions with properties of the graphs.

    Args:
        config: The configuration; the result is a function of it alone.
        directory: Where checkpoints go; an interrupted run continues from there.
    """
    adjacency = connected_graphs(config.num_graphs, config.num_vertices, config.seed)
    rng = np.random.default_rng(config.seed)
    inside = [halves(one, config.num_partitions, rng) for one in adjacency]
    pairs = [of_pairs(one, config.depth) for one in adjacency]
    partitions = [
        of_partitions(one, sets, config.depth) for one, sets in zip(adjacency, inside, strict=True)
    ]
    strengths, losses = {}, {}
    for subject, prediction in (("pairs", "vertex"), ("partitions", "graph")):
        networks = Networks(config, prediction)
        data = data_of(adjacency, prediction, config.seed)
        initial = networks.initial(data)
        trained, losses[subject] = networks.trained(initial, data, directory)
        strengths[subject] = {
            weights: networks.interactions(params, data)
            for weights, params in zip(WEIGHTS, (initial, trained), strict=True)
        }
    return {
        "pairs": {
            weights: _correlations(pairs, [off_diagonal(one) for one in of])
            for weights, of in strengths["pairs"].items()
        },
        "partitions": {
            weights: _correlations(
                partitions,
                [across(sets, one) for sets, one in zip(inside, of, strict=True)],
            )
            for weights, of in strengths["partitions"].items()
        },
        "loss": losses,
    }


def across(inside: np.ndarray, strengths: np.ndarray) -> np.ndarray:
    """Norm of the second derivatives in a feature within and one outside, for bool[K, n]."""
    squares = strengths.astype(float) ** 2
    return np.sqrt(np.einsum("kt,tv,kv->k", inside, squares, ~inside))


def _correlations(properties: list[Properties], strengths: list[np.ndarray]) -> dict[str, Any]:
    """Within each graph float[graphs, P], and over the pairs or partitions of all graphs."""
    within = [np.stack([getattr(of, name) for name in LABELS]) for of in properties]
    joint = rank_correlations(
        np.concatenate([np.stack(of) for of in properties], axis=1), np.concatenate(strengths)
    )
    matched = list(zip(within, strengths, strict=True))
    return {
        "within": np.array([rank_correlations(*one) for one in matched]),
        "weighted": np.array(
            [
                rank_correlations(of.weighted_walk_index[None], own)
                for of, own in zip(properties, strengths, strict=True)
            ]
        ),
        "partial": np.array([partial_rank_correlations(*one) for one in matched]),
        "joint": dict(zip(Properties._fields, joint, strict=True)),
    }


def figure(record: Record) -> Figure:
    """Bars of rank correlations: all of it, and what is left with the others held fixed."""
    drawn, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True, layout="constrained")
    positions = np.arange(len(LABELS))
    for axis, (subject, title) in zip(axes, SUBJECTS.items(), strict=True):
        for i, (weights, color) in enumerate(zip(WEIGHTS, ("#56b4e9", "#0072b2"), strict=True)):
            for j, (kind, hatch) in enumerate((("within", ""), ("partial", "////"))):
                mean, half = _mean_and_half(record, subject, weights, kind)
                axis.bar(
                    positions + 0.2 * (2 * i + j - 1.5), mean, 0.18, yerr=half, color=color,
                    hatch=hatch, edgecolor="white", ecolor="#444444",
                    label=weights + (", others fixed" if hatch else " weights"),
                )  # fmt: skip
        axis.axhline(0, color="black", linewidth=0.8)
        axis.set_xticks(positions, [label.replace(", ", ",\n") for label in LABELS.values()])
        axis.set_title(title, fontsize="medium")
    axes[0].set_ylabel("rank correlation within a graph")
    axes[1].legend(fontsize="small")
    return drawn


def table(record: Record) -> list[list[str]]:
    """Rank correlations, mean over graphs ± half of the 95 % interval."""
    rows = [["interaction", "weights", "correlation", *LABELS.values(), "weighed walks"]]
    for subject, title in SUBJECTS.items():
        for weights in WEIGHTS:
            for kind, label in (("within", "all"), ("partial", "others fixed")):
                mean, half = _mean_and_half(record, subject, weights, kind)
                if kind == "within":
                    own_mean, own_half = _mean_and_half(record, subject, weights, "weighted")
                    mean, half = np.append(mean, own_mean), np.append(half, own_half)
                cells = [f"{m:.2f} ± {h:.2f}" for m, h in zip(mean, half, strict=True)]
                rows.append([title, weights, label, *cells, ""][: len(rows[0])])
    return rows


def summary(record: Record) -> str:
    """The walk index beside the best of the others."""
    sentences = []
    for subject, title in SUBJECTS.items():
        for weights in WEIGHTS:
            (mean, half), (rest, _) = (
                _mean_and_half(record, subject, weights, kind) for kind in ("within", "partial")
            )
            other = 1 + int(np.nanargmax(np.abs(mean[1:])))
            sentences.append(
                f"{title}, {weights} weights: walk index {mean[0]:.2f} ± {half[0]:.2f} "
                f"({rest[0]:.2f} with the others fixed), {list(LABELS.values())[other]} "
                f"{mean[other]:.2f} ({rest[other]:.2f}), walks weighed as the GCN weighs them "
                f"{_mean_and_half(record, subject, weights, 'weighted')[0][0]:.2f}"
            )
    return "Rank correlations. " + ". ".join(sentences) + "."


def _mean_and_half(
    record: Record, subject: str, weights: str, kind: str
) -> tuple[np.ndarray, np.ndarray]:
    """Mean over the graphs that have the correlation, and half of its 95 % interval."""
    values = np.array(record.results[subject][weights][kind], float)
    count = np.isfinite(values).sum(axis=0)
    return np.nanmean(values, axis=0), 1.96 * np.nanstd(values, axis=0, ddof=1) / np.sqrt(count)
