"""Checks of arguments that several functions share."""

import numpy as np

# Compiled loops count in int64, and no computer takes so many steps.
MOST_STEPS = 2**31 - 1


def checked_integer(
    name: str, value: object, meaning: str, *, low: int, high: int | None = None
) -> int:
    """An argument as a Python integer.

    Args:
        name: of the argument.
        value: what the caller gave.
        meaning: what it stands for, for the message.
        low: the least value allowed.
        high: the greatest value allowed; None for no limit.

    Returns:
        The value.

    Raises:
        ValueError: if it is no integer, or out of range; booleans are not integers here.

    Example:
        >>> checked_integer("depth", 0, "the number of layers", low=1)
        Traceback (most recent call last):
        ValueError: depth is 0: pass the number of layers, an integer ≥ 1
    """
    is_integer = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if is_integer and low <= value and (high is None or value <= high):  # type: ignore[operator]
        return int(value)  # type: ignore[call-overload]
    limits = f"≥ {low}" if high is None else f"from {low} to {high}"
    raise ValueError(f"{name} is {value!r}: pass {meaning}, an integer {limits}")


def checked_depth(depth: object) -> int:
    """L, the depth of a network, as a Python integer.

    Raises:
        ValueError: if it is no integer, below 1 or above 2^31 − 1.
    """
    return checked_integer(
        "depth", depth, "how many layers the network has", low=1, high=MOST_STEPS
    )
