import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import jrft
from jrft.exact import expectations as exact
from tests.cases import policies as cases
from tests.oracles import policies as oracles

NAMES = list(cases.POLICIES)
WITH_ORACLE = [name for name in NAMES if "recurrent" not in name]


@jax.jit
def exact_moments(policy, params, prompt):
    """Value, std and their gradients by the prefix tree, in one program."""
    problem = policy, params, prompt, cases.reward
    std, std_gradient = jax.value_and_grad(jrft.exact_reward_std, argnums=1)(*problem)
    return jrft.exact_value(*problem), jrft.exact_policy_gradient(*problem), std, std_gradient


@jax.jit
def enumerated_moments(policy, params, prompt, completions, rewards):
    """The same, every completion by itself by teacher forcing."""

    def probs(params):
        return jnp.exp(cases.forced_log_probs(policy, params, prompt, completions).sum(axis=1))

    def value(params):
        return probs(params) @ rewards

    def std(params):
        return jnp.sqrt(probs(params) @ (rewards - value(params)) ** 2)

    return *jax.value_and_grad(value)(params), *jax.value_and_grad(std)(params)


def numpy_rewards(policy, prompt):
    return np.array([cases.reward(prompt, np.array(y)) for y in cases.distinct(policy)])


def numpy_moments(policy, params, prompt):
    """Value and std, one completion and one prefix at a time."""
    logits = cases.next_logits(policy, params, prompt)
    probs = oracles.probabilities(logits, cases.distinct(policy))
    rewards = numpy_rewards(policy, prompt)
    value = probs @ rewards
    return value, np.sqrt(probs @ (rewards - value) ** 2)


@pytest.mark.parametrize("name", WITH_ORACLE)
def test_value_and_std_agree_with_numpy(name):
    policy = cases.POLICIES[name]
    with jax.enable_x64(True):
        params = cases.init(policy, dtype=np.float64)
        value, _, std, _ = exact_moments(policy, params, cases.PROMPT)
        expected = numpy_moments(policy, params, cases.PROMPT)
        np.testing.assert_allclose((value, std), expected, rtol=1e-11)


@pytest.mark.parametrize("name", ["tabular", "tabular with end", "transformer with end"])
def test_float32_without_a_callers_jit(name):
    policy = cases.POLICIES[name]
    problem = policy, cases.init(policy), cases.PROMPT, cases.reward
    expected = numpy_moments(*problem[:3])
    moments = jrft.exact_value(*problem), jrft.exact_reward_std(*problem)
    np.testing.assert_allclose(moments, expected, rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_those_of_the_enumerated_sums(name):
    policy = cases.POLICIES[name]
    with jax.enable_x64(True):
        params = cases.init(policy, dtype=np.float64)
        completions = np.array(cases.distinct(policy))
        rewards = numpy_rewards(policy, cases.PROMPT)
        exact = exact_moments(policy, params, cases.PROMPT)
        enumerated = enumerated_moments(policy, params, cases.PROMPT, completions, rewards)
        chex.assert_trees_all_close(exact, enumerated, atol=1e-12, rtol=1e-9)


@pytest.mark.parametrize("name", WITH_ORACLE)
def test_gradients_agree_with_finite_differences_of_numpy(name):
    policy, rng = cases.POLICIES[name], np.random.default_rng(0)
    with jax.enable_x64(True):
        params = cases.init(policy, dtype=np.float64)
        _, value_gradient, _, std_gradient = exact_moments(policy, params, cases.PROMPT)
        flat, unravel = ravel_pytree(params)
        for _ in range(3):
            direction = rng.standard_normal(flat.size)
            ends = [
                numpy_moments(policy, unravel(flat + step * direction), cases.PROMPT)
                for step in (1e-5, -1e-5)
            ]
            slopes = (np.array(ends[0]) - np.array(ends[1])) / 2e-5
            for gradient, slope in zip((value_gradient, std_gradient), slopes, strict=True):
                inner = np.asarray(ravel_pytree(gradient)[0]) @ direction
                np.testing.assert_allclose(inner, slope, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("constant", [0.1, -3.0])
@pytest.mark.parametrize("name", ["tabular with end", "transformer with end"])
def test_constant_reward_has_exactly_zero_std_and_gradient(name, constant):
    policy = cases.POLICIES[name]
    problem = policy, cases.init(policy), cases.PROMPT, jnp.full(27, constant)
    assert jrft.exact_value(*problem) == jnp.float32(constant)
    assert jrft.exact_reward_std(*problem) == 0
    gradient = jrft.exact_policy_gradient(*problem)
    chex.assert_trees_all_equal(gradient, jax.tree.map(jnp.zeros_like, gradient))


def test_gradient_of_the_std_is_zero_where_the_std_is():
    policy = cases.POLICIES["tabular with end"]
    problem = policy, cases.init(policy), cases.PROMPT, jnp.full(27, 0.1)
    np.testing.assert_array_equal(jax.grad(jrft.exact_reward_std, argnums=1)(*problem), 0)


def test_tiny_std_is_accurate_in_float32():
    policy = jrft.tabular_policy(2, 3)
    params = jnp.tile(jnp.array([[0.0, -12.0]], jnp.float32), (7, 1))
    p = 1 / (1 + np.exp(12.0))
    success = jnp.where(jnp.arange(8) == 7, 1.0, -1.0)
    std = jrft.exact_reward_std(policy, params, [], success)
    np.testing.assert_allclose(std, 2 * np.sqrt(p**3 * (1 - p**3)), rtol=1e-4)


@pytest.mark.parametrize("size", [1e-25, 1e20])
def test_std_of_tiny_and_huge_rewards(size):
    policy = jrft.tabular_policy(2, 3)
    params = cases.init(policy)
    rewards = jnp.arange(8.0)
    expected = jrft.exact_reward_std(policy, params, [], rewards)
    found, gradient = jax.value_and_grad(jrft.exact_reward_std, argnums=1)(
        policy, params, [], size * rewards
    )
    np.testing.assert_allclose(found / size, expected, rtol=1e-5)
    unit = jax.grad(jrft.exact_reward_std, argnums=1)(policy, params, [], rewards)
    np.testing.assert_allclose(gradient / size, unit, rtol=1e-4, atol=1e-6)


def test_one_token_is_expected_reward():
    policy = jrft.tabular_policy(4, 1)
    params, rewards = cases.init(policy), jnp.array([1.0, -1.0, 0.5, 2.0])
    value = jrft.exact_value(policy, params, [], rewards)
    np.testing.assert_allclose(value, jrft.expected_reward(params[0], rewards), atol=1e-6)
    std = jrft.exact_reward_std(policy, params, [], rewards)
    np.testing.assert_allclose(std, jrft.reward_std(params[0], rewards), rtol=1e-6)


def test_function_and_table_of_rewards_agree():
    policy = cases.POLICIES["tabular with end"]
    params = cases.init(policy)
    table = jrft.reward_table(cases.reward, policy, cases.PROMPT)
    by_function = jrft.exact_policy_gradient(policy, params, cases.PROMPT, cases.reward)
    by_table = jrft.exact_policy_gradient(policy, params, cases.PROMPT, table)
    chex.assert_trees_all_close(by_function, by_table, atol=1e-6)


def test_jit_and_vmap_over_prompts_and_tables():
    policy = cases.POLICIES["recurrent with end"]
    params = cases.init(policy)
    prompts = jnp.array([[-1, 2, 0], [1, 1, 2]])
    tables = jnp.stack([jnp.sin(jnp.arange(27.0)), jnp.cos(jnp.arange(27.0))])
    gradients = jax.jit(jax.vmap(jrft.exact_policy_gradient, (None, None, 0, 0)))
    batched = gradients(policy, params, prompts, tables)
    for i in range(2):
        single = jrft.exact_policy_gradient(policy, params, prompts[i], tables[i])
        chex.assert_trees_all_close(jax.tree.map(lambda x, i=i: x[i], batched), single, atol=1e-6)


def test_other_values_and_equal_policies_compile_once():
    for seed in range(3):
        policy = jrft.tabular_policy(3, 2)
        sizes = (
            exact.value_of_table._cache_size(),
            exact._policy_gradient._cache_size(),
            exact._reward_std._cache_size(),
        )
        for function in (jrft.exact_value, jrft.exact_policy_gradient, jrft.exact_reward_std):
            # A new reward function each time: rewards are values, not part of the program.
            function(policy, cases.init(policy, seed), [seed], lambda _, y, s=seed: s * y[0])
    assert sizes == (
        exact.value_of_table._cache_size(),
        exact._policy_gradient._cache_size(),
        exact._reward_std._cache_size(),
    )


@pytest.mark.parametrize(
    "function", [jrft.exact_value, jrft.exact_reward_std, jrft.exact_policy_gradient]
)
def test_nan_reward_raises_when_known_and_is_nan_under_jit(function):
    policy = cases.POLICIES["tabular"]
    params = cases.init(policy)
    rewards = jnp.zeros(27).at[5].set(jnp.nan)
    with pytest.raises(ValueError, match=r"rewards hold NaN at completion 5 \(1 of 27\)"):
        function(policy, params, cases.PROMPT, rewards)
    with pytest.raises(ValueError, match=r"rewards hold NaN at completion 0 \(27 of 27\)"):
        function(policy, params, cases.PROMPT, lambda _, y: y[0] * jnp.nan)
    assert jnp.isnan(jax.jit(function)(policy, params, cases.PROMPT, rewards)).any()


def test_too_many_completions():
    policy = jrft.transformer(100, 10, max_prompt=1, width=4, depth=1, heads=1)
    params = cases.init(policy)
    for call in (
        lambda: jrft.exact_value(policy, params, [1], cases.reward),
        lambda: jrft.exact_log_probs(policy, params, [1]),
    ):
        with pytest.raises(ValueError, match=r"vocab_size 100 and length 10 make 1e\+20 compl"):
            call()


@pytest.mark.parametrize("rewards", [np.array([0, 2**40]), np.array([0, 2.0**40])])
def test_large_integers_are_rewards(rewards):
    """In 32-bit mode JAX would cut 2^40 to 0."""
    value = jrft.exact_value(jrft.tabular_policy(2, 1), jnp.zeros((1, 2)), [], rewards)
    assert float(value) == 2.0**39


def test_rewards_out_of_range_are_refused():
    limits = jnp.finfo(jnp.zeros(0).dtype)
    for size in (float(limits.max) / 2, float(limits.tiny) / 4):
        rewards = np.array([0, size])
        with pytest.raises(ValueError, match=r"rewards are of sizes up to .*: scale them"):
            jrft.exact_value(jrft.tabular_policy(2, 1), jnp.zeros((1, 2)), [], rewards)
    with pytest.raises(ValueError, match="rewards hold infinite values: clip them"):
        jrft.exact_value(jrft.tabular_policy(2, 1), jnp.zeros((1, 2)), [], jnp.array([0, jnp.inf]))
