"""Choices among many tokens equal the plain ones."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

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
