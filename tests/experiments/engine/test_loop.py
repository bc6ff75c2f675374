from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jrft
from experiments.engine.batches import Batch, epochs
from experiments.engine.loop import Host, fit, fit_in_turn
from experiments.engine.phases import EarlyStopping, Phase, from_loss, pretraining

# Has a state, and stays where the gradient is zero.
OPTIMIZER = optax.sgd(0.05, momentum=0.5)


def regression(seed=0, num_examples=20):
    inputs = jax.random.normal(jax.random.key(seed), (num_examples, 3))
    return inputs, inputs @ jnp.array([1.0, -2.0, 3.0])


def squared_error(key, params, model_state, data):
    inputs, targets = data
    return jnp.mean((inputs @ params - targets) ** 2), (model_state, {})


def named_error(key, params, model_state, data):
    return squared_error(key, params, model_state, (data["inputs"], data["targets"]))


def evaluate(params, model_state, data):
    return {"fit": -squared_error(None, params, None, data)[0]}


GRADIENT = from_loss(squared_error)


ARGUMENTS = ("model_state", "opt_state", "run_axes")


def train(key, params, data, gradient_fn=GRADIENT, optimizer=OPTIMIZER, **settings):
    """Sorts settings into those of the phase, of the host and of `fit` itself."""
    defaults = {"num_steps": 60, "log_every": 5, "evaluate": evaluate}
    settings = defaults | settings
    host = Host(**{name: settings.pop(name) for name in Host._fields if name in settings})
    given = {name: settings.pop(name) for name in ARGUMENTS if name in settings}
    phase = Phase("training", gradient_fn, optimizer, **settings)
    return fit(key, params, phase, data, host=host, **given)


def by_hand(params, data, num_steps):
    """The loop as one would write it without compiling anything."""
    state = OPTIMIZER.init(params)
    for _ in range(num_steps):
        gradient = jax.grad(lambda p: squared_error(None, p, None, data)[0])(params)
        updates, state = OPTIMIZER.update(gradient, state, params)
        params = optax.apply_updates(params, updates)
    return params


def assert_equal(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


def assert_close(a, b):
    jax.tree.map(partial(np.testing.assert_allclose, rtol=2e-5, atol=1e-6), a, b)


def test_equals_a_plain_python_loop(key):
    data = regression()
    fitted = train(key, jnp.zeros(3), data)
    assert_close(fitted.params, by_hand(jnp.zeros(3), data, 60))
    assert fitted.log_steps.tolist() == list(range(0, 65, 5))
    for row, step in ((0, 0), (3, 15), (-1, 60)):
        params = by_hand(jnp.zeros(3), data, step)
        loss, gradient = jax.value_and_grad(lambda p: squared_error(None, p, None, data)[0])(params)
        assert fitted.history["loss"][row] == pytest.approx(float(loss), rel=1e-4)
        assert fitted.history["fit"][row] == pytest.approx(-float(loss), rel=1e-4)
        norm = float(jnp.linalg.norm(gradient))
        assert fitted.history["gradient_norm"][row] == pytest.approx(norm, rel=1e-3)


@pytest.mark.parametrize("rows_per_chunk", [4, 100])
def test_chunks_do_not_change_the_numbers(key, rows_per_chunk):
    data = regression()
    assert_equal(
        train(key, jnp.zeros(3), data, rows_per_chunk=rows_per_chunk),
        train(key, jnp.zeros(3), data),
    )


@pytest.mark.parametrize("runs_at_once", [None, 1, 4])
def test_many_runs_equal_single_runs_and_stop_one_by_one(runs_at_once):
    data = regression()
    keys = jax.random.split(jax.random.key(0), 4)
    # From far, near, and the solution itself: they stop at different steps.
    starts = jnp.array([[9.0, 9.0, 9.0], [1.1, -2.1, 3.1], [1.0, -2.0, 3.0], [5.0, 0.0, 0.0]])
    settings = {"stopping": EarlyStopping("fit", 15, 1e-3), "num_steps": 200}
    together = train(
        keys, starts, data, run_axes=(None, None), runs_at_once=runs_at_once, **settings
    )
    assert len(set(together.last_step.tolist())) >= 3
    assert int(together.last_step[2]) == 15  # nothing to gain: the patience and no more
    for run in range(4):
        alone = train(keys[run], starts[run], data, **settings)
        assert int(together.last_step[run]) == int(alone.last_step)
        assert int(together.best_step[run]) == int(alone.best_step)
        assert_close(together.params[run], alone.params)
        assert_close(together.best_params[run], alone.best_params)
        rows = len(alone.log_steps)
        assert_close(together.history["fit"][:rows, run], alone.history["fit"])
        assert np.isnan(together.history["fit"][rows:, run]).all()


def test_each_run_has_its_own_data_or_shares_it():
    inputs, targets = regression()
    keys = jax.random.split(jax.random.key(0), 4)
    own = jnp.stack([targets * scale for scale in range(4)])
    for runs_at_once in (1, 4):
        fitted = train(
            keys, jnp.zeros((4, 3)), (inputs, own),
            num_steps=200, run_axes=(None, 0), runs_at_once=runs_at_once,
        )  # fmt: skip
        expected = np.outer(np.arange(4), [1.0, -2.0, 3.0])
        np.testing.assert_allclose(fitted.params, expected, atol=1e-2)
    named = {"inputs": inputs, "targets": own}
    axes = {"inputs": None, "targets": 0}
    phase = Phase("by name", from_loss(named_error), OPTIMIZER, num_steps=200)
    host = Host(runs_at_once=2)
    by_name = fit(keys, jnp.zeros((4, 3)), phase, named, run_axes=axes, host=host)
    assert_close(by_name.params, fitted.params)
    with pytest.raises(ValueError, match=r"run_axes=\(None, 1\): pass 0 or None for every entry"):
        train(keys, jnp.zeros((4, 3)), (inputs, own), run_axes=(None, 1))
    with pytest.raises(ValueError, match="runs_at_once=3: pass a divisor of the number of runs, 4"):
        train(keys, jnp.zeros((4, 3)), (inputs, own), run_axes=(None, 0), runs_at_once=3)


def test_best_parameters_are_those_of_the_best_logged_value(key):
    data = regression()
    stopping = EarlyStopping("fit", 1000, 0.0)
    climbs = optax.sgd(-0.01)  # so the start is the best
    fitted = train(
        key, jnp.ones(3), data, optimizer=climbs, num_steps=20, log_every=1, stopping=stopping
    )
    assert int(fitted.best_step) == 0
    assert_equal(fitted.best_params, jnp.ones(3))
    assert int(fitted.last_step) == 20


class StopHere(Exception):
    pass


def test_a_resumed_run_equals_an_uninterrupted_one(key, tmp_path):
    data = regression()
    settings = {"rows_per_chunk": 3, "stopping": EarlyStopping("fit", 40, 1e-6)}
    whole = train(key, jnp.zeros(3), data, **settings)
    calls = []

    def interrupt(key, step, params, data):
        calls.append(None)
        if len(calls) == 4:
            raise StopHere
        return data

    path = tmp_path / "run"
    with pytest.raises(StopHere):
        train(key, jnp.zeros(3), data, checkpoints=path, refresh=interrupt, **settings)
    calls.clear()

    def count(key, step, params, data):
        calls.append(None)
        return data

    resumed = train(key, jnp.zeros(3), data, checkpoints=path, refresh=count, **settings)
    assert 0 < len(calls) < 5  # it did not start again
    assert_equal(resumed, whole)
    calls.clear()
    assert_equal(train(key, jnp.zeros(3), data, checkpoints=path, refresh=count, **settings), whole)
    assert not calls  # a finished run is read, not run


def test_a_run_may_resume_in_other_chunks(key, tmp_path):
    data = regression()

    def interrupt(key, step, params, data):
        if not np.array_equal(params, jnp.zeros(3)):
            raise StopHere
        return data

    settings = {"checkpoints": tmp_path / "run", "num_steps": 60}
    with pytest.raises(StopHere):
        train(key, jnp.zeros(3), data, rows_per_chunk=4, refresh=interrupt, **settings)
    resumed = train(key, jnp.zeros(3), data, rows_per_chunk=3, **settings)
    assert_equal(resumed, train(key, jnp.zeros(3), data))


@pytest.mark.parametrize("name", ["exact", "reinforce"])
def test_policies_are_trained_by_estimators(name):
    """The other kind of gradient function: one that no loss gives."""
    policy = jrft.tabular_policy(vocab_size=3, length=2)

    def reward(prompt, completion):
        return jnp.all(completion == 2).astype(float)

    def ascend(key, params, model_state, prompt):
        if name == "exact":
            gradient = jrft.exact_policy_gradient(policy, params, prompt, reward)
        else:
            gradient, _ = jrft.reinforce_gradient(
                key, policy, params, prompt, reward, num_samples=64
            )
        value = jrft.exact_value(policy, params, prompt, reward)
        return jax.tree.map(jnp.negative, gradient), model_state, {"value": value}

    phase = Phase("ascent", ascend, optax.adam(0.1), num_steps=60, log_every=20)
    fitted = fit(jax.random.key(0), jnp.zeros((4, 3)), phase, jnp.zeros(0, int))
    value = fitted.history["value"]
    assert value[0] == pytest.approx(1 / 9, abs=1e-6)
    assert value[-1] > 0.9


def test_another_runs_checkpoint_is_refused(key, tmp_path):
    train(key, jnp.zeros(3), regression(), checkpoints=tmp_path / "run")
    wider = jax.random.normal(key, (20, 4)), jnp.zeros(20)
    with pytest.raises(ValueError, match=r"is another run's .*: delete the directory or pass"):
        train(key, jnp.zeros(4), wider, checkpoints=tmp_path / "run")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"num_steps": 120, "log_every": 10}, r"num_steps was 60 and is 120\)"),
        ({"log_every": 4, "num_steps": 48}, "num_steps was 60 and is 48|other shapes"),
        ({"key": jax.random.key(9)}, r"key was \[.*\] and is \[0, 9\]"),
    ],
)
def test_a_checkpoint_of_the_same_shapes_is_refused(key, tmp_path, changed, message):
    given = {"key": key, "params": jnp.zeros(3), "data": regression()}
    train(**given, checkpoints=tmp_path / "run")
    with pytest.raises(ValueError, match=message):
        train(**(given | changed), checkpoints=tmp_path / "run")


def test_a_checkpoint_of_other_names_is_refused(key, tmp_path):
    def loss(key, params, model_state, data):
        return sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(params)), (model_state, {})

    def run(a, b):
        params = {"a": jnp.ones(a), "b": jnp.ones(b)}
        phase = Phase("two steps", from_loss(loss), OPTIMIZER, num_steps=2, log_every=1)
        return fit(key, params, phase, None, host=Host(tmp_path / "run"))

    assert_equal(run(2, 3), run(2, 3))
    with pytest.raises(ValueError, match="its arrays have other shapes or names"):
        run(3, 2)


def test_resumed_runs_are_not_committed_to_a_device(key, tmp_path):
    for _ in range(2):
        fitted = train(key, jnp.zeros(3), regression(), checkpoints=tmp_path / "run")
        assert not fitted.params.committed
    here = jax.device_put(jnp.zeros(3), jax.devices()[0])
    for _ in range(2):
        fitted = train(key, here, regression(), checkpoints=tmp_path / "committed")
        assert fitted.params.committed


def test_chunks_of_no_rows_are_refused(key):
    for rows in (0, -1):
        with pytest.raises(ValueError, match=f"rows_per_chunk={rows}: pass a positive number"):
            train(key, jnp.zeros(3), regression(), rows_per_chunk=rows)


def test_one_trace_for_all_chunks_and_all_data(key):
    traced = chex.assert_max_traces(squared_error, 2)  # for the shapes of what it logs, and to run
    gradient_fn = from_loss(traced)
    for seed in range(3):
        phase = Phase(f"seed {seed}", gradient_fn, OPTIMIZER, num_steps=50, log_every=5)
        fit(key, jnp.zeros(3), phase, regression(seed), host=Host(rows_per_chunk=4))


def test_model_state_and_keys_reach_every_step(key):
    def noisy(key, params, model_state, batch):
        noise = jax.random.normal(key)
        return jnp.ones(()), model_state + 1, {"noise": noise}

    phase = Phase("noise", noisy, optax.sgd(1.0), num_steps=7, log_every=1)
    fitted = fit(key, jnp.zeros(()), phase, None, model_state=jnp.int32(0))
    assert int(fitted.model_state) == 7
    assert float(fitted.params) == -7
    assert len(set(fitted.history["noise"].tolist())) == 8


def test_refresh_gives_each_chunk_its_data(key):
    def move_towards(key, params, model_state, target):
        return params - target, model_state, {}

    phase = Phase("moving", move_towards, optax.sgd(1.0), num_steps=4, log_every=1)
    steps = []
    host = Host(
        rows_per_chunk=1, refresh=lambda key, step, params, data: steps.append(step) or params + 1
    )
    fitted = fit(key, jnp.float32(0), phase, jnp.float32(0), host=host)
    assert float(fitted.params) == 4
    assert steps == [0, 1, 2, 3, 4]


def test_checkpoints_are_as_many_chunks_apart_as_asked(key, tmp_path):
    reached = []

    def interrupt(key, step, params, data):
        if step == stop_at:
            raise StopHere
        reached.append(step)
        return data

    settings = {"rows_per_chunk": 1, "chunks_per_checkpoint": 3, "refresh": interrupt}
    settings |= {"num_steps": 40, "checkpoints": tmp_path / "run"}
    for stop_at, first in ((20, 0), (35, 15), (None, 30)):
        reached.clear()
        if stop_at is None:
            resumed = train(key, jnp.zeros(3), regression(), **settings)
        else:
            with pytest.raises(StopHere):
                train(key, jnp.zeros(3), regression(), **settings)
        assert reached[0] == first
    assert_equal(resumed, train(key, jnp.zeros(3), regression(), num_steps=40))
    reached.clear()
    train(key, jnp.zeros(3), regression(), **settings)
    assert not reached  # the end is saved, though it is no third chunk
    with pytest.raises(ValueError, match="chunks_per_checkpoint=0: pass a positive number"):
        train(key, jnp.zeros(3), regression(), chunks_per_checkpoint=0)


def test_without_log_every_the_start_and_the_end_are_logged(key):
    fitted = train(key, jnp.zeros(3), regression(), num_steps=12, log_every=None)
    assert fitted.log_steps.tolist() == [0, 12]
    assert_close(fitted.params, by_hand(jnp.zeros(3), regression(), 12))
    untrained = train(key, jnp.ones(3), regression(), num_steps=0, log_every=None)
    assert untrained.log_steps.tolist() == [0]
    assert_equal(untrained.params, jnp.ones(3))


def test_phases_in_turn_start_where_the_last_one_ended(key):
    data, start = regression(), jnp.zeros(3)
    phases = [Phase(str(steps), GRADIENT, OPTIMIZER, steps) for steps in (5, 0, 7)]
    reached = fit_in_turn(key, start, phases, data)
    first = by_hand(start, data, 5)
    for params, expected in zip(
        reached, (start, first, first, by_hand(first, data, 7)), strict=True
    ):
        assert_close(params, expected)


def test_each_run_may_have_its_own_learning_rate():
    optimizer = optax.inject_hyperparams(optax.adam)(learning_rate=0.0)
    keys, rates = jax.random.split(jax.random.key(0), 3), jnp.array([0.0, 0.01, 0.1])
    starts = jnp.ones((3, 3))
    states = jax.vmap(optimizer.init)(starts)
    states = states._replace(hyperparams=states.hyperparams | {"learning_rate": rates})
    together = train(
        keys, starts, regression(), optimizer=optimizer, opt_state=states, run_axes=(None, None)
    )
    assert_equal(together.params[0], starts[0])
    for run in (1, 2):
        adam = optax.adam(float(rates[run]))
        alone = train(keys[run], starts[run], regression(), optimizer=adam)
        assert_close(together.params[run], alone.params)


def test_pretraining_is_adam_logged_at_the_ends(key):
    phase = pretraining(GRADIENT, 0.1, 30, evaluate=evaluate)
    fitted = fit(key, jnp.zeros(3), phase, regression())
    by_adam = train(key, jnp.zeros(3), regression(), optimizer=optax.adam(0.1), num_steps=30)
    assert_close(fitted.params, by_adam.params)
    assert list(fitted.history["fit"]) == [by_adam.history["fit"][0], by_adam.history["fit"][-1]]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_steps": 7, "log_every": 5}, "num_steps=7 and log_every=5: pass a multiple of"),
        ({"num_steps": -5}, "num_steps=-5 and log_every=5: pass a multiple"),
        ({"log_every": 0}, "log_every=0: pass a multiple of a positive log_every"),
        ({"stopping": EarlyStopping("loss_", 3)}, r"stopping.metric='loss_': pass a metric"),
        ({"stopping": EarlyStopping("loss", 3)}, r"that evaluate returns, \['fit'\]"),
    ],
)
def test_bad_input(key, settings, message):
    with pytest.raises(ValueError, match=message):
        train(key, jnp.zeros(3), regression(), **settings)


def test_an_epoch_visits_every_example_once(key):
    batch_fn, steps = epochs(8, 20)
    assert steps == 3
    for epoch in range(2):
        seen = []
        for step in range(steps):
            batch = batch_fn(key, jnp.int32(epoch * steps + step), jnp.arange(20))
            assert isinstance(batch, Batch)
            assert batch.data.shape == (8,)
            seen += batch.data[batch.weights == 1].tolist()
        assert sorted(seen) == list(range(20))
        assert seen != list(range(20))


def test_a_batch_larger_than_the_data_is_the_data(key):
    batch_fn, steps = epochs(50, 20)
    batch = batch_fn(key, jnp.int32(0), jnp.arange(20))
    assert steps == 1
    assert sorted(batch.data.tolist()) == list(range(20))


def test_batches_refuse_sizes_that_are_not_positive():
    with pytest.raises(ValueError, match="batch_size=0 and num_examples=3: pass positive sizes"):
        epochs(0, 3)
