"""Trains, and saves or resumes a checkpoint; `test_processes.py` starts it in each process."""

import sys
from pathlib import Path

import jax
import numpy as np

from experiments.engine.processes import is_first, join_processes


class StopHere(Exception):
    pass


# Some imports set up the devices, so the processes must have joined before.


def five_runs(folder, stop):
    """Runs over the devices of all processes."""
    from tests.experiments.engine import test_loop

    keys = jax.random.split(jax.random.key(0), 5)
    starts = jax.random.normal(jax.random.key(1), (5, 3))
    return test_loop.train(
        keys, starts, test_loop.regression(), run_axes=(None, None), rows_per_chunk=3,
        stopping=test_loop.EarlyStopping("fit", 40, 1e-6), checkpoints=folder, refresh=stop,
    )  # fmt: skip


def on_a_mesh(folder, stop):
    """One run: examples and hidden units over the devices of all processes."""
    from experiments.engine.loop import Host, fit
    from tests.devices import exact, training

    phase, params, data = training.regression()
    mesh = exact.mesh_of_all()
    start = training.by_columns(params, mesh)
    over = exact.placed(data, exact.OVER_DEVICES, mesh)
    host = Host(rows_per_chunk=1, checkpoints=folder, refresh=stop)
    found = fit(jax.random.key(3), start, phase, over, host=host)
    shards = [len(shard.data) for shard in found.params["down"].addressable_shards]
    assert shards == [16 // jax.device_count()] * 2, shards
    return found


def main(train, folder, out, stop_after):
    from experiments.engine.runs import on_host

    calls = []

    def stop(*arguments):
        calls.append(None)
        if len(calls) == stop_after:
            raise StopHere
        return arguments[-1]

    try:
        fitted = train(folder, stop)
    except StopHere:
        return
    leaves = [on_host(leaf) for leaf in jax.tree.leaves(fitted.params)]
    if is_first():
        params = {f"params{i}": leaf for i, leaf in enumerate(leaves)}
        np.savez(out, chunks=len(calls), **params, **fitted.history)


if __name__ == "__main__":
    join_processes()
    main(globals()[sys.argv[1]], Path(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
