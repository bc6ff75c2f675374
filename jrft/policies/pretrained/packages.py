"""Packages that only language models need."""

from importlib import import_module
from types import ModuleType


def package(name: str) -> ModuleType:
    """The package or module of a name.

    Raises:
        ImportError: If it is not installed, with the command that installs it.
    """
    try:
        return import_module(name)
    except ImportError as error:
        raise ImportError(
            f"{name.split('.')[0]} is not installed: pip install 'jwi-jrft[lm]'"
        ) from error
