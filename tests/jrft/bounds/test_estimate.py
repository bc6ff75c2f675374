"""Sampled bounds against the exact ones, over many repetitions of the sampling."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jrft
from jrft._numerics import norm
from tests.cases import policies as cases

NAME = "recurrent with end"
NUM_SAMPLES = 16
REPEATS = 400


@functools.cache
def exact():
    policy = cases.POLICIES[NAME]
    problem = policy, cases.init(policy), cases.PROMPT, cases.reward
    return jrft.gradient_bounds(jax.random.key(0), *problem)


@functools.cache
def repeated():
    policy = cases.POLICIES[NAME]
    params = cases.init(policy)

    @jax.jit
    @jax.vmap
    def estimate(key):
        problem = key, policy, params, cases.PROMPT, cases.reward
        return jrft.estimate_bounds(*problem, num_samples=NUM_SAMPLES, num_groups=4, num_steps=12)

    keys = jax.random.split(jax.random.key(1), REPEATS)
    return jax.tree.map(lambda x: np.asarray(x, np.float64), estimate(keys))


def test_means_and_errors_are_right():
    found, expected = repeated(), exact()
    unbiased = {
        "value": expected.value,
        "squared_gradient_norm": expected.gradient_norm**2,
    }
    for quantity, number in unbiased.items():
        values, _ = getattr(found, quantity)
        z = (values.mean() - float(number)) / (values.std() / np.sqrt(REPEATS))
        assert abs(z) < 4.5, quantity
    for quantity in ("value", "reward_std", "squared_gradient_norm", "fisher_eigenvalue", "fisher"):
        values, errors = getattr(found, quantity)
        # The jackknife's variance is right on average, and on the large side for small samples.
        assert 0.8 < np.sqrt((errors**2).mean()) / values.std() < 1.5, quantity


def test_a_naive_norm_would_be_too_large():
    # So the test above can fail.
    policy = cases.POLICIES[NAME]
    params = cases.init(policy)

    @jax.jit
    @jax.vmap
    def naive(key):
        gradient, _ = jrft.rloo_gradient(
            key, policy, params, cases.PROMPT, cases.reward, num_samples=NUM_SAMPLES
        )
        return norm(gradient) ** 2

    values = naive(jax.random.split(jax.random.key(2), REPEATS))
    assert values.mean() > 1.2 * exact().gradient_norm ** 2


def test_many_samples_come_near_the_exact_bounds():
    policy = cases.POLICIES[NAME]
    found = jrft.estimate_bounds(
        jax.random.key(3), policy, cases.init(policy), cases.PROMPT, cases.reward,
        num_samples=4000, num_groups=20, num_steps=30,
    )  # fmt: skip
    expected = exact()
    pairs = {
        "value": expected.value,
        "reward_std": expected.reward_std,
        "gradient_norm": expected.gradient_norm,
        "fisher_eigenvalue": expected.fisher_eigenvalue.lower,
        "fisher": expected.fisher,
    }
    for quantity, number in pairs.items():
        value, error = getattr(found, quantity)
        assert abs(value - number) < 4.5 * error + 1e-4 * number, quantity
        assert error < 0.1 * max(expected.reward_std, abs(number)), quantity


def test_one_token_has_an_exact_fisher_eigenvalue(key):
    policy = jrft.tabular_policy(5, 1)
    params = policy.init(key)
    found = jrft.estimate_bounds(
        key, policy, params, [], lambda _, y: y[0] * 1.0, num_samples=16, num_steps=60
    )
    expected = jrft.largest_fisher_eigenvalue(key, policy, params, [])
    np.testing.assert_allclose(found.fisher_eigenvalue.value, expected.lower, rtol=1e-4)
    np.testing.assert_allclose(found.fisher_eigenvalue.error, 0, atol=1e-6)


def test_equal_rewards_bound_the_gradient_by_0(key):
    policy = cases.POLICIES[NAME]
    problem = key, policy, cases.init(policy), cases.PROMPT, lambda *_: jnp.float32(0.3)
    found = jrft.estimate_bounds(*problem, num_samples=8, num_groups=4, num_steps=2)
    assert found.fisher.value == found.gradient_norm.value == found.reward_std.error == 0


def test_arguments_that_do_not_fit(key):
    policy = jrft.tabular_policy(2, 1)
    problem = key, policy, policy.init(key), [], lambda _, y: y[0] * 1.0
    for settings, message in (
        ({"num_groups": 2}, "num_groups is 2: pass at least 3"),
        ({"num_samples": 12}, r"12 samples do not make 8 equal groups of 2 at least: pass a mul"),
        ({"num_samples": 8}, r"8 samples do not make 8 equal groups of 2 at least: .* 16 or more"),
        ({"num_steps": 0}, "num_steps is 0: pass at least 1"),
    ):
        with pytest.raises(ValueError, match=message):
            jrft.estimate_bounds(*problem, **settings)
