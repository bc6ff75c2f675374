"""Low-rank adapters against the model with merged weights."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jrft

MODEL = jrft.transformer(4, 2, max_prompt=2, width=8, depth=2, heads=2)
PROMPT = [1, 3]
REWARDS = jnp.sin(jnp.arange(16.0))


@pytest.fixture(scope="module")
def base():
    return MODEL.init(jax.random.key(0))


@pytest.fixture(scope="module")
def policy(base):
    return jrft.lora(MODEL, base, rank=2, scale=0.5)


@pytest.fixture(scope="module")
def adapters(policy):
    """Adapters that correct something: an `up` of zero would hide mistakes."""
    return jax.tree.map(lambda x: x + 0.1 * jnp.cos(jnp.arange(x.size)).reshape(x.shape),
                        policy.init(jax.random.key(1)))  # fmt: skip


def test_it_starts_as_the_model(policy, base):
    fresh = policy.init(jax.random.key(1))
    chex.assert_trees_all_close(policy.merged(fresh), base)


def test_merged_weights_are_the_formula(policy, adapters, base):
    kernel = next(iter(policy.adapted))
    down, up = (np.asarray(x, np.float64) for x in adapters[kernel])
    weight = dict(jax.tree_util.tree_leaves_with_path(base))
    merged = dict(jax.tree_util.tree_leaves_with_path(policy.merged(adapters)))
    name = {jax.tree_util.keystr(p, simple=True, separator="/"): p for p in weight}
    expected = np.asarray(weight[name[kernel]]) + 0.5 * down @ up
    np.testing.assert_allclose(merged[name[kernel]], expected, atol=1e-6)
    others = [p for n, p in name.items() if n not in policy.adapted]
    assert others
    for path in others:
        np.testing.assert_array_equal(merged[path], weight[path])


def test_every_function_sees_the_corrected_model(policy, adapters):
    merged = policy.merged(adapters)
    by_adapters = jrft.exact_log_probs(policy, adapters, PROMPT)
    np.testing.assert_allclose(by_adapters, jrft.exact_log_probs(MODEL, merged, PROMPT), atol=1e-6)
    key = jax.random.key(2)
    drawn = jrft.sample(key, policy, adapters, PROMPT, 5)
    chex.assert_trees_all_close(drawn, jrft.sample(key, MODEL, merged, PROMPT, 5), atol=1e-6)


def test_gradient_is_the_chain_rule_through_the_merged_weights(policy, adapters):
    gradient = jrft.exact_policy_gradient(policy, adapters, PROMPT, REWARDS)
    of_model = jrft.exact_policy_gradient(MODEL, policy.merged(adapters), PROMPT, REWARDS)
    (expected,) = jax.vjp(policy.merged, adapters)[1](of_model)
    chex.assert_trees_all_close(gradient, expected, atol=1e-6)


def test_sampling_settings_and_restrictions_stand_upon_it(policy, adapters):
    cooler = jrft.warped_policy(policy, temperature=0.5)
    merged = policy.merged(adapters)
    expected = jrft.exact_log_probs(jrft.warped_policy(MODEL, temperature=0.5), merged, PROMPT)
    np.testing.assert_allclose(jrft.exact_log_probs(cooler, adapters, PROMPT), expected, atol=1e-5)
    two = {"tokens": [0, 3]}
    expected = jrft.exact_log_probs(jrft.restricted_policy(MODEL, **two), merged, PROMPT)
    restricted = jrft.restricted_policy(policy, **two)
    np.testing.assert_allclose(
        jrft.exact_log_probs(restricted, adapters, PROMPT), expected, atol=1e-5
    )


def test_weights_of_the_model_are_arguments(policy, adapters):
    traces = []

    @jax.jit
    def value(policy, adapters):
        traces.append(None)
        return jrft.exact_value(policy, adapters, PROMPT, REWARDS)

    doubled = jrft.lora(MODEL, jax.tree.map(lambda x: 2 * x, policy.base), rank=2, scale=0.5)
    first, second = value(policy, adapters), value(doubled, adapters)
    assert len(traces) == 1
    assert abs(first - second) > 1e-4


def test_chosen_weights(base):
    policy = jrft.lora(MODEL, base, rank=1, adapts=lambda path: "0" in path and "kernel" in path)
    assert policy.adapted
    assert all("0" in path for path in policy.adapted)
    with pytest.raises(ValueError, match=r"chooses no weight: .* params/"):
        jrft.lora(MODEL, base, rank=1, adapts=lambda path: False)
    with pytest.raises(ValueError, match="rank is 0"):
        jrft.lora(MODEL, base, rank=0)
