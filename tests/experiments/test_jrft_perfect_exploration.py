from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments import jrft_perfect_exploration as study
from experiments.batches import Batch
from experiments.record import make_record
from jrft.environments import changed_labels


@pytest.fixture
def task():
    labels = jnp.arange(30) % 6
    drawn = changed_labels(jax.random.key(0), labels, 6, num_habits=3, share_changed=0.2)
    inputs = jax.random.normal(jax.random.key(1), (30, 5))
    return study.Task(inputs, drawn.habits[labels], drawn.targets, drawn.changed)


@pytest.fixture
def model():
    return study.MLP((4, 6))


def softmax(logits):
    exponentials = np.exp(logits - logits.max())
    return exponentials / exponentials.sum()


def test_evaluate_equals_sums_over_labels(task, model):
    params = model.init(jax.random.key(2), task.inputs)
    metrics = study.evaluate(model, params, None, task)
    logits = np.asarray(model.apply(params, task.inputs), np.float64)
    for split, members in (("changed", task.changed), ("unchanged", ~task.changed)):
        rewards, stds = [], []
        for i in np.flatnonzero(members):
            p = softmax(logits[i])
            r = np.where(np.arange(6) == task.targets[i], 1.0, -1.0)
            value = sum(p * r)
            rewards.append(value)
            stds.append(sum(p * (r - value) ** 2) ** 0.5)
        assert metrics[f"{split}/reward"] == pytest.approx(np.mean(rewards), abs=1e-6)
        assert metrics[f"{split}/reward_std"] == pytest.approx(np.mean(stds), abs=1e-6)


def test_losses_are_means_over_the_examples_that_count(task, model):
    params = model.init(jax.random.key(2), task.inputs)
    logits = np.asarray(model.apply(params, task.inputs), np.float64)[:4]
    weights = jnp.array([1.0, 0.0, 1.0, 1.0])
    batch = Batch(jax.tree.map(lambda a: a[:4], task), weights)
    counted = (0, 2, 3)
    p = np.array([softmax(row) for row in logits])
    expected = {
        study._rft_loss: -np.mean([2 * p[i, task.targets[i]] - 1 for i in counted]),
        study._sft_loss: -np.mean([np.log(p[i, task.targets[i]]) for i in counted]),
        study._pretraining_loss: -np.mean(
            [np.mean([np.log(p[i, c]) for c in range(6) if task.habits[i, c]]) for i in counted]
        ),
    }
    for loss_fn, value in expected.items():
        loss, _ = loss_fn(model, None, params, None, batch)
        assert float(loss) == pytest.approx(value, rel=1e-5)


def test_the_smoke_run_shows_what_the_study_shows(tmp_path):
    results = study.run(study.SMOKE, tmp_path)
    rft, sft = results["rft"], results["sft"]
    # The same checkpoint; large std on unchanged inputs, small on changed ones.
    for name in rft:
        np.testing.assert_array_equal(rft[name][0], sft[name][0])
    assert (rft["unchanged/reward_std"][0] > 0.6).all()
    assert (rft["changed/reward_std"][0] < 0.1).all()
    assert (rft["unchanged/reward"][-1] > 0.9).all()
    # RFT is behind SFT where the std was small.
    assert (sft["changed/reward"][-1] > rft["changed/reward"][-1] + 0.5).all()
    record = make_record("jrft_perfect_exploration", study.SMOKE, results, 1.0)
    assert len(study.table(record)) == 7
    assert "SFT reaches" in study.summary(record)
    study.figure(record)


def test_a_run_is_a_function_of_its_configuration(tmp_path):
    config = replace(study.SMOKE, pretrain_epochs=2, finetune_epochs=50)
    first = study.run(config, tmp_path / "a")
    again = study.run(config, tmp_path / "b")
    jax.tree.map(np.testing.assert_array_equal, first, again)
