"""Times functions side by side, so that ratios hold when the machine's speed drifts."""

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np


class Timing(NamedTuple):
    """Seconds of one function.

    Attributes:
        first: Of the first call, compilation included.
        seconds: float[repeats], of the calls after it.
    """

    first: float
    seconds: np.ndarray

    @property
    def median(self) -> float:
        """Median seconds of the calls after the first."""
        return float(np.median(self.seconds))


def compare(functions: Mapping[str, Callable[[], Any]], *, repeats: int = 5) -> dict[str, Timing]:
    """Times functions in turn: A B C, A B C, …, each until its arrays are computed.

    Args:
        functions: What to time, by name; called without arguments.
        repeats: Rounds after a first one that compiles.

    Returns:
        A timing for each name.

    Raises:
        ValueError: ``repeats`` is not positive.
    """
    if repeats < 1:
        raise ValueError(f"repeats={repeats} must be positive.")
    first = {name: _seconds(function) for name, function in functions.items()}
    rounds = [
        {name: _seconds(function) for name, function in functions.items()} for _ in range(repeats)
    ]
    return {name: Timing(first[name], np.array([r[name] for r in rounds])) for name in functions}


def ratio(numerator: Timing, denominator: Timing) -> float:
    """Median over the rounds of the ratio within a round."""
    return float(np.median(numerator.seconds / denominator.seconds))


def _seconds(function: Callable[[], Any]) -> float:
    start = time.perf_counter()
    jax.block_until_ready(function())
    return time.perf_counter() - start
