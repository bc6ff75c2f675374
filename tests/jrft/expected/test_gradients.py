"""Exact expectations of the estimators, against loops over all ordered groups in float64 NumPy."""

import functools
import math

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jrft
from jrft import (
    expected_advantages,
    expected_grpo_gradient,
    expected_policy_gradient,
    expected_ppo_gradient,
    expected_rloo_gradient,
    keep_mask,
)
from jrft.expected import advantages as of_groups
from jrft.expected import ppo as expected_ppo
from jrft.expected.advantages import every_group
from tests.cases import policies as cases
from tests.oracles.groups import (
    GROUP,
    KEEP,
    POLICIES,
    chances_of,
    mean_over_groups,
    reward,
    table,
)

GRPO_1 = functools.partial(jrft.grpo_advantages, ddof=1)
ESTIMATORS = {
    **jrft.ESTIMATORS,
    "grpo with ddof 1 and epsilon": functools.partial(jrft.grpo_advantages, ddof=1, epsilon=0.1),
}


@pytest.mark.parametrize("masked", ["kept", "masked"])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_expectations_agree_with_loops_over_groups(estimator, masked):
    for name, policy in POLICIES.items():
        with jax.enable_x64(True):
            params, rows = table(name)
            expected, dead = mean_over_groups(
                estimator, rows, lambda i, a, rows=rows: a * rows[i][2].sum(axis=0),
                masked == "masked", chances_of(rows),
            )  # fmt: skip
            gradient, found = expected_policy_gradient(
                policy, params, [], reward,
                advantages=ESTIMATORS[estimator], group_size=GROUP, keep=KEEP[masked],
            )  # fmt: skip
            np.testing.assert_allclose(gradient, expected, atol=1e-12)
            np.testing.assert_allclose(found.zero_std_probability, dead, rtol=1e-12)


def test_what_the_estimators_expect_is_known_in_closed_form():
    policy = POLICIES["with end"]
    with jax.enable_x64(True):
        problem = policy, table("with end")[0], [], reward
        gradient = jrft.exact_policy_gradient(*problem)
        for size in (2, 5):
            settings = {"group_size": size}
            expected = {
                1: expected_rloo_gradient(*problem, **settings),
                (size - 1) / size: expected_policy_gradient(
                    *problem, advantages=jrft.mean_advantages, **settings
                ),
            }
            for factor, (found, _) in expected.items():
                np.testing.assert_allclose(found, factor * gradient, atol=1e-12)


@pytest.mark.parametrize("size", [2, 7, 64])
def test_grpos_factor_of_a_binary_reward(size):
    policy = jrft.tabular_policy(3, 2)

    def solved(_, completion):
        return (completion == 2).all()

    with jax.enable_x64(True):
        problem = policy, cases.init(policy, dtype=np.float64), [], solved
        p = float(jrft.exact_value(*problem))
        successes = np.arange(size + 1)
        chances = np.array([math.comb(size, k) * p**k * (1 - p) ** (size - k) for k in successes])
        mean_std = chances @ np.sqrt(successes / size * (1 - successes / size))
        factor = mean_std / (p * (1 - p))
        dead = p**size + (1 - p) ** size
        gradient = jrft.exact_policy_gradient(*problem)
        kept, found = expected_grpo_gradient(*problem, group_size=size)
        np.testing.assert_allclose(kept, factor * gradient, rtol=1e-9)
        np.testing.assert_allclose(found.zero_std_probability, dead, rtol=1e-9)
        masked, _ = expected_grpo_gradient(*problem, group_size=size, keep=keep_mask)
        np.testing.assert_allclose(masked, factor / (1 - dead) * gradient, rtol=1e-9)
    # With p → 0 the factor tends to √(G − 1): it does not undo the vanishing.
    p = 1e-5
    found = expected_advantages(
        jnp.array([1 - p, p], jnp.float32), jnp.array([0.0, 1.0]), jrft.grpo_advantages,
        group_size=size,
    )  # fmt: skip
    np.testing.assert_allclose(found.mean[1] - found.mean[0], np.sqrt(size - 1), rtol=2e-3)


def test_expectations_are_the_means_of_the_estimators():
    policy = POLICIES["with end"]
    old, new = cases.init(policy), cases.init(policy) + 0.3 * cases.init(policy, 1)
    keys = jax.random.split(jax.random.key(3), 4000)

    def estimates(key):
        gradient, info = jrft.policy_gradient(
            key, policy, old, [], reward, advantages=GRPO_1, num_samples=4
        )
        clipped, _ = jrft.ppo_gradient_from(
            policy, new, [], info.samples, info.rewards, info.advantages
        )
        mean, _ = jrft.policy_gradient_from(
            policy, old, [], info.samples, info.rewards, advantages=jrft.mean_advantages
        )
        return gradient, clipped, mean

    problem = policy, old, [], reward
    gradient, found = expected_policy_gradient(*problem, advantages=GRPO_1, group_size=4)
    clipped, _ = expected_ppo_gradient(policy, new, old, [], found)
    mean, _ = expected_policy_gradient(*problem, advantages=jrft.mean_advantages, group_size=4)
    drawn = jax.jit(jax.vmap(estimates))(keys)
    for samples, expected in zip(drawn, (gradient, clipped, mean), strict=True):
        errors = np.std(samples, axis=0, ddof=1) / np.sqrt(len(keys))
        # Softmax leaves the sum over tokens, and rows of what has ended, at 0 without any error.
        z = (np.mean(samples, axis=0) - expected)[errors > 1e-6] / errors[errors > 1e-6]
        assert z.size >= 9
        assert np.abs(z).max() < 4.5


def test_traced_rewards_are_all_taken_for_distinct():
    policy = POLICIES["with end"]
    params = cases.init(policy)
    rewards = jrft.reward_table(reward, policy, [])
    function = functools.partial(expected_grpo_gradient, group_size=GROUP)
    both = jnp.stack([rewards, rewards**2])
    traced, _ = jax.jit(jax.vmap(function, (None, None, None, 0)))(
        policy, params, jnp.zeros(0, int), both
    )
    for i in range(2):
        known, _ = function(policy, params, [], both[i])
        np.testing.assert_allclose(traced[i], known, atol=1e-6)


def test_blocks_of_groups_change_nothing_but_rounding(monkeypatch):
    probs, rewards = jnp.array([0.1, 0.4, 0.3, 0.2]), jnp.array([0.0, 0.5, 1.0, 3.0])
    arguments = probs, rewards, jrft.grpo_advantages
    whole = expected_advantages(*arguments, group_size=4)
    of_groups._expected.clear_cache()
    monkeypatch.setattr(of_groups, "_BLOCK", 100)
    chex.assert_trees_all_close(expected_advantages(*arguments, group_size=4), whole, rtol=1e-5)
    of_groups._expected.clear_cache()


def test_equal_rewards_leave_nothing():
    probs, rewards = jnp.array([0.25, 0.75]), jnp.full(2, 0.3)
    for name, advantages in jrft.ESTIMATORS.items():
        for keep in KEEP.values():
            found = expected_advantages(probs, rewards, advantages, group_size=3, keep=keep)
            # REINFORCE has no baseline: groups of equal rewards count unless they are left out.
            counts = name == "reinforce" and keep is every_group
            np.testing.assert_allclose(found.mean, 0.3 * counts, rtol=1e-6)
            assert found.zero_std_probability == pytest.approx(1)


def test_nan_under_jit_is_nan():
    policy = POLICIES["plain"]
    rewards = jnp.array([0.0, jnp.nan, 1.0, 2.0])
    arguments = policy, cases.init(policy), jnp.zeros(0, int), rewards
    with pytest.raises(ValueError, match="rewards hold NaN at completion 1"):
        expected_grpo_gradient(*arguments, group_size=2)
    gradient, _ = jax.jit(functools.partial(expected_grpo_gradient, group_size=2))(*arguments)
    assert jnp.isnan(gradient).any()


def test_other_values_compile_once():
    policy, sizes = POLICIES["plain"], []
    for seed in range(3):
        params = cases.init(policy, seed)
        rewards = jnp.arange(4.0) * (seed + 1)
        # A new partial of equal settings is no new program.
        advantages = functools.partial(jrft.grpo_advantages, ddof=1, epsilon=0.5)
        _, found = expected_policy_gradient(
            policy, params, [], rewards, advantages=advantages, group_size=2
        )
        expected_ppo_gradient(policy, params + seed, params, [], found, clip=0.1 * seed)
        expected_ppo_gradient(policy, params + seed, params, [], rewards)
        sizes.append((of_groups._expected._cache_size(), expected_ppo._ppo._cache_size()))
    assert sizes[0] == sizes[2]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda *a: expected_grpo_gradient(*a, group_size=1), "group_size is 1: pass at least 2"),
        (
            lambda *a: expected_policy_gradient(
                *a, advantages=functools.partial(jrft.grpo_advantages, ddof=2), group_size=2
            ),
            "ddof is 2: pass 0",
        ),
        (
            lambda *a: expected_grpo_gradient(*a, group_size=500),
            r"500: with 4 distinct rewards it makes some 10\^7 groups, of more than 67108864",
        ),
        (
            lambda *a: expected_advantages(
                jnp.ones(700), jnp.arange(700.0), jrft.rloo_advantages, group_size=900
            ),
            r"700 distinct rewards it makes some 10\^474 groups",
        ),
        (lambda *a: expected_ppo_gradient(*a[:2], a[1], [], a[3], clip=-0.1), "clip is -0.1: p"),
        (
            lambda *a: expected_ppo_gradient(*a[:2], a[1], [], a[3][:2]),
            r"advantages have shape \[2\]: pass float\[4\]",
        ),
        (
            lambda *a: expected_advantages(a[3], jnp.zeros(3), jrft.rloo_advantages, group_size=2),
            r"rewards have shape \[3\]: pass float\[4\]",
        ),
    ],
)
def test_bad_arguments_are_refused(call, message):
    policy = POLICIES["plain"]
    with pytest.raises(ValueError, match=message):
        call(policy, cases.init(policy), [], jnp.arange(4.0))
