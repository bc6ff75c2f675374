"""Sums that stay accurate: means, variances and roots of rewards, norms, and blocks of rows."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree


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
