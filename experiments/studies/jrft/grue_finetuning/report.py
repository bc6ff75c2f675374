"""Figure, table and summary."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.output.figures import COLORS
from experiments.output.record import Record
from experiments.studies.jrft.grue.tasks import TASKS
from experiments.studies.jrft.grue_finetuning import findings
from experiments.studies.jrft.grue_finetuning.config import METHODS
from experiments.studies.jrft.grue_finetuning.findings import NO_TRAINING

_COLORS = {
    "sft": COLORS["sft"],
    "grpo": COLORS["rft"],
    "rloo": "#e69f00",
    "ppo": "#cc79a7",
    NO_TRAINING: "#999999",
}
_LABELS = METHODS | {NO_TRAINING: "no finetuning"}


def figure(record: Record) -> Figure:
    """Change of every input's reward against its std, a row a task; below, RFT beside SFT.

    A title's r is that of std and absolute change.
    """
    names, methods = record.config["tasks"], [NO_TRAINING, *record.config["methods"]]
    drawn, axes = plt.subplots(
        len(names) + 1, len(methods) + 1,
        figsize=(2.4 * len(methods) + 3, 2.4 * len(names) + 2.4), layout="constrained",
    )  # fmt: skip
    for row, name in zip(axes[:-1], names, strict=True):
        for axis, method in zip(row, methods, strict=False):
            _scatter(axis, record, name, method)
        row[0].set_ylabel(f"{TASKS[name].title}\nchange of mean reward")
        for axis in row[1:-1]:
            axis.sharey(row[0])
        _training(row[-1], record, name)
    for axis in axes[-2][:-1]:
        axis.set_xlabel("reward std before")
    axes[-2][-1].set_xlabel("update")
    for axis in axes[-1][1:]:
        axis.set_axis_off()
    _beside_sft(axes[-1][0], record)
    return drawn


def _beside_sft(axis: Axes, record: Record) -> None:
    """RFT's reward beyond SFT's against the 10th percentile of std, a point a task."""
    axis.axhline(0, color="#bbbbbb", linewidth=0.8)
    for method in [method for method in record.config["methods"] if method != "sft"]:
        for name in record.config["tasks"]:
            value, low, high = findings.beyond_sft(record, name, method)
            axis.errorbar(
                findings.tenth_percentile(record, name), value, [[value - low], [high - value]],
                fmt="o", markersize=4, color=_COLORS[method],
            )  # fmt: skip
    axis.set(xlabel="10th percentile of std", ylabel="reward of RFT\nminus SFT")


def _scatter(axis: Axes, record: Record, name: str, method: str) -> None:
    found = findings.inputs(record, name, method)
    axis.axhline(0, color="#bbbbbb", linewidth=0.8)
    axis.scatter(found.std, found.after - found.before, s=8, alpha=0.6, color=_COLORS[method])
    value = findings.correlation(record, name, method).value
    r = "" if np.isnan(value) else f", r = {value:.2f}"
    axis.set_title(f"{_LABELS[method]}{r}", fontsize="small")


def _training(axis: Axes, record: Record, name: str) -> None:
    """Mean reward of the samples of updates."""
    for method in record.config["methods"]:
        if method != "sft":
            cell = record.results["tasks"][name]["methods"][method]
            rewards = np.array(cell["history"]["reward"], float)
            axis.plot(cell["steps"], rewards, label=_LABELS[method], color=_COLORS[method])
    axis.set_title("reward of an update's samples", fontsize="small")
    if axis.lines:
        axis.legend(fontsize="x-small")


def table(record: Record) -> list[list[str]]:
    """Rewards, changes and correlations of every task and method."""
    rows = [
        [
            "task", "10th percentile of std", "method", "mean reward before", "change",
            "change, lowest third of std", "others", "beyond SFT", "r(std, |change|)",
            "r(std, change)",
        ]
    ]  # fmt: skip
    for name in record.config["tasks"]:
        for method in (NO_TRAINING, *record.config["methods"]):
            low, others = findings.low_and_others(record, name, method)
            beyond = "–"
            if method not in (NO_TRAINING, "sft"):
                beyond = findings.beyond_sft(record, name, method).text(3)
            rows.append(
                [
                    TASKS[name].title,
                    f"{findings.tenth_percentile(record, name):.3f}",
                    _LABELS[method],
                    f"{findings.inputs(record, name, method).before.mean():.3f}",
                    findings.gain(record, name, method).text(3),
                    f"{low:z.3f}",
                    "–" if np.isnan(others) else f"{others:z.3f}",
                    beyond,
                    findings.correlation(record, name, method).text(2),
                    findings.correlation(record, name, method, absolute=False).text(2),
                ]
            )
    return rows


def summary(record: Record) -> str:
    """Correlations of std and absolute change, and RFT's gain against SFT's."""
    lines = []
    for name in record.config["tasks"]:
        each = ", ".join(
            f"{_LABELS[method]} {findings.correlation(record, name, method).text(2)}"
            for method in (NO_TRAINING, *record.config["methods"])
        )
        gains = ", ".join(
            f"{_LABELS[method]} {findings.gain(record, name, method).text(3)}"
            for method in record.config["methods"]
        )
        tenth = findings.tenth_percentile(record, name)
        reward = record.results["tasks"][name]["start"]["reward"]
        lines.append(
            f"{TASKS[name].title} ({reward}), 10th percentile of std {tenth:.3f}: std and absolute "
            f"change correlate by {each}; gains {gains}."
        )
    count, first = findings.failures(record)
    if count:
        lines.append(f"{count} rewards are missing, as {first}.")
    return " ".join(lines)
