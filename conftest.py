"""What all tests share, those in docstrings too."""

import jax
import pytest


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Drop compiled programs after each file.

    A process that keeps those of all files comes to the kernel's limit of memory maps, and dies in
    the compiler.
    """
    if nextitem is None or nextitem.path != item.path:
        jax.clear_caches()
