"""Comparisons of methods over splits: paired intervals, who is best, ranks, and what predicts."""

from typing import Any

import numpy as np
import scipy.stats

from experiments.output.record import Record


def accuracies(record: Record, dataset: str, network: str) -> dict[str, np.ndarray]:
    """Test accuracy in %, float[ratios, splits], by method."""
    measured = record.results[dataset][network]["test_accuracy"]
    return {m: 100 * np.array(measured[m]) for m in record.config["methods"]}


def interval(differences: np.ndarray, test_per_train: float) -> tuple[float, float]:
    """Mean and half width of the 95 % interval of differences float[J] over random splits.

    Training sets of random splits overlap, so that their results are no independent sample. The
    variance of the mean is s² (1/J + n_test / n_train) here, not s² / J.

    Args:
        differences: A difference a split.
        test_per_train: n_test / n_train.

    References:
        Nadeau, Bengio, 2003, Inference for the generalization error.

    Example:
        >>> mean, half = interval(np.array([1.0, 2.0, 3.0]), 1 / 3)
        >>> round(mean, 2), round(half, 2)
        (2.0, 3.51)
    """
    count = len(differences)
    if count < 2:
        return float(differences.mean()), float("inf")
    spread = differences.std(ddof=1) * np.sqrt(1 / count + test_per_train)
    return float(differences.mean()), float(scipy.stats.t.ppf(0.975, count - 1) * spread)


def test_per_train(config: dict[str, Any]) -> float:
    """n_test / n_train of a configuration."""
    train, validation = config["train_share"], config["validation_share"]
    return (1 - train - validation) / train


def near_best(runs: np.ndarray) -> np.ndarray:
    """bool[M]: which rows of float[M, splits] are the best, or within one standard error of it.

    The standard error is that of the paired difference to the row of the highest mean.

    Example:
        >>> near_best(np.array([[1.0, 3.0], [1.0, 2.0], [0.0, 0.0]])).tolist()
        [True, True, False]
    """
    gaps = runs[runs.mean(axis=1).argmax()] - runs
    if runs.shape[1] < 2:
        return gaps[:, 0] == 0
    return gaps.mean(axis=1) <= gaps.std(axis=1, ddof=1) / np.sqrt(runs.shape[1])


def mean_ranks(record: Record, network: str) -> dict[str, np.ndarray]:
    """By method, float[ratios]: the mean over graphs of its rank by mean accuracy, 1 the best."""
    ranks = []
    for dataset in record.config["datasets"]:
        means = np.array([a.mean(axis=1) for a in accuracies(record, dataset, network).values()])
        ranks.append(scipy.stats.rankdata(-means, axis=0))
    return dict(zip(record.config["methods"], np.mean(ranks, axis=0), strict=True))


def verdicts(record: Record, network: str, method: str, other: str) -> list[tuple[int, int, int]]:
    """(wins, ties, losses) over the graphs, at each ratio, by the intervals of the differences."""
    counts = np.zeros((len(record.config["removed"]), 3), int)
    share = test_per_train(record.config)
    for dataset in record.config["datasets"]:
        runs = accuracies(record, dataset, network)
        for row, differences in enumerate(runs[method] - runs[other]):
            mean, half = interval(differences, share)
            counts[row, 0 if mean > half else 2 if mean < -half else 1] += 1
    return [tuple(row) for row in counts.tolist()]


def correlations(record: Record, dataset: str, network: str, row: int) -> dict[str, float]:
    """Spearman's correlation over methods of each measure of structure with the mean accuracy.

    Args:
        record: A record of this study.
        dataset: The graph.
        network: The network.
        row: Which ratio.
    """
    cells = record.results[dataset][network]
    methods = record.config["methods"]
    accuracy = [np.mean(cells["test_accuracy"][m][row]) for m in methods]
    found = {}
    for name, values in cells.items():
        if not name.endswith("accuracy"):
            at_row = [values[m][row] for m in methods]
            differ = np.ptp(at_row) > 0 and np.ptp(accuracy) > 0
            found[name] = (
                float(scipy.stats.spearmanr(at_row, accuracy).statistic) if differ else float("nan")
            )
    return found
