"""Figure, table and summary of the table of record."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.output.record import Record
from experiments.studies.jwi.sparsification.orders import LABELS
from experiments.studies.jwi.sparsification_record.compare import (
    accuracies,
    correlations,
    interval,
    mean_ranks,
    near_best,
    test_per_train,
    verdicts,
)

_DARKEST = 10.0  # points behind the best


def figure(record: Record) -> Figure:
    """A panel for each network and graph: how many points each order is behind the best one.

    A star marks the best order and all within one standard error of it.
    """
    config = record.config
    panels = [(d, n) for n in config["networks"] for d in config["datasets"]]
    columns = min(len(panels), 4)
    rows = -(-len(panels) // columns)
    height = 0.9 + 0.2 * len(config["methods"])
    figure, axes = plt.subplots(
        rows, columns, figsize=(1.5 + 2.6 * columns, height * rows), squeeze=False,
        sharey=True, layout="constrained",
    )  # fmt: skip
    for axis, (dataset, network) in zip(axes.flat, panels, strict=False):
        _panel(axis, record, dataset, network)
    for axis in list(axes.flat)[len(panels) :]:
        axis.set_visible(False)
    return figure


def _panel(axis: Axes, record: Record, dataset: str, network: str) -> None:
    config = record.config
    runs = np.array(list(accuracies(record, dataset, network).values()))
    behind = runs.mean(axis=2).max(axis=0) - runs.mean(axis=2)
    axis.imshow(behind, cmap="Blues", vmin=0, vmax=_DARKEST, aspect="auto")
    for column in range(behind.shape[1]):
        for row, near in enumerate(near_best(runs[:, column])):
            text = f"{behind[row, column]:.1f}{'*' if near else ''}"
            dark = behind[row, column] > 0.6 * _DARKEST
            axis.text(
                column, row, text, ha="center", va="center", fontsize=7,
                color="white" if dark else "black", weight="bold" if near else "normal",
            )  # fmt: skip
    axis.set_xticks(range(behind.shape[1]), [f"{100 * r:.0f}" for r in config["removed"]])
    axis.set_yticks(range(behind.shape[0]), [LABELS[m] for m in config["methods"]])
    axis.grid(visible=False)
    axis.set_title(f"{dataset}, {network.upper()}", fontsize="medium")
    axis.set_xlabel("edges removed (%)", fontsize="small")


def table(record: Record) -> list[list[str]]:
    """Mean test accuracy in % a graph, network and ratio; a star as in the figure. Ranks below."""
    config = record.config
    methods = config["methods"]
    rows = [["graph", "network", "removed", *(LABELS[m] for m in methods)]]
    for network in config["networks"]:
        for dataset in config["datasets"]:
            runs = np.array(list(accuracies(record, dataset, network).values()))
            for i, removed in enumerate(config["removed"]):
                stars = near_best(runs[:, i])
                cells = [
                    f"{mean:.1f}{'*' if star else ''}"
                    for mean, star in zip(runs[:, i].mean(axis=1), stars, strict=True)
                ]
                rows.append([dataset, network, f"{100 * removed:.0f} %", *cells])
    for network in config["networks"]:
        ranks = mean_ranks(record, network)
        for i, removed in enumerate(config["removed"]):
            cells = [f"{ranks[m][i]:.1f}" for m in methods]
            rows.append(["mean rank", network, f"{100 * removed:.0f} %", *cells])
        if "one-walk-index" in methods:
            counts = [verdicts(record, network, m, "one-walk-index") for m in methods]
            for i, removed in enumerate(config["removed"]):
                cells = ["/".join(map(str, counted[i])) for counted in counts]
                rows.append(["against 1-WIS", network, f"{100 * removed:.0f} %", *cells])
    return rows


def summary(record: Record) -> str:
    """Which orders are near the best in the most cells, and what predicts accuracy there."""
    config = record.config
    cells = [
        (dataset, network, i)
        for dataset in config["datasets"]
        for network in config["networks"]
        for i in range(len(config["removed"]))
    ]
    near = np.array(
        [
            near_best(np.array([a[i] for a in accuracies(record, d, n).values()]))
            for d, n, i in cells
        ]
    ).sum(axis=0)
    leaders = [
        f"{LABELS[config['methods'][m]]} {near[m]}" for m in np.argsort(-near, kind="stable")[:5]
    ]
    return (
        f"Best, or within one standard error of it, in {len(cells)} cells of a graph, a network "
        f"and a ratio: {', '.join(leaders)}. {_prediction(record)}{_differences(record)}"
    )


def _prediction(record: Record) -> str:
    """What predicts accuracy over the orders, where the most edges are gone."""
    config = record.config
    row = int(np.argmax(config["removed"]))
    found = [
        correlations(record, dataset, network, row)
        for dataset in config["datasets"]
        for network in config["networks"]
    ]
    means = {
        name: float(np.nanmean([c[name] for c in found]))
        for name in found[0]
        if not np.isnan([c[name] for c in found]).all()
    }
    strongest = sorted(means, key=lambda name: -abs(means[name]))
    listed = ", ".join(f"{name.replace('_', ' ')} {means[name]:+.2f}" for name in strongest)
    return (
        f"Mean rank correlation with accuracy over the orders at "
        f"{100 * config['removed'][row]:.0f} % removed: {listed}."
    )


def _differences(record: Record) -> str:
    """1-WIS against random removal, the widest difference."""
    methods = record.config["methods"]
    if not {"one-walk-index", "random"} <= set(methods):
        return ""
    share = test_per_train(record.config)
    best = (-np.inf, 0.0, "", 0.0)
    for dataset in record.config["datasets"]:
        for network in record.config["networks"]:
            runs = accuracies(record, dataset, network)
            for removed, differences in zip(
                record.config["removed"], runs["one-walk-index"] - runs["random"], strict=True
            ):
                best = max(best, (*interval(differences, share), f"{dataset}, {network}", removed))
    mean, half, place, removed = best
    return (
        f" 1-WIS is farthest ahead of random removal on {place}, {100 * removed:.0f} % removed: "
        f"{mean:.1f} ± {half:.1f} points (95 % interval over splits)."
    )
