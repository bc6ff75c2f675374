"""Sums that stay accurate, blocks of rows, and choices among many tokens."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray, PyTree, UInt

_Function = TypeVar("_Function", bound=Callable[..., PyTree])

LARGE_VOCABULARY = 4096
"""From so many tokens on, functions work block by block."""

_BLOCK = 64
"""Tokens of a block. The second step looks at one block, or at k blocks, instead of all."""


def precise(function: _Function) -> _Function:
    """The function with matrix products of full precision.

    Accelerators multiply float32 with 8 to 11 bits by default, which would be the error of exact
    gradients and of bounds. A precision that the user has set holds
    (`jax.default_matmul_precision`).
    """

    @functools.wraps(function)
    def wrapped(*args: PyTree, **settings: PyTree) -> PyTree:
        chosen = jax.config.jax_default_matmul_precision  # type: ignore[attr-defined]
        with jax.default_matmul_precision(chosen or "highest"):
            return function(*args, **settings)

    return wrapped  # type: ignore[return-value]


def mean(probs: Float[Array, " K"], values: Float[Array, " K"]) -> Float[Array, ""]:
    """Mean of `values` under `probs`, exact for constant values in any precision.

    Sums the deviations from the likeliest value. The probabilities sum to 1 only up to rounding:
    that error then multiplies the deviations instead of the values.
    """
    pivot = _likeliest(probs, values)
    return pivot + jnp.sum(probs * (values - pivot))


def variance(probs: Float[Array, " K"], values: Float[Array, " K"]) -> Float[Array, ""]:
    """Variance of `values` under `probs`, in two passes around the likeliest value.

    Exactly 0 for constant values, and accurate to rounding where all values but one are unlikely.
    """
    deviations = values - _likeliest(probs, values)
    return jnp.sum(probs * (deviations - jnp.sum(probs * deviations)) ** 2)


def sqrt(x: Float[Array, ""]) -> Float[Array, ""]:
    """Square root with gradient 0 (instead of infinity or NaN) at 0."""
    is_zero = x == 0
    return jnp.where(is_zero, 0, jnp.sqrt(jnp.where(is_zero, 1, x)))


def norm(tree: PyTree) -> Float[Array, ""]:
    """Euclidean norm over all leaves of a pytree, with gradient 0 at 0."""
    return sqrt(jnp.asarray(sum(jnp.sum(jnp.square(leaf)) for leaf in jax.tree.leaves(tree))))


def power_of_two(values: Float[Array, " n"]) -> Float[Array, ""]:
    """A power of two near the largest size of a value; 1 if all are 0, or one is not finite.

    Squares of rewards such as 1e20 or 1e-25 leave the range of float32, so rewards are divided by
    it first. A power of two changes no digit.
    """
    largest = jax.lax.stop_gradient(jnp.max(jnp.abs(values)))
    _, exponent = jnp.frexp(jnp.where(jnp.isfinite(largest), largest, 1))
    return jnp.ldexp(jnp.ones_like(largest), exponent - 1)


def in_blocks(tree: PyTree, size: int) -> PyTree:
    """Cuts leaves [n, …] into blocks [⌈n / size⌉, size, …]; zeros fill the last block."""

    def cut(leaf: Array) -> Array:
        filling = [(0, -len(leaf) % size)] + [(0, 0)] * (leaf.ndim - 1)
        return jnp.pad(leaf, filling).reshape(-1, size, *leaf.shape[1:])

    return jax.tree.map(cut, tree)


def _likeliest(probs: Float[Array, " K"], values: Float[Array, " K"]) -> Float[Array, ""]:
    return jax.lax.stop_gradient(values[jnp.argmax(probs)])


def kth_largest(values: Float[Array, " K"], k: int) -> Float[Array, ""]:
    """The k-th largest number; repeats count. Its gradient is zero.

    Of many numbers it sorts few: the k largest lie in the k blocks that have the largest maxima.

    Example:
        >>> float(kth_largest(jnp.array([3.0, 1.0, 3.0, 2.0]), 3))
        2.0
    """
    values = jax.lax.stop_gradient(values)
    if values.size >= LARGE_VOCABULARY and k < values.size // _BLOCK:
        blocks = _blocks(values)
        _, chosen = jax.lax.top_k(jnp.max(blocks, axis=1), k)
        rank = _ordered_integers(blocks[chosen].reshape(-1))
        return _from_ordered(_last_rank(rank, lambda above: jnp.sum(above) >= k), values.dtype)
    return jax.lax.top_k(values, k)[0][-1]


def nucleus(logits: Float[Array, " K"], top_p: float) -> Bool[Array, " K"]:
    """The fewest likeliest tokens whose probabilities sum to `top_p` at least.

    Of equal tokens the first ones stay. It sorts nothing: it finds the smallest logit that stays
    bit by bit, and each bit takes one sum over the tokens.

    Example:
        >>> nucleus(jnp.log(jnp.array([0.1, 0.6, 0.3])), 0.8).tolist()
        [False, True, True]
    """
    logits = jax.lax.stop_gradient(logits)
    probs = jax.nn.softmax(logits)
    rank = _ordered_integers(logits)
    last = _last_rank(rank, lambda above: jnp.sum(jnp.where(above, probs, 0)) >= top_p)
    missing = top_p - jnp.sum(jnp.where(rank > last, probs, 0))
    tied = rank == last
    return (rank > last) | (tied & (_number_before(tied) * probs < missing))


def _last_rank(
    rank: UInt[Array, " K"], enough: Callable[[Bool[Array, " K"]], Bool[Array, ""]]
) -> UInt[Array, ""]:
    """The largest integer such that the ranks from it upwards are enough; found bit by bit."""
    num_bits = jnp.iinfo(rank.dtype).bits

    def set_bit(i: Int[Array, ""], last: UInt[Array, ""]) -> UInt[Array, ""]:
        with_bit = last | (jnp.ones((), rank.dtype) << (num_bits - 1 - i).astype(rank.dtype))
        return jnp.where(enough(rank >= with_bit), with_bit, last)

    return jax.lax.fori_loop(0, num_bits, set_bit, jnp.zeros((), rank.dtype))


def _ordered_integers(values: Float[Array, " K"]) -> UInt[Array, " K"]:
    """Unsigned integers in the order of floating-point numbers. Both zeros are equal."""
    integer = jnp.uint64 if values.dtype == jnp.float64 else jnp.uint32
    bits = jax.lax.bitcast_convert_type(jnp.where(values == 0, 0, values), integer)
    sign = jnp.ones((), integer) << (jnp.iinfo(integer).bits - 1)
    # The magnitude of a negative number orders it backwards.
    return jnp.where(bits >= sign, ~bits, bits | sign)


def _from_ordered(rank: UInt[Array, ""], dtype: Any) -> Float[Array, ""]:
    """The number of a rank that `_ordered_integers` made."""
    sign = jnp.ones((), rank.dtype) << (jnp.iinfo(rank.dtype).bits - 1)
    bits = jnp.where(rank >= sign, rank ^ sign, ~rank)
    return jax.lax.bitcast_convert_type(bits, dtype)


def _number_before(chosen: Bool[Array, " K"]) -> Int[Array, " K"]:
    """How many are chosen before each place. Sums of blocks: one long cumulative sum is slow."""
    blocks = jnp.pad(chosen, (0, -chosen.size % _BLOCK)).reshape(-1, _BLOCK).astype(jnp.int32)
    by_block = jnp.sum(blocks, axis=1)
    before = (jnp.cumsum(by_block) - by_block)[:, None] + jnp.cumsum(blocks, axis=1) - blocks
    return before.reshape(-1)[: chosen.size]


def draw(key: PRNGKeyArray, log_probs: Float[Array, " K"]) -> Int[Array, ""]:
    """Draws one token, int32.

    Of many tokens it first draws a block, then a token of the block. That takes one random number
    for every block and one for every token of one block, where `jax.random.categorical` takes one
    for every token.

    Example:
        >>> int(draw(jax.random.key(0), jnp.log(jnp.array([0.0, 1.0]))))
        1
    """
    if log_probs.size < LARGE_VOCABULARY:
        return jax.random.categorical(key, log_probs).astype(jnp.int32)
    block_key, token_key = jax.random.split(key)
    blocks = _blocks(log_probs)
    block = jax.random.categorical(block_key, jax.nn.logsumexp(blocks, axis=1))
    token = jax.random.categorical(token_key, blocks[block])
    return (block * _BLOCK + token).astype(jnp.int32)


def _blocks(values: Float[Array, " K"]) -> Float[Array, "blocks tokens"]:
    missing = -values.size % _BLOCK
    return jnp.pad(values, (0, missing), constant_values=-jnp.inf).reshape(-1, _BLOCK)
