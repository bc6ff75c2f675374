"""Functions of the vertices on the two sides of a partition."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Shaped
from numpy.typing import ArrayLike

# Assignments whose intermediate values are in memory at once.
_AT_ONCE = 2**14


def checked_subset(subset: ArrayLike, num_vertices: int | None = None) -> Bool[np.ndarray, " n"]:
    """The set I as a NumPy array.

    Args:
        subset: bool[n].
        num_vertices: n; None if the subset itself says how many vertices there are.

    Returns:
        bool[n].

    Raises:
        ValueError: if it is not one boolean a vertex.

    Example:
        >>> checked_subset([0, 2], 3)
        Traceback (most recent call last):
        ValueError: subset is int64[2]: pass one boolean a vertex, bool[3]
    """
    inside = np.asarray(subset)
    n = inside.size if num_vertices is None else num_vertices
    if inside.dtype != bool or inside.shape != (n,) or n == 0:
        raise ValueError(
            f"subset is {inside.dtype}{list(inside.shape)}: pass one boolean a vertex,"
            f" bool[{'n' if num_vertices is None else n}]"
        )
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
