"""`diagnose` end to end: classes, reasons, advice, summary, and the traps of reward logs."""

import numpy as np
import pytest

from jrft.diagnosis import DiagnosisSettings, PromptClass, diagnose, reward_log
from jrft.diagnosis.verdict.summary import component_shares


def binary(success, group, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.random((len(success), group)) < np.asarray(success)[:, None]).astype(float)


@pytest.fixture(scope="module")
def three_kinds():
    return diagnose(binary(np.repeat([0.0005, 0.4, 0.9995], 60), 32))


def test_hopeless_learnable_and_solved_prompts_are_told_apart(three_kinds):
    labels = three_kinds.labels.reshape(3, 60)
    for row, label in zip(labels, ["too hard", "learnable", "too easy"], strict=True):
        assert np.mean(row == label) >= 0.9


def test_one_group_of_8_zeros_decides_nothing_in_a_mixed_population():
    # Never call a prompt dead on one group, where most prompts are alive.
    rng = np.random.default_rng(0)
    diagnosis = diagnose(binary(rng.beta(0.8, 1.2, 400), 8))
    zero = diagnosis.observed.high == 0
    assert zero.any()
    assert set(diagnosis.labels[zero]) == {"too few samples"}
    assert "decides nothing" in diagnosis.reason(int(np.flatnonzero(zero)[0]))
    assert np.all(diagnosis.rollouts[zero] > 8)


def test_small_groups_are_called_at_a_higher_probability():
    diagnoses = {n: diagnose(binary(np.tile([0.0005, 0.02, 0.5, 0.9995], 80), n)) for n in (4, 32)}
    for n, found in diagnoses.items():
        probability = found.posterior.prob_low_std
        needed = 1 - 0.1 * n / (n + 4)
        settled = found.posterior.std_upper - found.posterior.std_lower <= 0.05
        low = np.isin(found.labels, ["too hard", "too easy", "flat in the middle"])
        np.testing.assert_array_equal(low[~settled], (probability >= needed)[~settled])
        learnable = found.labels == "learnable"
        np.testing.assert_array_equal(learnable[~settled], (probability <= 1 - needed)[~settled])
        assert 0 < learnable.sum() < len(learnable)


def test_flat_rewards_in_the_middle_are_a_class_of_their_own():
    # A filter on the mean's range would keep these groups: they have no gradient all the same.
    rng = np.random.default_rng(0)
    rewards = np.where(np.arange(200)[:, None] < 100, 0.5, rng.beta(1, 1, (200, 16)))
    labels = diagnose(rewards).labels
    assert set(labels[:100]) == {"flat in the middle"}
    assert set(labels[100:]) == {"learnable"}


def test_low_mean_with_a_large_std_is_not_dead():
    # The same filter drops these.
    rng = np.random.default_rng(0)
    rewards = np.where(rng.random((100, 64)) < 0.05, 1.0, 0.0)
    assert np.mean(diagnose(rewards).labels == "learnable") > 0.9


def test_shaped_rewards_on_all_wrong_groups_are_seen():
    rng = np.random.default_rng(0)
    outcomes = binary(np.repeat([0.0, 0.5], 50), 8)
    shaping = 0.3 * (rng.random((100, 8)) < 0.5)
    diagnosis = diagnose(
        0.7 * outcomes + shaping,
        outcomes=outcomes,
        components={"answer": 0.7 * outcomes, "shaping": shaping},
    )
    assert set(diagnosis.labels[:50]) == {"shaped only"}
    assert "shaped only" not in diagnosis.labels[50:][outcomes[50:].std(axis=1) > 0]
    assert "from shaping alone" in diagnosis.reason(0)
    # Hopeless prompts keep their advice, too.
    assert [one.action for one in diagnosis.advice][:2] == ["SFT first", "gate on outcome"]
    # By the reward's std alone they pass for alive.
    assert np.all(diagnosis.observed.std[:50] > 0)
    shares = diagnosis.batch.component_shares
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["answer"] > 0.6


def test_component_shares_against_covariances():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 40))
    groups = np.repeat(np.arange(5), 8)
    log = reward_log(a + b, prompt_ids=groups, components={"a": a, "b": b})
    found = component_shares(log, groups, 5)
    total, of_a = 0.0, 0.0
    for g in range(5):
        x, r = a[groups == g], (a + b)[groups == g]
        total += sum((ri - r.mean()) ** 2 for ri in r)
        of_a += sum((xi - x.mean()) * (ri - r.mean()) for xi, ri in zip(x, r, strict=True))
    assert found["a"] == pytest.approx(of_a / total)
    assert found["a"] + found["b"] == pytest.approx(1)


def test_missing_scores_are_left_out_and_reported():
    rewards = binary(np.full(50, 0.5), 8)
    rewards[0] = np.nan
    rewards[1, :3] = np.nan
    diagnosis = diagnose(rewards)
    assert diagnosis.labels[0] == "unscored"
    assert diagnosis.reason(0) == "none of 8 completions has a score"
    assert diagnosis.labels[1] == "learnable"
    assert diagnosis.batch.num_missing == 11
    assert np.all(np.isfinite(diagnosis.posterior.std))
    (advice,) = [one for one in diagnosis.advice if one.action == "check scorer"]
    assert list(advice.prompts) == [0, 1]


def test_groups_of_unequal_size():
    rng = np.random.default_rng(0)
    rows = [list((rng.random(n) < 0.5).astype(float)) for n in rng.integers(1, 40, 80)]
    diagnosis = diagnose(rows)
    assert diagnosis.batch.num_rewards == sum(map(len, rows))
    widths = diagnosis.posterior.std_upper - diagnosis.posterior.std_lower
    large = diagnosis.observed.count > 25
    assert widths[large].mean() < widths[~large].mean()


def test_summary_has_the_names_and_conventions_of_trainers():
    rewards = np.array([[0.0, 1.0], [1.0, 1.0], [0.0, 0.0], [0.0, 0.0]])
    batch = diagnose(rewards).batch
    assert batch.frac_reward_zero_std == 0.75
    assert batch.reward == 3 / 8
    assert batch.reward_std == pytest.approx(np.mean(rewards.std(axis=1, ddof=1)))
    # The std of the batch is no group's std.
    assert batch.batch_reward_std == pytest.approx(rewards.std())
    assert batch.batch_reward_std > batch.reward_std


def test_expected_shares_are_of_true_stds():
    rng = np.random.default_rng(1)
    success = np.where(rng.random(1500) < 0.4, 0.0005, rng.beta(2, 2, 1500))
    batch = diagnose(binary(success, 8, seed=1)).batch
    low = np.sqrt(success * (1 - success)) < 0.1
    assert batch.share_low_std == pytest.approx(low.mean(), abs=0.06)
    assert batch.effective_share == pytest.approx(1 - batch.share_low_std)
    assert batch.share_low_std_low_mean == pytest.approx(low.mean(), abs=0.06)
    assert sum(batch.classes.values()) == batch.num_prompts


def test_advice_names_prompts_and_numbers(three_kinds):
    advice = {one.action: one for one in three_kinds.advice}
    hard = advice["SFT first"]
    assert set(hard.prompts) <= set(range(60))
    assert "1 % of the labeled inputs with 40 % of the SFT steps" in hard.text
    assert set(advice["park"].prompts) <= set(range(120, 180))
    assert "do not drop them" in advice["park"].text
    assert "KL penalty" in advice["mask KL"].text
    vain = advice["dividing by the group's std"]
    assert not vain.worthwhile
    assert f"{np.sqrt(31):.1f} for groups of 32" in vain.text


def test_rollouts_are_enough_for_groups_that_differ():
    rng = np.random.default_rng(0)
    success = rng.beta(1, 6, 3000)
    diagnosis = diagnose(binary(success, 8))
    needed = diagnosis.posterior.rollouts_needed
    for size in np.unique(needed[needed > 0]):
        p = success[needed == size]
        if len(p) < 100:
            continue
        differs = np.mean(1 - p**size - (1 - p) ** size)
        assert differs == pytest.approx(0.9, abs=0.06)


def test_reward_range_matters_and_is_noted():
    # Format earns 0.1, an answer would earn 1 and never came.
    rewards = 0.1 * binary(np.full(80, 0.5), 16)
    guessed, told = diagnose(rewards), diagnose(rewards, reward_range=(0, 0.1))
    assert guessed.reward_range == (0, 1)
    assert "seen are from 0 to 0.1" in guessed.notes[0]
    assert set(guessed.labels) == {"too hard"}
    assert set(told.labels) == {"learnable"}
    assert told.notes == ()


@pytest.mark.parametrize(
    ("rewards", "expected"),
    [
        ([[-1.0, 1.0]], (-1.0, 1.0)),
        ([[0.2, 0.9]], (0.0, 1.0)),
        ([[2.0, 7.0]], (2.0, 7.0)),
        ([[5.0, 5.0]], (4.5, 5.5)),
    ],
)
def test_the_range_is_guessed_from_what_was_seen(rewards, expected):
    assert diagnose(rewards).reward_range == expected


def test_over_time_tells_what_became_of_prompts():
    rng = np.random.default_rng(0)
    kinds = {"stuck": (0, 0), "became learnable": (0, 0.5), "solved": (0.5, 1), "forgotten": (1, 0)}
    early, late = (np.repeat([pair[i] for pair in kinds.values()], 30) for i in range(2))
    steps = np.arange(8)
    success = np.where(steps[:, None] < 4, early, late)
    rewards = (rng.random((*success.shape, 16)) < success[:, :, None]).astype(float)
    ids = np.tile(np.arange(120), 8)
    diagnosis = diagnose(rewards.reshape(-1, 16), prompt_ids=ids, steps=np.repeat(steps, 120))
    found = diagnosis.over_time
    changes = found.changes.reshape(4, 30)
    for row, change in zip(changes, kinds, strict=True):
        assert np.mean(row == change) > 0.9, change
    # What counts is what a prompt is now: old visits weigh less.
    assert found.discount < 1
    assert set(diagnosis.labels[30:60]) == {"learnable"}
    assert set(diagnosis.labels[90:]) == {"too hard"}
    np.testing.assert_array_equal(found.steps, steps)
    np.testing.assert_allclose(found.curves["reward"], rewards.mean(axis=(1, 2)))
    equal = np.mean(rewards.std(axis=2) == 0, axis=1)
    np.testing.assert_allclose(found.curves["frac_reward_zero_std"], equal)
    sample = rewards.std(axis=2, ddof=1).mean(axis=1)
    np.testing.assert_allclose(found.curves["reward_std"], sample)
    p10 = np.percentile(rewards.std(axis=2), 10, axis=1)
    np.testing.assert_allclose(found.curves["observed_std_p10"], p10, atol=1e-12)


def test_a_prompt_seen_once_has_no_change():
    diagnosis = diagnose(binary(np.full(20, 0.5), 4), steps=np.arange(20))
    assert set(diagnosis.over_time.changes) == {"seen once"}


def test_labels_of_classes_are_exhaustive(three_kinds):
    assert set(three_kinds.labels) <= {label.value for label in PromptClass}
    assert three_kinds.dead_share == pytest.approx(2 / 3, abs=0.03)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"threshold": 0.5}, "threshold is 0.5: pass a share of the reward range"),
        ({"level": 1.0}, "level is 1.0: pass a probability"),
        ({"confidence": 0.4}, r"confidence is 0.4: pass a probability in \[0.5, 1\)"),
        ({"mixed_probability": 0.0}, "mixed_probability is 0.0"),
        ({"discount": 0.0}, r"discount is 0.0: pass a number in \(0, 1\]"),
        ({"reward_range": (0, 0.5)}, r"rewards from 0 to 1 leave reward_range \(0, 0.5\)"),
        ({"reward_range": (1, 0)}, r"reward_range is \(1, 0\): the first must be smaller"),
        ({"outcomes": [[0.0, 0.5]]}, "outcomes holds 0.5: pass 1"),
    ],
)
def test_bad_arguments_say_what_to_do(arguments, message):
    def call(reward_range=None, outcomes=None, **settings):
        chosen = DiagnosisSettings(**settings)
        diagnose([[0.0, 1.0]], reward_range=reward_range, outcomes=outcomes, settings=chosen)

    with pytest.raises(ValueError, match=message):
        call(**arguments)


def test_no_rewards_and_no_scores():
    with pytest.raises(ValueError, match="rewards is empty: pass at least one completion"):
        diagnose(np.empty((0, 4)))
    diagnosis = diagnose(np.full((3, 4), np.nan))
    assert set(diagnosis.labels) == {"unscored"}
    assert np.isnan(diagnosis.batch.reward)


def test_prompts_without_outcomes_are_judged_by_their_rewards():
    # As where a log of training stands beside one of validation, which alone has outcomes.
    rewards = binary(np.tile(np.repeat([0.0005, 0.5, 0.9995], 40), 2), 24)
    outcomes = np.where(np.arange(240)[:, None] < 120, rewards, np.nan)
    diagnosis = diagnose(rewards, outcomes=outcomes)
    alone = diagnose(rewards)
    np.testing.assert_array_equal(diagnosis.labels[120:], alone.labels[120:])
    np.testing.assert_array_equal(diagnosis.rollouts[120:], alone.rollouts[120:])
    assert np.mean(diagnosis.labels[120:160] == "too hard") > 0.9
