"""How large the variance of a distribution is that was drawn from a Dirichlet process."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64


def variance_moments(
    moments: Sequence[Float64[np.ndarray, "n q"]],
    concentration: Float64[np.ndarray, "n #q"],
    share: Float64[np.ndarray, "n q"] | float = 1.0,
) -> tuple[Float64[np.ndarray, "n q"], Float64[np.ndarray, "n q"]]:
    """Mean and variance of the variance of a distribution drawn from a Dirichlet process.

    With a share below 1 a draw is from that distribution with this probability, else 0.

    Derived from Pólya's urn: draws 1 … r fall into blocks of equal ones with probability
    ∏ A·(size − 1)! / (A·(A + 1)⋯(A + r − 1)).

    Args:
        moments: Four arrays: E[x], E[x²], E[x³], E[x⁴] of the base distribution.
        concentration: A, of each row or of each entry.
        share: Probability of a draw from the distribution.

    Example:
        >>> import numpy as np
        >>> half = [np.array([[0.5]])] * 4  # a fair coin: the variance p(1 − p) of p ~ Beta(1, 1)
        >>> mean, variance = variance_moments(half, np.array([[2.0]]))
        >>> mean.round(6).item(), variance.round(6).item()
        (0.166667, 0.005556)
    """
    m1, m2, m3, m4 = moments
    a = concentration
    mean = share * m2 - share**2 * (a * m1**2 + m2) / (a + 1)
    second_second = (a * m2**2 + m4) / (a + 1)
    second_first_first = (a**2 * m2 * m1**2 + a * (m2**2 + 2 * m3 * m1) + 2 * m4) / (
        (a + 1) * (a + 2)
    )
    first_fourth = (
        a**3 * m1**4 + 6 * a**2 * m1**2 * m2 + a * (8 * m1 * m3 + 3 * m2**2) + 6 * m4
    ) / ((a + 1) * (a + 2) * (a + 3))
    square = share**2 * (second_second - 2 * share * second_first_first + share**2 * first_fourth)
    return mean, np.maximum(square - mean**2, 0.0)
