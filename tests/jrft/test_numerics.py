"""Choices among many tokens equal the plain ones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jrft
from jrft import _numerics as numerics

SIZE = numerics.LARGE_VOCABULARY + 37


@pytest.mark.parametrize("k", [1, 5, 63])
def test_kth_largest_equals_sorting(k):
    rng = np.random.default_rng(k)
    # Rounded, so that many tie; some −∞, as a minimal length makes them.
    values = np.round(rng.normal(size=(4, SIZE)) * 20).astype(np.float32)
    values[:, rng.integers(SIZE, size=100)] = -np.inf
    values[0, 5:] = -np.inf
    found = jax.jit(jax.vmap(lambda row: numerics.kth_largest(row, k)))(values)
    np.testing.assert_array_equal(found, np.sort(values, axis=1)[:, -k])


def sorted_nucleus(logits, top_p):
    """The fewest tokens, likeliest first, in float64."""
    probs = np.exp(logits.astype(np.float64) - logits.max())
    probs /= probs.sum()
    order = np.argsort(-logits, kind="stable")
    before = np.cumsum(probs[order]) - probs[order]
    kept = np.zeros(logits.size, bool)
    kept[order[before < top_p]] = True
    return kept


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("top_p", [0.05, 0.613, 0.95])
def test_nucleus_equals_sorting(top_p, dtype):
    rng = np.random.default_rng(0)
    logits = (rng.normal(size=(4, SIZE)) * 3).astype(dtype)
    logits[1] = np.round(logits[1])  # many tie, and of those at the edge some stay
    logits[2, rng.integers(SIZE, size=SIZE)] = -np.inf
    logits[3] = np.where(rng.random(SIZE) < 0.5, 0.0, -0.0)
    with jax.enable_x64(dtype is np.float64):
        nucleus = jax.jit(jax.vmap(lambda row: numerics.nucleus(row, top_p)))
        found = np.asarray(nucleus(jnp.asarray(logits)))
    expected = np.stack([sorted_nucleus(row, top_p) for row in logits])
    # A sum of float32 numbers may end up on the other side of top_p for the last token.
    allowed = 1 if dtype is np.float32 else 0
    assert (found != expected).sum(axis=1).max() <= allowed
    assert 0 < expected[1].sum() < SIZE


def test_nucleus_of_all_probability_and_of_nan():
    logits = jnp.array([1.0, 0.0, -jnp.inf])
    assert numerics.nucleus(logits, 0.9999999)[:2].all()
    # A NaN must reach the log-probabilities, not vanish with its token.
    assert numerics.nucleus(logits.at[1].set(jnp.nan), 0.5)[1]


def test_draws_follow_the_distribution(key):
    logits = np.full(SIZE, -np.inf)
    likely = [0, 1, 63, 64, 2000, SIZE - 1]
    logits[likely] = np.log([0.4, 0.1, 0.2, 0.05, 0.15, 0.1])
    draws = 20_000
    by_key = jax.jit(jax.vmap(numerics.draw, (0, None)))
    tokens = by_key(jax.random.split(key, draws), jnp.asarray(logits, jnp.float32))
    assert tokens.dtype == jnp.int32
    counts = np.bincount(tokens, minlength=SIZE)
    probs = np.exp(logits)
    assert (counts[probs == 0] == 0).all()
    z = (counts - draws * probs)[likely] / np.sqrt(draws * probs * (1 - probs))[likely]
    assert np.abs(z).max() < 4.5


def test_few_tokens_are_drawn_as_jax_draws_them(key):
    log_probs = jnp.log(jnp.array([0.2, 0.5, 0.3]))
    assert numerics.draw(key, log_probs) == jax.random.categorical(key, log_probs)


def precisions(function, *args):
    """The precision of every matrix product of a traced function, in jaxprs within jaxprs."""
    found = []

    def walk(jaxpr):
        for equation in jaxpr.eqns:
            if equation.primitive.name == "dot_general":
                found.append(equation.params["precision"])
            for inner in jax.tree.leaves(
                list(equation.params.values()), is_leaf=lambda x: hasattr(x, "eqns")
            ):
                if hasattr(inner, "eqns"):
                    walk(inner)
                elif hasattr(inner, "jaxpr"):
                    walk(inner.jaxpr)

    walk(jax.make_jaxpr(function)(*args).jaxpr)
    return found


def test_exact_functions_and_bounds_multiply_at_full_precision():
    """On accelerators the default would be TF32 or bfloat16; the user's own choice holds."""
    policy = jrft.transformer(3, 2, max_prompt=1, width=4, depth=1, heads=1)
    params, rewards = policy.init(jax.random.key(0)), jnp.arange(9.0)

    def gradient(params):
        return jrft.exact_policy_gradient(policy, params, [0], rewards)

    def bounds(params):
        return jrft.gradient_bounds(jax.random.key(0), policy, params, [0], rewards, num_steps=2)

    highest = (jax.lax.Precision.HIGHEST,) * 2
    for function in (gradient, bounds):
        found = precisions(function, params)
        assert len(found) > 10
        assert set(found) == {highest}
    with jax.default_matmul_precision("bfloat16"):
        assert set(precisions(gradient, params)) == {(jax.lax.Precision.DEFAULT,) * 2}
