"""Settings of a checkpoint's configuration, each checked before it is used."""

import json
import math
from collections.abc import Mapping
from numbers import Integral, Real
from pathlib import Path
from typing import Any

MISSING = object()
"""The default of a setting that a configuration must have."""


def read_json(file: Path) -> dict[str, Any]:
    """The object in a file.

    Raises:
        ValueError: If the file holds none.
    """
    try:
        content = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise ValueError(f"{file} is damaged ({error}): download or save it again") from error
    if not isinstance(content, dict):
        raise ValueError(f"{file} is damaged (it holds no object): download or save it again")
    return content


def whole(
    config: Mapping[str, Any], name: str, default: Any = MISSING, *, at_least: int = 1
) -> int:
    """A whole number; null is a missing setting.

    Raises:
        ValueError: If it is missing without a default, no whole number, or too small.
    """
    value = _found(config, name, default)
    if not isinstance(value, Integral) or isinstance(value, bool) or value < at_least:
        raise _wrong(name, value, f"a whole number of at least {at_least}")
    return int(value)


def number(config: Mapping[str, Any], name: str, default: Any = MISSING) -> float:
    """A number above 0; null is a missing setting.

    Raises:
        ValueError: If it is missing without a default, or no such number.
    """
    value = _found(config, name, default)
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not 0 < float(value) < math.inf:
        raise _wrong(name, value, "a number above 0")
    return float(value)


def flag(config: Mapping[str, Any], name: str, default: bool) -> bool:
    """A truth value; null is a missing setting.

    Raises:
        ValueError: If it is none.
    """
    value = _found(config, name, default)
    if not isinstance(value, bool):
        raise _wrong(name, value, "true or false")
    return value


def group(config: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Settings in a group of their own; none if it is missing or null.

    Raises:
        ValueError: If it is no object.
    """
    value = _found(config, name, {})
    if not isinstance(value, Mapping):
        raise _wrong(name, value, "an object")
    return value


def expect(config: Mapping[str, Any], **known: tuple[Any, ...]) -> None:
    """Refuses a setting whose value is not implemented; the first value is the default.

    Raises:
        ValueError: If there is one.
    """
    for name, values in known.items():
        found = _found(config, name, values[0])
        # 1 and True are equal in Python, and different settings.
        if not any(type(found) is type(value) and found == value for value in values):
            raise ValueError(
                f"{name} is {found!r}: pass a model with "
                f"{' or '.join(repr(value) for value in values)}, as others are not implemented"
            )


def _found(config: Mapping[str, Any], name: str, default: Any) -> Any:
    value = config.get(name)
    if value is not None:
        return value
    if default is MISSING:
        raise ValueError(
            f"{name} is missing: pass the checkpoint with the configuration that was saved with it"
        )
    return default


def _wrong(name: str, value: Any, known: str) -> ValueError:
    return ValueError(f"{name} is {value!r}: pass a checkpoint where it is {known}")
