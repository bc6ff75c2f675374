"""How many random assignments show the whole rank of a function's values, and how surely.

Let f, over a field of p elements, be of degree at most d in the features of either side of the
partition, and take uniformly random assignments. As long as the values do not have all of f's
rank, some combination of f's factors vanishes on the assignments so far but not everywhere; as a
polynomial of degree ≤ d it vanishes on one more with probability ≤ d/p (Schwartz, Zippel). So each
further assignment fails to raise the rank with at most this probability, and a rank ≤ m − s that is
not f's takes s failures in m trials, of the assignments of one side or of those of the other.
"""

from collections.abc import Callable

import numpy as np
import scipy.special

_FIRST = 64


def sample_sizes(max_bytes: int) -> list[int]:
    """Numbers of assignments a side to try, each twice the last: all that fit.

    Args:
        max_bytes: memory for the matrix of values and its elimination.

    Returns:
        64, 128, …

    Raises:
        ValueError: if the first does not fit.

    Example:
        >>> sample_sizes(2**20)
        [64, 128]
    """
    if _bytes(_FIRST) > max_bytes:
        raise ValueError(f"max_bytes is {max_bytes}: pass at least {_bytes(_FIRST)}")
    sizes = [_FIRST]
    while _bytes(2 * sizes[-1]) <= max_bytes:
        sizes.append(2 * sizes[-1])
    return sizes


def least_slack(failure: float, probability: float, size: int) -> int:
    """The least s for which s failures on either side are as improbable as asked.

    Args:
        failure: at most this probable, d/p.
        probability: of s or more failures among the trials of one side or the other.
        size: m, the number of trials a side.

    Returns:
        s; more than m where no number is so improbable.

    Example:
        >>> least_slack(failure=12 / 65521, probability=1e-9, size=64)
        5
    """
    # The smallest count that more failures exceed with at most that probability. Not by
    # scipy.stats, whose import would take longer than that of everything else here.
    exceeded = scipy.special.bdtrc(np.arange(size + 1), size, failure)
    return 1 + int(np.argmax(exceeded <= probability / 2))


def first_sufficient(
    rank_of_sample: Callable[[int], int], slack: Callable[[int], int], sizes: list[int]
) -> tuple[int, int]:
    """Rank and size of the first sample that is larger than its rank by the slack.

    Args:
        rank_of_sample: from the size of a sample to its rank.
        slack: from the size to what must be left over.
        sizes: to try, ascending.

    Returns:
        The rank and the size.

    Raises:
        ValueError: if no sample is sufficient.

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
    """Memory for the elimination of size² values: the compiler reports 25 bytes a value."""
    return 28 * size**2
