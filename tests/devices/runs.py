"""Trains five runs, and saves or resumes their checkpoint; `test_processes.py` starts it."""

import sys
from pathlib import Path

import jax
import numpy as np

from experiments.engine.processes import is_first, join_processes


class StopHere(Exception):
    pass


def main(folder, out, stop_after):
    # Some of its imports set up the devices, so the processes must have joined.
    from tests.experiments.engine import test_loop

    keys = jax.random.split(jax.random.key(0), 5)
    starts = jax.random.normal(jax.random.key(1), (5, 3))
    calls = []

    def stop(key, params, data):
        calls.append(None)
        if len(calls) == stop_after:
            raise StopHere
        return data

    try:
        fitted = test_loop.train(
            keys, starts, test_loop.regression(), run_axes=(None, None), rows_per_chunk=3,
            stopping=test_loop.EarlyStopping("fit", 40, 1e-6), checkpoints=folder, refresh=stop,
        )  # fmt: skip
    except StopHere:
        return
    if is_first():
        np.savez(out, params=fitted.params, chunks=len(calls), **fitted.history)


if __name__ == "__main__":
    join_processes()
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
