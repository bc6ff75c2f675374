"""Settings every test runs under."""

import jax
import pytest

# A shape that broadcasts by accident is a bug that values seldom show.
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture
def key() -> jax.Array:
    return jax.random.key(0)
