"""Arrays of one type, as functions with gradients of their own need them."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array


def of_one_type(*arrays: Array | None, others: Sequence[Array] = ()) -> Any:
    """Converts arrays to their common dtype, and to each device's own under `jax.shard_map`.

    A custom gradient must have the type of its argument. The gradient of an array that devices
    share would be each device's own as soon as another argument is.

    Args:
        arrays: The arrays that have gradients; None stays None.
        others: Arrays without gradients, such as indices, which may be each device's own, too.

    Returns:
        The arrays.
    """
    present = [array for array in arrays if array is not None]
    dtype = jnp.result_type(*present)
    axes = frozenset[str]().union(*map(_varying, (*present, *others)))

    def convert(array: Array) -> Array:
        missing = tuple(sorted(axes - _varying(array)))
        own = jax.lax.pcast(array, missing, to="varying") if missing else array
        return own.astype(dtype)

    return [None if array is None else convert(array) for array in arrays]


def _varying(array: Array) -> frozenset[str]:
    """The axes of a `shard_map` over which an array differs."""
    return frozenset(jax.typeof(array).manual_axis_type.varying)
