"""Public names that are loaded when they are first asked for (PEP 562)."""

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(
    package: str, files: Mapping[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The `__getattr__` and the `__dir__` of a package whose names come from several files.

    Args:
        package: The package's `__name__`.
        files: The file of each public name, without `.py`.

    Example:
        >>> get, list_names = lazy_names("jwi", {"checked_depth": "_checks"})
        >>> get("checked_depth")(3), "checked_depth" in list_names()
        (3, True)
        >>> get("nonsense")
        Traceback (most recent call last):
        AttributeError: module 'jwi' has no attribute 'nonsense'
    """
    names = vars(sys.modules[package])

    def get(name: str) -> Any:
        if name not in files:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        # Found at once the next time.
        names[name] = value = getattr(import_module(f"{package}.{files[name]}"), name)
        return value

    return get, lambda: sorted({*names, *files})
