"""Intervals around the largest eigenvalue, against dense matrices."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jrft.exact.eigenvalues import largest_eigenvalue


def matrix(rng, size, rank):
    factor = rng.standard_normal((size, rank))
    return factor @ factor.T


@pytest.mark.parametrize(
    ("size", "rank", "num_steps"),
    [(12, 12, 12), (12, 12, 50), (30, 4, 20), (1, 1, 3), (40, 40, 32)],
)
def test_enough_steps_are_exact(size, rank, num_steps):
    dense = matrix(np.random.default_rng(0), size, rank)
    expected = np.linalg.eigvalsh(dense)[-1]
    with jax.enable_x64(True):
        lower, upper = largest_eigenvalue(
            jax.random.key(1), lambda v: dense @ v, jnp.zeros(size), num_steps=num_steps
        )
        np.testing.assert_allclose([lower, upper], expected, rtol=1e-11)


def test_the_lower_end_is_sure_and_the_upper_fails_no_more_often_than_stated():
    keys = jax.random.split(jax.random.key(0), 400)

    def intervals(failure_probability):
        diagonal = jnp.linspace(0, 1, 30).at[7].set(3.0)

        def interval(key):
            return largest_eigenvalue(
                key, lambda v: diagonal * v, diagonal, num_steps=2,
                failure_probability=failure_probability,
            )  # fmt: skip

        return jax.jit(jax.vmap(interval))(keys)

    with jax.enable_x64(True):
        lower, upper = intervals(0.3)
        assert np.all(lower < 3)
        # A bound that hardly ever failed would not be that of a probability of 0.3.
        assert 0.1 < np.mean(upper < 3) < 0.3
        safe = intervals(1e-6)
        np.testing.assert_array_equal(safe.lower, lower)
        assert np.all(safe.upper > upper)
        assert np.all(safe.upper > 3)


def test_what_is_zero_and_what_is_a_multiple_of_the_identity():
    for scale in (0.0, 3.0):
        found = largest_eigenvalue(
            jax.random.key(0), lambda v, s=scale: s * v, jnp.zeros(9), num_steps=5
        )
        np.testing.assert_allclose(found, scale, rtol=1e-6)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_steps": 0}, "num_steps is 0: pass at least 1"),
        ({"failure_probability": 0.0}, "failure_probability is 0.0: pass a number between 0 and 1"),
        ({"failure_probability": 1.0}, "failure_probability is 1.0: pass a number between 0 and 1"),
    ],
)
def test_bad_settings(settings, message):
    with pytest.raises(ValueError, match=message):
        largest_eigenvalue(jax.random.key(0), lambda v: v, jnp.zeros(3), **settings)
