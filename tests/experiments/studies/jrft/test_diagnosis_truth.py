from dataclasses import replace

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pytest

import jrft
from experiments.output.record import make_record
from experiments.studies.jrft.diagnosis_truth import policies as policies
from experiments.studies.jrft.diagnosis_truth import study
from experiments.studies.jrft.diagnosis_truth.findings import CALLS, precision, precision_interval

SMALL = replace(
    study.SMOKE, num_prompts=24, length=2, transformer_steps=2, tabular_steps=20, seed=0
)


@pytest.fixture(scope="module")
def tabular():
    policy = jrft.tabular_policy(SMALL.vocab_size, SMALL.length)
    params = jax.vmap(policy.init)(jax.random.split(jax.random.key(0), SMALL.num_prompts))
    tables = policies._tables(SMALL, "graded")
    return policies.Setting(policy, params, 0, policies._prompts(SMALL), tables)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return study.run(SMALL, tmp_path_factory.mktemp("smoke"))


def test_truth_against_enumeration(tabular):
    found = policies.truth(tabular)
    for i in range(3):
        params = tabular.params[i]
        rewards = np.asarray(tabular.tables[i], np.float64)

        def value(params, rewards=tabular.tables[i]):
            return jnp.exp(jrft.exact_log_probs(tabular.policy, params, [])) @ rewards

        p = np.exp(np.asarray(jrft.exact_log_probs(tabular.policy, params, []), np.float64))
        assert found.mean[i] == pytest.approx(p @ rewards, rel=1e-5)
        assert found.std[i] == pytest.approx(np.sqrt(p @ (rewards - p @ rewards) ** 2), rel=1e-4)
        assert found.gradient_norm[i] == pytest.approx(
            float(jnp.linalg.norm(jax.grad(value)(params))), rel=1e-4
        )


def test_sampled_rewards_have_the_exact_moments(tabular):
    rewards = policies.sampled_rewards(jax.random.key(1), tabular, 2000)
    exact = policies.truth(tabular)
    error = 5 * exact.std / np.sqrt(2000)
    assert np.all(np.abs(rewards.mean(axis=1) - exact.mean) < error + 1e-6)
    np.testing.assert_allclose(rewards.std(axis=1), exact.std, atol=0.03)


@pytest.mark.parametrize("reward", policies.REWARDS)
def test_rewards_are_of_the_kind_they_are_called(reward):
    tables = np.asarray(policies._tables(SMALL, reward))
    assert tables.min() >= 0
    assert tables.max() == pytest.approx(1)
    assert np.all((tables == 1).sum(axis=1) >= 1)  # every prompt can be solved
    assert set(np.unique(tables)) == {0.0, 1.0} or reward == "graded"


def test_training_raises_the_reward_and_leaves_dead_prompts_dead():
    found = {name: policies.truth(one) for name, one in policies.settings(SMALL, "binary").items()}
    before, after = (found[f"tabular, {kind}"] for kind in ("random", "partly trained"))
    assert np.all(after.mean >= before.mean - 1e-6)
    assert after.mean.mean() > before.mean.mean() + 0.1
    dead = before.gradient_norm < 1e-5
    assert dead.any()
    np.testing.assert_allclose(after.mean[dead], before.mean[dead], atol=1e-3)
    before, after = (found[f"transformer, {kind}"] for kind in ("random", "partly trained"))
    assert after.mean.mean() > before.mean.mean()


def test_metrics_count_what_is_right():
    rng = np.random.default_rng(0)
    success = np.repeat([0.0001, 0.5, 0.9999], 100)
    rewards = (rng.random((300, 32)) < success[:, None]).astype(float)
    std = np.sqrt(success * (1 - success))
    right = study.metrics(SMALL, policies.Truth(success, std, std), rewards)
    assert right["called"] == pytest.approx(right["right"])
    assert right["called"]["learnable"] == pytest.approx(1 / 3, abs=0.01)
    assert right["called"]["too hard"] == pytest.approx(1 / 3, abs=0.01)
    # Gradients as large as the stds: the exact std ranks them without error.
    assert right["rank_correlation"]["exact std"] == pytest.approx(1)
    assert right["rank_correlation"]["diagnosis"] > 0.4
    # The same calls on another truth are wrong.
    wrong = study.metrics(SMALL, policies.Truth(1 - success, 0.5 - std, std), rewards)
    assert wrong["called"] == right["called"]
    assert sum(wrong["right"].values()) == 0
    assert wrong["coverage"] < 0.1


def test_a_constant_ranking_has_no_correlation():
    assert np.isnan(study._spearman(np.array([True, True]), np.array([0.0, 1.0])))


def test_what_people_see(results):
    record = make_record("jrft_diagnosis_truth", SMALL, results, 1.0)
    heading, *rows = study.table(record)
    assert len(rows) == 4 * 2
    assert {len(row) for row in rows} == {len(heading)}
    assert study.summary(record).startswith("With binary rewards intervals of level 0.9 cover")
    drawn = study.figure(record)
    labels = [text.get_text() for text in drawn.axes[0].get_yticklabels()]
    assert labels == sorted(results)
    plt.close(drawn)


def test_calls_are_pooled_over_repetitions_and_bounded():
    calls = {"called": [0.5, 0.25, 0.25], "right": [0.5, 0.25, 0.0]}
    cell = {share: dict.fromkeys(CALLS, each) for share, each in calls.items()}
    results = {"tabular, random, binary": {"groups": {"8": cell}}}
    record = make_record("jrft_diagnosis_truth", SMALL, results, 1.0)
    assert precision(record, "binary", "learnable", ["8"]) == pytest.approx(0.75)
    low, high = precision_interval(record, "binary", "learnable", ["8"])
    assert low == pytest.approx(0.0)
    assert high == pytest.approx(1.0)
