"""A function of the vertices on random assignments to both sides of a partition.

How many assignments show the whole rank of the values, and how surely: let f, over a field of p
elements, be of degree at most d in the features of either side, and draw assignments uniformly. As
long as the values have a lower rank than f, some combination of f's factors vanishes on the
assignments so far, but not everywhere. It is a polynomial of degree ≤ d, so it vanishes on one more
assignment with probability ≤ d/p (Schwartz, Zippel). Each further assignment fails to raise the
rank with at most this probability, and a rank ≤ m − s that is too low takes s failures in m trials,
among the assignments of either side.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import scipy.special
from jaxtyping import Array, Bool, Shaped
from numpy.typing import ArrayLike

from jwi._checks import check_subset

# This many assignments have their intermediate values in memory at once.
_AT_ONCE = 2**14
_FEWEST = 64
# A value as uint32, as a Python integer in a list and as FLINT's word: 56 bytes, by measurement.
_BYTES_A_VALUE = 64


def checked_subset(subset: ArrayLike, num_vertices: int | None = None) -> Bool[np.ndarray, " n"]:
    """Converts the set I to a NumPy array, bool[n]; without `num_vertices` any n > 0 is allowed."""
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
        function: From X of shape [n, d] to a number.
        inside: The set I.
        rows: Features by row; only those in I are used.
        columns: Features by column; only those outside I are used.

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


def sample_sizes(max_bytes: int) -> list[int]:
    """Numbers of assignments a side to try: 64 and its doubles, as long as they fit in memory.

    Args:
        max_bytes: Memory for the matrix of values and its elimination, in bytes.

    Returns:
        64, 128, …

    Raises:
        ValueError: If 64 assignments do not fit.

    Example:
        >>> sample_sizes(2**20)
        [64, 128]
    """
    if _bytes(_FEWEST) > max_bytes:
        raise ValueError(f"max_bytes is {max_bytes}: pass at least {_bytes(_FEWEST)}")
    sizes = [_FEWEST]
    while _bytes(2 * sizes[-1]) <= max_bytes:
        sizes.append(2 * sizes[-1])
    return sizes


def least_slack(failure: float, probability: float, size: int) -> int:
    """The least s such that s failures on one of the sides are as improbable as asked.

    Args:
        failure: Upper bound d/p on the probability that one trial fails.
        probability: Upper bound on the probability of s or more failures on either side.
        size: Number m of trials a side.

    Returns:
        s, which is more than m if no number of failures is so improbable.

    Example:
        >>> least_slack(failure=12 / 65521, probability=1e-9, size=64)
        5
    """
    # `bdtrc` is the probability of more failures than its first argument. scipy.stats has the same
    # by name, but takes longer to import than everything else here.
    exceeded = scipy.special.bdtrc(np.arange(size + 1), size, failure)
    return 1 + int(np.argmax(exceeded <= probability / 2))


def first_sufficient(
    rank_of_sample: Callable[[int], int], slack: Callable[[int], int], sizes: list[int]
) -> tuple[int, int]:
    """Rank and size of the first sample whose size exceeds its rank by the slack.

    Args:
        rank_of_sample: From the size of a sample to its rank.
        slack: From the size to the least allowed difference between size and rank.
        sizes: Sizes to try, ascending.

    Returns:
        The rank and the size.

    Raises:
        ValueError: If no sample is sufficient.

    Example:
        >>> first_sufficient(lambda size: min(size, 100), lambda size: 5, [64, 128, 256])
        (100, 128)
    """
    for size in sizes:
        rank = rank_of_sample(size)
        if rank <= size - slack(size):
            return rank, size
    raise ValueError(
        f"max_bytes allows {size} assignments a side, too few for a separation rank of at least"
        f" {rank}: pass {_bytes(2 * size)} bytes, or take fewer layers, features or edges"
    )


def _bytes(size: int) -> int:
    return _BYTES_A_VALUE * size**2
