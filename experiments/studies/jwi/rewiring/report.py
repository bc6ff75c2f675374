"""Figure, table and summary of the study of rewiring."""

from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from experiments.output.record import Record
from experiments.studies.jwi.rewiring.methods import METHODS
from experiments.studies.jwi.sparsification_record.compare import interval, test_per_train

_LABELS = {"none": "none, other weights"} | {name: m.label for name, m in METHODS.items()}


class Outcome(NamedTuple):
    """What a method does on a data set, in percentage points of test accuracy over splits.

    Attributes:
        sweep: float[shares, splits], each share's test accuracy minus that of no rewiring.
        chosen: float[splits], likewise for the share, or none, of the best validation accuracy of
            the split; of equal ones, the smallest.
        added: float[splits], the share that is chosen, 0 for none.
        mean: The mean of `chosen`.
        half: Half of its 95 % interval.
    """

    sweep: np.ndarray
    chosen: np.ndarray
    added: np.ndarray
    mean: float
    half: float

    @property
    def verdict(self) -> str:
        """Whether the interval lies above 0, below, or holds it."""
        if abs(self.mean) <= self.half:
            return "no difference"
        return "helps" if self.mean > 0 else "harms"


def outcome(record: Record, dataset: str, method: str) -> Outcome:
    """The outcome of a method, or of `none`: further draws of the weights on the graph as it is."""
    validation, test = (
        {name: 100 * np.array(rows, float) for name, rows in of.items()}
        for of in (record.results[dataset][f"{part}_accuracy"] for part in ("validation", "test"))
    )
    first = slice(0, 1)
    rows = slice(1, None) if method == "none" else slice(None)
    validation_rows = np.concatenate([validation["none"][first], validation[method][rows]])
    sweep = test[method][rows] - test["none"][first]
    best = validation_rows.argmax(axis=0)
    choices = np.concatenate([np.zeros_like(sweep[:1]), sweep])
    chosen = choices[best, np.arange(len(best))]
    mean, half = interval(chosen, test_per_train(record.config))
    return Outcome(sweep, chosen, np.array([0.0, *record.config["added"]])[best], mean, half)


def _names(record: Record) -> list[str]:
    return ["none", *record.config["methods"]]


def figure(record: Record) -> Figure:
    """A panel for each data set: the sweep of each method, and what validation chooses of it.

    A point is a split and a share, darker for more edges. The diamond is the mean of what the
    validation accuracy chooses, with its 95 % interval.
    """
    names, datasets = _names(record), record.config["datasets"]
    drawn, axes = plt.subplots(
        1, len(datasets), figsize=(2.2 + 2.6 * len(datasets), 1 + 0.4 * len(names)),
        sharey=True, squeeze=False, layout="constrained",
    )  # fmt: skip
    for axis, dataset in zip(axes[0], datasets, strict=True):
        for row, name in enumerate(names):
            found = outcome(record, dataset, name)
            shades = plt.get_cmap("Blues")(np.linspace(0.35, 0.9, len(found.sweep)))
            for place, (differences, color) in enumerate(zip(found.sweep, shades, strict=True)):
                height = row - 0.3 + 0.4 * place / max(1, len(found.sweep) - 1)
                axis.plot(differences, np.full(len(differences), height), ".", ms=4, color=color)
            half = found.half if np.isfinite(found.half) else 0.0
            axis.errorbar(
                found.mean, row + 0.28, xerr=half, fmt="D", ms=4, capsize=2, color="#d55e00"
            )
        axis.axvline(0, color="black", linewidth=0.8)
        axis.set_title(dataset, fontsize="medium")
        axis.set_xlabel("points beyond no rewiring", fontsize="small")
    axes[0, 0].set_yticks(range(len(names)), [_LABELS[name] for name in names])
    axes[0, 0].invert_yaxis()
    return drawn


def table(record: Record) -> list[list[str]]:
    """Test accuracy in %: of no rewiring, then differences to it by share, and what is chosen."""
    shares = [f"+{100 * share:g} %" for share in record.config["added"]]
    rows = [["data set", "method", *shares, "chosen ± 95 %", "mean share", "verdict"]]
    for dataset in record.config["datasets"]:
        plain = 100 * np.array(record.results[dataset]["test_accuracy"]["none"][0], float)
        std = plain.std(ddof=1) if len(plain) > 1 else 0.0
        empty = [""] * (len(shares) + 1)
        rows.append([dataset, "no rewiring", *empty[1:], f"{plain.mean():.1f} (std {std:.1f})"])
        rows[-1] += ["", ""]
        for name in _names(record):
            found = outcome(record, dataset, name)
            added = "" if name == "none" else f"{100 * found.added.mean():.1f} %"
            rows.append(
                [
                    dataset, _LABELS[name], *(f"{mean:+.1f}" for mean in found.sweep.mean(axis=1)),
                    f"{found.mean:+.1f} ± {found.half:.1f}", added, found.verdict,
                ]
            )  # fmt: skip
    return rows


def summary(record: Record) -> str:
    """Which methods help or harm where, by intervals; and the methods' means over data sets."""
    datasets, methods = record.config["datasets"], record.config["methods"]
    found = {(d, m): outcome(record, d, m) for d in datasets for m in methods}
    lists = []
    for verdict in ("helps", "harms"):
        named = [f"{_LABELS[m]} on {d}" for (d, m), of in found.items() if of.verdict == verdict]
        lists.append(f"{verdict}: {', '.join(named) if named else 'nothing'}")
    means = [f"{_LABELS[m]} {np.mean([found[d, m].mean for d in datasets]):+.1f}" for m in methods]
    return (
        f"By 95 % intervals of paired differences, of {len(found)} pairs of a data set and a "
        f"method: {'; '.join(lists)}. Mean over data sets of what validation chooses, in points: "
        f"{', '.join(means)}."
    )
