import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import jrft
from jrft.sampled import estimators
from tests.cases import policies as cases

NAMES = ["tabular with end", "transformer with end", "recurrent"]


def reward(prompt, completion):
    """`cases.reward` around 0, so that a few samples already tell the direction."""
    return cases.reward(prompt, completion) - 0.4


@pytest.mark.parametrize(
    "name",
    [
        "tabular with end",
        "recurrent",
        pytest.param("transformer with end", marks=pytest.mark.slow),
    ],
)
def test_reinforce_is_unbiased(name, key):
    """Mean of many independent estimates: within 4.5 standard errors of the exact gradient."""
    policy = cases.POLICIES[name]
    params = cases.init(policy)

    @jax.jit
    @jax.vmap
    def estimates(key):
        gradient, _ = jrft.reinforce_gradient(
            key, policy, params, cases.PROMPT, reward, num_samples=8
        )
        return ravel_pytree(gradient)[0]

    drawn = np.asarray(estimates(jax.random.split(key, 2000)), np.float64)
    exact, _ = ravel_pytree(jrft.exact_policy_gradient(policy, params, cases.PROMPT, reward))
    error = drawn.std(axis=0, ddof=1) / np.sqrt(len(drawn))
    moved = error > 0
    assert moved.any()
    np.testing.assert_array_equal(np.asarray(exact)[~moved], 0)
    z = (drawn.mean(axis=0) - np.asarray(exact))[moved] / error[moved]
    assert np.abs(z).max() < 4.5


@pytest.mark.parametrize("name", ["tabular with end", "transformer with end"])
def test_reinforce_is_the_mean_of_reward_times_score(name, key):
    policy = cases.POLICIES[name]
    params = cases.init(policy)
    samples = jrft.sample(key, policy, params, cases.PROMPT, 5)
    rewards = np.array([1.0, -2.0, 0.5, 0.0, 3.0])
    gradient, info = jrft.reinforce_gradient_from(policy, params, cases.PROMPT, samples, rewards)

    @jax.jit
    @jax.jacobian
    def scores(params):
        log_probs = cases.forced_log_probs(policy, params, cases.PROMPT, samples.completions)
        return log_probs.sum(axis=1)

    expected = jax.tree.map(lambda s: jnp.tensordot(rewards / 5, s, 1), scores(params))
    chex.assert_trees_all_close(gradient, expected, atol=2e-6)
    norm = np.linalg.norm(ravel_pytree(expected)[0])
    np.testing.assert_allclose(info.gradient_norm, norm, rtol=1e-5)


def test_one_call_is_sample_then_gradient_from(key):
    policy = cases.POLICIES["tabular with end"]
    params = cases.init(policy)
    one_call = jrft.reinforce_gradient(key, policy, params, cases.PROMPT, reward, num_samples=6)
    samples = jrft.sample(key, policy, params, cases.PROMPT, 6)
    rewards = [reward(cases.PROMPT, np.array(y)) for y in samples.completions]
    two_calls = jrft.reinforce_gradient_from(
        policy, params, cases.PROMPT, samples, np.array(rewards, np.float32)
    )
    chex.assert_trees_all_close(one_call, two_calls, atol=1e-6)


def test_info_is_about_the_completions_of_one_prompt(key):
    policy = cases.POLICIES["tabular"]
    params = cases.init(policy)
    rewards = np.array([1.0, -1.0, -1.0, 0.25], np.float32)
    samples = jrft.sample(key, policy, params, cases.PROMPT, 4)
    _, info = jrft.reinforce_gradient_from(policy, params, cases.PROMPT, samples, rewards)
    np.testing.assert_allclose(info.reward_mean, rewards.mean(), rtol=1e-6)
    np.testing.assert_allclose(info.reward_std, rewards.std(ddof=0), rtol=1e-6)
    np.testing.assert_array_equal(info.rewards, rewards)
    chex.assert_trees_all_equal(info.samples, samples)


@pytest.mark.parametrize("num_samples", [1, 7])
def test_equal_rewards_have_exactly_zero_std(num_samples, key):
    policy = cases.POLICIES["tabular"]
    _, info = jrft.reinforce_gradient(
        key, policy, cases.init(policy), [], lambda prompt, y: 0.1, num_samples=num_samples
    )
    assert info.reward_std == 0
    assert info.reward_mean == info.rewards[0]


def test_equal_policies_and_new_rewards_compile_once(key):
    compiled = []
    for seed in range(3):
        policy = jrft.tabular_policy(3, 2)
        jrft.reinforce_gradient(
            key, policy, cases.init(policy, seed), [seed], lambda _, y: y[0], num_samples=4
        )
        compiled.append(estimators._gradient._cache_size())
    assert compiled[0] == compiled[-1]


def test_nan_reward_raises_when_known_and_is_nan_under_jit(key):
    policy = cases.POLICIES["tabular"]
    params = cases.init(policy)

    def gradient(reward):
        return jrft.reinforce_gradient(key, policy, params, [], reward, num_samples=3)

    with pytest.raises(ValueError, match=r"rewards hold NaN at completion 0 \(3 of 3\)"):
        gradient(lambda prompt, y: jnp.nan)
    estimate, info = jax.jit(lambda x: gradient(lambda prompt, y: x))(jnp.nan)
    assert jnp.isnan(estimate).any()
    assert jnp.isnan(info.reward_mean)
    assert jnp.isnan(info.reward_std)


GOOD = jrft.Samples(jnp.zeros((4, 3), jnp.int32), jnp.zeros((4, 3)))


def completions(rows):
    return GOOD._replace(completions=jnp.array(rows))


@pytest.mark.parametrize(
    ("samples", "rewards", "message"),
    [
        (GOOD, np.zeros(3), r"rewards have shape \[3\]: pass float\[4\]"),
        (GOOD, np.array([0, np.nan, np.nan, 1]), r"rewards hold NaN at completion 1 \(2 of 4\)"),
        (completions([[0, 3, 0]]), np.zeros(1), r"samples\.completions has token 3 at \[0, 1\]"),
        (completions([[0, -1, 0]]), np.zeros(1), r"has token -1 at \[0, 1\]: pass tokens of 0 … 2"),
        (completions([[0, 1, -2]]), np.zeros(1), r"has token -2 at \[0, 2\]"),
        (completions([[0.0, 1.0, 2.0]]), np.zeros(1), r"samples\.completions has dtype float"),
        (completions([[0, 1]]), np.zeros(1), r"has shape \[1, 2\]: pass int\[n, 3\]"),
        (completions(np.zeros((0, 3), int)), np.zeros(0), r"shape \[0, 3\].*n at least 1"),
        (completions([0, 1, 2]), np.zeros(3), r"has shape \[3\]"),
    ],
)
def test_bad_samples(samples, rewards, message):
    policy = cases.POLICIES["tabular with end"]
    with pytest.raises(ValueError, match=message):
        jrft.reinforce_gradient_from(policy, cases.init(policy), [], samples, rewards)


def test_no_samples(key):
    policy = cases.POLICIES["tabular"]
    with pytest.raises(ValueError, match=r"num_samples is 0: pass at least 1"):
        jrft.reinforce_gradient(key, policy, cases.init(policy), [], reward, num_samples=0)
