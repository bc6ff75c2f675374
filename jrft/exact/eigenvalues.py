"""The largest eigenvalue of a positive semi-definite operator, from products with it alone.

Ritz values are lower estimates, and a small residual shows an eigenvalue nearby, not that it is the
largest. What bounds the largest from above is the random start q: let θ_i be the Ritz values of k
steps, β_j the norms of the residuals, and u the component of q along the largest eigenvalue's
vector. Then |u| Π_i (λ_max − θ_i) ≤ Π_j β_j, and |u| < t has probability t √(2n/π) at most, in n
dimensions. The t of a small probability thus gives an upper bound, which fails with no more than
that probability (van Dorsselaer, Hochstenbach and van der Vorst, SIAM J. Matrix Anal. Appl., 2001).
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from jrft._checks import check_at_least, check_probability

# Halvings of the bracket of the upper bound: as many as a double has digits.
_HALVINGS = 60


class EigenvalueInterval(NamedTuple):
    """An interval around the largest eigenvalue; up to rounding.

    Attributes:
        lower: float[], the largest Ritz value: the eigenvalue is never below it.
        upper: float[], above the eigenvalue but for the stated probability of failure.
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

    Every vector is made orthogonal to all earlier ones, twice, so that rounding makes no ghosts.
    n steps are exact, and so are fewer where the start spans no more.

    Args:
        key: of the random start.
        product: v ↦ A v.
        like: float[n], gives the vectors' size and dtype; its values do not matter.
        num_steps: products with A; static.
        failure_probability: of `upper`, over the random start.

    Returns:
        `EigenvalueInterval`. It is the caller's to judge whether it is narrow enough: more steps
        make it narrower.

    Raises:
        ValueError: if `num_steps` is below 1, or the probability not between 0 and 1.

    Examples:
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
    log_component = math.log(failure_probability) - 0.5 * math.log(2 * size / math.pi)
    # n steps span everything, and the last residual is nothing but rounding.
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
        basis = basis.at[i].set(vector)
        image = product(vector)
        residual = image
        for _ in range(2):
            residual = residual - (basis @ residual) @ basis
        norm = jnp.linalg.norm(residual)
        # What rounding left of nothing is no new direction: then zeros follow, which add Ritz
        # values of 0 below the largest.
        norm = jnp.where(norm > 10 * epsilon * jnp.linalg.norm(image), norm, 0)
        following = jnp.where(norm > 0, residual / jnp.where(norm > 0, norm, 1), 0)
        return (basis, following), (vector @ image, norm)

    basis = jnp.zeros((num_steps, start.size), start.dtype)
    first = basis, start / jnp.linalg.norm(start)
    return jax.lax.scan(step, first, jnp.arange(num_steps))[1]


def _excess(ritz: Float[Array, " steps"], log_product: Float[Array, ""]) -> Float[Array, ""]:
    """The x ≥ 0 with Π_i (θ_max + x − θ_i) = exp(log_product), from above."""
    gaps = ritz[-1] - ritz
    # The factors are x at least.
    widest = jnp.exp(log_product / ritz.size)

    def halve(_: Array, bracket: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = bracket
        middle = (low + high) / 2
        beyond = jnp.sum(jnp.log(gaps + middle)) > log_product
        return jnp.where(beyond, low, middle), jnp.where(beyond, middle, high)

    return jax.lax.fori_loop(0, _HALVINGS, halve, (jnp.zeros_like(widest), widest))[1]
