"""The sums of `jwi.messages.sums` as compiled loops, for CPUs.

XLA first makes an array with a row for every arc, then adds these rows. Here a row is read,
multiplied and added at once. The benchmark `message_passing` measures the difference.
"""

import math
from typing import no_type_check

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int
from numba import njit

from jwi.messages.cpu import xla_handlers
from jwi.messages.cpu.xla_handlers import (
    array_1d,
    array_2d,
    array_3d,
    batch_shape,
    check_operand,
    operand,
    result,
)


def weighted_sum(
    values: Float[Array, "from_n *heads d"],
    weight: Float[Array, "arcs *heads"],
    starts: Int[Array, " arcs"],
    ends: Int[Array, " arcs"],
    num_ends: int,
    loops: Float[Array, "num_ends *heads"] | None = None,
    bias: Float[Array, "*heads d"] | None = None,
) -> Float[Array, "num_ends *heads d"]:
    """`sums.weighted_sum` without a gradient."""
    arcs, heads, row = starts.shape, values.shape[1:-1], values.shape[1:]
    loops = jnp.zeros((0, *heads), values.dtype) if loops is None else loops
    bias = jnp.zeros(row, values.dtype) if bias is None else bias
    check_operand("weight", weight, (*arcs, *heads), values.dtype)
    check_operand("ends", ends, arcs, ends.dtype)
    check_operand("bias", bias, row, values.dtype)
    if loops.shape[0] > 0:
        check_operand("values", values, (num_ends, *row), values.dtype)
        check_operand("loops", loops, (num_ends, *heads), values.dtype)
    # The loops know one axis of heads, so all axes of heads are merged, and split again after.
    flat = math.prod(heads), row[-1]
    (total,) = xla_handlers.call(
        add_along_arcs,
        values.dtype,
        [jax.ShapeDtypeStruct((num_ends, *flat), values.dtype)],
        values.reshape(values.shape[0], *flat),
        weight.reshape(*arcs, flat[0]),
        starts.astype(jnp.int32),
        ends.astype(jnp.int32),
        loops.reshape(loops.shape[0], flat[0]),
        bias.reshape(flat),
    )
    return total.reshape(num_ends, *row)


def arc_inner_products(
    at_start: Float[Array, "from_n *heads d"],
    at_end: Float[Array, "to_n *heads d"],
    starts: Int[Array, " arcs"],
    ends: Int[Array, " arcs"],
) -> Float[Array, "arcs *heads"]:
    """`sums.arc_inner_products` without a gradient."""
    arcs, heads, row = starts.shape, at_start.shape[1:-1], at_start.shape[1:]
    check_operand("ends", ends, arcs, ends.dtype)
    check_operand("at_end", at_end, (at_end.shape[0], *row), at_start.dtype)
    flat = math.prod(heads), row[-1]
    (products,) = xla_handlers.call(
        multiply_ends,
        at_start.dtype,
        [jax.ShapeDtypeStruct((*arcs, flat[0]), at_start.dtype)],
        at_start.reshape(at_start.shape[0], *flat),
        at_end.reshape(at_end.shape[0], *flat),
        starts.astype(jnp.int32),
        ends.astype(jnp.int32),
    )
    return products.reshape(*arcs, *heads)


@njit(cache=True)
@no_type_check
def add_along_arcs(frame, dtype):
    """Handler of `weighted_sum`: a loop over the elements of a batch."""
    totals = result(frame, 0)
    batch = batch_shape(totals, 3)
    for k in range(batch.prod()):
        _add_along_arcs(
            array_3d(totals, batch, k, dtype),
            array_3d(operand(frame, 0), batch, k, dtype),
            array_2d(operand(frame, 1), batch, k, dtype),
            array_1d(operand(frame, 2), batch, k, np.int32),
            array_1d(operand(frame, 3), batch, k, np.int32),
            array_2d(operand(frame, 4), batch, k, dtype),
            array_2d(operand(frame, 5), batch, k, dtype),
        )


# "contract" lets LLVM fuse a product and a sum; the order of the sums stays the order of the arcs.
@njit(cache=True, fastmath={"contract"})
@no_type_check
def _add_along_arcs(total, values, weight, starts, ends, loops, bias):
    # XLA does not clear results: every row starts from its bias, and its own value for a self-loop.
    for vertex in range(len(total)):
        for head in range(total.shape[1]):
            for k in range(total.shape[2]):
                total[vertex, head, k] = bias[head, k]
            if len(loops) > 0:
                for k in range(total.shape[2]):
                    total[vertex, head, k] += loops[vertex, head] * values[vertex, head, k]
    # Arcs are sorted by their end in a graph's order, so consecutive arcs add to a row in cache.
    for arc in range(len(starts)):
        start, end = starts[arc], ends[arc]
        # Padding of a BCOO matrix is out of range; it must not be read.
        if 0 <= start < len(values) and 0 <= end < len(total):
            for head in range(values.shape[1]):
                factor = weight[arc, head]
                for k in range(values.shape[2]):
                    total[end, head, k] += factor * values[start, head, k]


@njit(cache=True)
@no_type_check
def multiply_ends(frame, dtype):
    """Handler of `arc_inner_products`: a loop over the elements of a batch."""
    products = result(frame, 0)
    batch = batch_shape(products, 2)
    for k in range(batch.prod()):
        _multiply_ends(
            array_2d(products, batch, k, dtype),
            array_3d(operand(frame, 0), batch, k, dtype),
            array_3d(operand(frame, 1), batch, k, dtype),
            array_1d(operand(frame, 2), batch, k, np.int32),
            array_1d(operand(frame, 3), batch, k, np.int32),
        )


# "reassoc" lets LLVM sum the features in any order, hence several at a time.
@njit(cache=True, fastmath={"contract", "reassoc"})
@no_type_check
def _multiply_ends(products, at_start, at_end, starts, ends):
    # Arcs out of range keep the 0.
    products[:] = 0
    for arc in range(len(starts)):
        start, end = starts[arc], ends[arc]
        if 0 <= start < len(at_start) and 0 <= end < len(at_end):
            for head in range(at_start.shape[1]):
                for k in range(at_start.shape[2]):
                    products[arc, head] += at_start[start, head, k] * at_end[end, head, k]
