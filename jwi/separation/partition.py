"""Functions of the vertices on the two sides of a partition."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Shaped
from numpy.typing import ArrayLike

from jwi._checks import check_subset

# Assignments whose intermediate values are in memory at once.
_AT_ONCE = 2**14


def checked_subset(subset: ArrayLike, num_vertices: int | None = None) -> Bool[np.ndarray, " n"]:
    """Converts the set I to a NumPy array, bool[n]; any n > 0 fits where it is not given."""
    inside = np.asarray(subset)
    check_subset(inside, num_vertices)
    return inside


def values_on_grid(
    function: Callable[[Array], Array],
    inside: Bool[Array, " n"],
    rows: Shaped[Array, "r n d"],
    columns: Shaped[Array, "c n d"],
) -> Shaped[Array, "r c"]:
    """Values of a function of X, with X_I from the row and X_{I^c} from the column.

    Args:
        function: from X of shape [n, d] to a number.
        inside: the set I.
        rows: features by row; of them, those in I count.
        columns: features by column; of them, those not in I count.

    Returns:
        The values. If f(X) = Σ_{k ≤ R} g_k(X_I) · ḡ_k(X_{I^c}), their rank is at most R.

    Example:
        >>> inside = jnp.array([True, False])
        >>> x = jnp.arange(3.0)[:, None, None] * jnp.ones((1, 2, 1))
        >>> values_on_grid(lambda x: x[0, 0] + 10 * x[1, 0], inside, x, x)[1].tolist()
        [1.0, 11.0, 21.0]
    """

    def on_row(row: Array) -> Array:
        return jax.vmap(lambda column: function(jnp.where(inside[:, None], row, column)))(columns)

    return jax.lax.map(on_row, rows, batch_size=max(1, _AT_ONCE // len(columns)))
