"""The two bilinear sums of message passing over a list of arcs, and their gradients.

`weighted_sum` adds the values of vertices along arcs, `arc_inner_products` multiplies the values at
both ends. The gradient of each, in each argument, is one of the two again. So both are
differentiable to any order in reverse mode, and no gradient stores an array of arcs × features.

CPUs run compiled loops (`jwi.messages.cpu.arc_loops`), other platforms the plain formulas.
"""

from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jwi.messages.cpu import arc_loops
from jwi.messages.cpu.xla_handlers import by_platform


@partial(jax.custom_vjp, nondiff_argnums=(4,))
def weighted_sum(
    values: Float[Array, "from_n *heads d"],
    weight: Float[Array, "arcs *heads"],
    starts: Int[Array, " arcs"],
    ends: Int[Array, " arcs"],
    num_ends: int,
    loops: Float[Array, "num_ends *heads"] | None = None,
    bias: Float[Array, "*heads d"] | None = None,
) -> Float[Array, "num_ends *heads d"]:
    """Sum of weight[a] · values[starts[a]] over the arcs a that end at each of `num_ends`.

    All numbers have one dtype.

    Args:
        values: One row for each place where arcs start, and head.
        weight: One number for each arc and head.
        starts: Where each arc starts. An arc that starts or ends out of range is skipped.
        ends: Where each arc ends.
        num_ends: Number of rows of the result.
        loops: If arcs start and end at the same vertices: loops[i] · values[i] is added to row i.
        bias: Added to every row.
    """
    total = jnp.zeros_like(values, shape=(num_ends, *values.shape[1:]))
    return _weighted_sum(total, values, weight, starts, ends, loops, bias)


@jax.custom_vjp
def arc_inner_products(
    at_start: Float[Array, "from_n *heads d"],
    at_end: Float[Array, "to_n *heads d"],
    starts: Int[Array, " arcs"],
    ends: Int[Array, " arcs"],
) -> Float[Array, "arcs *heads"]:
    """Inner product over d of at_start[starts[a]] and at_end[ends[a]], for each arc a.

    It is 0 for an arc that starts or ends out of range. All numbers have one dtype.
    """
    return _inner_products(at_start, at_end, starts, ends)


def _plain_weighted_sum(
    total: Array,
    values: Array,
    weight: Array,
    starts: Array,
    ends: Array,
    loops: Array | None,
    bias: Array | None,
) -> Array:
    rows = _rows(values, starts) * weight[..., None]
    total = total.at[ends].add(rows, wrap_negative_indices=False)
    if loops is not None:
        total = total + loops[..., None] * values
    return total if bias is None else total + bias[None]


def _compiled_weighted_sum(
    total: Array,
    values: Array,
    weight: Array,
    starts: Array,
    ends: Array,
    loops: Array | None,
    bias: Array | None,
) -> Array:
    return arc_loops.weighted_sum(values, weight, starts, ends, total.shape[0], loops, bias)


def _plain_inner_products(at_start: Array, at_end: Array, starts: Array, ends: Array) -> Array:
    return (_rows(at_start, starts) * _rows(at_end, ends)).sum(axis=-1)


def _rows(values: Array, places: Array) -> Array:
    """Rows by place, zeros out of range: BCOO matrices pad their indices with such places."""
    return values.at[places].get(mode="fill", fill_value=0, wrap_negative_indices=False)


_weighted_sum = by_platform(_plain_weighted_sum, _compiled_weighted_sum, arc_loops.add_along_arcs)
_inner_products = by_platform(
    _plain_inner_products, arc_loops.arc_inner_products, arc_loops.multiply_ends
)


def _weighted_sum_forward(values, weight, starts, ends, num_ends, loops, bias):  # type: ignore[no-untyped-def]
    total = weighted_sum(values, weight, starts, ends, num_ends, loops, bias)
    return total, (values, weight, starts, ends, loops, bias is None)


def _weighted_sum_backward(num_ends, arguments, cotangent):  # type: ignore[no-untyped-def]
    values, weight, starts, ends, loops, no_bias = arguments
    # The transpose of the sum: the cotangent travels along the reversed arcs.
    values_bar = weighted_sum(cotangent, weight, ends, starts, values.shape[0], loops)
    weight_bar = arc_inner_products(values, cotangent, starts, ends)
    loops_bar = None if loops is None else (values * cotangent).sum(axis=-1)
    bias_bar = None if no_bias else cotangent.sum(axis=0)
    return values_bar, weight_bar, None, None, loops_bar, bias_bar


def _arc_inner_products_forward(at_start, at_end, starts, ends):  # type: ignore[no-untyped-def]
    return arc_inner_products(at_start, at_end, starts, ends), (at_start, at_end, starts, ends)


def _arc_inner_products_backward(arguments, cotangent):  # type: ignore[no-untyped-def]
    at_start, at_end, starts, ends = arguments
    at_start_bar = weighted_sum(at_end, cotangent, ends, starts, len(at_start))
    at_end_bar = weighted_sum(at_start, cotangent, starts, ends, len(at_end))
    return at_start_bar, at_end_bar, None, None


weighted_sum.defvjp(_weighted_sum_forward, _weighted_sum_backward)
arc_inner_products.defvjp(_arc_inner_products_forward, _arc_inner_products_backward)
