"""Sums that stay accurate, blocks of rows, and choices among many tokens."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

LARGE_VOCABULARY = 4096
"""From so many tokens on, functions work block by block."""

_BLOCK = 64
"""Tokens of a block. The second step looks at one block, or at k blocks, instead of all."""


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
        values = blocks[chosen].reshape(-1)
    return jax.lax.top_k(values, k)[0][-1]


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
