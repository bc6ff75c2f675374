"""Norms, Fisher information and bounds, against dense float64 matrices of every prefix."""

import functools
import itertools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

import jrft
from jrft.bounds import bounds, jacobian
from jrft.bounds.bounds import gradient_bounds
from jrft.bounds.jacobian import jacobian_norm_intervals, jacobian_norms, largest_jacobian_norm
from jrft.exact import curvature as fisher
from jrft.exact.curvature import exact_fisher_vector_product, largest_fisher_eigenvalue
from tests.cases import policies as cases
from tests.oracles import policies as oracles

END = "transformer with end"


@functools.cache
def dense(name):
    """Norm of the logits' Jacobian by prefix, and probabilities and scores of the completions.

    From the whole Jacobian of the tree, in float64; prefixes that have ended are left out.
    """
    policy = cases.POLICIES[name]
    size = policy.vocab_size
    flat, unravel = ravel_pytree(cases.init(policy, dtype=np.float64))

    def tree_logits(flat):
        params = unravel(flat)
        logits, cache = policy.prefill(params, jnp.asarray(cases.PROMPT))
        return jnp.concatenate(policy.subtree_logits(params, logits, cache, policy.length))

    logits, jacobians = jax.jit(lambda flat: (tree_logits(flat), jax.jacrev(tree_logits)(flat)))(
        flat
    )
    logits, jacobians = np.asarray(logits), np.asarray(jacobians)
    prefixes = [p for t in range(policy.length) for p in itertools.product(range(size), repeat=t)]
    norms = {
        prefix: np.linalg.norm(jacobians[i], 2)
        for i, prefix in enumerate(prefixes)
        if policy.eos not in prefix
    }
    probs, scores = [], []
    for completion in cases.distinct(policy):
        score, log_prob = 0.0, 0.0
        for t, token in enumerate(completion):
            if token >= 0:
                i = prefixes.index(completion[:t])
                log_probs = oracles.log_softmax(logits[i])
                log_prob += log_probs[token]
                score += jacobians[i][token] - np.exp(log_probs) @ jacobians[i]
        probs.append(np.exp(log_prob))
        scores.append(score)
    return norms, np.array(probs), np.array(scores)


def dense_fisher(name):
    _, probs, scores = dense(name)
    return (scores.T * probs) @ scores


@pytest.mark.parametrize("name", ["tabular", "tabular with end", END])
def test_jacobian_norms_agree_with_dense_matrices(name):
    policy = cases.POLICIES[name]
    completion = (2, 1, 0) if policy.eos is None else (2, policy.eos, -1)
    with jax.enable_x64(True):
        params = cases.init(policy, dtype=np.float64)
        norms, *_ = dense(name)
        largest = largest_jacobian_norm(policy, params, cases.PROMPT, block_size=5)
        np.testing.assert_allclose(largest, max(norms.values()), rtol=1e-9)
        expected = [norms[completion[:t]] if completion[t] >= 0 else 0 for t in range(3)]
        of_one = jacobian_norms(policy, params, cases.PROMPT, completion)
        np.testing.assert_allclose(of_one, expected, rtol=1e-9)


@pytest.mark.parametrize("name", ["tabular", "recurrent with end"])
def test_intervals_of_as_many_steps_as_tokens_are_exact(name):
    policy = cases.POLICIES[name]
    with jax.enable_x64(True):
        params = cases.init(policy, dtype=np.float64)
        norms, *_ = dense(name)
        completion = (2, 1, 1) if policy.eos is None else (2, policy.eos, -1)
        expected = [norms[completion[:t]] if completion[t] >= 0 else 0 for t in range(3)]
        problem = policy, params, cases.PROMPT, completion
        ends = jacobian_norm_intervals(jax.random.key(0), *problem, num_steps=3)
        np.testing.assert_allclose(np.array(ends), [expected] * 2, rtol=1e-9)
        lower, upper = jacobian_norm_intervals(jax.random.key(0), *problem, num_steps=1)
        assert np.all(lower <= np.array(expected) + 1e-12)
        assert np.all(upper >= np.array(expected) - 1e-12)


@pytest.mark.parametrize("name", ["tabular", "tabular with end", "recurrent with end"])
def test_fisher_information_agrees_with_dense_matrices(name):
    policy = cases.POLICIES[name]
    with jax.enable_x64(True):
        params = cases.init(policy, dtype=np.float64)
        matrix = dense_fisher(name)
        vector = np.random.default_rng(0).standard_normal(len(matrix))
        product = exact_fisher_vector_product(
            policy, params, cases.PROMPT, ravel_pytree(params)[1](vector)
        )
        np.testing.assert_allclose(ravel_pytree(product)[0], matrix @ vector, atol=1e-11)
        ends = largest_fisher_eigenvalue(jax.random.key(0), policy, params, cases.PROMPT)
        np.testing.assert_allclose(np.array(ends), np.linalg.eigvalsh(matrix)[-1], rtol=1e-9)


def test_fisher_information_is_the_hessian_of_the_divergence():
    policy = cases.POLICIES["recurrent with end"]
    with jax.enable_x64(True):
        params = cases.init(policy, dtype=np.float64)
        vector = cases.init(policy, seed=1, dtype=np.float64)
        divergence = jax.grad(lambda p: jrft.exact_kl(policy, params, p, cases.PROMPT))
        _, expected = jax.jit(lambda: jax.jvp(divergence, (params,), (vector,)))()
        product = exact_fisher_vector_product(policy, params, cases.PROMPT, vector)
        chex.assert_trees_all_close(product, expected, atol=1e-12)


@pytest.mark.parametrize("name", ["tabular with end", END])
def test_all_of_one_prompt(name):
    policy = cases.POLICIES[name]
    with jax.enable_x64(True):
        problem = policy, cases.init(policy, dtype=np.float64), cases.PROMPT, cases.reward
        found = gradient_bounds(jax.random.key(0), *problem, old_value=-0.3)
        norms, probs, scores = dense(name)
        rewards = np.array(
            [cases.reward(cases.PROMPT, np.array(y)) for y in cases.distinct(policy)]
        )
        value = probs @ rewards
        std = np.sqrt(probs @ (rewards - value) ** 2)
        norm = np.linalg.norm((probs * rewards) @ scores)
        gamma, largest = max(norms.values()), np.linalg.eigvalsh(dense_fisher(name))[-1]
        largest_reward = np.abs(rewards).max()
        assert largest_reward > 1
        expected = {
            "value": value,
            "reward_std": std,
            "gradient_norm": norm,
            "jacobian_norm": gamma,
            "theorem": 6 * 3 * gamma * largest_reward * (std / largest_reward) ** (2 / 3),
            "certificate": np.sqrt(3 / 2) * gamma * std,
            "fisher": np.sqrt(largest) * std,
            "ppo": np.sqrt(3 / 2) * gamma * np.sqrt(std**2 + (value + 0.3) ** 2),
        }
        for quantity, number in expected.items():
            np.testing.assert_allclose(getattr(found, quantity), number, rtol=1e-9)
        np.testing.assert_allclose(found.fisher_eigenvalue, [largest] * 2, rtol=1e-9)
        assert found.gradient_norm <= found.fisher <= found.certificate <= found.theorem
        # Without an old value it is the value itself.
        again = gradient_bounds(jax.random.key(0), *problem)
        np.testing.assert_allclose(again.ppo, again.certificate, rtol=1e-12)


def test_of_two_equal_chances_the_certificate_is_attained():
    found = gradient_bounds(
        jax.random.key(0), jrft.tabular_policy(2, 1), jnp.zeros((1, 2)), [], jnp.array([5.0, -7.0])
    )
    np.testing.assert_allclose(found.gradient_norm, found.certificate, rtol=1e-6)
    np.testing.assert_allclose(found.fisher, found.certificate, rtol=1e-6)


def test_constant_rewards_bound_the_gradient_by_0_and_leave_a_derivative():
    policy = cases.POLICIES["tabular with end"]

    def bound(params, rewards):
        found = gradient_bounds(jax.random.key(0), policy, params, cases.PROMPT, rewards)
        return found.theorem + found.certificate, found

    gradient, found = jax.grad(bound, has_aux=True)(cases.init(policy), jnp.full(27, 0.3))
    assert found.value == jnp.float32(0.3)
    assert (found.theorem, found.certificate, found.fisher, found.gradient_norm) == (0, 0, 0, 0)
    chex.assert_trees_all_equal(gradient, jax.tree.map(jnp.zeros_like, gradient))


def test_derivatives_agree_with_finite_differences():
    policy = cases.POLICIES["recurrent with end"]
    quantities = ("jacobian_norm", "certificate", "theorem", "gradient_norm")
    with jax.enable_x64(True):
        flat, unravel = ravel_pytree(cases.init(policy, dtype=np.float64))
        direction = np.random.default_rng(1).standard_normal(flat.size)

        @jax.jit
        def numbers(step):
            params = unravel(flat + step * direction)
            found = gradient_bounds(jax.random.key(0), policy, params, cases.PROMPT, cases.reward)
            return jnp.stack([getattr(found, quantity) for quantity in quantities])

        slopes = (numbers(1e-5) - numbers(-1e-5)) / 2e-5
        np.testing.assert_allclose(jax.jacrev(numbers)(0.0), slopes, rtol=1e-6)


def test_a_tables_norm_is_1_and_its_derivative_0():
    policy = cases.POLICIES["tabular with end"]
    norm, gradient = jax.value_and_grad(
        lambda params: largest_jacobian_norm(policy, params, cases.PROMPT)
    )(cases.init(policy))
    assert norm == 1
    np.testing.assert_array_equal(gradient, 0)


def test_jit_and_vmap_over_prompts_and_tables():
    policy = cases.POLICIES["recurrent with end"]
    params = cases.init(policy)
    keys = jax.random.split(jax.random.key(0), 2)
    prompts = jnp.array([[-1, 2, 0], [1, 1, 2]])
    tables = jnp.stack([jnp.sin(jnp.arange(27.0)), 3 * jnp.cos(jnp.arange(27.0))])
    batched = jax.jit(jax.vmap(gradient_bounds, (0, None, None, 0, 0)))(
        keys, policy, params, prompts, tables
    )
    for i in range(2):
        single = gradient_bounds(keys[i], policy, params, prompts[i], tables[i])
        mine = jax.tree.map(lambda x, i=i: x[i], batched)
        chex.assert_trees_all_close(mine, single, rtol=1e-4)


def test_other_values_and_equal_policies_compile_once():
    sizes = []
    for seed in range(3):
        policy = jrft.tabular_policy(3, 2)
        params, key = cases.init(policy, seed), jax.random.key(seed)
        gradient_bounds(key, policy, params, [seed], lambda _, y, s=seed: s * y[0])
        largest_fisher_eigenvalue(key, policy, params, [seed])
        exact_fisher_vector_product(policy, params, [seed], params)
        jacobian_norms(policy, params, [seed], [seed, 1])
        jacobian_norm_intervals(key, policy, params, [seed], [seed, 1])
        jitted = (
            bounds._moments, jacobian._largest_norm, jacobian._norms, jacobian._norm_intervals,
            fisher._fisher_vector, fisher._largest_eigenvalue,
        )  # fmt: skip
        sizes.append([function._cache_size() for function in jitted])
    assert sizes[0] == sizes[2]


def test_nan_reward_raises_when_known_and_is_nan_under_jit():
    policy = cases.POLICIES["tabular"]
    arguments = jax.random.key(0), policy, cases.init(policy), cases.PROMPT
    rewards = jnp.zeros(27).at[5].set(jnp.nan)
    with pytest.raises(ValueError, match=r"rewards hold NaN at completion 5 \(1 of 27\)"):
        gradient_bounds(*arguments, rewards)
    found = jax.jit(gradient_bounds)(*arguments, rewards)
    for quantity in ("value", "reward_std", "gradient_norm", "theorem", "certificate", "fisher"):
        assert jnp.isnan(getattr(found, quantity))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda *a: largest_jacobian_norm(*a, block_size=0), "block_size is 0: pass at least 1"),
        (
            lambda *a: largest_jacobian_norm(*a[:2], jnp.array([[1]])),
            r"prompt has shape \[1, 1\]: pass int\[P\]",
        ),
        (lambda *a: jacobian_norms(*a, [0, 1]), r"completion has shape \[2\]: pass int\[3\], one"),
        (lambda *a: jacobian_norms(*a, [0, 9, 1]), r"has token 9 at \[0, 1\]"),
        (
            lambda *a: jacobian_norm_intervals(jax.random.key(0), *a, [0, 1, 1], num_steps=0),
            "num_steps is 0: pass at least 1",
        ),
        (
            lambda *a: largest_fisher_eigenvalue(jax.random.key(0), *a, failure_probability=2.0),
            "failure_probability is 2.0: pass a number between",
        ),
        (
            lambda *a: gradient_bounds(jax.random.key(0), *a, jnp.zeros(4)),
            r"rewards have shape \[4\]: pass float\[27\]",
        ),
        (lambda *_: bounds.theorem_bound(0, 1.0, 0.1), "length is 0: pass at least 1"),
        (lambda *_: bounds.gradient_certificate(2, 1.0, -0.1), "reward_std is -0.1"),
        (lambda *_: bounds.fisher_certificate(-1.0, 0.1), "fisher_eigenvalue is -1.0"),
        (lambda *_: bounds.ppo_certificate(2, -2.0, 0.1, -0.1), "jacobian_norm is -2.0"),
        (
            lambda *_: bounds.theorem_bound(2, 1.0, 0.1, reward_scale=-1.0),
            "reward_scale is -1.0: pass a number of at least 0",
        ),
    ],
)
def test_bad_arguments_are_refused(call, message):
    policy = cases.POLICIES["tabular"]
    with pytest.raises(ValueError, match=message):
        call(policy, cases.init(policy), cases.PROMPT)


def test_too_many_completions():
    policy = jrft.transformer(100, 10, max_prompt=1, width=4, depth=1, heads=1)
    with pytest.raises(ValueError, match=r"vocab_size 100 and length 10 make 1e\+20 compl"):
        largest_jacobian_norm(policy, cases.init(policy), [1])
