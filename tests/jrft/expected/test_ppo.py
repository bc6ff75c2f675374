"""Exact expectations of PPO's clipped gradients, against loops over groups in float64 NumPy."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jrft
from jrft import expected_grpo_gradient, ppo_certificate
from tests.cases import policies as cases
from tests.oracles.groups import (
    GROUP,
    KEEP,
    POLICIES,
    chances_of,
    mean_over_groups,
    reward,
    rewards_of,
    table,
)

PPO = {
    "token": (jrft.ppo_gradient_from, jrft.expected_ppo_gradient),
    "sequence": (jrft.ppo_sequence_gradient_from, jrft.expected_ppo_sequence_gradient),
}


def clipped(rows, new_rows, ratio, clip):
    """The gradient of PPO's surrogate of one completion, and its clipped and all ratios."""

    def gradient_of(i, advantage):
        log_ratios, scores = new_rows[i][1] - rows[i][1], new_rows[i][2]
        if ratio == "sequence":
            log_ratios, scores = [log_ratios.sum()], [scores.sum(axis=0)]
        total = np.zeros(scores[0].shape)
        for rho, score in zip(np.exp(log_ratios), scores, strict=True):
            if not is_clipped(rho, advantage, clip):
                total += rho * advantage * score
        return total

    return gradient_of


def is_clipped(rho, advantage, clip):
    return rho > 1 + clip if advantage > 0 else advantage < 0 and rho < 1 - clip


@pytest.mark.parametrize("ratio", ["token", "sequence"])
@pytest.mark.parametrize("name", POLICIES)
def test_ppo_agrees_with_a_loop_over_completions(name, ratio):
    policy, clip = POLICIES[name], 0.3
    with jax.enable_x64(True):
        (old, rows), (new, new_rows) = table(name), table(name, seed=2)
        probs, centered = chances_of(rows), rewards_of(rows) - 0.2
        gradients = map(clipped(rows, new_rows, ratio, clip), range(len(rows)), centered)
        expected = sum(p * g for p, g in zip(probs, gradients, strict=True))
        rewards = jrft.reward_table(reward, policy, [])
        gradient, info = PPO[ratio][1](policy, new, old, [], rewards - 0.2, clip=clip)
        np.testing.assert_allclose(gradient, expected, atol=1e-12)
        counts = []
        for p, advantage, row, new_row in zip(probs, centered, rows, new_rows, strict=True):
            ratios = np.exp(new_row[1] - row[1])
            ratios = [ratios.prod()] if ratio == "sequence" else ratios
            over = sum(is_clipped(rho, advantage, clip) for rho in ratios)
            counts.append(p * np.array([over, np.sum(ratios), len(ratios)]))
        over, sums, number = np.sum(counts, axis=0)
        assert 0.05 < over / number < 0.95
        np.testing.assert_allclose(info, (over / number, sums / number), rtol=1e-12)


@pytest.mark.parametrize("masked", ["kept", "masked"])
@pytest.mark.parametrize("ratio", ["token", "sequence"])
def test_grpo_with_clipping_agrees_with_loops_over_groups(ratio, masked):
    name, clip = "with end", 0.2
    with jax.enable_x64(True):
        (old, rows), (new, new_rows) = table(name), table(name, seed=1)
        expected, _ = mean_over_groups(
            "grpo", rows, clipped(rows, new_rows, ratio, clip), masked == "masked", chances_of(rows)
        )
        policy = POLICIES[name]
        _, found = expected_grpo_gradient(
            policy, old, [], reward, group_size=GROUP, keep=KEEP[masked]
        )
        gradient, info = PPO[ratio][1](policy, new, old, [], found, clip=clip)
        np.testing.assert_allclose(gradient, expected, atol=1e-12)
        assert 0.05 < info.clipped_share < 0.95


@pytest.mark.parametrize("ratio", ["token", "sequence"])
def test_ppo_is_the_mean_of_its_estimator_over_single_completions(ratio):
    policy = cases.POLICIES["recurrent with end"]
    with jax.enable_x64(True):
        old, new = (cases.init(policy, seed, np.float64) for seed in (0, 1))
        new = jax.tree.map(lambda a, b: a + 0.1 * b, old, new)
        completions = jnp.array(cases.distinct(policy))
        log_probs = cases.forced_log_probs(policy, old, cases.PROMPT, completions)
        values = jax.vmap(lambda y: cases.reward(jnp.asarray(cases.PROMPT), y))(completions)

        def estimate(completion, log_probs, advantage):
            samples = jrft.Samples(completion[None], log_probs[None])
            return PPO[ratio][0](
                policy, new, cases.PROMPT, samples, advantage[None], advantage[None]
            )[0]

        gradients = jax.jit(jax.vmap(estimate))(completions, log_probs, values)
        probs = jnp.exp(log_probs.sum(axis=1))
        expected = jax.tree.map(lambda g: jnp.tensordot(probs, g, 1), gradients)
        rewards = jrft.reward_table(cases.reward, policy, cases.PROMPT)
        gradient, _ = PPO[ratio][1](policy, new, old, cases.PROMPT, rewards)
        chex.assert_trees_all_close(gradient, expected, atol=1e-12)


@pytest.mark.parametrize("ratio", ["token", "sequence"])
def test_ppo_where_it_samples_is_the_policy_gradient(ratio):
    policy = POLICIES["with end"]
    with jax.enable_x64(True):
        params = table("with end")[0]
        rewards = jrft.reward_table(reward, policy, [])
        gradient, info = PPO[ratio][1](policy, params, params, [], rewards - 3)
        expected = jrft.exact_policy_gradient(policy, params, [], rewards)
        np.testing.assert_allclose(gradient, expected, atol=1e-12)
        np.testing.assert_allclose(info, (0, 1), atol=1e-12)


def test_ppo_is_within_its_certificate():
    policy = jrft.tabular_policy(3, 2, eos=1)

    def tightness(key):
        keys = jax.random.split(key, 4)
        old, step = policy.init(keys[0]), policy.init(keys[1])
        new = old + 0.5 * step
        rewards = 5 * jax.random.normal(keys[2], (9,))
        old_value = jrft.exact_value(policy, old, [], rewards)
        gradient, _ = PPO["sequence"][1](policy, new, old, [], rewards - old_value)
        gap = jrft.exact_value(policy, new, [], rewards) - old_value
        std = jrft.exact_reward_std(policy, new, [], rewards)
        return jnp.linalg.norm(gradient) / ppo_certificate(2, 1.0, std, gap)

    found = jax.jit(jax.vmap(tightness))(jax.random.split(jax.random.key(0), 500))
    assert 0.3 < found.max() <= 1
