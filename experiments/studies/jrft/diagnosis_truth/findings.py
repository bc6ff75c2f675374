"""Numbers that answer the study's questions, from a record alone."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import scipy.stats

from experiments.output.record import Record
from jrft.diagnosis.verdict.classes import PromptClass

RANKINGS = ("exact std", "diagnosis", "observed std", "zero-std share")
CALLS = tuple(
    label.value
    for label in (
        PromptClass.LEARNABLE,
        PromptClass.TOO_HARD,
        PromptClass.TOO_EASY,
        PromptClass.FLAT,
    )
)


def precision(record: Record, reward: str, call: str, sizes: Iterable[str]) -> float:
    """Of the prompts of all policies that are called so, the share that rightly are; or NaN."""
    right, called = calls_of(record, reward, call, sizes)
    return right.sum() / called.sum() if called.sum() else float("nan")


def precision_interval(
    record: Record, reward: str, call: str, sizes: Iterable[str]
) -> tuple[float, float]:
    """95 % interval of `precision`, by the bootstrap over repetitions; or NaN.

    Calls of one repetition are right or wrong together, so repetitions are resampled.
    """
    right, called = calls_of(record, reward, call, sizes)
    if np.count_nonzero(called) < 2:
        return float("nan"), float("nan")

    def share(right: np.ndarray, called: np.ndarray, axis: int) -> np.ndarray:
        return right.sum(axis) / np.maximum(called.sum(axis), np.finfo(float).tiny)

    found = scipy.stats.bootstrap(
        (right, called), share, paired=True, method="percentile", n_resamples=2000, rng=0
    )
    return found.confidence_interval


def calls_of(
    record: Record, reward: str, call: str, sizes: Iterable[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Right calls and calls of each repetition, float[repetitions], in prompts of one setting."""
    cells = [one["groups"][size] for one in settings_with(record, reward) for size in sizes]
    return tuple(np.sum([cell[share][call] for cell in cells], 0) for share in ("right", "called"))


def share_called(record: Record, reward: str, size: str) -> float:
    """Share of the prompts that are called anything, mean over the settings of a reward."""
    return float(
        np.mean([total(one["groups"][size], "called") for one in settings_with(record, reward)])
    )


def total(cell: dict[str, Any], share: str) -> float:
    """Mean over repetitions, all calls together."""
    return float(np.sum([np.mean(each) for each in cell[share].values()]))


def settings_with(record: Record, reward: str) -> list[dict[str, Any]]:
    """The results of the settings with one kind of reward."""
    return [one for name, one in record.results.items() if name.endswith(reward)]


def mean_correlation(record: Record, ranking: str, size: str) -> float:
    """Mean over the settings in which it is defined."""
    values = [one["groups"][size]["rank_correlation"][ranking] for one in record.results.values()]
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else float("nan")
