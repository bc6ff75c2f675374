"""Layer normalization and its gradient as compiled loops, for CPUs.

XLA passes over all rows several times, and a pass over megabytes costs more than the arithmetic.
Here each row stays in cache from its mean to its result.
"""

from collections.abc import Sequence
from typing import no_type_check

import jax
import numpy as np
from jaxtyping import Array, Float
from numba import njit

from jwi.messages.cpu import xla_handlers
from jwi.messages.cpu.xla_handlers import (
    array_1d,
    array_2d,
    batch_shape,
    check_operand,
    operand,
    result,
)

# Gradients are summed over this many rows first, then over these sums: rounding errors of one
# running sum over all rows would grow with their number.
_ROWS_OF_PARTIAL_SUMS = 512


def forward(
    x: Float[Array, "n d"],
    scale: Float[Array, " d"],
    bias: Float[Array, " d"],
    settings: Float[Array, " 2"],
) -> Sequence[Array]:
    """Layer normalization, its means and its factors, as in `jwi.networks.norms`."""
    rows, width = x.shape
    check_operand("scale", scale, (width,), x.dtype)
    check_operand("bias", bias, (width,), x.dtype)
    check_operand("settings", settings, (2,), x.dtype)
    per_row = _like(x, rows)
    return xla_handlers.call(
        normalize, x.dtype, [_like(x, *x.shape), per_row, per_row], x, scale, bias, settings
    )


def gradients(
    x: Float[Array, "n d"],
    scale: Float[Array, " d"],
    mean: Float[Array, " n"],
    factor: Float[Array, " n"],
    cotangent: Float[Array, "n d"],
    settings: Float[Array, " 2"],
) -> Sequence[Array]:
    """Cotangents of x, scale and bias, as in `jwi.networks.norms`."""
    rows, width = x.shape
    check_operand("scale", scale, (width,), x.dtype)
    check_operand("mean", mean, (rows,), x.dtype)
    check_operand("factor", factor, (rows,), x.dtype)
    check_operand("cotangent", cotangent, x.shape, x.dtype)
    check_operand("settings", settings, (2,), x.dtype)
    parameter = _like(x, *scale.shape)
    return xla_handlers.call(
        pull_back, x.dtype, [_like(x, *x.shape), parameter, parameter],
        x, scale, mean, factor, cotangent, settings,
    )  # fmt: skip


def _like(array: Array, *shape: int) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(shape, array.dtype)


@njit(cache=True)
@no_type_check
def normalize(frame, dtype):
    """Handler of `forward`: a loop over the elements of a batch."""
    out = result(frame, 0)
    batch = batch_shape(out, 2)
    for k in range(batch.prod()):
        _normalize(
            array_2d(out, batch, k, dtype),
            array_1d(result(frame, 1), batch, k, dtype),
            array_1d(result(frame, 2), batch, k, dtype),
            array_2d(operand(frame, 0), batch, k, dtype),
            array_1d(operand(frame, 1), batch, k, dtype),
            array_1d(operand(frame, 2), batch, k, dtype),
            array_1d(operand(frame, 3), batch, k, dtype),
        )


# "reassoc" lets LLVM sum features in any order, hence several at a time.
@njit(cache=True, fastmath={"reassoc"}, error_model="numpy")
@no_type_check
def _normalize(out, means, factors, x, scale, bias, settings):
    epsilon, floor = settings[0], settings[1]
    one = scale.dtype.type(1)
    share = one / scale.dtype.type(len(scale))
    for row in range(len(x)):
        # First pass over the row: its mean.
        total = scale.dtype.type(0)
        for k in range(len(scale)):
            total += _raised(x[row, k], floor)
        mean = total * share
        # Second pass: its variance. E[x²] − E[x]² in one pass would cancel if features are large.
        squares = scale.dtype.type(0)
        for k in range(len(scale)):
            centered = _raised(x[row, k], floor) - mean
            squares += centered * centered
        # Third pass: its output. `factor` and `mean` are kept for the gradient.
        factor = one / np.sqrt(squares * share + epsilon)
        for k in range(len(scale)):
            centered = _raised(x[row, k], floor) - mean
            out[row, k] = centered * factor * scale[k] + bias[k]
        means[row] = mean
        factors[row] = factor


@njit(cache=True)
@no_type_check
def _raised(number, floor):
    """max(number, floor), except that NaN stays NaN: comparisons with NaN are False."""
    return floor if number < floor else number


@njit(cache=True)
@no_type_check
def pull_back(frame, dtype):
    """Handler of `gradients`: a loop over the elements of a batch."""
    out = result(frame, 0)
    batch = batch_shape(out, 2)
    for k in range(batch.prod()):
        _pull_back(
            array_2d(out, batch, k, dtype),
            array_1d(result(frame, 1), batch, k, dtype),
            array_1d(result(frame, 2), batch, k, dtype),
            array_2d(operand(frame, 0), batch, k, dtype),
            array_1d(operand(frame, 1), batch, k, dtype),
            array_1d(operand(frame, 2), batch, k, dtype),
            array_1d(operand(frame, 3), batch, k, dtype),
            array_2d(operand(frame, 4), batch, k, dtype),
            array_1d(operand(frame, 5), batch, k, dtype),
        )


@njit(cache=True, fastmath={"reassoc"}, error_model="numpy")
@no_type_check
def _pull_back(x_bar, scale_bar, bias_bar, x, scale, means, factors, cotangent, settings):
    floor = settings[1]
    zero = scale.dtype.type(0)
    share = scale.dtype.type(1) / scale.dtype.type(len(scale))
    scale_bar[:] = 0
    bias_bar[:] = 0
    partial = np.zeros((2, len(scale)), scale.dtype)
    for row in range(len(x)):
        mean, factor = means[row], factors[row]
        # First pass: components of the output's cotangent along ones and along the normalized row.
        # Shifting or scaling a row does not change its normalization, so the second pass removes
        # both.
        along_ones = along_normalized = zero
        for k in range(len(scale)):
            slope = cotangent[row, k] * scale[k]
            along_ones += slope
            along_normalized += slope * (_raised(x[row, k], floor) - mean)
        along_ones *= share
        along_normalized *= factor * share
        for k in range(len(scale)):
            normalized = (_raised(x[row, k], floor) - mean) * factor
            partial[0, k] += cotangent[row, k] * normalized
            partial[1, k] += cotangent[row, k]
            rest = cotangent[row, k] * scale[k] - along_ones - normalized * along_normalized
            # Entries at or below the floor were raised to it, so their slope is 0.
            x_bar[row, k] = zero if x[row, k] <= floor else factor * rest
        # A block of rows is complete, or the last one.
        if row % _ROWS_OF_PARTIAL_SUMS == _ROWS_OF_PARTIAL_SUMS - 1 or row == len(x) - 1:
            scale_bar += partial[0]
            bias_bar += partial[1]
            partial[:] = 0
