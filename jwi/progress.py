"""Compiled loops with progress reports, which Ctrl-C stops."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import numpy as np

# Called with the share that is done.
Progress = Callable[[float], None]

# The two entries of a status.
DONE, STOP = 0, 1
# Seconds between two looks at it.
_TICK = 0.1
# Orders of fewer edges take milliseconds.
FEW_EDGES = 500


def run_with_progress(
    kernel: Callable[..., Any],
    arguments: tuple[Any, ...],
    total: int,
    progress: Progress | None = None,
    *,
    quick: bool = False,
) -> Any:
    """Calls a compiled function in a thread of its own, and waits for it.

    Python handles signals only between bytecodes, so Ctrl-C would wait until a compiled call
    returns. The thread that waits here handles them at once. An interrupt, or an error that
    `progress` raises, stops the function.

    Args:
        kernel: Releases Python's lock. After `arguments` it is given a status, int64[2]: it writes
            how much is done to `status[DONE]`, again and again, and soon after `status[STOP]` has
            become 1 it returns, whatever it has.
        arguments: Of the function.
        total: How much there is to do.
        progress: Called by the caller's thread now and then with the share that is done, at the
            end with 1; None for nothing.
        quick: Whether it is too short to be stopped. Then it is called without a thread, which
            saves a tenth of a millisecond, and more on a busy machine.

    Returns:
        The result of the function.

    Example:
        >>> import numba
        >>> @numba.njit(nogil=True)
        ... def count_to(number, status):
        ...     while status[DONE] < number and not status[STOP]:
        ...         status[DONE] += 1
        ...     return status[DONE]
        >>> int(run_with_progress(count_to, (1000,), 1000))
        1000
    """
    status = np.zeros(2, np.int64)
    if quick and progress is None:
        return kernel(*arguments, status)
    with ThreadPoolExecutor(1) as thread:
        result = thread.submit(kernel, *arguments, status)
        try:
            while wait([result], timeout=_TICK).not_done:
                if progress is not None:
                    progress(min(1.0, float(status[DONE] / max(1, total))))
        except BaseException:
            status[STOP] = 1
            raise
    if progress is not None:
        progress(1.0)
    return result.result()
