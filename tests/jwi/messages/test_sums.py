"""Sums over arcs and their gradients against loops over arcs, compiled for CPUs and by XLA."""

import functools
import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jwi.messages import sums as arc_sums
from jwi.messages.cpu import arc_loops
from jwi.messages.sums import arc_inner_products, weighted_sum


def case(seed, *, num_from=7, num_to=5, num_arcs=20, heads=(), d=3, dtype=np.float32):
    """Values at both ends, weights, and arcs in any order."""
    rng = np.random.default_rng(seed)
    values, at_end = (
        jnp.asarray(rng.normal(size=(n, *heads, d)), dtype) for n in (num_from, num_to)
    )
    weight = jnp.asarray(rng.normal(size=(num_arcs, *heads)), dtype)
    starts, ends = (
        jnp.asarray(rng.integers(0, n, num_arcs), jnp.int32) for n in (num_from, num_to)
    )
    return values, at_end, weight, starts, ends


def loop_sum(values, weight, starts, ends, num_ends, loops=None, bias=0):
    values, weight = np.float64(values), np.float64(weight)
    total = np.zeros((num_ends, *values.shape[1:])) + np.float64(bias)
    if loops is not None:
        total += np.float64(loops)[..., None] * values
    for arc, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        total[end] += weight[arc][..., None] * values[start]
    return total


def loop_products(at_start, at_end, starts, ends):
    x, y = np.float64(at_start), np.float64(at_end)
    pairs = zip(starts.tolist(), ends.tolist(), strict=True)
    products = [(x[start] * y[end]).sum(axis=-1) for start, end in pairs]
    return np.array(products).reshape(len(starts), *x.shape[1:-1])


@pytest.mark.parametrize(
    ("num_arcs", "heads", "dtype"),
    [
        (0, (), jnp.float32),
        (1, (2,), jnp.float32),
        (20, (), jnp.float64),
        (20, (2,), jnp.bfloat16),
        (20, (2, 3), jnp.float32),
        (5000, (), jnp.bfloat16),
        (5000, (), jnp.float32),
        (5000, (2,), jnp.float64),
    ],
)
def test_sums_and_products_are_loops_over_arcs(num_arcs, heads, dtype):
    with jax.enable_x64(dtype == jnp.float64):
        values, at_end, weight, starts, ends = case(
            num_arcs, num_arcs=num_arcs, heads=heads, dtype=dtype
        )
        total = weighted_sum(values, weight, starts, ends, 5)
        products = arc_inner_products(values, at_end, starts, ends)
    assert total.dtype == products.dtype == dtype
    # Rounding grows with the number of terms, some thousands at most.
    tolerance = 100 * float(jnp.finfo(dtype).eps)
    expected = loop_sum(values, weight, starts, ends, 5)
    size = loop_sum(abs(values), abs(weight), starts, ends, 5)
    assert (abs(np.float64(total) - expected) <= tolerance * (1 + size)).all()
    np.testing.assert_allclose(
        np.float64(products), loop_products(values, at_end, starts, ends), atol=10 * tolerance
    )


@pytest.mark.parametrize("heads", [(), (2,)], ids=str)
def test_loops_add_each_vertexs_own_value_and_a_bias_itself(heads):
    values, _, weight, starts, ends = case(0, num_to=7, heads=heads)
    loops, bias = values[..., 0] + 1, values[0] - 1
    for some in ({"loops": loops}, {"bias": bias}, {"loops": loops, "bias": bias}):
        total = weighted_sum(values, weight, starts, ends, 7, **some)
        expected = loop_sum(values, weight, starts, ends, 7, **some)
        np.testing.assert_allclose(total, expected, atol=1e-5)
    of_other_ends = weighted_sum(values, weight, starts, ends % 5, 5, bias=bias)
    expected = loop_sum(values, weight, starts, ends % 5, 5, bias=bias)
    np.testing.assert_allclose(of_other_ends, expected, atol=1e-5)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16], ids=["compiled", "plain"])
def test_arcs_with_an_end_outside_do_not_count(dtype):
    values, at_end, weight, starts, ends = case(0, dtype=dtype)
    outside_starts = starts.at[:3].set(jnp.array([7, -1, -8], jnp.int32))
    outside_ends = ends.at[3:6].set(jnp.array([5, -1, -6], jnp.int32))
    tolerance = 10 * float(jnp.finfo(dtype).eps)
    total = weighted_sum(values, weight, outside_starts, outside_ends, 5)
    expected = loop_sum(values, weight[6:], starts[6:], ends[6:], 5)
    np.testing.assert_allclose(np.float64(total), expected, atol=5 * tolerance)
    products = arc_inner_products(values, at_end, outside_starts, outside_ends)
    assert products[:6].tolist() == [0] * 6
    expected = loop_products(values, at_end, starts[6:], ends[6:])
    np.testing.assert_allclose(np.float64(products[6:]), expected, atol=5 * tolerance)


def test_arrays_that_do_not_fit_are_refused_before_memory_is_read():
    values, at_end, weight, starts, ends = case(0)
    short = jnp.ones(3, jnp.float32)
    fit = {"values": values, "weight": weight, "starts": starts, "ends": ends, "num_ends": 5}
    for wrong, message in [
        ({"weight": short}, r"weight is float32\[3\]: pass float32\[20\], as the other"),
        ({"weight": weight.astype(jnp.bfloat16)}, r"weight is bfloat16\[20\]: pass float32\[20\]"),
        ({"ends": ends[1:]}, r"ends is int32\[19\]: pass int32\[20\]"),
        ({"bias": short[:2]}, r"bias is float32\[2\]: pass float32\[3\]"),
        ({"loops": short}, r"values is float32\[7, 3\]: pass float32\[5, 3\]"),
        ({"loops": short, "num_ends": 7}, r"loops is float32\[3\]: pass float32\[7\]"),
    ]:
        with pytest.raises(ValueError, match=message):
            unchecked(arc_loops.weighted_sum)(**fit | wrong)
    for wrong in (at_end[:, :2], at_end.astype(jnp.bfloat16)):
        with pytest.raises(ValueError, match=r"at_end is .* pass float32\[5, 3\]"):
            unchecked(arc_loops.arc_inner_products)(values, wrong, starts, ends)


def unchecked(function):
    """The function as users have it, without jaxtyping's checks."""
    return inspect.unwrap(function)


def test_what_is_not_a_number_stays_so():
    values, _, weight, starts, ends = case(0)
    weight = weight.at[0].set(0)
    total = weighted_sum(values.at[starts[0]].set(jnp.nan), weight, starts, ends, 5)
    assert np.isnan(total[ends[0]]).all()


VMAPPED = {
    "values": (0, None, None, None),
    "weight": (None, 0, None, None),
    "arcs": (None, None, 0, 0),
    "starts alone": (None, None, 0, None),
    "all, the batch last in values": (1, 0, 0, 0),
}


@pytest.mark.parametrize("axes", VMAPPED.values(), ids=VMAPPED)
def test_vmap_over_any_arguments_is_each_by_itself(axes):
    batch = [case(seed) for seed in range(4)]
    first = batch[0]
    stacked = [
        arrays[0] if axis is None else jnp.stack(arrays, axis)
        for arrays, axis in zip(
            [[one[k] for one in batch] for k in (0, 2, 3, 4)], axes, strict=True
        )
    ]
    alone = [
        [first[k] if axis is None else one[k] for k, axis in zip((0, 2, 3, 4), axes, strict=True)]
        for one in batch
    ]

    def gradients(values, weight, starts, ends):
        def loss(values, weight):
            return jnp.sin(weighted_sum(values, weight, starts, ends, 5)).sum()

        return jax.value_and_grad(loss, argnums=(0, 1))(values, weight)

    actual = jax.jit(jax.vmap(gradients, in_axes=axes))(*stacked)
    expected = jax.tree.map(lambda *each: jnp.stack(each), *(gradients(*one) for one in alone))
    jax.tree.map(functools.partial(np.testing.assert_allclose, atol=1e-5), actual, expected)


def test_vmaps_within_vmaps_are_each_by_itself():
    values, _, weight, starts, ends = case(0)
    many_values = jnp.stack([values, 2 * values, values**2])
    many_weights = jnp.stack([weight, 1 - weight])
    many_ends = jnp.stack([ends, ends[::-1], ends // 2, 4 - ends])

    def total(values, weight, ends):
        return weighted_sum(values, weight, starts, ends, 5)

    nested = total
    for axes in ((0, None, None), (None, 0, None), (None, None, 0)):
        nested = jax.vmap(nested, in_axes=axes)
    actual = nested(many_values, many_weights, many_ends)
    assert actual.shape == (4, 2, 3, 5, 3)
    for i, j, k in np.ndindex(4, 2, 3):
        expected = loop_sum(many_values[k], many_weights[j], starts, many_ends[i], 5)
        np.testing.assert_allclose(actual[i, j, k], expected, atol=1e-5)


def test_an_empty_batch_is_empty():
    values, _, weight, starts, ends = case(0)
    batched = jax.vmap(lambda values: weighted_sum(values, weight, starts, ends, 5))
    assert batched(jnp.zeros((0, *values.shape), values.dtype)).shape == (0, 5, 3)


def test_gradients_of_any_order_are_slopes():
    with jax.enable_x64(True):
        values, at_end, weight, starts, ends = case(1, num_to=7, dtype=np.float64)
        loops, bias = values[:, 0], values[0]

        def sums(values, weight, loops, bias):
            return weighted_sum(values, weight, starts, ends, 7, loops, bias)

        def products(at_start, at_end):
            return arc_inner_products(at_start, at_end, starts, ends)

        check_grads(jax.jit(sums), (values, weight, loops, bias), order=3, modes=["rev"])
        check_grads(jax.jit(products), (values, at_end), order=3, modes=["rev"])


def test_compiled_loops_are_what_xla_makes_of_the_formulas(monkeypatch):
    values, at_end, weight, starts, ends = case(2, num_to=7)
    outside = ends.at[0].set(7)

    def results(values, weight, at_end):
        total = weighted_sum(values, weight, starts, outside, 7, weight[:7], values[0])
        return total, arc_inner_products(values, at_end, starts, outside)

    compiled = jax.jit(results)
    assert "custom_call" in compiled.lower(values, weight, at_end).as_text()
    ours = compiled(values, weight, at_end)
    monkeypatch.setattr(arc_sums, "_weighted_sum", arc_sums._plain_weighted_sum)
    monkeypatch.setattr(arc_sums, "_inner_products", arc_sums._plain_inner_products)
    plain = jax.jit(lambda *arrays: results(*arrays))
    assert "custom_call" not in plain.lower(values, weight, at_end).as_text()
    theirs = plain(values, weight, at_end)
    jax.tree.map(functools.partial(np.testing.assert_allclose, atol=1e-5), ours, theirs)


@pytest.mark.parametrize("platform", ["cuda", "tpu"])
def test_other_platforms_are_given_the_formulas(platform):
    values, at_end, weight, starts, ends = case(3)

    def loss(values, weight, at_end):
        total = weighted_sum(values, weight, starts, ends, 5)
        return total.sum() + arc_inner_products(values, at_end, starts, ends).sum()

    traced = jax.jit(jax.grad(loss)).trace(values, weight, at_end)
    assert "custom_call" in traced.lower(lowering_platforms=("cpu",)).as_text()
    assert "custom_call" not in traced.lower(lowering_platforms=(platform,)).as_text()
