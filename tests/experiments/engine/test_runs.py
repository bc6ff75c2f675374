"""Runs spread over devices, which equal runs on one."""

import os
import subprocess
import sys

import jax
import numpy as np
import pytest
from jax.sharding import Mesh

from experiments.engine.phases import EarlyStopping
from experiments.engine.runs import Spread
from tests.cases.devices import on_devices
from tests.experiments.engine import test_loop

START = """
import jax, jax.numpy as jnp, numpy as np, sys
from pathlib import Path
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from tests.experiments.engine import test_loop as t
keys = jax.random.split(jax.random.key(0), 8)
starts = jax.random.normal(jax.random.key(1), (8, 3))
stop = dict(run_axes=(None, None), stopping=t.EarlyStopping("fit", 10, 1e-3))
def assert_equal(a, b):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), a, b)
"""


# Runs that the caller has placed stay there.
PLACED = """
mesh = jax.make_mesh((4,), ("runs",), axis_types=(AxisType.Auto,))
over_runs = NamedSharding(mesh, PartitionSpec("runs"))
placed = t.train(*jax.device_put((keys, starts), over_runs), t.regression(), **stop)
assert placed.params.sharding.is_equivalent_to(over_runs, 2), placed.params.sharding
assert_equal(placed, t.train(keys, starts, t.regression(), **stop))
second = jax.devices()[1]
on_second = t.train(*jax.device_put((keys, starts), second), t.regression(), **stop)
assert on_second.params.sharding.device_set == {second}
with jax.default_device(second):
    on_second = t.train(keys, starts + 0, t.regression(), **stop)
assert on_second.params.sharding.device_set == {second}
"""

# Arrays without a row for each run are refused.
REFUSED = """
def refused(*arguments, what, **settings):
    try:
        t.train(*arguments, num_steps=5, **settings)
    except ValueError as error:
        assert what in str(error), error
    else:
        raise AssertionError(what)
for rows in (3, 7):
    wrong = jax.random.normal(jax.random.key(1), (rows, 3))
    refused(keys[:5], wrong, t.regression(), run_axes=(None, None),
            what=f"has shape ({rows}, 3): pass a leading axis of 5 runs")
    inputs = t.regression()[0]
    refused(keys[:5], starts[:5], (inputs, jnp.zeros((rows, len(inputs)))), run_axes=(None, 0),
            what=f"has shape ({rows}, 20)")
refused(keys[:0], starts[:0], t.regression(), run_axes=(None, None), what="There are 0 runs")
"""


def test_runs_are_spread_over_devices_and_equal_runs_on_one():
    """Also six and five runs, of which four devices cannot have equally many.

    One process for all programs, since each would import and compile for itself.
    """
    program = """
alone = [t.train(keys[i], starts[i], t.regression(), stopping=stop["stopping"]) for i in range(8)]
for num_runs in (8, 6, 5):
    fitted = t.train(keys[:num_runs], starts[:num_runs], t.regression(), **stop)
    assert not fitted.params.committed
    assert fitted.history["fit"].shape == (len(fitted.log_steps), num_runs)
    for i in range(num_runs):
        reached = len(alone[i].log_steps)
        assert_equal(jax.tree.map(lambda leaf: leaf[i], fitted[:6]), alone[i][:6])
        history = {name: rows[:reached, i] for name, rows in fitted.history.items()}
        assert_equal(history, alone[i].history)

# Data of their own, refreshed on the host, and no more than two at a time.
inputs = t.regression()[0]
own = jax.random.normal(jax.random.key(2), (6, len(inputs)))
seen = []
def refresh(key, step, params, data):
    seen.append((len(key), params.shape, len(jax.tree.leaves(params)[0].sharding.device_set)))
    return data[0], data[1] + 1
def train(**settings):
    data = inputs, np.array(own)
    return t.train(
        keys[:6], starts[:6], data, run_axes=(None, 0), refresh=refresh, num_steps=20,
        rows_per_chunk=2, **settings,
    )
whole = train()
assert set(seen) == {(6, (6, 3), 1)}
assert_equal(train(runs_at_once=2), whole)

# Keys that a run carries.
def split(key, params, model_state, batch):
    model_state, now = jax.random.split(model_state)
    return jax.random.normal(now), model_state, {}
data = jnp.zeros(1)
phase = t.Phase("keys", split, t.OPTIMIZER, num_steps=3)
many = t.fit(keys[:5], jnp.zeros(5), phase, (data,), model_state=keys[:5], run_axes=(None,))
one = t.fit(keys[4], jnp.zeros(()), phase, (data,), model_state=keys[4])
assert many.params[4] == one.params != 0
assert many.model_state[4] == one.model_state
"""
    on_devices(4, START + program + PLACED + REFUSED)


def test_a_run_may_resume_on_other_devices(tmp_path):
    program = """
def interrupt(key, step, params, data):
    if not np.array_equal(params, starts[:5]):
        raise t.StopHere
    return data
stop |= dict(checkpoints=Path(sys.argv[1]), refresh=interrupt)
try:
    t.train(keys[:5], starts[:5], t.regression(), **stop)
except t.StopHere:
    pass
else:
    raise AssertionError
"""
    on_devices(4, START + program, tmp_path / "run")
    assert jax.device_count() == 1
    rows = []
    settings = {
        "run_axes": (None, None),
        "stopping": EarlyStopping("fit", 10, 1e-3),
        "refresh": lambda key, step, params, data: rows.append(params) or data,
    }
    keys = jax.random.split(jax.random.key(0), 8)[:5]
    starts = jax.random.normal(jax.random.key(1), (8, 3))[:5]
    whole = test_loop.train(keys, starts, test_loop.regression(), **settings)
    calls_of_whole = len(rows)
    resumed = test_loop.train(
        keys, starts, test_loop.regression(), checkpoints=tmp_path / "run", **settings
    )
    assert len(rows) < 2 * calls_of_whole  # it did not start again
    test_loop.assert_close(resumed, whole)


@pytest.mark.parametrize(
    ("num_runs", "num_devices", "asked", "expected"),
    [(12, 4, 4, None), (12, 4, 2, 1), (24, 4, 4, 3), (10, 4, 2, 1), (8, 2, 2, 2), (8, 1, 4, 4)],
)
def test_a_device_takes_as_many_runs_at_once_as_it_may(num_runs, num_devices, asked, expected):
    mesh = Mesh(np.array(list(range(num_devices))), ("runs",)) if num_devices > 1 else None
    assert Spread(mesh, num_runs).runs_at_once(asked) == expected


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="needs affinities")
def test_cores_that_the_process_may_not_use_are_no_devices():
    program = """
import os
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from experiments.engine.runs import make_cores_devices
make_cores_devices()
import jax
assert jax.device_count() == 1
"""
    without = {k: v for k, v in os.environ.items() if k not in ("XLA_FLAGS", "JAX_NUM_CPU_DEVICES")}
    subprocess.run([sys.executable, "-c", program], env=without, check=True, timeout=300)
