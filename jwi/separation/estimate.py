"""Separation rank of any function of the vertices, estimated by singular values."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float64
from numpy.typing import ArrayLike

from jwi._checks import checked_integer
from jwi.separation.partition import checked_subset, values_on_grid


class SeparationEstimate(NamedTuple):
    """Result of `separation_rank_estimate`.

    Attributes:
        rank: Number of singular values above `tolerance` times the largest.
        singular_values: float64[m], in descending order.
        tolerance: Relative to the largest singular value.
    """

    rank: int
    singular_values: Float64[np.ndarray, " m"]
    tolerance: float


def separation_rank_estimate(
    key: Array,
    function: Callable[[Array], Array],
    subset: ArrayLike,
    *,
    input_width: int | np.integer,
    sample_size: int | np.integer = 64,
    tolerance: float = 1e-9,
    sampler: Callable[[Array, tuple[int, ...]], Array] = jax.random.normal,
) -> SeparationEstimate:
    """Estimates the separation rank of any function of the vertices; float64, on the host.

    The values of f on a grid of m × m random assignments, X_I by row and X_{I^c} by column, form a
    matrix. Its exact rank is at most sep(f; I), and equals it for almost all assignments if m is
    large enough and f is analytic. This function counts the numerical rank. It is no bound: small
    singular values may fall below the tolerance, and rounding may rise above it. If it is m, the
    sample is too small. Networks with ReLU or normalization usually have an infinite separation
    rank: compare partitions by how fast the singular values fall.

    Args:
        key: Random key for the assignments.
        function: From X, float64[n, Dx], to one number, traceable. float32 weights are promoted; a
            result in float32 is refused.
        subset: The set I, bool[n].
        input_width: Number Dx of features a vertex.
        sample_size: Number m of assignments a side.
        tolerance: Singular values up to this times the largest count as zero.
        sampler: (key, shape (2, m, n, Dx)) to features, standard normal by default. Draw from data
            to learn how a trained network acts on them.

    Returns:
        The numerical rank, 0 for a function that is zero, and the singular values.

    Raises:
        ValueError: For arguments out of range; for a function that does not return one float64;
            for values that are not finite.

    Example:
        >>> def two_products(x):
        ...     return x[0, 0] * x[1, 0] + x[0, 1] * x[1, 1]
        >>> separation_rank_estimate(
        ...     jax.random.key(0), two_products, [True, False], input_width=2
        ... ).rank
        2
    """
    inside = checked_subset(subset)
    width = checked_integer("input_width", input_width, "the number of features a vertex", low=1)
    size = checked_integer("sample_size", sample_size, "the number of assignments a side", low=1)
    if not 0 < tolerance < 1:
        raise ValueError(f"tolerance is {tolerance}: pass a number between 0 and 1")
    with jax.enable_x64(True):
        shape = (2, size, len(inside), width)
        rows, columns = jnp.asarray(sampler(key, shape), jnp.float64)
        _check_output(jax.eval_shape(function, rows[0]))
        values = jax.jit(values_on_grid, static_argnums=0)(
            function, jnp.asarray(inside), rows, columns
        )
        values = np.asarray(values)
    if not np.isfinite(values).all():
        raise ValueError(
            f"function has {np.sum(~np.isfinite(values))} of {values.size} values that are not"
            " finite: pass a sampler of smaller features"
        )
    spectrum = np.linalg.svd(values, compute_uv=False)
    return SeparationEstimate(int(np.sum(spectrum > tolerance * spectrum[0])), spectrum, tolerance)


def _check_output(output: jax.ShapeDtypeStruct) -> None:
    if output.shape != () or output.dtype != jnp.float64:
        raise ValueError(
            f"function returns {output.dtype}{list(output.shape)}: let it return one number, and"
            " compute in the type of its argument, float64"
        )
