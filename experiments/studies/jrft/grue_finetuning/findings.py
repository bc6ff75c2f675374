"""Numbers that answer the study's questions, from a record alone.

The samples of a plug-in std and of a change must not be the same: a lucky sample raises both. So
there are three groups of samples before finetuning. One gives the std, one the mean that a change
is taken from. The third is a placebo: a change without finetuning, which correlates with the std as
well, since the noise of a mean grows with it.
"""

from typing import Any, NamedTuple

import numpy as np
from scipy import stats

from experiments.output.record import Record

NO_TRAINING = "none"
_RESAMPLES = 2000
_CONSTANT = 1e-9


class Estimate(NamedTuple):
    """A number and its 95 % interval.

    Attributes:
        value: The estimate; NaN where there is none, as for a correlation with a constant.
        low: End of the interval.
        high: End of the interval.
    """

    value: float
    low: float
    high: float

    def text(self, digits: int) -> str:
        """The number and the interval, or a dash."""
        if np.isnan(self.value):
            return "–"
        value, low, high = (f"{number:z.{digits}f}" for number in self)
        return f"{value} ({low} to {high})"


class Inputs(NamedTuple):
    """Inputs of a task under one method, those with all three numbers.

    Attributes:
        std: Sample std (ddof 1) before finetuning, float[n].
        before: Mean reward before, from other samples.
        after: Mean reward after; for `NO_TRAINING` a second mean before.
    """

    std: np.ndarray
    before: np.ndarray
    after: np.ndarray


def inputs(record: Record, task: str, method: str) -> Inputs:
    """The inputs of a task, before and after a method."""
    of_task = record.results["tasks"][task]
    start = {name: np.array(of_task["start"][name], float) for name in ("std", "mean", "again")}
    after = start["again"]
    if method != NO_TRAINING:
        after = np.array(of_task["methods"][method]["after"], float)
    enough = np.isfinite(start["std"]).sum(axis=1) >= 2
    for rewards in (start["mean"], after):
        enough &= np.isfinite(rewards).any(axis=1)
    return Inputs(
        np.nanstd(start["std"][enough], axis=1, ddof=1),
        np.nanmean(start["mean"][enough], axis=1),
        np.nanmean(after[enough], axis=1),
    )


def gain(record: Record, task: str, method: str) -> Estimate:
    """Mean change of reward; the interval is of inputs and samples together."""
    found = inputs(record, task, method)
    return _mean(found.after - found.before)


def beyond_sft(record: Record, task: str, method: str) -> Estimate:
    """Mean reward after RFT minus that after SFT, on the same inputs; NaN without SFT."""
    methods = record.results["tasks"][task]["methods"]
    if "sft" not in methods:
        return Estimate(*[np.nan] * 3)
    after = [
        np.nanmean(np.array(methods[name]["after"], float), axis=1) for name in (method, "sft")
    ]
    difference = after[0] - after[1]
    return _mean(difference[np.isfinite(difference)])


def _mean(values: np.ndarray) -> Estimate:
    mean, half = values.mean(), 1.96 * values.std(ddof=1) / np.sqrt(len(values))
    return Estimate(mean, mean - half, mean + half)


def correlation(record: Record, task: str, method: str, *, absolute: bool = True) -> Estimate:
    """Pearson's correlation of std and change of reward, with a bootstrap interval over inputs.

    Args:
        record: Of the study.
        task: Its name.
        method: Its name, or `NO_TRAINING` for the placebo.
        absolute: Of the absolute change, as in the paper, or of the change.
    """
    found = inputs(record, task, method)
    change = found.after - found.before
    pair = found.std, np.abs(change) if absolute else change
    if min(np.ptp(each) for each in pair) < _CONSTANT:
        return Estimate(*[np.nan] * 3)
    interval = stats.bootstrap(
        pair, _pearson, paired=True, vectorized=False, n_resamples=_RESAMPLES,
        method="percentile", rng=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    return Estimate(_pearson(*pair), interval.low, interval.high)


def tenth_percentile(record: Record, task: str) -> float:
    """Of the stds before finetuning."""
    return float(np.quantile(inputs(record, task, NO_TRAINING).std, 0.1))


def low_and_others(record: Record, task: str, method: str) -> tuple[float, float]:
    """Mean change of the inputs whose std is among the lowest third, and of the others."""
    found = inputs(record, task, method)
    low = found.std <= np.quantile(found.std, 1 / 3)
    change = found.after - found.before
    return float(change[low].mean()), float(change[~low].mean()) if (~low).any() else np.nan


def failures(record: Record) -> tuple[int, str]:
    """How many rewards are missing, and the first message."""
    cells: list[dict[str, Any]] = []
    for of_task in record.results["tasks"].values():
        cells += [of_task["start"], *of_task["methods"].values()]
    count = sum(cell["failures"] for cell in cells)
    return count, next((cell["first_failure"] for cell in cells if cell["failures"]), "")


def _pearson(x: np.ndarray, y: np.ndarray) -> float:
    if min(np.ptp(x), np.ptp(y)) < _CONSTANT:  # a resample may repeat one input
        return 0.0
    return float(np.corrcoef(x, y)[0, 1])
