from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jrft
from experiments.studies.jrft.exact_vs_sampled import policy_gradients
from experiments.studies.jrft.exact_vs_sampled.policy_gradients import Prompts

POLICY = jrft.tabular_policy(2, 2)
SHOWN = jnp.tile(jnp.array([[0, 1], [1, 1]]), (3, 1, 1))
BATCH = Prompts(jnp.zeros((3, 1), jnp.int32), SHOWN, jnp.zeros(3, bool))


def reward(prompt, completion):
    return completion[0] + 2.0 * completion[1]


@pytest.fixture
def params(key):
    return POLICY.init(key)


def exact_gradient(params):
    return -jrft.exact_policy_gradient(POLICY, params, [0], reward)


def call(gradient_fn, key, params, batch=BATCH):
    return jax.jit(gradient_fn)(key, params, None, batch)


def test_sft_is_maximum_likelihood(key, params):
    gradient, _, _ = call(policy_gradients.sft(POLICY), key, params)

    def loss(params):
        log_probs = jrft.exact_log_probs(POLICY, params, [])
        return -(log_probs[0b01] + log_probs[0b11]) / 2

    np.testing.assert_allclose(gradient, jax.grad(loss)(params), atol=1e-6)


def test_exact_rft_descends_minus_the_reward(key, params):
    gradient, _, info = call(policy_gradients.exact_rft(POLICY, reward), key, params)
    np.testing.assert_allclose(gradient, exact_gradient(params), atol=1e-6)
    np.testing.assert_allclose(
        info["loss"], -jrft.exact_value(POLICY, params, [0], reward), rtol=1e-5
    )


@pytest.mark.parametrize("name", ["reinforce", "rloo"])
def test_many_samples_are_near_the_exact_gradient(key, params, name):
    estimator = policy_gradients.ESTIMATORS[name]
    gradient_fn = policy_gradients.sampled_rft(estimator, POLICY, reward, num_samples=3000)
    gradient, _, info = call(gradient_fn, key, params)
    np.testing.assert_allclose(gradient, exact_gradient(params), atol=0.05)
    assert info["zero_std_share"] == 0


def test_prompts_are_sampled_with_keys_of_their_own(key, params):
    estimator = policy_gradients.ESTIMATORS["grpo"]
    gradient_fn = policy_gradients.sampled_rft(estimator, POLICY, reward, num_samples=4)
    one = jax.tree.map(lambda leaf: leaf[:1], BATCH)
    gradient, _, _ = call(gradient_fn, key, params)
    assert not np.allclose(gradient, call(gradient_fn, key, params, one)[0])


def test_ppo_keeps_its_samples_for_some_updates_and_draws_anew(key, params):
    gradient_fn = jax.jit(policy_gradients.ppo_rft(POLICY, reward, updates_per_draw=2, clip=0.2))
    state = policy_gradients.before_ppo(POLICY, 3, 1000)
    gradient, first, info = gradient_fn(key, params, state, BATCH)
    # At the parameters that drew the samples no ratio is clipped.
    np.testing.assert_allclose(gradient, exact_gradient(params), atol=0.1)
    assert info["clipped_share"] == 0
    _, second, info = gradient_fn(
        jax.random.key(7), params + 1.0 * jnp.array([[1, 0]]), first, BATCH
    )
    chex.assert_trees_all_equal(second.samples, first.samples)
    assert info["clipped_share"] > 0
    _, third, _ = gradient_fn(jax.random.key(8), params, second, BATCH)
    assert (third.samples.completions != second.samples.completions).any()
    assert third.step == 3


def test_evaluation_splits_prompts(params):
    other = jrft.transformer(2, 2, max_prompt=1, width=4, depth=1, heads=1)
    weights = other.init(jax.random.key(0))
    changed = jnp.array([True, False, False])
    data = Prompts(jnp.array([[0], [1], [1]]), SHOWN, changed)
    metrics = jax.jit(partial(policy_gradients.evaluate, other, reward))(weights, None, data)
    value_and_gradient = jax.jit(
        lambda prompt: jax.value_and_grad(jrft.exact_value, 1)(other, weights, prompt, reward)
    )
    for split, prompt in (("changed", [0]), ("unchanged", [1])):
        expected, gradient = value_and_gradient(jnp.array(prompt))
        np.testing.assert_allclose(metrics[f"{split}/reward"], expected, rtol=1e-5)
        norm = np.sqrt(sum(float((leaf**2).sum()) for leaf in jax.tree.leaves(gradient)))
        np.testing.assert_allclose(metrics[f"{split}/gradient_norm"], norm, rtol=1e-4)
