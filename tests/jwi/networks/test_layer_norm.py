"""Layer normalization against Flax's, values and gradients."""

from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jwi.networks import LayerNorm, norms

FLAX = nn.LayerNorm(epsilon=1e-5, use_fast_variance=False)


def case(seed, shape, mean=0.0):
    keys = jax.random.split(jax.random.key(seed), 4)
    x = mean + jax.random.normal(keys[0], shape)
    scale, bias = (jax.random.normal(key, shape[-1:]) for key in keys[1:3])
    return {"params": {"scale": scale, "bias": bias}}, x, jax.random.normal(keys[3], shape)


@pytest.mark.parametrize("shape", [(7, 5), (3,), (2, 6, 4), (4, 1)], ids=str)
def test_values_and_gradients_are_those_of_flax(shape):
    params, x, cotangent = case(0, shape)
    ours, flaxs = (jax.vjp(jax.jit(layer.apply), params, x) for layer in (LayerNorm(), FLAX))
    np.testing.assert_allclose(ours[0], flaxs[0], atol=1e-6, rtol=1e-5)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5, rtol=1e-4),
        ours[1](cotangent), flaxs[1](cotangent),
    )  # fmt: skip
    start = [layer.init(jax.random.key(0), x) for layer in (LayerNorm(), FLAX)]
    jax.tree.map(np.testing.assert_array_equal, *start)


def test_large_means_do_not_cancel():
    params, x, _ = case(1, (50, 64), mean=1e4)
    exact = np.float64(x)
    exact = (exact - exact.mean(1, keepdims=True)) / np.sqrt(exact.var(1, keepdims=True) + 1e-5)
    exact = exact * np.array(params["params"]["scale"]) + np.array(params["params"]["bias"])
    np.testing.assert_allclose(LayerNorm().apply(params, x), exact, atol=5e-3)


def test_gradients_of_rows_without_variance_are_finite_and_those_of_flax():
    params, _, cotangent = case(2, (3, 4))
    flat = jnp.full((3, 4), 0.3)
    bars = [jax.vjp(layer.apply, params, flat)[1](cotangent)[1] for layer in (LayerNorm(), FLAX)]
    assert np.isfinite(bars[0]).all()
    np.testing.assert_allclose(*bars, rtol=1e-3, atol=1e-3)


def test_second_derivatives_are_the_slopes_of_the_first():
    params, x, _ = case(3, (4, 3))
    apply = jax.jit(LayerNorm(epsilon=0.1).apply)  # which takes check_grads's host arrays
    check_grads(apply, (params, x), order=2, modes=["rev"], rtol=2e-2)


def test_runs_are_vmapped_over_their_parameters():
    (a, x, _), (b, y, _) = case(4, (5, 3)), case(5, (5, 3))
    stacked, rows = jax.tree.map(lambda *two: jnp.stack(two), (a, x), (b, y))
    each = jnp.stack([LayerNorm().apply(a, x), LayerNorm().apply(b, y)])
    np.testing.assert_allclose(jax.vmap(LayerNorm().apply)(stacked, rows), each, atol=1e-6)


@pytest.mark.parametrize(
    ("dtype", "mean", "std"), [(jnp.bfloat16, 100, 1), (jnp.float16, 0, 1000)], ids=str
)
def test_statistics_of_narrow_parameters_and_rows_are_not_narrow(dtype, mean, std):
    params, x, _ = case(7, (20, 64))
    params, x = jax.tree.map(lambda leaf: leaf.astype(dtype), (params, mean + std * x))
    value, expected = (layer.apply(params, x) for layer in (LayerNorm(), FLAX))
    assert value.dtype == expected.dtype == dtype
    # A rounding of Flax's, whose output has a size of 10.
    np.testing.assert_allclose(
        value.astype(jnp.float32), expected.astype(jnp.float32), atol=10 * jnp.finfo(dtype).eps
    )


def test_narrow_rows_are_widened_to_the_parameters_and_wide_rows_kept():
    params, x, cotangent = jax.tree.map(jnp.float32, case(6, (5, 4)))
    value, pull = jax.vjp(LayerNorm().apply, params, x.astype(jnp.bfloat16))
    assert value.dtype == jnp.float32
    assert pull(cotangent)[1].dtype == jnp.bfloat16
    with jax.enable_x64(True):
        wide = LayerNorm().apply(params, jnp.float64(x))
        exact = FLAX.apply(jax.tree.map(jnp.float64, params), jnp.float64(x))
        np.testing.assert_allclose(wide, exact, atol=1e-12)


def test_a_floor_of_zero_is_relu_before():
    params, x, cotangent = case(8, (6, 5))
    x = x.at[0].set(-1).at[1, 2].set(0)  # A row that relu makes 0, and the kink.
    merged, apart = LayerNorm(floor=0.0), LayerNorm()
    ours = jax.vjp(merged.apply, params, x)
    expected = jax.vjp(lambda params, x: apart.apply(params, nn.relu(x)), params, x)
    np.testing.assert_allclose(ours[0], expected[0], atol=1e-6)
    close = partial(np.testing.assert_allclose, atol=1e-5, rtol=1e-4)
    jax.tree.map(close, ours[1](cotangent), expected[1](cotangent))
    check_grads(jax.jit(LayerNorm(0.1, floor=0.0).apply), (params, x[2:]), 2, ["rev"], rtol=2e-2)


def test_what_is_not_a_number_stays_so():
    params, x, cotangent = case(9, (3, 4))
    x = x.at[1, 2].set(jnp.nan)
    value, pull = jax.vjp(LayerNorm(floor=0.0).apply, params, x)
    assert np.isnan(value).tolist() == [[False] * 4, [True] * 4, [False] * 4]
    # Nothing comes back through relu where it is 0, not even NaN.
    assert np.isnan(pull(cotangent)[1][1]).tolist() == [not entry <= 0 for entry in x[1]]


def test_gradients_of_many_rows_add_up_without_loss():
    params, _, _ = case(10, (1, 8))
    x = jnp.tile(jnp.arange(8.0), (300_000, 1))
    bars = jax.grad(lambda params: LayerNorm().apply(params, x).sum())(params)["params"]
    assert bars["bias"].tolist() == [300_000] * 8
    normalized = (np.arange(8) - 3.5) / np.sqrt(5.25 + 1e-5)
    np.testing.assert_allclose(bars["scale"], 300_000 * normalized, rtol=1e-5)


@pytest.mark.parametrize("floor", [-np.inf, 0.0])
def test_the_compiled_loops_are_what_xla_makes_of_the_formulas(floor, monkeypatch):
    params, x, cotangent = case(11, (1100, 7))
    layer = LayerNorm(floor=floor)

    def results(params, x):
        value, pull = jax.vjp(layer.apply, params, x)
        return value, pull(cotangent)

    compiled = jax.jit(results)
    assert "custom_call" in compiled.lower(params, x).as_text()
    ours = compiled(params, x)
    monkeypatch.setattr(norms, "_forward_pass", norms._plain_forward)
    monkeypatch.setattr(norms, "_backward_pass", norms._plain_gradients)
    plain = jax.jit(lambda params, x: results(params, x))
    assert "custom_call" not in plain.lower(params, x).as_text()
    jax.tree.map(partial(np.testing.assert_allclose, atol=1e-4, rtol=1e-4), ours, plain(params, x))
