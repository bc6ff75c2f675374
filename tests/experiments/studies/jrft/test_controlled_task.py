"""The pieces of the controlled experiments against sums in float64."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.data.stsb import ScoredPairs, SentenceSimilarity
from experiments.engine.batches import Batch
from experiments.studies.jrft.controlled_task import losses
from experiments.studies.jrft.controlled_task.evaluation import evaluate
from experiments.studies.jrft.controlled_task.perceptron import MLP
from experiments.studies.jrft.controlled_task.task import (
    IMAGE_SETS,
    Task,
    image_task,
    pair_task,
    with_high_initial_reward,
)
from jrft.tasks.relabeling import changed_labels


@pytest.fixture(scope="module")
def task():
    labels = jnp.arange(30) % 6
    drawn = changed_labels(jax.random.key(0), labels, 6, num_habits=3, share_changed=0.2)
    inputs = jax.random.normal(jax.random.key(1), (30, 5))
    rewards = jax.nn.one_hot(drawn.targets, 6) * 2 - 1
    return Task(inputs, drawn.habits[labels], drawn.targets, drawn.changed, rewards)


@pytest.fixture(scope="module")
def model():
    return MLP((4, 6))


@pytest.fixture(scope="module")
def params(model, task):
    return model.init(jax.random.key(2), task.inputs)


@pytest.fixture(scope="module")
def metrics(task, model, params):
    return jax.jit(partial(evaluate, model, losses.sft))(params, None, task)


def softmax(logits):
    exponentials = np.exp(logits - logits.max())
    return exponentials / exponentials.sum()


def test_evaluate_equals_sums_over_labels(task, model, params, metrics):
    logits = np.asarray(model.apply(params, task.inputs), np.float64)
    every = np.ones(30, bool)
    for split, members in (
        ("changed", task.changed), ("unchanged", ~task.changed), ("total", every)
    ):  # fmt: skip
        rewards, stds = [], []
        for i in np.flatnonzero(members):
            p = softmax(logits[i])
            r = np.where(np.arange(6) == task.targets[i], 1.0, -1.0)
            value = sum(p * r)
            rewards.append(value)
            stds.append(sum(p * (r - value) ** 2) ** 0.5)
        hits = (logits.argmax(1) == np.asarray(task.targets))[np.asarray(members)]
        assert metrics[f"{split}/reward"] == pytest.approx(np.mean(rewards), abs=1e-6)
        assert metrics[f"{split}/reward_std"] == pytest.approx(np.mean(stds), abs=1e-6)
        assert metrics[f"{split}/accuracy"] == pytest.approx(np.mean(hits), abs=1e-6)


def test_blocks_do_not_change_what_is_evaluated(task, model, params, metrics):
    of_blocks = partial(evaluate, model, losses.sft, block_size=8)
    in_blocks = jax.jit(of_blocks)(params, None, task)
    assert metrics.keys() == in_blocks.keys()
    for name, value in metrics.items():
        assert float(in_blocks[name]) == pytest.approx(float(value), rel=1e-5), name


def test_gradient_norms_are_those_of_the_split(task, model, params, metrics):
    """By finite differences along the gradient: its norm is the slope in its own direction."""
    members = np.flatnonzero(task.changed)
    some = jax.tree.map(lambda array: array[members], task)

    def mean(loss, params):
        return jnp.mean(jax.vmap(loss)(model.apply(params, some.inputs), some))

    size = np.sqrt(sum(np.sum(np.square(x)) for x in jax.tree.leaves(params)))
    for loss, name in ((losses.rft, "gradient_norm"), (losses.sft, "loss_gradient_norm")):
        gradient = jax.grad(mean, argnums=1)(loss, params)
        norm = float(metrics[f"changed/{name}"])
        step = jax.tree.map(lambda g, norm=norm: 1e-2 * g / norm, gradient)
        forth = mean(loss, jax.tree.map(jnp.add, params, step))
        back = mean(loss, jax.tree.map(jnp.subtract, params, step))
        assert norm == pytest.approx(float(forth - back) / 2e-2, rel=1e-2)
    ratio = metrics["changed/gradient_norm"] / size
    assert metrics["changed/relative_gradient_norm"] == pytest.approx(float(ratio), rel=1e-5)


def test_losses_are_means_over_the_examples_that_count(task, model, params):
    logits = np.asarray(model.apply(params, task.inputs), np.float64)[:4]
    weights = jnp.array([1.0, 0.0, 1.0, 1.0])
    batch = Batch(jax.tree.map(lambda a: a[:4], task), weights)
    counted = (0, 2, 3)
    p = np.array([softmax(row) for row in logits])
    expected = {
        losses.rft: -np.mean([2 * p[i, task.targets[i]] - 1 for i in counted]),
        losses.sft: -np.mean([np.log(p[i, task.targets[i]]) for i in counted]),
        losses.pretraining: -np.mean(
            [np.mean([np.log(p[i, c]) for c in range(6) if task.habits[i, c]]) for i in counted]
        ),
    }
    for loss, value in expected.items():
        found, _ = losses.batch_loss(loss, model)(None, params, None, batch)
        assert float(found) == pytest.approx(value, rel=1e-5)


def test_high_initial_reward_is_for_wrong_labels_of_changed_inputs(task):
    rewards = np.asarray(with_high_initial_reward(task, 0.5).rewards)
    for i in range(30):
        for label in range(6):
            wrong = 0.5 if task.changed[i] else -1.0
            assert rewards[i, label] == (1.0 if label == task.targets[i] else wrong)


def test_an_image_task_rewards_its_targets():
    task = image_task(IMAGE_SETS["mnist-embedded"](), 100, 5, 0.1, seed=3)
    assert task.inputs.shape == (100, 28, 28)
    assert int(task.changed.sum()) == 10
    np.testing.assert_array_equal(task.rewards.argmax(1), task.targets)
    np.testing.assert_array_equal(task.rewards.sum(1), np.full(100, 1.0 - 9))
    # A changed target is outside the habits, an unchanged one among them.
    among = np.asarray(task.habits)[np.arange(100), np.asarray(task.targets)]
    np.testing.assert_array_equal(among, ~np.asarray(task.changed))


def test_images_are_pooled():
    data = IMAGE_SETS["mnist-embedded"]()
    whole, pooled = (image_task(data, 20, 5, 0.1, seed=3, pooling=side) for side in (1, 2))
    assert pooled.inputs.shape == (20, 14, 14)
    mean = whole.inputs[7, 8:10, 12:14].mean()
    assert float(pooled.inputs[7, 4, 6]) == pytest.approx(float(mean), abs=1e-6)
    with pytest.raises(ValueError, match="pooling=3: pass a divisor of the images' sides, 28 and"):
        image_task(data, 20, 5, 0.1, seed=3, pooling=3)


def test_a_pair_task_is_of_rounded_scores():
    sentences = [f"word{i}" for i in range(60)]
    scores = (np.arange(60) / 10).clip(0, 5).astype(np.float32)
    scored = ScoredPairs([(sentence, sentence) for sentence in sentences], scores)
    data = SentenceSimilarity("made", scored, scored, scored)
    task = pair_task(data, 40, 3, 0.1, seed=0, vocab_size=100, num_tokens=6)
    assert task.inputs.tokens.shape == (40, 6)
    assert task.habits.shape == (40, 6)
    assert int(task.changed.sum()) == 4
    # The pairs are told by their words, whose ids are in alphabetical order.
    rows = np.array(sorted(range(60), key=lambda i: sentences[i]))[task.inputs.tokens[:, 1] - 4]
    assert len(set(rows.tolist())) == 40
    right = np.asarray(task.targets) == np.rint(scores[rows])
    np.testing.assert_array_equal(right, ~np.asarray(task.changed))
    with pytest.raises(ValueError, match="num_pairs=61: pass 1 to 60, the number of training"):
        pair_task(data, 61, 3, 0.1, seed=0, vocab_size=100, num_tokens=6)
