import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jrft
from jrft.sampled import sampling
from tests.cases import policies as cases

NAMES = ["tabular", "tabular with end", "recurrent", "transformer with end"]
N = 20_000


@pytest.mark.parametrize("name", NAMES)
def test_samples_follow_the_exact_distribution(name, key):
    policy = cases.POLICIES[name]
    params = cases.init(policy)
    samples = jrft.sample(key, policy, params, cases.PROMPT, N)
    chex.assert_shape(samples.completions, (N, 3))
    assert samples.completions.dtype == jnp.int32
    forced = cases.forced_log_probs(policy, params, cases.PROMPT, samples.completions)
    np.testing.assert_allclose(samples.log_probs, forced, atol=2e-6)

    counts = np.bincount(np.maximum(samples.completions, 0) @ np.array([9, 3, 1]), minlength=27)
    probs = np.exp(np.asarray(jrft.exact_log_probs(policy, params, cases.PROMPT), np.float64))
    assert (counts[probs == 0] == 0).all()
    # Where the normal approximation of the binomial holds.
    frequent = N * probs > 10
    assert frequent.sum() > 5
    z = (counts - N * probs)[frequent] / np.sqrt(N * probs * (1 - probs))[frequent]
    assert np.abs(z).max() < 4.5


def test_completions_are_padded_after_the_end_and_only_there(key):
    policy = cases.POLICIES["tabular with end"]
    samples = jrft.sample(key, policy, cases.init(policy), [], 200)
    seen = set(map(tuple, np.asarray(samples.completions).tolist()))
    assert seen <= set(cases.distinct(policy))
    assert any(-1 in y for y in seen)
    assert any(policy.eos not in y for y in seen)
    padded = samples.completions == -1
    np.testing.assert_array_equal(samples.log_probs[padded], 0)


def test_same_key_same_samples_and_other_key_others(key):
    policy = cases.POLICIES["tabular"]
    params = cases.init(policy)
    first = jrft.sample(key, policy, params, [], 50)
    chex.assert_trees_all_equal(first, jrft.sample(key, policy, params, [], 50))
    other = jrft.sample(jax.random.key(1), policy, params, [], 50)
    assert (first.completions != other.completions).any()


def test_jit_and_vmap_over_prompts(key):
    policy = cases.POLICIES["recurrent with end"]
    params, prompts = cases.init(policy), jnp.array([[-1, 2, 0], [1, 1, 2]])
    keys = jax.random.split(key, 2)
    batched = jax.jit(jax.vmap(lambda k, prompt: jrft.sample(k, policy, params, prompt, 20)))
    samples = batched(keys, prompts)
    for i in range(2):
        single = jrft.sample(keys[i], policy, params, prompts[i], 20)
        np.testing.assert_array_equal(samples.completions[i], single.completions)
        np.testing.assert_allclose(samples.log_probs[i], single.log_probs, atol=1e-6)


def test_equal_policies_compile_once(key):
    for seed in range(3):
        policy = jrft.tabular_policy(3, 2)
        jrft.sample(jax.random.key(seed), policy, cases.init(policy, seed), [seed], 4)
        if seed == 0:
            compiled = sampling._sample._cache_size()
    assert sampling._sample._cache_size() == compiled


def test_no_samples(key):
    policy = cases.POLICIES["tabular"]
    with pytest.raises(ValueError, match=r"n is 0: pass at least 1"):
        jrft.sample(key, policy, cases.init(policy), [], 0)


def test_warped_policies_are_sampled_with_their_settings(key):
    policy = cases.POLICIES["tabular with end"]
    params = cases.init(policy)
    warped = jrft.warped_policy(policy, temperature=0.5, top_k=2, min_length=1)
    samples = jrft.sample(key, warped, params, [], 20)
    assert not (samples.completions[:, 0] == policy.eos).any()
    forced = cases.forced_log_probs(warped, params, jnp.zeros(0, int), samples.completions)
    np.testing.assert_allclose(samples.log_probs, forced, atol=2e-6)


@pytest.mark.parametrize("first_tokens", [jrft.stratified_tokens, jrft.antithetic_tokens])
def test_dependent_first_tokens_have_the_policys_distribution(key, first_tokens):
    policy = cases.POLICIES["tabular with end"]
    params = cases.init(policy)
    draw = jax.jit(
        jax.vmap(lambda k: jrft.sample(k, policy, params, [], 5, first_tokens=first_tokens))
    )
    completions = np.asarray(draw(jax.random.split(key, 4000)).completions)
    probs = np.exp(np.asarray(jrft.exact_log_probs(policy, params, []), np.float64))
    expected = probs.reshape(3, 9).sum(axis=1)
    # Each of the 5 by itself, whatever its place.
    for place in range(5):
        shares = np.bincount(completions[:, place, 0], minlength=3) / 4000
        np.testing.assert_allclose(shares, expected, atol=4 * np.sqrt(0.25 / 4000))
    counts = np.stack([(completions[:, :, 0] == token).sum(axis=1) for token in range(3)])
    independent = 5 * expected * (1 - expected)
    if first_tokens is jrft.stratified_tokens:
        assert np.abs(counts - 5 * expected[:, None]).max() < 2
        assert counts.var(axis=1).sum() < 0.3 * independent.sum()
    else:
        assert counts.var(axis=1).sum() < 0.7 * independent.sum()


def test_a_token_of_probability_zero_is_never_drawn():
    log_probs = jnp.log(jnp.array([0.0, 0.5, 0.0, 0.5, 0.0]))
    levels = jnp.array([0.0, 0.25, 0.5, 0.75, 1.0])
    assert sampling._quantiles(log_probs, levels).tolist() == [1, 1, 3, 3, 3]
