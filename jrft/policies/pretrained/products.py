"""Matrix products in a type of few bits that add up in float32."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

Dimensions: TypeAlias = tuple[
    tuple[Sequence[int], Sequence[int]], tuple[Sequence[int], Sequence[int]]
]
"""Contracted and batched dimensions, as `jax.lax.dot_general` takes them."""

Product: TypeAlias = Callable[..., Array]
"""A function in the place of `jax.lax.dot_general`, as the layers of `flax.linen` take it."""


def product_in(dtype: str | None) -> Product:
    """The product whose factors are rounded to a type, and whose sums are float32.

    Processors with units for bfloat16 use them for exactly this combination. The gradient's
    products are of the same kind. A CPU without such units takes two to four times as long as in
    float32, so there the factors stay as they are, and the product is one of float32.

    Args:
        dtype: The name of the type, such as "bfloat16"; None keeps the factors' own type.

    Example:
        >>> import jax.numpy as jnp
        >>> third = jnp.full((1, 1), 1 / 3)
        >>> product_in("bfloat16")(third, third, (((1,), (0,)), ((), ()))).dtype.name
        'float32'
    """
    if dtype in (None, "float32"):
        return jax.lax.dot_general
    if jax.default_backend() == "cpu" and not _has_amx():
        return _float32_product
    return functools.partial(rounded_product, dtype)


@functools.cache
def _has_amx() -> bool:
    """Whether the processor has matrix units for bfloat16; Linux tells."""
    try:
        return "amx_bf16" in Path("/proc/cpuinfo").read_text()
    except OSError:
        return False


def _float32_product(
    left: Float[Array, "..."],
    right: Float[Array, "..."],
    dimensions: Dimensions,
    precision: Any = None,
    preferred_element_type: Any = None,
) -> Float[Array, "..."]:
    del preferred_element_type  # float32 sums are the purpose
    factors = left.astype(jnp.float32), right.astype(jnp.float32)
    return jax.lax.dot_general(*factors, dimensions, precision=precision)


def rounded_product(
    dtype: str,
    left: Float[Array, "..."],
    right: Float[Array, "..."],
    dimensions: Dimensions,
    precision: Any = None,
    preferred_element_type: Any = None,
) -> Float[Array, "..."]:
    """The product of factors that are rounded to a type, with sums in float32."""
    del precision, preferred_element_type  # float32 sums are the purpose
    as_tuples = tuple(tuple(tuple(axes) for axes in pair) for pair in dimensions)
    return _product(left.astype(jnp.float32), right.astype(jnp.float32), as_tuples, dtype)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _product(left: Array, right: Array, dimensions: Dimensions, dtype: str) -> Array:
    return _dot(left.astype(dtype), right.astype(dtype), dimensions)


def _forward(
    left: Array, right: Array, dimensions: Dimensions, dtype: str
) -> tuple[Array, tuple[Array, Array]]:
    rounded = left.astype(dtype), right.astype(dtype)
    return _dot(*rounded, dimensions), rounded


def _backward(
    dimensions: Dimensions, dtype: str, factors: tuple[Array, Array], cotangent: Array
) -> tuple[Array, Array]:
    # A float32 cotangent would make both products of the gradient float32 products.
    rounded = cotangent.astype(dtype)
    left, right = factors
    (left_sum, right_sum), (left_batch, right_batch) = dimensions
    num_left = left.ndim - len(left_sum)
    of_left = tuple(range(len(left_batch), num_left))
    of_right = tuple(range(num_left, cotangent.ndim))
    return (
        _gradient(rounded, of_right, right, right_sum, right_batch, left_sum, left_batch),
        _gradient(rounded, of_left, left, left_sum, left_batch, right_sum, right_batch),
    )


def _gradient(
    cotangent: Array,
    other_free: Sequence[int],
    other: Array,
    other_sum: Sequence[int],
    other_batch: Sequence[int],
    own_sum: Sequence[int],
    own_batch: Sequence[int],
) -> Array:
    """The gradient of one factor, given the other."""
    free = [axis for axis in range(other.ndim) if axis not in (*other_sum, *other_batch)]
    batch = tuple(range(len(other_batch))), other_batch
    result = _dot(cotangent, other, ((other_free, free), batch))
    # The result has the batch first, then the factor's free axes, then the axes that were summed
    # over, in the order they have in the other factor.
    summed = [own for _, own in sorted(zip(other_sum, own_sum, strict=True))]
    own_free = [axis for axis in range(result.ndim) if axis not in (*own_sum, *own_batch)]
    places = [*own_batch, *own_free, *summed]
    return jnp.transpose(result, [places.index(axis) for axis in range(result.ndim)])


def _dot(left: Array, right: Array, dimensions: Dimensions) -> Array:
    return jax.lax.dot_general(left, right, dimensions, preferred_element_type=jnp.float32)


_product.defvjp(_forward, _backward)
