"""Entropy, divergence, distribution and curvature against sums over completions in float64."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import jrft
from tests.cases import policies as cases
from tests.oracles import policies as oracles

TABLE = np.sin(np.arange(27.0))
NAMES = ["tabular with end", "transformer", "transformer with end"]


def probabilities(policy, params):
    logits = cases.next_logits(policy, params, cases.PROMPT)
    return oracles.probabilities(logits, cases.distinct(policy))


def two_policies(policy):
    return (cases.init(policy, seed, dtype=np.float64) for seed in (0, 1))


@jax.jit
def informed(policy, params, reference):
    """Entropy and divergence both ways, with their gradients in the first parameters."""
    kl = jrft.exact_kl
    functions = (
        lambda p: jrft.exact_entropy(policy, p, cases.PROMPT),
        lambda p: kl(policy, p, reference, cases.PROMPT),
        lambda p: kl(policy, reference, p, cases.PROMPT),
    )
    return [jax.value_and_grad(f)(params) for f in functions]


@pytest.mark.parametrize("name", NAMES)
def test_entropy_and_divergence_are_sums_over_completions(name):
    policy = cases.POLICIES[name]
    with jax.enable_x64(True):
        params, reference = two_policies(policy)
        told = informed(policy, params, reference)
        q = probabilities(policy, reference)

        def sums(params):
            p = probabilities(policy, params)
            return np.array([-p @ np.log(p), p @ np.log(p / q), q @ np.log(q / p)])

        np.testing.assert_allclose([value for value, _ in told], sums(params), rtol=1e-10)
        flat, unravel = ravel_pytree(params)
        direction = np.random.default_rng(0).standard_normal(flat.size)
        ends = [sums(unravel(flat + step * direction)) for step in (1e-5, -1e-5)]
        slopes = (ends[0] - ends[1]) / 2e-5
        for (_, gradient), slope in zip(told, slopes, strict=True):
            inner = np.asarray(ravel_pytree(gradient)[0]) @ direction
            np.testing.assert_allclose(inner, slope, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", ["tabular with end", "transformer with end"])
def test_a_policy_does_not_diverge_from_itself(name):
    policy = cases.POLICIES[name]
    params = cases.init(policy)
    (_, _), (value, gradient), _ = informed(policy, params, params)
    assert abs(value) < 1e-6
    assert all(np.abs(leaf).max() < 1e-6 for leaf in jax.tree.leaves(gradient))


def test_the_distribution_is_sorted_and_has_the_moments(key):
    policy = cases.POLICIES["tabular with end"]
    problem = policy, cases.init(policy), cases.PROMPT, cases.reward
    rewards, probs = jrft.exact_reward_distribution(*problem)
    assert (np.diff(rewards) >= 0).all()
    np.testing.assert_allclose(probs.sum(), 1, rtol=1e-5)
    np.testing.assert_allclose(probs @ rewards, jrft.exact_value(*problem), rtol=1e-5)
    deviations = rewards - probs @ rewards
    np.testing.assert_allclose(
        np.sqrt(probs @ deviations**2), jrft.exact_reward_std(*problem), rtol=1e-5
    )


@pytest.mark.parametrize("name", ["tabular with end", "transformer with end"])
def test_hessian_vector_product_is_the_slope_of_the_gradient(name):
    policy = cases.POLICIES[name]
    with jax.enable_x64(True):
        params = cases.init(policy, dtype=np.float64)
        flat, unravel = ravel_pytree(params)
        direction = np.random.default_rng(1).standard_normal(flat.size)
        direction /= np.linalg.norm(direction)
        gradient = jax.jit(functools.partial(jrft.exact_policy_gradient, policy))

        def flat_gradient(step):
            at = unravel(flat + step * direction)
            return np.asarray(ravel_pytree(gradient(at, cases.PROMPT, TABLE))[0])

        slope = (flat_gradient(1e-5) - flat_gradient(-1e-5)) / 2e-5
        product = jrft.exact_hessian_vector_product(
            policy, params, cases.PROMPT, TABLE, unravel(jnp.asarray(direction))
        )
        np.testing.assert_allclose(ravel_pytree(product)[0], slope, rtol=1e-6, atol=1e-9)


def test_precision_is_that_of_the_parameters():
    policy = jrft.tabular_policy(2, 2, eos=1)
    with jax.enable_x64(True):
        params = jnp.zeros((3, 2), jnp.float32)
        assert jrft.exact_entropy(policy, params, []).dtype == jnp.float32
        assert jrft.exact_kl(policy, params, params, []).dtype == jnp.float32
