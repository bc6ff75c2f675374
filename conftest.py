"""What all tests share, those in docstrings too."""

import signal
from pathlib import Path

import jax
import pytest

# Linux gives a process 65 530 memory maps by default; on other systems there is no such file.
_MAPS = Path("/proc/self/maps")
_MANY_MAPS = 30_000


# A shell ignores interrupts for what it runs in the background, and so would what tests start and
# interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Drop compiled programs between files, once there are many.

    A process that keeps those of all files comes to the kernel's limit of memory maps, and dies in
    the compiler.
    """
    ends_file = nextitem is None or nextitem.path != item.path
    if ends_file and _MAPS.exists() and _MAPS.read_bytes().count(b"\n") > _MANY_MAPS:
        jax.clear_caches()
