from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jrft
from experiments.output.record import Record, make_record
from experiments.studies.jrft.controlled_task.sequences import Completions, shift_task
from experiments.studies.jrft.sft_first import study
from experiments.studies.jrft.sft_first.comparisons import rankings
from experiments.studies.jrft.sft_first.findings import (
    at_matched_reward,
    falls,
    scores,
    smallest,
    winners,
)
from experiments.studies.jrft.sft_first.sft_then_rft import Labeled, SftThenRft


@pytest.fixture(scope="module")
def record(tmp_path_factory):
    results = study.run(study.SMOKE, tmp_path_factory.mktemp("smoke"))
    return make_record("jrft_sft_first", study.SMOKE, results, 1.0)


def test_the_smoke_run_shows_what_the_study_shows(record):
    results = record.results
    assert results["rankings"] == ["random", "low std", "std gain", "relative std gain"]
    # Pretraining leaves hardly any std, SFT on all labels brings much.
    after = np.array(results["at_hand_over"]["std"])[0, -1, -1].mean()
    assert after > 0.3 > 3 * np.mean(results["pretrained"]["std"])
    # RFT after it ends higher than RFT alone, on changed inputs.
    full = np.array(results["at_end"]["reward"])[0, -1, -1].mean()
    assert full > np.mean(results["plain_rft"]["reward"]) + 0.3
    # With all labels, the order does not matter.
    ends = np.array(results["at_end"]["reward"])[:, -1]
    np.testing.assert_allclose(ends, np.broadcast_to(ends[:1], ends.shape), atol=0.02)
    for row in results["matched"]:
        assert row["reward_at_hand_over"] >= row["asked"] or row["steps"] == 20


def test_what_people_see(record):
    assert len(study.table(record)) == 1 + 4 + 1
    assert "Intervening: right labels to reward" in study.summary(record)
    assert len(study.figure(record).axes) == 4 + 2


def made_up(before, after):
    """A record of one ranking with one number of labels: inputs by steps, float[n, inputs]."""
    grid = {
        "rankings": ["random"],
        "at_hand_over": {name: np.array(rows)[None, None] for name, rows in before.items()},
        "at_end": {name: np.array(rows)[None, None] for name, rows in after.items()},
    }
    return Record("made up", {"num_labelled": [4], "sft_steps": [1, 2]}, grid, {})


def test_scores_and_the_smallest_that_reaches_them():
    after = {"reward": [[0.0, 0.8], [1.0, 1.0]]}
    record = made_up({}, after)
    np.testing.assert_allclose(scores(record)["random"], [[0.7, 1.0]])
    assert smallest(record, "random") == (4, 2, 1.0)
    assert smallest(record, "random", 0.65) == (4, 1, pytest.approx(0.7))
    assert smallest(record, "random", 1.5) is None


def test_gains_at_matched_reward_and_falls():
    std = np.tile(np.linspace(0, 1, 20), (2, 1))
    before = {"reward": np.full((2, 20), 0.1), "std": std, "target_prob": np.ones((2, 20))}
    after = {"reward": std - 0.45, "target_prob": np.full((2, 20), 0.5)}
    record = made_up(before, after)
    (row,) = at_matched_reward(record)
    assert (row["low"], row["inputs"]) == (0, 40)
    assert row["correlation"] == pytest.approx(1)
    assert row["gain_of_larger_std"] - row["gain_of_smaller_std"] == pytest.approx(10 / 19)
    # 20 of 40 inputs have a std of 0.5 or more; the two of 10/19 lose by RFT.
    assert falls(record) == (20, 1.0, 0.1)


def test_winners():
    def row(std, end):
        return {"std_at_hand_over": std, "reward_at_end": end}

    matched = [row(0.5, 0.9), row(0.4, 0.1), row(0.3, 0.9), row(0.4, 0.1), row(0.3, 0), row(0.4, 0)]
    # Right labels win twice, the larger std once, the last pair is a draw.
    assert winners(Record("made up", {}, {"matched": matched}, {})) == (3, 1, 2)


def test_rankings_are_orders():
    config = study.SMOKE
    task = shift_task(3, 2, 2, 1, graded=True)
    policy = jrft.transformer(3, 2, max_prompt=3, width=8, depth=1, heads=2)
    params = policy.init(jax.random.key(0))
    found = dict(rankings(config, policy, params, task, 0))
    for order in found.values():
        np.testing.assert_array_equal(np.sort(order), np.arange(27))
    of_one = partial(jrft.exact_reward_std, policy, params)
    stds = np.asarray(jax.jit(jax.vmap(of_one))(task.inputs, task.rewards))
    assert (np.diff(stds[found["low std"]]) >= -1e-6).all()


def test_labels_of_weight_zero_teach_nothing(tmp_path):
    """A tabular policy shares its parameters among prompts, so that only one label can show."""
    task = shift_task(2, 1, 1, 2, graded=True)
    model = Completions(jrft.tabular_policy(2, 1))
    start = jnp.array([[1.0, 0.0]])
    finetuning = SftThenRft(model, task, start, 0.1, tmp_path)
    labels = jnp.array([[1, 0, 0, 0], [0, 1, 1, 1]])
    weights = jnp.array([[1.0, 0, 0, 0]] * 2)
    path = finetuning.sft("test", Labeled(labels, weights), 3, 1)
    np.testing.assert_allclose(path[0], [[1, 0], [1, 0]])
    # Adam's first steps are of the learning rate each.
    np.testing.assert_allclose(path[-1], [[0.7, 0.3], [1.3, -0.3]], atol=0.02)
    seen = finetuning.look(path)
    assert seen["reward"].shape == (4, 2, 4)
    p = np.exp(path[-1][0]) / np.exp(path[-1][0]).sum()
    targets = np.asarray(task.targets)
    np.testing.assert_allclose(seen["target_prob"][-1, 0], p[targets], rtol=1e-5)
    np.testing.assert_allclose(seen["reward"][-1, 0], 2 * p[targets] - 1, atol=1e-6)
    np.testing.assert_allclose(seen["std"][-1, 0], 2 * np.sqrt(p.prod()), rtol=1e-5)
