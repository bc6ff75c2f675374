"""The largest eigenvalue of a positive semi-definite operator, from products with vectors only.

Ritz values are lower bounds. A small residual shows that an eigenvalue is near, but not that it is
the largest. The random start q bounds the largest eigenvalue from above: let θ_i be the Ritz values
of k steps, β_j the norms of the residuals, and u the component of q along the eigenvector of λ_max.
Then |u| Π_i (λ_max − θ_i) ≤ Π_j β_j, and in n dimensions |u| < t has at most the probability
t √(2n/π). A t of small probability gives an upper bound that fails with at most that probability.

References:
    van Dorsselaer, Hochstenbach and van der Vorst, Computing probabilistic bounds for extreme
    eigenvalues of symmetric matrices with the Lanczos method, SIAM J. Matrix Anal. Appl., 2001.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from jrft._checks import check_at_least, check_probability

# Halvings of the bracket of the upper bound: a double has 53 binary digits.
_HALVINGS = 60


class EigenvalueInterval(NamedTuple):
    """An interval around the largest eigenvalue, up to rounding.

    Attributes:
        lower: Float[], the largest Ritz value: the eigenvalue is never below it.
        upper: Float[], above the eigenvalue, except with the stated probability of failure.
    """

    lower: Float[Array, ""]
    upper: Float[Array, ""]


def largest_eigenvalue(
    key: PRNGKeyArray,
    product: Callable[[Float[Array, " n"]], Float[Array, " n"]],
    like: Float[Array, " n"],
    *,
    num_steps: int = 32,
    failure_probability: float = 1e-6,
) -> EigenvalueInterval:
    """An interval around the largest eigenvalue of a positive semi-definite matrix, by Lanczos.

    Every vector is orthogonalized against all earlier ones, twice: otherwise rounding repeats Ritz
    values. n steps are exact. Fewer steps are exact, too, once they span every vector that products
    with A reach from the start.

    Args:
        key: A JAX random key, for the start.
        product: The function v ↦ A v.
        like: Float[n], an example of a vector: its size and dtype are used, its values are not.
        num_steps: The number of products with A; static.
        failure_probability: The probability, over the random start, that `upper` is too small.

    Returns:
        `EigenvalueInterval`; more steps make it narrower.

    Raises:
        ValueError: If `num_steps` is below 1, or the probability not between 0 and 1.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> diagonal = jnp.linspace(0, 1, 200).at[7].set(1.5)
        >>> lower, upper = largest_eigenvalue(
        ...     jax.random.key(0), lambda v: diagonal * v, diagonal, num_steps=24
        ... )
        >>> round(float(lower), 4), round(float(upper), 4)
        (1.5, 1.5)
    """
    check_at_least(1, num_steps=num_steps)
    check_probability(failure_probability=failure_probability)
    size = like.size
    start = jax.random.normal(key, (size,), like.dtype)
    diagonal, off_diagonal = _tridiagonal(product, start, min(num_steps, size))
    ritz = jnp.linalg.eigvalsh(
        jnp.diag(diagonal) + jnp.diag(off_diagonal[:-1], 1) + jnp.diag(off_diagonal[:-1], -1)
    )
    # The t of the module's docstring.
    log_component = math.log(failure_probability) - 0.5 * math.log(2 * size / math.pi)
    # n steps span the whole space, so the last residual is nothing but rounding.
    residuals = off_diagonal if num_steps < size else off_diagonal.at[-1].set(0)
    excess = _excess(ritz, jnp.sum(jnp.log(residuals)) - log_component)
    return EigenvalueInterval(ritz[-1], ritz[-1] + excess)


def _tridiagonal(
    product: Callable[[Float[Array, " n"]], Float[Array, " n"]],
    start: Float[Array, " n"],
    num_steps: int,
) -> tuple[Float[Array, " steps"], Float[Array, " steps"]]:
    """The projected matrix: its diagonal, and the norms of the residuals beside it."""
    epsilon = jnp.finfo(start.dtype).eps

    def step(
        carry: tuple[Float[Array, "steps n"], Float[Array, " n"]], i: Array
    ) -> tuple[tuple[Float[Array, "steps n"], Float[Array, " n"]], tuple[Array, Array]]:
        basis, vector = carry
        # Rows of later steps are still 0, so one product orthogonalizes against all earlier ones.
        basis = basis.at[i].set(vector)
        image = product(vector)
        residual = image
        for _ in range(2):
            residual = residual - (basis @ residual) @ basis
        norm = jnp.linalg.norm(residual)
        # A residual of the size of rounding is no new direction. Zeros follow it, and add Ritz
        # values of 0, which are below the largest.
        norm = jnp.where(norm > 10 * epsilon * jnp.linalg.norm(image), norm, 0)
        following = jnp.where(norm > 0, residual / jnp.where(norm > 0, norm, 1), 0)
        return (basis, following), (vector @ image, norm)

    basis = jnp.zeros((num_steps, start.size), start.dtype)
    first = basis, start / jnp.linalg.norm(start)
    return jax.lax.scan(step, first, jnp.arange(num_steps))[1]


def _excess(ritz: Float[Array, " steps"], log_product: Float[Array, ""]) -> Float[Array, ""]:
    """The x ≥ 0 with Π_i (θ_max + x − θ_i) = exp(log_product), from above."""
    gaps = ritz[-1] - ritz
    # Each factor is at least x, so x^k ≤ the product, which gives an upper end of the bracket.
    widest = jnp.exp(log_product / ritz.size)

    def halve(_: Array, bracket: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bracket
        middle = (low + high) / 2
        beyond = jnp.sum(jnp.log(gaps + middle)) > log_product
        return jnp.where(beyond, low, middle), jnp.where(beyond, middle, high)

    return jax.lax.fori_loop(0, _HALVINGS, halve, (jnp.zeros_like(widest), widest))[1]
