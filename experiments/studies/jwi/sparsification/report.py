"""Figure, table and summary of the sparsification study, beside the paper's numbers."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from experiments.output.figures import mean_and_band
from experiments.output.record import Record
from experiments.output.tables import mean_and_std, standard_error
from experiments.studies.jwi.sparsification.orders import LABELS, line_of

# Test accuracy of a GCN in % by share of removed edges, read off the paper's figures (± 0.3).
PAPER: dict[str, dict[str, dict[float, float]]] = {
    "cora": {
        "random": {0.3: 83.8, 0.5: 80.5, 0.7: 77.2, 0.9: 72.0},
        "spectral": {0.3: 85.4, 0.5: 82.5, 0.7: 76.5, 0.9: 72.1},
        "ugs": {0.3: 84.3, 0.5: 81.3, 0.7: 78.7, 0.9: 73.4},
        "two-walk-index": {0.3: 86.6, 0.5: 84.6, 0.7: 81.4, 0.9: 75.6},
        "one-walk-index": {0.3: 86.9, 0.5: 84.8, 0.7: 81.8, 0.9: 77.3},
    },
    "dblp": {
        "random": {0.3: 83.2, 0.5: 82.1, 0.7: 80.0, 0.9: 77.1},
        "spectral": {0.3: 85.2, 0.5: 84.5, 0.7: 82.0, 0.9: 77.7},
        "ugs": {0.3: 83.9, 0.5: 82.9, 0.7: 81.1, 0.9: 78.1},
        "one-walk-index": {0.3: 85.3, 0.5: 85.5, 0.7: 84.1, 0.9: 80.2},
    },
}


def figure(record: Record) -> Figure:
    """Test accuracy against the share of removed edges, mean and sample std over seeds.

    Where the paper's figure shows the same network and data set, its numbers are crosses.
    """
    figure, axis = plt.subplots(figsize=(6.2, 4.2), layout="constrained")
    removed = 100 * np.array(record.config["removed"])
    for method in record.config["methods"]:
        runs = np.array(record.results["test_accuracy"][method])
        line = line_of(method)
        mean_and_band(axis, removed, runs, line.label, line.color, line.style)
        paper = _paper(record).get(method, {})
        axis.plot(
            [100 * r for r in paper],
            [accuracy / 100 for accuracy in paper.values()],
            "x",
            color=line.color,
        )
    axis.set_xlabel("edges removed (%)" + ("; crosses: the paper's" if _paper(record) else ""))
    axis.set_ylabel("test accuracy")
    axis.set_title(f"{_network(record)} on {record.config['dataset']}", fontsize="medium")
    axis.legend()
    return figure


def table(record: Record) -> list[list[str]]:
    """Test accuracy in %, mean ± sample std over seeds, (the paper's,) and 1-WIS − random."""
    runs = _runs(record)
    paper = _paper(record)
    rows = [["edges removed", *(LABELS[m] for m in runs)]]
    compared = {"one-walk-index", "random"} <= runs.keys()
    if compared:
        rows[0].append("1-WIS − random")
    for i, removed in enumerate(record.config["removed"]):
        cells = [
            mean_and_std(values[:, i], 1)
            + (f" ({paper[m][removed]:.1f})" if removed in paper.get(m, {}) else "")
            for m, values in runs.items()
        ]
        if compared:
            cells.append(mean_and_std((runs["one-walk-index"] - runs["random"])[:, i], 1))
        rows.append([f"{100 * removed:.0f} %", *cells])
    return rows


def summary(record: Record) -> str:
    """The figure's numbers of 1-WIS beside each other method."""
    runs = _runs(record)
    if "one-walk-index" not in runs:
        return f"{', '.join(LABELS[m] for m in runs)}: see the table."
    removed = 100 * np.array(record.config["removed"])
    ours = runs.pop("one-walk-index")
    sentences = []
    if "random" in runs:
        difference = ours - runs["random"]
        mean, error = difference.mean(axis=0), standard_error(difference)
        best = int(mean.argmax())
        sentences.append(
            f"With {removed[best]:.0f} % of the edges of {record.config['dataset']} removed, a "
            f"{_network(record)} keeps {ours[:, best].mean():.1f} % test accuracy if 1-WIS chose "
            f"them and {runs['random'][:, best].mean():.1f} % if chance did "
            f"(difference {mean[best]:.1f} ± {error[best]:.1f}, standard error over "
            f"{len(difference)} seeds)."
        )
    for method, values in runs.items():
        difference = ours - values
        mean, error = difference.mean(axis=0), standard_error(difference)
        ahead, behind = removed[mean > 2 * error], removed[mean < -2 * error]
        sentences.append(
            f"It is ahead of {LABELS[method]} by more than two standard errors at "
            f"{_percent_list(ahead)} removed, and behind by as much at {_percent_list(behind)}."
        )
    return " ".join(sentences)


def _runs(record: Record) -> dict[str, np.ndarray]:
    """Test accuracy in %, float[seeds, ratios], by method."""
    accuracy = record.results["test_accuracy"]
    return {m: 100 * np.array(accuracy[m]) for m in record.config["methods"]}


def _paper(record: Record) -> dict[str, dict[float, float]]:
    return PAPER.get(record.config["dataset"], {}) if record.config["network"] == "gcn" else {}


def _network(record: Record) -> str:
    names = {"gcn": "GCN", "gin": "GIN", "resgcn": "ResGCN"}
    return names[record.config["network"]]


def _percent_list(values: np.ndarray) -> str:
    return ", ".join(f"{value:.0f}" for value in values) + " %" if len(values) else "no share"
