"""Means, stds and shares of a task, from a record alone."""

from typing import Any

import numpy as np

from experiments.output.record import Record

_Z = 1.96


def moments(record: Record, task: str) -> tuple[np.ndarray, np.ndarray]:
    """Mean and std (ddof 1) of each input's rewards; inputs with fewer than two are left out."""
    rewards = np.array(record.results["tasks"][task]["rewards"], float)
    enough = np.isfinite(rewards).sum(axis=1) >= 2
    return np.nanmean(rewards[enough], axis=1), np.nanstd(rewards[enough], axis=1, ddof=1)


def shares(record: Record, task: str) -> dict[str, tuple[float, float]]:
    """Shares of inputs of low std, and of low std and mean; with the half-width of 95 %.

    `plug-in` takes a sampled std for the true one. `calibrated` is the mean of the diagnosis'
    probabilities that the true std is low; its half-width is that of inputs alone.
    """
    config, found = record.config, record.results["tasks"][task]
    mean, std = moments(record, task)
    low = std < config["low_std"]
    both = low & (mean < config["low_mean"])
    probability = np.array(found["prob_low_std"], float)
    low_mean = np.array(found["posterior_mean"], float) < config["low_mean"]
    return {
        "plug-in, low std": _binary_share(low),
        "plug-in, low std and mean": _binary_share(both),
        "calibrated, low std": _mean_share(probability),
        "calibrated, low std and mean": _mean_share(probability * low_mean),
    }


def summary_of(record: Record, task: str) -> dict[str, Any]:
    """Mean reward, mean std and 10th percentile of the std."""
    mean, std = moments(record, task)
    return {"mean": mean.mean(), "std": std.mean(), "tenth": np.quantile(std, 0.1)}


def _binary_share(values: np.ndarray) -> tuple[float, float]:
    """With half of Wilson's interval, which is not empty at 0 and 1."""
    p, n, z = values.mean(), len(values), _Z
    half = z * np.sqrt(p * (1 - p) / n + (z / (2 * n)) ** 2) / (1 + z**2 / n)
    return float(p), float(half)


def _mean_share(values: np.ndarray) -> tuple[float, float]:
    return float(values.mean()), float(_Z * values.std() / np.sqrt(len(values)))
