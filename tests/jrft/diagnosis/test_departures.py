"""Prompts with a reward of their own, and departures from it: slow oracles and simulation."""

import math
from collections import Counter

import numpy as np
import pytest

from jrft.diagnosis import DiagnosisSettings, diagnose
from jrft.diagnosis.model.candidates import SHAPE_CONCENTRATION, Candidates
from jrft.diagnosis.model.departures import (
    Departures,
    departed_mean,
    departure_bumps,
    departure_log_likelihood,
    departures_given,
    fit_departures,
)
from jrft.diagnosis.model.population import Population, fit_population, fit_prior
from jrft.diagnosis.model.reward_std import variance_moments
from jrft.diagnosis.model.reward_sums import (
    DEPARTURE_CONCENTRATIONS,
    RewardSums,
    Ties,
    count_ties,
    reward_sums,
    tie_reference,
)
from jrft.diagnosis.model.tilts import reward_levels, tilted_family


def own_rewards(seed=0, prompts=400, group=8):
    """Rewards (prompts, group) of prompts that nearly always earn one of their own; true stds.

    A prompt departs to one of two other rewards, likelier to one of them.
    """
    rng = np.random.default_rng(seed)
    levels = np.clip(rng.random((prompts, 1)) + rng.normal(0, 0.3, (prompts, 3)), 0, 1).round(4)
    share = rng.beta(0.6, 3, prompts)
    p = np.stack([1 - share, 0.8 * share, 0.2 * share], axis=1)
    drawn = (rng.random((prompts, group, 1)) > np.cumsum(p, axis=1)[:, None, :2]).sum(axis=2)
    mean = np.sum(p * levels, axis=1)
    std = np.sqrt(np.sum(p * (levels - mean[:, None]) ** 2, axis=1))
    return np.take_along_axis(levels, drawn, axis=1), std


def sums_of(rewards):
    groups = np.repeat(np.arange(len(rewards)), rewards.shape[1])
    return reward_sums(rewards.ravel(), groups, np.arange(len(rewards)))


@pytest.fixture(scope="module")
def fitted():
    rewards, std = own_rewards()
    sums = sums_of(rewards)
    return rewards, std, sums, fit_population(rewards.ravel(), sums)


def table_of_ties(x, groups, prompts):
    """`count_ties` of a whole log as the rows of the oracle."""
    scored = ~np.isnan(x)
    x, groups = x[scored], groups[scored]
    owners = np.unique(prompts, return_inverse=True)[1]
    ties = count_ties(x, groups, owners, tie_reference(x, owners[groups]))
    return np.stack([*ties[:3], *ties.urns.T], axis=1)


def oracle_of_ties(groups, mode_of):
    """Counters and plain floats, group by group."""
    pooled = [x for group in groups for x in group]
    cells = Counter(min(int(256 * x), 255) for x in pooled)
    rows = []
    for group, mode in zip(groups, mode_of, strict=True):
        times = Counter(group)
        repeats = sum(n - 1 for n in times.values())
        pooled_evidence = 0.0
        for x, n in times.items():
            pooled_evidence += (n - 1) * math.log(cells[min(int(256 * x), 255)] / len(pooled))
        departures = [x for x in group if x != mode]
        evidence = []
        for concentration in DEPARTURE_CONCENTRATIONS:
            log_urn, seen = 0.0, Counter()
            for before, x in enumerate(departures):  # Pólya's urn, one by one
                weight = seen[x] if seen[x] else concentration
                log_urn += math.log(weight / (concentration + before))
                seen[x] += 1
            evidence.append(log_urn - pooled_evidence)
        rows.append([len(group) - len(departures), len(group) * mode, repeats, *evidence])
    return rows


def test_ties_against_the_oracle():
    groups = [
        [0.3, 0.3, 0.3, 0.8, 0.8, 0.1],
        [0.25, 0.25, 0.25, 0.25, 0.25, 0.25],
        [0.1, 0.2, 0.4, 0.6, 0.9, 1.0],
        [0.3, 0.7, 0.7, 0.5, 0.55, 0.7],
    ]
    found = table_of_ties(np.ravel(groups), np.repeat(np.arange(4), 6), np.arange(4))
    expected = oracle_of_ties(groups, [0.3, 0.25, np.mean(groups[2]), 0.7])
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-8)


def test_the_mode_is_that_of_all_groups_of_a_prompt():
    groups = [[0.2, 0.2, 0.5, 0.4], [0.5, 0.5, 0.6, 0.7], [0.1, 0.1, 0.1, 0.9]]
    x, visit = np.ravel(groups), np.repeat(np.arange(3), 4)
    found = table_of_ties(x, visit, np.array([3, 3, 8]))
    expected = oracle_of_ties(groups, [0.5, 0.5, 0.1])
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-8)
    # Neither the order of completions nor missing ones matter.
    order = np.random.default_rng(0).permutation(13)
    x, visit = np.r_[x, np.nan][order], np.r_[visit, 1][order]
    np.testing.assert_allclose(table_of_ties(x, visit, np.array([3, 3, 8])), found, atol=1e-8)


def test_rewards_that_float32_has_passed_tie():
    rewards = np.full((3, 6), 0.35) + np.array([[0.0], [0.1], [0.2]])
    rewards[:, 0] += 1e-7
    found = table_of_ties(rewards.ravel(), np.repeat(np.arange(3), 6), np.arange(3))
    # Two values a prompt: more than three levels in all.
    np.testing.assert_allclose(found[:, 0], 6)


@pytest.mark.parametrize("kind", ["binary", "hard ones first", "continuous", "three levels"])
def test_without_ties_to_learn_from_there_are_no_departures(kind):
    rng = np.random.default_rng(0)
    rewards = {
        "binary": (rng.random((300, 8)) < rng.random((300, 1))).astype(float),
        "hard ones first": np.repeat([[0.0], [1.0]], 200, axis=0) * np.eye(8)[:1],
        "continuous": rng.beta(2, 3, (300, 8)),
        "three levels": rng.integers(0, 3, (300, 8)) / 2,
    }[kind]
    if kind == "continuous":
        rewards[0] = rewards[0, 0]  # one prompt in 300
    sums = sums_of(rewards)
    assert sums.ties is None
    assert fit_population(rewards.ravel(), sums).candidates.departures is None


def test_three_levels_up_to_rounding_have_no_departures():
    rng = np.random.default_rng(0)
    levels = np.array([0.0, 0.1 + 0.2, 0.3, 1.0])
    rewards = levels[rng.integers(0, 4, (100, 8))]
    assert fit_population(rewards.ravel(), sums_of(rewards)).candidates.departures is None


def test_ties_tell_less_for_a_tilt_that_makes_them_anyway():
    # Two prompts of equal count, mean and std: 4 rewards tie with others in one, none in the other.
    rng = np.random.default_rng(0)
    levels = np.arange(33) / 32
    family = tilted_family(*reward_levels(levels))
    departures = fit_departures(sums_of(levels[rng.integers(0, 33, (50, 8))]))
    powers = [np.full(2, 0.5**power * 8) for power in range(5)]
    ties = Ties(np.full(2, 5.0), np.full(2, 4.0), np.array([0.0, 4.0]), np.zeros((2, 3)))
    likelihoods = Candidates(family, departures).log_likelihood(RewardSums(*powers, ties))
    without, with_ties = likelihoods[:, : len(family.std)]
    gained = with_ties - without
    for k in (0, 300, 900):
        q = np.exp(
            np.log(1 / 33)
            + family.slope[k] * levels
            + family.curvature[k] * levels**2
            - family.log_partition[k]
        )
        # A tie by the tilt itself, or by the process: 1 in 64 more.
        collision = math.fsum(float(p) ** 2 for p in q)
        expected = 4 * math.log((collision + 1 / SHAPE_CONCENTRATION) / collision)
        q0 = math.exp(family.log_all_equal[0, 0])
        first = 4 * math.log((q0 + 1 / SHAPE_CONCENTRATION) / q0)
        assert gained[k] - gained[0] == pytest.approx(expected - first, abs=1e-6)
    assert gained[0] < gained[900] - 0.5  # the narrowest and a wide one


def test_likelihood_against_the_binomial():
    rewards, _ = own_rewards(prompts=30)
    sums = sums_of(rewards)
    departures = fit_departures(sums)
    found = departure_log_likelihood(departures, sums)
    size = len(departures.share) // len(departures.mass)
    urns = len(DEPARTURE_CONCENTRATIONS)
    for i, group in enumerate(rewards):
        repeats = max(Counter(group).most_common(1)[0][1] - 1, 0)
        departed = len(group) - 1 - repeats
        for k in range(0, size, 7 * urns):
            share = float(departures.share[k])
            expected = departed * math.log(share) + repeats * math.log(1 - share)
            # Up to what is the same for all shares.
            difference = found[i, k] - found[i, 0]
            first = float(departures.share[0])
            zero = departed * math.log(first) + repeats * math.log(1 - first)
            assert difference == pytest.approx(expected - zero, abs=1e-8)


def test_moments_of_departures_are_learned():
    rng = np.random.default_rng(0)
    mode = rng.uniform(0.35, 0.65, (3000, 1))
    size = rng.choice([-0.1, 0.3], (3000, 16))
    departs = rng.random((3000, 16)) < 0.1
    departures = fit_departures(sums_of(np.where(departs, mode + size, mode)))
    # Between the second and the third of four places, where the modes are.
    middle = departures.moments.reshape(len(departures.mass), -1, 4)[1:3, 0]
    exact = [np.mean([(-0.1) ** power, 0.3**power]) for power in range(1, 5)]
    np.testing.assert_allclose(middle, [exact, exact], rtol=0.1, atol=0.005)


def test_pieces_of_the_prior_are_distributions(fitted):
    pieces, weights = departure_bumps(fitted[3].candidates.departures)
    np.testing.assert_allclose(pieces.sum(axis=1), 1)
    assert weights.sum() == pytest.approx(1)
    assert fitted[3].prior.sum() == pytest.approx(1)


def draws_of_departures(rng, base, share, concentration, departed, num):
    """Variances and means of reward distributions: x = 0 or a Dirichlet process of departures."""
    values = np.r_[base, departed]
    weights = np.r_[np.full(len(base), concentration / len(base)), np.ones(len(departed))]
    p = share * rng.dirichlet(weights, num)
    mean = p @ values
    return p @ values**2 - mean**2, mean


def test_posterior_of_departures_against_draws():
    rng = np.random.default_rng(0)
    base, mode = np.array([-0.2, 0.1, 0.4]), 0.3
    urns = len(DEPARTURE_CONCENTRATIONS)
    shares = np.repeat([0.05, 0.4], urns)
    concentrations = np.tile(DEPARTURE_CONCENTRATIONS, 2)
    moments = np.array([np.mean(base**power) for power in range(1, 5)])
    departures = Departures(shares, concentrations, np.tile(moments, (2 * urns, 1)), np.ones(1))
    rewards = np.r_[np.full(5, mode), mode + 0.1, mode + 0.1, mode - 0.2]
    powers = [np.array([np.sum(rewards**power)]) for power in range(5)]
    five = np.array([5.0])
    sums = RewardSums(*powers, Ties(five, np.array([8 * mode]), five, np.zeros((1, urns))))
    drawn = [
        draws_of_departures(rng, base, share, concentration, [0.1, 0.1, -0.2], 300_000)
        for share, concentration in zip(shares, concentrations, strict=True)
    ]

    given = departures_given(departures, np.arange(2 * urns)[None], sums)
    mean, variance = variance_moments(*given, shares[None])
    np.testing.assert_allclose(mean[0], [v.mean() for v, _ in drawn], rtol=5e-3)
    np.testing.assert_allclose(variance[0], [v.var() for v, _ in drawn], rtol=2e-2)

    weights = rng.dirichlet(np.ones(2 * urns))[None] * 0.8
    first, second = departed_mean(departures, weights, sums)
    means = [mode + m for _, m in drawn]
    assert first[0] == pytest.approx(weights[0] @ [m.mean() for m in means], rel=1e-3)
    assert second[0] == pytest.approx(weights[0] @ [np.mean(m**2) for m in means], rel=1e-3)


@pytest.mark.parametrize("group", [8, 16])
def test_intervals_cover_where_prompts_have_rewards_of_their_own(group):
    rewards, std = own_rewards(seed=3, group=group)
    sums = sums_of(rewards)
    population = fit_population(rewards.ravel(), sums)
    settings = DiagnosisSettings()

    def coverage(found):
        return np.mean((found.std_lower <= std) & (std <= found.std_upper))

    found = population.judge(sums, settings)
    # 400 prompts that share a prior: the coverage of one log scatters by a few per cent.
    assert coverage(found) > 0.8
    low = std < 0.1
    assert found.prob_low_std.mean() == pytest.approx(low.mean(), abs=0.12)
    assert np.sqrt(np.mean((found.std - std) ** 2)) < np.sqrt(
        np.mean((rewards.std(axis=1) - std) ** 2)
    )
    # Tilts alone take equal rewards for flat.
    alone = Candidates(population.candidates.tilts, None)
    prior = fit_prior(alone, sums, np.ones(len(rewards)))
    tilts = Population(alone, prior).judge(sums, settings)
    assert coverage(tilts) < coverage(found) - 0.05


def test_equal_rewards_are_not_taken_for_flat_where_others_depart(fitted):
    rewards, std, _, _ = fitted
    diagnosis = diagnose(rewards, reward_range=(0, 1))
    equal = diagnosis.observed.std == 0
    assert equal.sum() > 100
    stated = diagnosis.posterior.prob_low_std[equal].mean()
    assert stated == pytest.approx(np.mean(std[equal] < 0.1), abs=0.1)


@pytest.mark.parametrize("group", [4, 8])
def test_equal_rewards_are_never_taken_for_a_std_of_hardly_more_than_0(group):
    # Graded rewards: each prompt adds up weights of its own for four parts that are right or not.
    for seed in (5, 6):
        rng = np.random.default_rng(seed)
        weights, success = rng.dirichlet(np.ones(4), 400), rng.beta(0.05, 0.1, (400, 4))
        right = rng.random((400, group, 4)) < success[:, None]
        rewards = np.minimum(np.einsum("nt,ngt->ng", weights, right), 1)
        std = np.sqrt(np.sum(weights**2 * success * (1 - success), axis=1))
        equal = rewards.std(axis=1) == 0
        assert equal.sum() > 150
        assert np.max(std[equal]) > 0.1
        found = diagnose(rewards, reward_range=(0, 1)).posterior
        assert np.min(found.std_upper[equal]) > 0.1


def test_swapping_the_ends_of_the_range_changes_no_std(fitted):
    rewards = fitted[0]
    found, mirrored = (diagnose(r, reward_range=(0, 1)).posterior for r in (rewards, 1 - rewards))
    # Of two rewards that were seen as often, the lower is the mode.
    several = [Counter(group.round(6)).most_common(2) for group in rewards]
    clear = np.array([len(two) == 1 or two[0][1] > two[1][1] for two in several])
    np.testing.assert_allclose(found.std[clear], mirrored.std[clear], atol=0.02)
    np.testing.assert_allclose(found.mean[clear], 1 - mirrored.mean[clear], atol=0.02)


def test_many_prompts_are_judged_by_the_cell_and_hardly_differ(fitted, monkeypatch):
    _, _, sums, population = fitted
    settings = DiagnosisSettings()
    alone = population.judge(sums, settings)
    monkeypatch.setattr("jrft.diagnosis.model.population._MAX_ALONE", 100)
    together = population.judge(sums, settings)
    assert len(np.unique(together.std)) < len(np.unique(alone.std))
    near = np.abs(together.std - alone.std)
    assert np.quantile(near, 0.95) < 0.01
    assert np.quantile(np.abs(together.prob_low_std - alone.prob_low_std), 0.95) < 0.1
