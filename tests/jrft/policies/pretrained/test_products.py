"""Products of rounded factors, and their gradients, against float32 products of the same."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jrft.policies.pretrained import products
from jrft.policies.pretrained.products import product_in, rounded_product

CASES = {
    "matrices": ((4, 3), (3, 5), (((1,), (0,)), ((), ()))),
    "head": ((4, 3), (5, 3), (((1,), (1,)), ((), ()))),
    "scores": ((4, 2, 3, 6), (5, 2, 6), (((3,), (2,)), ((1,), (1,)))),
    "weights times values": ((2, 4, 3, 5), (5, 2, 6), (((3,), (0,)), ((0,), (1,)))),
    "two axes, crossed": ((3, 4, 2), (2, 5, 3), (((0, 2), (2, 0)), ((), ()))),
}


@pytest.mark.parametrize("name", CASES)
def test_product_and_gradient(name):
    left_shape, right_shape, dimensions = CASES[name]
    rng = np.random.default_rng(0)

    def rounded(shape):  # factors that bfloat16 holds exactly
        return jnp.asarray(rng.integers(-8, 9, shape) / 8, jnp.float32)

    left, right = rounded(left_shape), rounded(right_shape)
    expected, backward = jax.vjp(lambda a, b: jax.lax.dot_general(a, b, dimensions), left, right)
    found, our_backward = jax.vjp(
        lambda a, b: rounded_product("bfloat16", a, b, dimensions), left, right
    )
    cotangent = rounded(expected.shape)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    for ours, theirs in zip(our_backward(cotangent), backward(cotangent), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_factors_are_rounded():
    third = jnp.full((1, 1), 1 / 3, jnp.float32)
    product = rounded_product("bfloat16", third, third, (((1,), (0,)), ((), ())))
    assert product.dtype == jnp.float32
    np.testing.assert_array_equal(product, jnp.float32(jnp.bfloat16(1 / 3)) ** 2)


@pytest.mark.parametrize("amx", [True, False])
def test_factors_are_rounded_where_that_is_fast(amx, monkeypatch):
    monkeypatch.setattr(products, "_has_amx", lambda: amx)
    monkeypatch.setattr(products.jax, "default_backend", lambda: "cpu")
    third = jnp.full((1, 1), 1 / 3, jnp.float32)
    found = product_in("bfloat16")(third, third, (((1,), (0,)), ((), ())))
    factor = jnp.float32(jnp.bfloat16(1 / 3)) if amx else jnp.float32(1 / 3)
    np.testing.assert_array_equal(found, factor**2)
    assert found.dtype == jnp.float32
