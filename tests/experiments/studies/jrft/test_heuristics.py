import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jrft
from experiments.output.record import make_record
from experiments.studies.jrft.controlled_task.sequences import Completions, shift_task
from experiments.studies.jrft.heuristics import study
from experiments.studies.jrft.heuristics.finetuning import (
    ADAM,
    Settings,
    adam_states,
    grid,
    heuristic_gradient,
)
from experiments.studies.jrft.heuristics.report import TASKS


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return study.run(study.SMOKE, tmp_path_factory.mktemp("smoke"))


@pytest.mark.parametrize("task", TASKS)
def test_the_smoke_run_starts_from_one_checkpoint(results, task):
    found = results[task]
    for quantity in ("changed/reward", "unchanged/reward"):
        start, first = found["rft"][quantity][0], found["sft"][quantity][0]
        np.testing.assert_allclose(start, np.broadcast_to(first[:1], start.shape), rtol=1e-5)
    # Small std at the start; RFT learns what has a large one.
    assert (found["rft"]["changed/reward_std"][0] < 0.2).all()
    assert (found["rft"]["unchanged/reward"][-1, 0] > 0.5).all()
    assert (found["rft"]["changed/reward"][-1, 0] < -0.9).all()


def test_what_people_see(results):
    record = make_record("jrft_heuristics", study.SMOKE, results, 1.0)
    assert len(study.table(record)) == 1 + 2 * 7
    assert "4 products" in study.summary(record)
    assert len(study.figure(record).axes) == 6


def test_the_first_of_the_grid_is_the_default():
    settings = grid(study.Config())
    assert settings.learning_rate.shape == (4 * 4 * 3,)
    np.testing.assert_allclose([float(values[0]) for values in settings], [1e-3, 1, 0])
    assert len({tuple(map(float, row)) for row in np.stack(settings, axis=1)}) == 48


def test_the_gradient_is_that_of_reward_plus_entropy_of_the_tempered_policy():
    """Against sums over completions whose probabilities are multiplied token by token."""
    task = shift_task(3, 2, 2, 1, graded=True)
    policy = jrft.tabular_policy(3, 2)
    params = policy.init(jax.random.key(0))
    settings = Settings(jnp.float32(0.1), jnp.float32(2.0), jnp.float32(0.3))

    def loss(params):
        first = jax.nn.softmax(params[0] / 2.0)
        second = jax.nn.softmax(params[1:] / 2.0, axis=1)
        probs = (first[:, None] * second).reshape(-1)
        entropy = -jnp.sum(probs * jnp.log(probs))
        return -jnp.mean(task.rewards @ probs) - 0.3 * entropy

    gradient_fn = heuristic_gradient(Completions(policy))
    gradient, _, info = gradient_fn(jax.random.key(0), params, None, (task, settings))
    np.testing.assert_allclose(gradient, jax.grad(loss)(params), atol=1e-6)
    assert float(info["loss"]) == pytest.approx(float(loss(params)), rel=1e-5)


def test_adam_by_own_rate_is_adam():
    rates = jnp.array([0.1, 0.01])
    params = {"w": jnp.array([[1.0, -2.0], [1.0, -2.0]])}
    gradient = {"w": jnp.array([0.3, -0.1])}
    states = adam_states(params, rates)
    for run, rate in enumerate(rates):
        own, state = jax.tree.map(lambda leaf: leaf[run], (params, states))  # noqa: B023
        plain = optax.adam(float(rate))
        expected_state = plain.init(own)
        for _ in range(2):
            updates, state = ADAM.update(gradient, state, own)
            expected, expected_state = plain.update(gradient, expected_state, own)
            np.testing.assert_allclose(updates["w"], expected["w"], rtol=1e-5)
