"""Compiled loops that take long: watched while they run, and stopped by Ctrl-C."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import numpy as np

# Called with the share that is done.
Progress = Callable[[float], None]

# What is where in a watch.
DONE, STOP = 0, 1
# Seconds between two looks at it.
_TICK = 0.1
# Orders of fewer edges take milliseconds.
FEW_EDGES = 500


def run_watched(
    kernel: Callable[..., Any],
    arguments: tuple[Any, ...],
    total: int,
    progress: Progress | None = None,
    *,
    quick: bool = False,
) -> Any:
    """Calls a compiled function in a thread of its own, and waits for it.

    Python sees to signals between its own instructions, and a compiled function is one: Ctrl-C
    would wait for its end. The thread that waits here sees them at once, and any error in it, the
    user's interrupt or one of `progress`, stops the function.

    Args:
        kernel: releases Python's lock. After `arguments` it is given a watch, int64[2]: it writes
            how much is done to `watch[DONE]`, again and again, and soon after `watch[STOP]` has
            become 1 it returns, whatever it has.
        arguments: of the function.
        total: how much there is to do.
        progress: called by the caller's thread now and then with the share that is done, at the
            end with 1; None for nothing.
        quick: whether nobody would stop it. Then it is called as it is, which saves what a thread
            costs: a tenth of a millisecond, and more on a busy machine.

    Returns:
        What the function returns.

    Example:
        >>> import numba
        >>> @numba.njit(nogil=True)
        ... def count_to(number, watch):
        ...     while watch[DONE] < number and not watch[STOP]:
        ...         watch[DONE] += 1
        ...     return watch[DONE]
        >>> int(run_watched(count_to, (1000,), 1000))
        1000
    """
    watch = np.zeros(2, np.int64)
    if quick and progress is None:
        return kernel(*arguments, watch)
    with ThreadPoolExecutor(1) as thread:
        result = thread.submit(kernel, *arguments, watch)
        try:
            while wait([result], timeout=_TICK).not_done:
                if progress is not None:
                    progress(min(1.0, float(watch[DONE] / max(1, total))))
        except BaseException:
            watch[STOP] = 1
            raise
    if progress is not None:
        progress(1.0)
    return result.result()
