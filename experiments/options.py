"""Checks of a configuration's numbers, which every study shares."""

import dataclasses
import math
from typing import Any

_SIZES = ("width", "widths", "depth", "depths", "length", "vocab_size", "batch_size", "num_seeds")


def check_numbers(config: Any) -> None:
    """Refuses numbers that no study can take, before it starts.

    Args:
        config: A configuration, a dataclass.

    Raises:
        ValueError: A number is NaN or infinite; an integer, a rate or a share is negative; a size
            is 0.
    """
    for field in dataclasses.fields(config):
        entries = getattr(config, field.name)
        for value in entries if isinstance(entries, tuple) else (entries,):
            _check_number(field.name, value)


def _check_number(name: str, value: Any) -> None:
    option = f"--{name.replace('_', '-')} {value}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return
    if not math.isfinite(value):
        raise ValueError(f"{option}: pass a finite number")
    minimum = 1 if name.endswith(_SIZES) else 0
    counts = isinstance(value, int) or "rate" in name or "share" in name
    if counts and value < minimum:
        raise ValueError(f"{option}: pass at least {minimum}")
