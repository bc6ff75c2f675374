"""The posterior of the reward std, against slow oracles, symmetries and simulation."""

import math

import matplotlib.pyplot as plt
import numpy as np
import pytest

import experiments.studies.jrft.diagnosis_coverage.study as experiment
from experiments.output.record import make_record
from experiments.studies.jrft.diagnosis_coverage.regimes import REGIMES
from experiments.studies.jrft.diagnosis_coverage.study import SMOKE, Config, metrics, run
from jrft.diagnosis import DiagnosisSettings, diagnose
from jrft.diagnosis.model.candidates import SHAPE_CONCENTRATION, Candidates
from jrft.diagnosis.model.population import Population, fit_population, fit_prior
from jrft.diagnosis.model.reward_std import SPREAD, variance_moments
from jrft.diagnosis.model.reward_sums import (
    RewardSums,
    count_ties,
    discounted,
    merged,
    power_sums,
    reward_sums,
    tie_reference,
)
from jrft.diagnosis.model.tilts import GROUP_SIZES, reward_levels, tilted_family

SETTINGS = DiagnosisSettings()


def population_of(rewards):
    groups = np.repeat(np.arange(len(rewards)), rewards.shape[1])
    sums = reward_sums(rewards.ravel(), groups, np.arange(len(rewards)))
    return fit_population(rewards.ravel(), sums), sums


def binary_rewards(seed=0, prompts=200, group=8):
    rng = np.random.default_rng(seed)
    success = rng.beta(0.3, 0.3, prompts)
    return (rng.random((prompts, group)) < success[:, None]).astype(float)


def oracle_of_binary_posterior(population, successes, trials):
    """Loops in plain floats over success probabilities, binomial coefficients and all."""
    probabilities = [float(p) for p in population.candidates.tilts.moments[:, 0]]
    weights = []
    for p, prior in zip(probabilities, population.prior, strict=True):
        likelihood = math.comb(trials, successes) * p**successes * (1 - p) ** (trials - successes)
        weights.append(likelihood * float(prior))
    total = math.fsum(weights)
    weights = [w / total for w in weights]
    stds = [math.sqrt(p * (1 - p)) for p in probabilities]
    mean = math.fsum(w * s for w, s in zip(weights, stds, strict=True))
    low = math.fsum(w for w, s in zip(weights, stds, strict=True) if s < 0.1)
    needed = 0
    for size in GROUP_SIZES:
        equal = [
            w * (p**size + (1 - p) ** size) for w, p in zip(weights, probabilities, strict=True)
        ]
        if math.fsum(equal) <= 0.1:
            needed = int(size)
            break
    return mean, low, needed


@pytest.mark.parametrize("successes", [0, 1, 4, 8])
def test_binary_posterior_against_the_oracle(successes):
    population, _ = population_of(binary_rewards())
    row = RewardSums(np.array([8.0]), *[np.array([float(successes)])] * 4)
    found = population.judge(row, SETTINGS)
    mean, low, needed = oracle_of_binary_posterior(population, successes, 8)
    assert found.std[0] == pytest.approx(mean, rel=1e-6)
    assert found.prob_low_std[0] == pytest.approx(low, abs=1e-9)
    assert found.rollouts_needed[0] == needed
    assert found.std_lower[0] <= mean <= found.std_upper[0]


def test_tilts_of_binary_rewards_are_all_success_probabilities():
    family = tilted_family(*reward_levels(np.array([0.0, 0.0, 0.0, 1.0])))
    assert family.saturated
    p = family.moments[:, 0]
    np.testing.assert_allclose(family.std, np.sqrt(p * (1 - p)), rtol=1e-6, atol=1e-9)
    gaps = np.diff(np.sort(np.arcsin(np.sqrt(np.clip(p, 0, 1)))))
    assert gaps.max() < 0.04
    assert p.min() < 1e-6
    assert p.max() > 1 - 1e-6


@pytest.mark.parametrize("levels", [11, 1000])
def test_tilts_are_distributions_with_the_moments_stated(levels):
    x = np.random.default_rng(0).integers(0, levels, 4000) / (levels - 1)
    support, h = reward_levels(x)
    family = tilted_family(support, h)
    assert not family.saturated
    for k in range(0, len(family.std), 97):
        log_q = np.log(h) + family.slope[k] * support + family.curvature[k] * support**2
        q = np.exp(log_q - family.log_partition[k])
        assert q.sum() == pytest.approx(1, abs=1e-8)
        for power in range(4):
            assert q @ support ** (power + 1) == pytest.approx(family.moments[k, power], abs=1e-8)
        mean = q @ support
        assert np.sqrt(q @ (support - mean) ** 2) == pytest.approx(family.std[k], abs=1e-6)
        equal = np.sum(q ** GROUP_SIZES[3])
        assert np.exp(family.log_all_equal[k, 3]) == pytest.approx(equal, abs=1e-10)
    assert family.std.min() < 0.01
    assert family.std.max() > 0.45


def test_variance_moments_against_draws_of_a_dirichlet():
    rng = np.random.default_rng(0)
    x, base, concentration = np.array([0.0, 0.2, 0.9, 1.0]), np.array([0.5, 0.2, 0.2, 0.1]), 5.0
    p = rng.dirichlet(concentration * base, 400_000)
    variances = p @ x**2 - (p @ x) ** 2
    moments = [np.array([[base @ x**power]]) for power in range(1, 5)]
    mean, variance = variance_moments(moments, np.array([[concentration]]))
    assert mean.item() == pytest.approx(variances.mean(), rel=5e-3)
    assert variance.item() == pytest.approx(variances.var(), rel=2e-2)


def test_semiparametric_posterior_against_draws():
    rng = np.random.default_rng(3)
    rewards = rng.beta(rng.uniform(1, 6, (60, 1)), rng.uniform(1, 6, (60, 1)), (60, 8)).round(2)
    population, sums = population_of(rewards)
    tilts = Candidates(population.candidates.tilts, None)
    population = Population(tilts, fit_prior(tilts, sums, np.ones(len(rewards))))
    found = population.judge(sums.each(lambda values: values[:3]), SETTINGS)
    levels, h = reward_levels(rewards.ravel())
    family, alpha = population.candidates.tilts, SHAPE_CONCENTRATION
    for i in range(3):
        n = rewards.shape[1]
        tempered = alpha / n * math.log1p(n / alpha)
        log_w = np.log(population.prior) + tempered * (
            sums.total[i] * family.slope
            + sums.squares[i] * family.curvature
            - n * family.log_partition
        )
        w = np.exp(log_w - log_w.max())
        draws = rng.choice(len(w), 3000, p=w / w.sum())
        counts = (levels == rewards[i][:, None]).sum(axis=0)
        stds = []
        for k in draws:
            q = np.exp(
                np.log(h)
                + family.slope[k] * levels
                + family.curvature[k] * levels**2
                - family.log_partition[k]
            )
            # As many fewer rewards make the variance of the variance so much larger.
            gamma = rng.standard_gamma((alpha * q + counts) / SPREAD)
            p = gamma / gamma.sum()
            stds.append(math.sqrt(max(p @ levels**2 - (p @ levels) ** 2, 0.0)))
        assert found.std[i] == pytest.approx(np.mean(stds), abs=0.004)
        low, high = np.quantile(stds, [0.05, 0.95])
        assert found.std_lower[i] == pytest.approx(low, abs=0.012)
        assert found.std_upper[i] == pytest.approx(high, abs=0.012)


@pytest.mark.parametrize("kind", ["binary", "continuous"])
def test_swapping_the_ends_of_the_range_changes_no_std(kind):
    rng = np.random.default_rng(0)
    rewards = binary_rewards() if kind == "binary" else rng.beta(0.5, 1.5, (100, 8))
    found, mirrored = (diagnose(r, reward_range=(0, 1)).posterior for r in (rewards, 1 - rewards))
    np.testing.assert_allclose(found.std, mirrored.std, atol=0.01)
    np.testing.assert_allclose(found.mean, 1 - mirrored.mean, atol=0.015)
    np.testing.assert_allclose(found.prob_low_std, mirrored.prob_low_std, atol=0.04)


def test_units_of_the_reward_do_not_matter():
    rewards = np.random.default_rng(0).beta(0.5, 1.5, (100, 8))
    found = diagnose(rewards, reward_range=(0, 1)).posterior
    scaled = diagnose(100 * rewards - 30, reward_range=(-30, 70)).posterior
    np.testing.assert_allclose(found.std, scaled.std, atol=1e-6)


def test_more_samples_narrow_the_interval_and_find_the_truth():
    rng = np.random.default_rng(0)
    for draw, truth in (
        (lambda n: (rng.random((40, n)) < 0.2).astype(float), 0.4),
        (lambda n: rng.beta(2, 3, (40, n)), 0.2),
    ):
        narrow, wide = (diagnose(draw(n), reward_range=(0, 1)).posterior for n in (4000, 10))
        assert np.all(narrow.std_upper - narrow.std_lower < 0.05)
        assert np.mean(narrow.std_upper - narrow.std_lower) < np.mean(
            wide.std_upper - wide.std_lower
        )
        np.testing.assert_allclose(narrow.std, truth, atol=0.02)


def test_a_zero_std_group_of_8_is_weak_evidence():
    # Among prompts of which all 8 rewards were 0, the true std is above 0.1 with about the
    # probability stated, and it is far from 0.
    rng = np.random.default_rng(0)
    success = rng.beta(0.3, 0.3, 4000)
    rewards = (rng.random((4000, 8)) < success[:, None]).astype(float)
    zero = rewards.sum(axis=1) == 0
    stated = diagnose(rewards).posterior.prob_low_std[zero]
    truly_low = np.sqrt(success * (1 - success))[zero] < 0.1
    assert 0.3 < 1 - truly_low.mean() < 0.6
    assert np.mean(stated) == pytest.approx(truly_low.mean(), abs=0.06)


def test_the_same_group_means_something_else_in_another_population():
    hopeless, mid = np.zeros((300, 8)), binary_rewards(prompts=300)
    hopeless[:3, 0] = 1
    mid = np.where(mid.sum(axis=1, keepdims=True) % 8 == 0, np.eye(8)[:1], mid)
    mid[-1] = 0
    among_hopeless = diagnose(hopeless).posterior.prob_low_std[-1]
    among_learnable = diagnose(mid).posterior.prob_low_std[-1]
    assert among_hopeless > 0.9
    assert among_learnable < 0.5


def test_few_prompts_are_not_judged_with_confidence():
    posterior = diagnose(np.zeros((3, 8)), reward_range=(0, 1)).posterior
    assert np.all(posterior.prob_low_std < 0.9)
    assert np.all(posterior.std_upper > 0.1)


def test_prompts_without_scores_get_the_population():
    rewards = binary_rewards()
    rewards[0] = np.nan
    diagnosis = diagnose(rewards)
    posterior = diagnosis.posterior
    others = diagnosis.labels != "unscored"
    assert diagnosis.labels[0] == "unscored"
    assert posterior.std[0] == pytest.approx(posterior.std[others].mean(), abs=0.03)


def test_the_even_prior_is_what_is_left_without_prompts():
    family = tilted_family(*reward_levels(np.array([0.0, 1.0])))
    nothing = power_sums(np.empty(0), np.empty(0, int), 0)
    prior = fit_prior(Candidates(family, None), nothing, np.zeros(0))
    assert prior.sum() == pytest.approx(1)
    assert prior.min() > 0
    # Even between success and failure, and open as to whether the std is low.
    assert family.moments[:, 0] @ prior == pytest.approx(0.5, abs=0.02)
    assert 0.3 < prior[family.std < 0.1].sum() < 0.7


def test_many_prompts_are_judged_by_the_cell_and_hardly_differ(monkeypatch):
    rng = np.random.default_rng(0)
    mean = rng.beta(0.4, 0.4, (3000, 1))
    population, sums = population_of(rng.beta(1 + 5 * mean, 6 - 5 * mean, (3000, 8)))
    alone = population.judge(sums, SETTINGS)
    monkeypatch.setattr("jrft.diagnosis.model.population._MAX_ALONE", 100)
    together = population.judge(sums, SETTINGS)
    assert len(np.unique(together.std)) < len(np.unique(alone.std))
    np.testing.assert_allclose(together.std, alone.std, atol=0.005)
    np.testing.assert_allclose(together.mean, alone.mean, atol=0.005)
    np.testing.assert_allclose(together.std_lower, alone.std_lower, atol=0.015)
    np.testing.assert_allclose(together.std_upper, alone.std_upper, atol=0.015)
    assert np.abs(together.prob_low_std - alone.prob_low_std).max() < 0.1


def test_discount_is_the_weight_of_a_visit_relative_to_the_next():
    table = np.arange(20.0).reshape(4, 5)
    prompts = np.array([0, 0, 0, 2])
    found = np.stack(discounted(RewardSums(*table.T), prompts, 3, 0.5)[:5], axis=1)
    np.testing.assert_allclose(found[0], 0.25 * table[0] + 0.5 * table[1] + table[2])
    np.testing.assert_allclose(found[1], 0)
    np.testing.assert_allclose(found[2], table[3])
    each = np.array([0.5, 1.0, 0.25])
    np.testing.assert_allclose(
        discounted(RewardSums(*table.T), prompts, 3, each).total, [0.25 * 1 + 0.5 * 6 + 11, 0, 16]
    )


@pytest.mark.parametrize("cuts", [[24], [8, 40, 56], [0, 80]])
def test_sums_of_parts_merge_to_the_sums_of_the_whole(cuts):
    # Files hold whole groups; prompts are visited in several files.
    rng = np.random.default_rng(0)
    x = rng.integers(0, 6, 80) / 5
    groups, prompts = np.repeat(np.arange(10), 8), np.repeat(np.arange(5), 2)
    whole = reward_sums(x, groups, prompts)
    reference = tie_reference(x, prompts[groups])

    def of_part(part):
        x_part, groups_part = x[part], groups[part]
        ties = count_ties(x_part, groups_part, prompts, reference)
        return power_sums(x_part, groups_part, 10)._replace(ties=ties)

    first, *others = (of_part(part) for part in np.split(np.arange(80), cuts))
    for found in (merged(first, *others), merged(merged(first, others[0]), *others[1:])):
        for one, another in zip(found[:5], whole[:5], strict=True):
            np.testing.assert_allclose(one, another, rtol=1e-12)
        # A part without a group's rewards counts 0 of them.
        for one, another in zip(found.ties, whole.ties, strict=True):
            np.testing.assert_allclose(one, another, rtol=1e-9, atol=1e-9)


def test_prompts_that_drift_are_discounted_and_others_are_not():
    rng = np.random.default_rng(0)
    visits, prompts, group = 6, 400, 8
    still = np.repeat(rng.beta(0.5, 0.5, prompts), visits)
    moving = rng.beta(0.5, 0.5, prompts * visits)
    found = []
    for success in (still, moving):
        rewards = (rng.random((prompts * visits, group)) < success[:, None]).astype(float)
        population, sums = population_of(rewards)
        found.append(population.discount(sums, np.repeat(np.arange(prompts), visits)))
    assert found[0] == 1.0
    assert found[1] <= 0.6


REQUIRED = [name for name in REGIMES if name.startswith(("binary", "continuous"))]


@pytest.fixture(scope="module")
def coverage():
    config = Config(num_prompts=250, group_sizes=(8,), num_repetitions=1)
    return run(config, None)


@pytest.mark.parametrize("regime", REQUIRED)
def test_intervals_cover_and_the_error_is_below_the_plug_in(coverage, regime):
    cell = coverage[regime]["8"]
    # 250 prompts that share a prior: the coverage of one log scatters by a few per cent.
    assert cell["coverage"] > 0.8
    assert cell["rmse"] < cell["rmse_plug_in"]
    assert cell["expected_share_low"] == pytest.approx(cell["share_low"], abs=0.12)


@pytest.mark.parametrize("call", ["low", "learnable"])
def test_what_is_called_is_right(coverage, call):
    cells = [coverage[regime]["8"] for regime in REQUIRED]
    called = [cell[f"called_{call}"] for cell in cells]
    right = [
        cell[f"called_{call}"] * np.nan_to_num(cell[f"right_if_called_{call}"]) for cell in cells
    ]
    assert sum(called) > 1  # of 8 logs
    assert sum(right) / sum(called) > 0.9


@pytest.mark.slow
def test_coverage_over_more_logs_and_group_sizes():
    results = run(Config(num_prompts=400, group_sizes=(4, 16), num_repetitions=3), None)
    for regime in REQUIRED:
        for cell in results[regime].values():
            assert cell["coverage"] > 0.82
            assert cell["rmse"] < cell["rmse_plug_in"]


def test_the_experiment_draws_and_tells_what_it_found(coverage):
    config = Config(num_prompts=250, group_sizes=(8,), num_repetitions=1)
    record = make_record("jrft_diagnosis_coverage", config, coverage, seconds=0.0)
    heading, *rows = experiment.table(record)
    assert len(rows) == len(REGIMES)
    assert {len(row) for row in rows} == {len(heading)}
    assert "Beyond the model" in experiment.summary(record)
    drawn = experiment.figure(record)
    labels = [text.get_text() for text in drawn.axes[0].get_yticklabels()]
    assert labels == list(REGIMES)
    plt.close(drawn)


def test_the_experiment_repeats_itself():
    once, again = (metrics(SMOKE, REGIMES["binary: mixed"], size=8, seed=3) for _ in range(2))
    np.testing.assert_array_equal(list(once.values()), list(again.values()))


def test_draws_of_success_have_the_mean_and_the_error_of_the_posterior():
    rng = np.random.default_rng(0)
    rewards = (rng.random((60, 8)) < np.repeat([0.001, 0.3, 0.999], 20)[:, None]).astype(float)
    posterior = diagnose(rewards).posterior
    draws = posterior.success_draws(20_000, seed=1)
    assert draws.shape == (60, 20_000)
    assert 0 <= draws.min() <= draws.max() <= 1
    np.testing.assert_allclose(draws.mean(axis=1), posterior.mean, atol=0.01)
    np.testing.assert_allclose(draws.std(axis=1), posterior.mean_error, rtol=0.05, atol=2e-3)
