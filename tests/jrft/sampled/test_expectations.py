"""Expectations of the estimators, over all groups of completions there are, in float64."""

import itertools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import jrft
from tests.cases import policies as cases
from tests.oracles import policies as oracles

GROUP = 3
PPO = {"token": jrft.ppo_gradient_from, "sequence": jrft.ppo_sequence_gradient_from}
POLICIES = {"plain": jrft.tabular_policy(2, 2), "with end": jrft.tabular_policy(2, 2, eos=1)}


def reward(prompt, completion):
    return jnp.sin(completion[0] * 2.0 + completion[1])


def groups_of(policy, params):
    """All groups of completions: samples [groups, G, …], and their probabilities."""
    completions = np.array(cases.distinct(policy))
    log_probs = np.array(cases.forced_log_probs(policy, params, jnp.zeros(0, int), completions))
    index = np.array(list(itertools.product(range(len(completions)), repeat=GROUP)))
    samples = jrft.Samples(jnp.asarray(completions[index]), jnp.asarray(log_probs[index]))
    return samples, np.exp(log_probs.sum(axis=1))[index].prod(axis=1)


def expectation(estimator, policy, params, reward):
    """Σ over groups of probability · gradient."""
    samples, probs = groups_of(policy, params)
    assert probs.sum() == pytest.approx(1)
    of_all = jax.vmap(jax.vmap(lambda completion: jnp.asarray(reward([], completion), float)))
    rewards = of_all(samples.completions)
    gradients = jax.jit(jax.vmap(estimator))(samples, rewards)
    return jax.tree.map(lambda g: jnp.tensordot(probs, g, 1), gradients)


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize(
    ("method", "factor"), [("reinforce", 1), ("rloo", 1), ("mean", (GROUP - 1) / GROUP)]
)
def test_reinforce_expects_a_multiple_of_the_exact_gradient(name, method, factor):
    policy = POLICIES[name]
    with jax.enable_x64(True):
        params = cases.init(policy, dtype=np.float64)

        def estimator(samples, rewards):
            return jrft.policy_gradient_from(
                policy, params, [], samples, rewards, advantages=jrft.ESTIMATORS[method]
            )[0]

        expected = factor * jrft.exact_policy_gradient(policy, params, [], reward)
        np.testing.assert_allclose(
            expectation(estimator, policy, params, reward), expected, atol=1e-12
        )


def test_grpo_expects_the_gradient_over_the_std_of_a_bernoulli_reward():
    policy = POLICIES["plain"]

    def solved(_, completion):
        return (completion == 1).all()

    with jax.enable_x64(True):
        params = cases.init(policy, dtype=np.float64)

        def estimator(samples, rewards):
            return jrft.grpo_gradient_from(policy, params, [], samples, rewards)[0]

        p = float(jrft.exact_value(policy, params, [], solved))
        successes = np.arange(GROUP + 1)
        chances = np.array(
            [np.prod([1.0]) * _choose(GROUP, k) * p**k * (1 - p) ** (GROUP - k) for k in successes]
        )
        mean_std = chances @ np.sqrt(successes / GROUP * (1 - successes / GROUP))
        gradient = jrft.exact_policy_gradient(policy, params, [], solved)
        expected = mean_std / (p * (1 - p)) * gradient
        np.testing.assert_allclose(
            expectation(estimator, policy, params, solved), expected, atol=1e-12
        )
        # Dividing by the std undoes little of the vanishing.
        assert mean_std / (p * (1 - p)) <= np.sqrt(GROUP - 1) / np.sqrt(p * (1 - p)) + 1e-12


def _choose(n, k):
    return len(list(itertools.combinations(range(n), k)))


@pytest.mark.parametrize("ratio", ["token", "sequence"])
def test_ppo_at_the_sampling_parameters_expects_the_exact_gradient(ratio):
    policy = POLICIES["with end"]
    with jax.enable_x64(True):
        params = cases.init(policy, dtype=np.float64)
        value = jrft.exact_value(policy, params, [], reward)

        def estimator(samples, rewards):
            return PPO[ratio](policy, params, [], samples, rewards, rewards - value)[0]

        expected = jrft.exact_policy_gradient(policy, params, [], reward)
        np.testing.assert_allclose(
            expectation(estimator, policy, params, reward), expected, atol=1e-12
        )


def numpy_surrogate(policy, params, samples, advantages, clip, ratio):
    """PPO's objective, one token at a time."""
    logits = cases.next_logits(policy, params, [])
    total = 0.0
    for completion, old, advantage in zip(
        np.array(samples.completions), np.array(samples.log_probs), advantages, strict=True
    ):
        new = oracles.completion_log_probs(logits, tuple(int(t) for t in completion))
        present = completion >= 0
        ratios = np.exp(new - old)[present]
        for r in [ratios.prod()] if ratio == "sequence" else ratios:
            total += min(r * advantage, min(max(r, 1 - clip), 1 + clip) * advantage)
    return total / len(advantages)


@pytest.mark.parametrize("ratio", ["token", "sequence"])
@pytest.mark.parametrize("block_size", [None, 2])
def test_ppo_elsewhere_has_the_slope_of_the_surrogate(ratio, block_size, key):
    policy = POLICIES["with end"]
    with jax.enable_x64(True):
        old = cases.init(policy, dtype=np.float64)
        new = old + jnp.array([[0.0, 0.4], [0.3, 0.0], [0.0, 0.0]])
        samples = jrft.sample(key, policy, old, [], 7)
        advantages = np.linspace(-1, 1.5, 7)
        gradient, info = PPO[ratio](
            policy, new, [], samples, advantages, advantages, clip=0.1, block_size=block_size
        )
        for place in np.ndindex(new.shape):
            step = jnp.zeros_like(new).at[place].set(1e-6)
            ends = [
                numpy_surrogate(policy, new + sign * step, samples, advantages, 0.1, ratio)
                for sign in (1, -1)
            ]
            assert float(gradient[place]) == pytest.approx((ends[0] - ends[1]) / 2e-6, abs=1e-7)
        assert 0 < info.clipped_share < 1
        assert info.mean_ratio != 1


@pytest.mark.parametrize("block_size", [1, 3, 100])
def test_blocks_change_nothing_but_rounding(block_size, key):
    policy = cases.POLICIES["recurrent with end"]
    params = cases.init(policy)
    arguments = key, policy, params, cases.PROMPT, cases.reward
    whole, _ = jrft.rloo_gradient(*arguments, num_samples=7)
    in_blocks, _ = jrft.rloo_gradient(*arguments, num_samples=7, block_size=block_size)
    chex.assert_trees_all_close(whole, in_blocks, atol=1e-6)


@pytest.mark.parametrize("block_size", [None, 3])
def test_statistics_are_those_of_the_samples_gradients(block_size, key):
    policy = POLICIES["with end"]
    with jax.enable_x64(True):
        params = cases.init(policy, dtype=np.float64)
        gradient, info = jrft.rloo_gradient(key, policy, params, [], reward, num_samples=8)
        score = jax.jit(jax.grad(lambda p, y: policy.log_probs(p, jnp.zeros(0, int), y).sum()))
        one_by_one = [
            info.advantages[i] * ravel_pytree(score(params, y))[0]
            for i, y in enumerate(info.samples.completions)
        ]
        told = jrft.gradient_statistics(
            policy, params, [], info.samples, info.advantages, block_size=block_size
        )
        np.testing.assert_allclose(told.gradient, gradient, atol=1e-14)
        error = np.std(one_by_one, axis=0, ddof=1) / np.sqrt(8)
        np.testing.assert_allclose(told.standard_error.ravel(), error, atol=1e-14)
        ratio = np.linalg.norm(gradient) / np.linalg.norm(error)
        assert float(told.signal_to_noise) == pytest.approx(ratio)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda *a: jrft.policy_gradient_from(*a, advantages=jnp.mean),
            r"advantages returned shape \[\] for \[2\] rewards: pass a function float\[n\]",
        ),
        (lambda *a: jrft.rloo_gradient_from(*a, block_size=0), "block_size is 0: pass at least 1"),
        (lambda *a: jrft.ppo_gradient_from(*a, a[-1], clip=-0.1), "clip is -0.1: pass a number"),
        (lambda *a: jrft.ppo_gradient_from(*a, np.ones(1)), r"advantages have shape \[1\]: p"),
        (lambda *a: jrft.gradient_statistics(*a[:-1], np.ones(1)), r"advantages have shape \[1\]"),
    ],
)
def test_bad_arguments_are_refused(call, message, key):
    policy = POLICIES["plain"]
    params = cases.init(policy)
    samples = jrft.sample(key, policy, params, [], 2)
    with pytest.raises(ValueError, match=message):
        call(policy, params, [], samples, np.array([1.0, 0.0]))


def test_a_group_of_one_is_refused(key):
    policy = POLICIES["plain"]
    params = cases.init(policy)
    for estimator in (jrft.rloo_gradient, jrft.grpo_gradient):
        with pytest.raises(ValueError, match=r"rewards have shape \[1\]: pass a group"):
            estimator(key, policy, params, [], reward, num_samples=1)


@pytest.mark.parametrize("estimator", [jrft.rloo_gradient_from, jrft.grpo_gradient_from])
def test_nan_under_jit_is_nan_and_not_a_missing_score(estimator, key):
    policy = POLICIES["plain"]
    params = cases.init(policy)
    samples = jrft.sample(key, policy, params, [], 3)
    rewards = jnp.array([1.0, jnp.nan, 0.0])
    gradient, _ = jax.jit(estimator)(policy, params, jnp.zeros(0, int), samples, rewards)
    assert jnp.isnan(gradient).any()


def test_per_sample_gradients_average_to_the_estimate(key):
    policy = cases.POLICIES["recurrent with end"]
    params = cases.init(policy)
    gradient, info = jrft.grpo_gradient(
        key, policy, params, cases.PROMPT, cases.reward, num_samples=6
    )
    told = policy, params, cases.PROMPT, info.samples, info.advantages
    each = jrft.per_sample_gradients(*told)
    mean = jax.tree.map(lambda leaf: leaf.mean(axis=0), each)
    chex.assert_trees_all_close(mean, gradient, atol=1e-6)
    alone = jax.tree.map(lambda leaf: leaf[3], each)
    score = jax.grad(lambda params: policy.log_probs(params, *_prompt_and(info, 3)).sum())(params)
    scaled = jax.tree.map(lambda leaf: info.advantages[3] * leaf, score)
    chex.assert_trees_all_close(alone, scaled, atol=1e-6)


def _prompt_and(info, place):
    return jnp.asarray(cases.PROMPT), info.samples.completions[place]


def test_many_small_terms_are_not_lost_in_bfloat16(key):
    policy = jrft.tabular_policy(2, 1)
    samples = jrft.sample(key, policy, jnp.zeros((1, 2)), [], 1000)
    rewards = samples.completions[:, 0].astype(jnp.float32)
    small, full = jnp.zeros((1, 2), jnp.bfloat16), jnp.zeros((1, 2))
    for function in (_reinforce, _standard_error):
        expected = function(policy, full, samples, rewards)
        found = function(policy, small, samples, rewards)
        np.testing.assert_allclose(np.asarray(found, np.float32), expected, rtol=5e-3)


def _reinforce(policy, params, samples, rewards):
    return jrft.reinforce_gradient_from(policy, params, [], samples, rewards, block_size=1)[0]


def _standard_error(policy, params, samples, rewards):
    told = jrft.gradient_statistics(policy, params, [], samples, rewards, block_size=1)
    return told.standard_error
