"""Checks of arguments that several functions share."""

from numbers import Integral
from typing import Any

# Compiled loops count steps in int64, and no computer takes this many.
MOST_STEPS = 2**31 - 1


def checked_integer(
    name: str, value: object, meaning: str, *, low: int, high: int | None = None
) -> int:
    """Converts an argument to a Python integer in a range.

    Args:
        name: Name of the argument.
        value: What the caller passed.
        meaning: What the argument means, for the error message.
        low: Smallest allowed value.
        high: Largest allowed value; None for no limit.

    Returns:
        The value.

    Raises:
        ValueError: If the value is no integer (booleans do not count as integers), or out of range.

    Example:
        >>> checked_integer("length", -1, "the number of steps", low=0)
        Traceback (most recent call last):
        ValueError: length is -1: pass the number of steps, an integer ≥ 0
    """
    # NumPy's integers are such numbers, too, and its booleans are none.
    is_integer = isinstance(value, Integral) and not isinstance(value, bool)
    if is_integer and low <= value and (high is None or value <= high):  # type: ignore[operator]
        return int(value)  # type: ignore[call-overload]
    limits = f"≥ {low}" if high is None else f"from {low} to {high}"
    raise ValueError(f"{name} is {value!r}: pass {meaning}, an integer {limits}")


def checked_depth(depth: object, name: str = "depth") -> int:
    """Converts L, the number of layers of a network, to a Python integer.

    Raises:
        ValueError: If it is no integer from 1 to 2^31 − 1.

    Example:
        >>> checked_depth(0, "--depth")
        Traceback (most recent call last):
        ValueError: --depth is 0: pass how many layers the network has, an integer from 1 ...
    """
    return checked_integer(name, depth, "how many layers the network has", low=1, high=MOST_STEPS)


def checked_length(length: object) -> int:
    """Converts the length of walks to a Python integer.

    Raises:
        ValueError: If it is no integer from 0 to 2^31 − 1.

    Example:
        >>> checked_length(True)
        Traceback (most recent call last):
        ValueError: length is True: pass how many steps a walk has, an integer from 0 to 2147483647
    """
    return checked_integer("length", length, "how many steps a walk has", low=0, high=MOST_STEPS)


def check_subset(subset: Any, num_vertices: int | None) -> None:
    """Checks that a set of vertices is one boolean a vertex.

    Args:
        subset: An array of NumPy or JAX, traced or not.
        num_vertices: n; None if any positive number fits.

    Raises:
        ValueError: If `subset` is not bool[n].

    Example:
        >>> import numpy as np
        >>> check_subset(np.array([0, 2]), 3)
        Traceback (most recent call last):
        ValueError: subset is int64[2]: pass one boolean a vertex, bool[3]
    """
    fits = subset.shape == (subset.size if num_vertices is None else num_vertices,)
    if subset.dtype != bool or not fits or subset.size == 0:
        n = "n" if num_vertices is None else num_vertices
        raise ValueError(
            f"subset is {subset.dtype}{list(subset.shape)}: pass one boolean a vertex, bool[{n}]"
        )
