"""Figure, table and summary of the study of same-class pairs, beside the paper's numbers."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from experiments.output.figures import mean_and_band
from experiments.output.record import Record
from experiments.output.tables import mean_and_std, standard_error
from experiments.studies.jwi.same_class.config import NETWORKS, PARTITIONS, SPLITS

# Table 1, accuracy in %: mean and std over five runs.
PAPER = {
    "train": {
        "gcn": {"low": (70.4, 1.7), "high": (81.4, 2.0)},
        "gat": {"low": (82.8, 2.6), "high": (88.5, 1.1)},
        "gin": {"low": (83.2, 0.8), "high": (94.2, 0.8)},
    },
    "test": {
        "gcn": {"low": (52.7, 1.9), "high": (66.2, 1.1)},
        "gat": {"low": (69.6, 0.6), "high": (72.1, 1.2)},
        "gin": {"low": (53.7, 1.8), "high": (64.8, 1.4)},
    },
}

_COLORS = {"low": "#56b4e9", "high": "#000000"}


def curves(record: Record, network: str, partition: str, split: str) -> np.ndarray:
    """Accuracy in %, float[T, seeds]; a run that has stopped keeps its last."""
    rows = 100 * np.array(record.results["accuracy"][network][partition][split], float)
    last = np.isfinite(rows).sum(axis=0) - 1
    reached = np.minimum(np.arange(len(rows))[:, None], last)
    return np.take_along_axis(rows, reached, axis=0)


def figure(record: Record) -> Figure:
    """Accuracy over epochs, train above test, with the paper's result as a line."""
    networks = _networks(record)
    figure, axes = plt.subplots(
        2,
        len(networks),
        figsize=(0.9 + 3.2 * len(networks), 5.6),
        sharex=True,
        sharey="row",
        squeeze=False,
        layout="constrained",
    )
    for row, split in zip(axes, SPLITS, strict=True):
        for axis, network in zip(row, networks, strict=True):
            for partition in PARTITIONS:
                runs = curves(record, network, partition, split)
                label = f"{partition}: {record.results['walk_index'][partition]}"
                color = _COLORS[partition]
                mean_and_band(axis, record.results["epochs"][: len(runs)], runs.T, label, color)
                axis.axhline(PAPER[split][network][partition][0], color=color, linestyle=":")
            axis.set_title(f"{network.upper()}, {split}", fontsize="medium")
        row[0].set_ylabel(f"{split} accuracy (%)")
    for axis in axes[-1]:
        axis.set_xlabel("epoch")
    axes[0, 0].legend(title="walk index (dotted: paper)", fontsize="small")
    return figure


def table(record: Record) -> list[list[str]]:
    """Accuracy in % at the last epoch, mean ± sample std over seeds, beside the paper's."""
    rows = [["network", "walk index", *(f"{s}{of}" for s in SPLITS for of in ("", ", paper"))]]
    for network in _networks(record):
        for partition in PARTITIONS:
            cells = []
            for split in SPLITS:
                mean, std = PAPER[split][network][partition]
                last = curves(record, network, partition, split)[-1]
                cells += [mean_and_std(last, 1), f"{mean:.1f} ± {std:.1f}"]
            walk_index = record.results["walk_index"][partition]
            rows.append([network.upper(), f"{partition}, {walk_index}", *cells])
        cells = []
        for split in SPLITS:
            low, high = (PAPER[split][network][partition][0] for partition in PARTITIONS)
            differences = _differences(record, network, split)
            cells += [mean_and_std(differences, 1), f"{high - low:.1f}"]
        rows.append([network.upper(), "high − low", *cells])
    return rows


def summary(record: Record) -> str:
    """Where high walk index is ahead of low and where not, from the record's numbers."""
    ahead: list[str] = []
    other: list[str] = []
    for network in _networks(record):
        for split in SPLITS:
            differences = _differences(record, network, split)
            mean, error = differences.mean(), standard_error(differences)
            group = ahead if mean > 2 * error else other
            group.append(f"{network.upper()} {split} {mean:+z.1f} ± {error:.1f}")
    text = (
        "Accuracy with high walk index minus accuracy with low, mean ± standard error over "
        f"{record.config['num_seeds']} seeds, is above two standard errors: "
        f"{', '.join(ahead) or 'nowhere'}; is not: {', '.join(other) or 'nowhere'}."
    )
    changed = record.results["deviations"]
    return f"{text} Other than in the paper: {', '.join(changed)}." if changed else text


def _networks(record: Record) -> list[str]:
    """The networks of a record, in the paper's order."""
    return [network for network in NETWORKS if network in record.results["accuracy"]]


def _differences(record: Record, network: str, split: str) -> np.ndarray:
    """High minus low at the last epoch, float[seeds]: a pair has the same initial weights."""
    low, high = (curves(record, network, partition, split)[-1] for partition in PARTITIONS)
    return high - low
