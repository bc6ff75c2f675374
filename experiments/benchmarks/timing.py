"""Times functions side by side, so that ratios hold when the machine's speed drifts."""

import math
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

TURN_SECONDS = 0.1
"""A turn calls a quick function until so much time has gone: the first calls after another function
find its threads still spinning and the caches full of its arrays."""

MAX_CALLS = 100
"""Of a function in a turn."""


class Timing(NamedTuple):
    """Seconds of one function.

    Attributes:
        first: Of the first call, compilation included.
        seconds: float[repeats], of a call in each turn after it: the median of the turn's calls.
    """

    first: float
    seconds: np.ndarray

    @property
    def median(self) -> float:
        """Median seconds of the turns after the first."""
        return float(np.median(self.seconds))


def compare(
    functions: Mapping[str, Callable[[], Any]],
    *,
    repeats: int = 5,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Timing]:
    """Times functions in turn: A B C, A B C, …, each call until its arrays are computed.

    Args:
        functions: What to time, by name; called without arguments.
        repeats: Rounds after a first one that compiles; in a round, a quick function is called more
            than once.
        clock: Seconds since some moment. `time.process_time` adds up the cores and leaves out the
            time that other programs take.

    Returns:
        A timing for each name.

    Raises:
        ValueError: `repeats` is not positive.
    """
    if repeats < 1:
        raise ValueError(f"repeats={repeats}: pass a positive number")
    first = {name: _seconds(function, clock) for name, function in functions.items()}
    rounds = [
        {name: _turn(function, clock) for name, function in functions.items()}
        for _ in range(repeats)
    ]
    return {name: Timing(first[name], np.array([r[name] for r in rounds])) for name in functions}


def ratio(numerator: Timing, denominator: Timing) -> float:
    """Median over the rounds of the ratio within a round."""
    return float(np.median(numerator.seconds / denominator.seconds))


def _turn(function: Callable[[], Any], clock: Callable[[], float]) -> float:
    first = _seconds(function, clock)
    more = min(math.ceil(TURN_SECONDS / max(first, 1e-6)), MAX_CALLS) - 1
    return float(np.median([first, *(_seconds(function, clock) for _ in range(more))]))


def _seconds(function: Callable[[], Any], clock: Callable[[], float]) -> float:
    start = clock()
    jax.block_until_ready(function())
    return clock() - start
