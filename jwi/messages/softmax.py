"""Softmax-weighted sums along a list of arcs: the aggregation of DeeperGCN, block by block.

Written out, the softmax is an array of arcs × features, and its gradient keeps several of these.
On CPUs the page faults of such arrays cost more than the arithmetic. So CPUs process the arcs in
blocks that stay in cache, and on every platform the gradient computes the softmax again.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jwi.messages.cpu.one_device import on_one_cpu

# Number of arcs in a block on CPUs; the time hardly changes from 1 000 to 4 000.
_BLOCK = 2048


class _Arcs(NamedTuple):
    """A list of arcs, or blocks of it with one axis more."""

    weight: Float[Array, "*blocks arcs"]
    mask: Bool[Array, "*blocks arcs"]
    starts: Int[Array, "*blocks arcs"]
    ends: Int[Array, "*blocks arcs"]


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
        starts: The vertex where each arc starts.
        ends: The vertex where each arc ends.

    Returns:
        Float[n, d], zero for a vertex without kept arcs. Differentiable in `values` and `weight`.
    """
    return _softmax_sum_forward(temperature, values, weight, mask, starts, ends)[0]


def _softmax_sum_forward(temperature, values, weight, mask, starts, ends):  # type: ignore[no-untyped-def]
    t = jnp.asarray(temperature, values.dtype)
    arcs = _Arcs(weight, mask, starts, ends)
    weighted, total, largest = _sums_in_blocks(t, values, arcs)
    # A vertex without arcs has 0/1 = 0, and no arc reads its other sums.
    total = jnp.where(total == 0, 1, total)
    result = weighted / total
    return result, (values, arcs, result, total, largest)


def _softmax_sum_backward(temperature, saved, cotangent):  # type: ignore[no-untyped-def]
    values, arcs, result, total, largest = saved
    t = jnp.asarray(temperature, values.dtype)
    bars = _cotangents_in_blocks(t, values, arcs, result, cotangent / total, largest)
    return (*bars, None, None, None)


def _sums(
    temperature: Array, values: Array, arcs: _Arcs, *, size: int | None
) -> tuple[Array, Array, Array]:
    """For each vertex: numerator and denominator of the result, and the largest t m, as reference.

    Powers are exp(t m − largest), so they cannot overflow.
    """
    blocks = _cut(size, arcs)

    def raise_to_block(largest: Array, block: _Arcs) -> tuple[Array, None]:
        messages = block.weight[:, None] * values[block.starts]
        scores = jnp.where(block.mask[:, None], temperature * messages, -jnp.inf)
        return largest.at[block.ends].max(scores), None

    def add_block(sums: tuple[Array, Array], block: _Arcs) -> tuple[tuple[Array, Array], None]:
        messages = block.weight[:, None] * values[block.starts]
        powers = _exp_where(block.mask, temperature * messages - largest[block.ends])
        weighted, total = sums
        weighted = weighted.at[block.ends].add(powers * messages)
        return (weighted, total.at[block.ends].add(powers)), None

    # Two passes over the arcs: every power needs its vertex's largest score.
    lowest = jnp.full_like(values, -jnp.inf)
    largest, _ = jax.lax.scan(raise_to_block, lowest, blocks)
    zeros = jnp.zeros_like(values)
    (weighted, total), _ = jax.lax.scan(add_block, (zeros, zeros), blocks)
    return weighted, total, largest


def _cotangents(
    temperature: Array,
    values: Array,
    arcs: _Arcs,
    result: Array,
    cotangent: Array,
    largest: Array,
    *,
    size: int | None,
) -> tuple[Array, Array]:
    """Cotangents of values and weight: d result / d m[a] = softmax[a] (1 + t (m[a] − result)).

    `cotangent` belongs to the numerator: the result's cotangent, divided by the denominator.
    """

    def add_block(values_bar: Array, block: _Arcs) -> tuple[Array, Array]:
        at_start = values[block.starts]
        messages = block.weight[:, None] * at_start
        powers = _exp_where(block.mask, temperature * messages - largest[block.ends])
        slope = powers * (1 + temperature * (messages - result[block.ends]))
        messages_bar = slope * cotangent[block.ends]
        values_bar = values_bar.at[block.starts].add(block.weight[:, None] * messages_bar)
        return values_bar, (messages_bar * at_start).sum(axis=1)

    blocks = _cut(size, arcs)
    values_bar, weight_bar = jax.lax.scan(add_block, jnp.zeros_like(values), blocks)
    return values_bar, weight_bar.reshape(-1)[: len(arcs.weight)]


def _exp_where(mask: Array, exponents: Array) -> Array:
    """Exponentials, 0 where the mask is False, for any exponents there, infinite ones too."""
    return jnp.where(mask[:, None], jnp.exp(jnp.where(mask[:, None], exponents, 0)), 0)


def _in_blocks(function: Callable) -> Callable:
    """A function of arrays, with the `size` of blocks of arcs that suits the platform.

    On a CPU a block fits into cache; elsewhere `size` is None, and all arcs are one block, which
    XLA can divide over devices.
    """
    return on_one_cpu(partial(function, size=_BLOCK), partial(function, size=None))


def _cut(size: int | None, arcs: _Arcs) -> _Arcs:
    """Arcs cut into blocks of one size; zeros fill the last one, so their mask is False."""
    num_arcs = len(arcs.mask)
    size = max(1, min(num_arcs, size or num_arcs))
    filling = -num_arcs % size
    return _Arcs(*(jnp.pad(array, (0, filling)).reshape(-1, size) for array in arcs))


_sums_in_blocks = _in_blocks(_sums)
_cotangents_in_blocks = _in_blocks(_cotangents)
softmax_sum.defvjp(_softmax_sum_forward, _softmax_sum_backward)
