from dataclasses import replace
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import experiments
import jrft
from experiments.output.record import make_record, read
from experiments.studies.jrft.bounds import language_model, study
from experiments.studies.jrft.bounds.cases import Unigram, families, random_cases
from experiments.studies.jrft.bounds.measure import BOUNDS
from experiments.studies.jrft.bounds.report import KINDS
from experiments.studies.jrft.bounds.training import draw_task
from tests.cases.language_models import tiny

COLUMNS = ("reward_std", "value", "norm_over_gamma")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return study.run(study.SMOKE, tmp_path_factory.mktemp("smoke"))


def test_the_task_pretrains_on_habits_and_rewards_others_for_odd_prompts():
    config = replace(study.SMOKE, vocab_size=4, length=2, num_prompts=6, num_habits=3, num_seeds=2)
    policy = jrft.tabular_policy(4, 2, eos=0)
    task = draw_task(jax.random.key(0), policy, config)
    assert task.prompts.shape == (2, 6, 2)
    completions = np.asarray(jrft.all_completions(4, 2, eos=0))
    for run in range(2):
        assert len({tuple(prompt.tolist()) for prompt in task.prompts[run]}) == 6
        for prompt in range(6):
            habits = np.flatnonzero(task.habits[run, prompt])
            np.testing.assert_allclose(task.habits[run, prompt][habits], 1 / 3)
            # The leaf that carries a completion's probability is the first that shows it.
            shown = [tuple(completions[leaf]) for leaf in habits]
            assert len(set(shown)) == 3
            assert all(
                (completions == shown[i]).all(axis=1).argmax() == habits[i] for i in (0, 1, 2)
            )
            solved = {tuple(y) for y in completions[task.rewards[run, prompt] == 1]}
            assert len(solved) == 1
            assert (solved <= set(shown)) == (prompt % 2 == 0)
    assert set(np.unique(task.rewards)) == {-1, 1}


def test_random_cases_reward_what_is_shown():
    policy = jrft.tabular_policy(3, 2, eos=0)
    cases = random_cases(jax.random.key(0), policy, study.SMOKE)
    assert cases.rewards.shape == (6, 9)
    assert np.abs(cases.rewards).max() <= 1
    # The three leaves below the end show one completion.
    np.testing.assert_array_equal(cases.rewards[:, :3], np.tile(cases.rewards[:, :1], (1, 3)))
    assert set(np.unique(cases.rewards[1])) == {-1, 1}
    assert np.unique(cases.rewards[2], return_counts=True)[1].min() in (1, 3)


def test_smoke_run(results):
    columns, config = results["cases"], study.SMOKE
    stages = config.num_stages
    expected = {
        ("unigram", "random"): config.num_random,
        ("unigram", "adversarial"): 4 * config.num_seeds * stages,
        ("transformer", "random"): config.num_random,
        ("transformer", "trained"): (1 + 2 * stages) * config.num_seeds * config.num_prompts,
    }
    pairs = list(zip(columns["family"], columns["kind"], strict=True))
    assert {pair: pairs.count(pair) for pair in pairs} == expected
    assert {len(column) for column in columns.values()} == {sum(expected.values())}
    for name in BOUNDS:
        assert not np.any(columns[f"violated/{name}"])
        tightness = np.array(columns[f"tightness/{name}"])
        assert np.all((tightness >= 0) & (tightness <= 1 + 1e-9))
    for name in COLUMNS:
        assert np.all(np.isfinite(columns[name]))
    # The bounds are ordered.
    theorem, certificate, fisher = (
        np.array(columns[f"tightness/{name}"]) for name in ("theorem", "certificate", "fisher")
    )
    assert np.all(theorem <= certificate + 1e-12)
    assert np.all(certificate <= fisher + 1e-9)


def test_ascent_comes_near_the_certificate(results):
    columns = results["cases"]
    adversarial = np.array(columns["kind"]) == "adversarial"
    tightness = np.array(columns["tightness/certificate"])
    assert tightness[adversarial].max() > 0.9 > tightness[~adversarial].max()


def test_measured_columns_are_those_of_the_case(results):
    policy, found = Unigram(3, 2), results["cases"]
    # The first cases of the run, drawn again.
    random_key, *_ = jax.random.split(jax.random.fold_in(jax.random.key(0), 0), 3)
    cases = random_cases(random_key, policy, study.SMOKE)
    for i in range(3):
        one = jax.tree.map(lambda leaf, i=i: leaf[i], cases)
        problem = policy, one.params, one.prompt, one.rewards
        std = jrft.exact_reward_std(*problem)
        norm = jnp.linalg.norm(jrft.exact_policy_gradient(*problem))
        np.testing.assert_allclose(found["reward_std"][i], std, rtol=1e-4)
        np.testing.assert_allclose(found["value"][i], jrft.exact_value(*problem), atol=1e-5)
        # γ of this family is 1, and with two tokens √(L/2) is, too.
        np.testing.assert_allclose(found["norm_over_gamma"][i], norm, rtol=1e-3, atol=1e-7)
        np.testing.assert_allclose(
            found["tightness/certificate"][i], norm / std, rtol=1e-3, atol=1e-6
        )


def test_the_batch_is_the_first_runs(results):
    batch = results["batch"]
    norms, mean = np.array(batch["gradient_norm"]), float(batch["norm_of_mean_gradient"])
    assert len(norms) == study.SMOKE.num_prompts
    assert mean <= norms.mean() + 1e-6
    total = np.mean(np.square(batch["reward_std"])) + np.var(batch["value"])
    assert batch["batch_reward_std"] == pytest.approx(np.sqrt(total), rel=1e-5)


def test_what_people_see(results):
    record = make_record("jrft_bounds", study.SMOKE, results, 1.0)
    rows = study.table(record)
    assert len(rows) == 1 + len(BOUNDS) * len(KINDS)
    assert {row[2] for row in rows[1:]} == {"0"}
    assert study.summary(record).startswith("0 violations in 40 cases of 4 bounds; at most 0.0")
    left, right = study.figure(record).axes
    assert left.get_xlabel() == "reward std of the prompt"
    assert len(right.collections) == 2


def test_violations_are_counted(results):
    columns = dict(results["cases"])
    columns["violated/fisher"] = [True] + [False] * (len(columns["kind"]) - 1)
    record = make_record("x", study.SMOKE, {**results, "cases": columns}, 1.0)
    assert study.summary(record).startswith("1 violations in 40 cases")
    assert [row[2] for row in study.table(record)[1:]].count("1") == 1


def test_unknown_families_are_refused():
    for names in (("transformer", "mlp"), ("unigram",)):
        with pytest.raises(ValueError, match="pass names of unigram, table with end, transformer"):
            families(replace(study.SMOKE, families=names))


def test_committed_results_have_no_violation():
    results = Path(experiments.__file__).parent / "results"
    found = read(results / "jrft_bounds.json").results
    cases = found["cases"]
    assert len(cases["kind"]) >= 1000
    for name in BOUNDS:
        assert not any(cases[f"violated/{name}"])
        assert max(cases[f"tightness/{name}"]) <= 1 + 1e-6
    assert max(cases["tightness/certificate"]) > 0.99
    # The bound is per input: in this batch the mean tells nothing of some prompts.
    assert min(found["batch"]["gradient_norm"]) < 0.05 * found["batch"]["norm_of_mean_gradient"]
    assert (results / "jrft_bounds.svg").exists()


def test_a_language_model_on_multiple_choice_prompts(tmp_path, monkeypatch):
    pytest.importorskip("tokenizers")
    monkeypatch.setattr(language_model, "QUESTIONS", language_model.QUESTIONS[:3])
    model = tiny(length=1)
    found = language_model.bounds_of_language_model(model, tmp_path)
    letters = [int(model.tokenizer.encode(letter)[0]) for letter in language_model.LETTERS]
    policy = jrft.restricted_policy(model.policy, tokens=letters)
    prompt = model.tokenizer.chat([{"role": "user", "content": "W"}])  # all three begin so
    rewards = jnp.array([-1.0, 1.0, -1.0, -1.0])
    expected = jrft.gradient_bounds(jax.random.key(0), policy, model.params, prompt, rewards)
    for name in ("value", "gradient_norm", "certificate"):
        np.testing.assert_allclose(found[name][0], getattr(expected, name), rtol=1e-4)
    # Rounding leaves the interval of four steps a little open, to the safe side.
    assert 1 - 1e-5 < found["fisher"][0] / expected.fisher < 1.01
    assert (found["gradient_norm"] <= found["fisher"] * (1 + 1e-5)).all()
    # What is finished is read, not computed.
    again = language_model.bounds_of_language_model(model._replace(params=None), tmp_path)
    jax.tree.map(np.testing.assert_array_equal, again, found)
    record = make_record("jrft_bounds", study.SMOKE, {"language_model": again}, 1.0)
    assert "0 violations of 3 bounds" in study.summary(record)
    assert len(study.table(record)) == 4
    assert len(study.figure(record).axes[0].collections) == 4
