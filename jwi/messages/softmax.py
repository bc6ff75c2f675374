"""Softmax-weighted sums along a list of arcs: the aggregation of DeeperGCN, without arc arrays.

Written out, the softmax of every feature of every arc and what its gradient keeps of it are
arrays of arcs × features. On CPUs such an array of some megabytes costs more in page faults than
the arithmetic does: there the arcs go in blocks that stay in cache (a block's size matters little
from 1 000 to 4 000 arcs), and on every platform the gradient computes their softmax anew.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

_BLOCK = 2048


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def softmax_sum(
    temperature: int | float,
    values: Float[Array, "n d"],
    weight: Float[Array, " arcs"],
    mask: Bool[Array, " arcs"],
    starts: Int[Array, " arcs"],
    ends: Int[Array, " arcs"],
) -> Float[Array, "n d"]:
    """Σ_a softmax_a(t m[a]) · m[a] over the kept arcs a into each vertex, in each feature.

    Args:
        temperature: The number t.
        values: One row a vertex.
        weight: One number an arc; the message of arc a is m[a] = weight[a] · values[starts[a]].
        mask: Which arcs are kept.
        starts: Where each arc starts.
        ends: Where it ends.

    Returns:
        Float[n, d]; zero where no arc is kept. Differentiable in `values` and `weight`.
    """
    return _softmax_sum_forward(temperature, values, weight, mask, starts, ends)[0]


def _softmax_sum_forward(temperature, values, weight, mask, starts, ends):  # type: ignore[no-untyped-def]
    t = jnp.asarray(temperature, values.dtype)
    weighted, total, largest = _sums_in_blocks(t, values, weight, mask, starts, ends)
    # Where there are no arcs the result is 0, and no arc ever asks for the other two.
    total = jnp.where(total == 0, 1, total)
    result = weighted / total
    return result, (values, weight, mask, starts, ends, result, total, largest)


def _softmax_sum_backward(temperature, saved, cotangent):  # type: ignore[no-untyped-def]
    values, *arcs, result, total, largest = saved
    t = jnp.asarray(temperature, values.dtype)
    scaled = cotangent / total
    bars = _cotangents_in_blocks(t, values, *arcs, result, scaled, largest)
    return (*bars, None, None, None)


def _sums(
    temperature: Array,
    values: Array,
    weight: Array,
    mask: Array,
    starts: Array,
    ends: Array,
    *,
    size: int | None,
) -> tuple[Array, Array, Array]:
    """Of each vertex: numerator of the result, denominator, and the largest t m they refer to."""
    blocks = _cut(size, weight, mask, starts, ends)

    def raise_to_block(largest: Array, block: tuple[Array, ...]) -> tuple[Array, None]:
        weight, mask, starts, ends = block
        messages = weight[:, None] * values[starts]
        scores = jnp.where(mask[:, None], temperature * messages, -jnp.inf)
        return largest.at[ends].max(scores), None

    def add_block(
        sums: tuple[Array, Array], block: tuple[Array, ...]
    ) -> tuple[tuple[Array, Array], None]:
        weight, mask, starts, ends = block
        messages = weight[:, None] * values[starts]
        powers = _exp_where(mask, temperature * messages - largest[ends])
        return (sums[0].at[ends].add(powers * messages), sums[1].at[ends].add(powers)), None

    lowest = jnp.full_like(values, -jnp.inf)
    largest, _ = jax.lax.scan(raise_to_block, lowest, blocks)
    zeros = jnp.zeros_like(values)
    (weighted, total), _ = jax.lax.scan(add_block, (zeros, zeros), blocks)
    return weighted, total, largest


def _cotangents(
    temperature: Array,
    values: Array,
    weight: Array,
    mask: Array,
    starts: Array,
    ends: Array,
    result: Array,
    cotangent: Array,
    largest: Array,
    *,
    size: int | None,
) -> tuple[Array, Array]:
    """Cotangents of values and weight: d result / d m[a] = softmax[a] (1 + t (m[a] − result)).

    `cotangent` is that of the numerator: of the result, divided by the denominator.
    """

    def add_block(values_bar: Array, block: tuple[Array, ...]) -> tuple[Array, Array]:
        weight, mask, starts, ends = block
        at_start = values[starts]
        messages = weight[:, None] * at_start
        powers = _exp_where(mask, temperature * messages - largest[ends])
        slope = powers * (1 + temperature * (messages - result[ends]))
        messages_bar = slope * cotangent[ends]
        values_bar = values_bar.at[starts].add(weight[:, None] * messages_bar)
        return values_bar, (messages_bar * at_start).sum(axis=1)

    blocks = _cut(size, weight, mask, starts, ends)
    values_bar, weight_bar = jax.lax.scan(add_block, jnp.zeros_like(values), blocks)
    return values_bar, weight_bar.reshape(-1)[: len(weight)]


def _exp_where(mask: Array, exponents: Array) -> Array:
    """Exponentials, 0 where the mask is False; the exponents there may be anything."""
    return jnp.where(mask[:, None], jnp.exp(jnp.where(mask[:, None], exponents, 0)), 0)


def _in_blocks(function: Callable) -> Callable:
    """Calls a function of arrays with the `size` of blocks of arcs that suits the platform.

    On CPU a block fits into cache; elsewhere `size` is None: all arcs are one block.
    """
    cpu = partial(function, size=_BLOCK)
    default = partial(function, size=None)
    # Compiled here, or every call outside jit would compile anew the loop it consists of.
    return jax.jit(partial(jax.lax.platform_dependent, cpu=cpu, default=default), inline=True)


def _cut(size: int | None, *arrays: Array) -> tuple[Array, ...]:
    """Arrays over arcs, cut into blocks of one size; the last is filled with zeros."""
    num_arcs = len(arrays[0])
    size = max(1, min(num_arcs, size or num_arcs))
    filling = -num_arcs % size
    return tuple(
        jnp.pad(array, [(0, filling)] + [(0, 0)] * (array.ndim - 1)).reshape(
            -1, size, *array.shape[1:]
        )
        for array in arrays
    )


_sums_in_blocks = _in_blocks(_sums)
_cotangents_in_blocks = _in_blocks(_cotangents)
softmax_sum.defvjp(_softmax_sum_forward, _softmax_sum_backward)
