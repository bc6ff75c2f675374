"""What all tests share, those in docstrings too."""

from pathlib import Path

import jax
import pytest

# Linux gives a process 65 530 memory maps by default; on other systems there is no such file.
_MAPS = Path("/proc/self/maps")
_MANY_MAPS = 30_000


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Drop compiled programs between files, once there are many.

    A process that keeps those of all files comes to the kernel's limit of memory maps, and dies in
    the compiler.
    """
    ends_file = nextitem is None or nextitem.path != item.path
    if ends_file and _MAPS.exists() and _MAPS.read_bytes().count(b"\n") > _MANY_MAPS:
        jax.clear_caches()
