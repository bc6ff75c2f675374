"""Settings of all tests, doctests included.

Tests run as a newcomer would run them: without public data, without earlier downloads, and without
a network. A test that needs public data is marked `public_data`: it reads the folder that DATA_DIR
names, and is skipped where there is none.
"""

import atexit
import gc
import os
import shutil
import signal
import socket
import tempfile
from pathlib import Path
from typing import Any

import jax
import pytest

# A shell ignores interrupts in programs that it runs in the background. Programs that tests start
# would inherit that, and could not be interrupted.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Under a name of its own, which the workers of a run with several processes inherit.
_DATA_DIR = os.environ.pop("DATA_DIR", None) or os.environ.get("DATA_DIR_OF_TESTS")
if _DATA_DIR is not None:
    os.environ["DATA_DIR_OF_TESTS"] = _DATA_DIR
os.environ["EXPERIMENTS_CACHE"] = tempfile.mkdtemp(prefix="no-downloads-")
atexit.register(shutil.rmtree, os.environ["EXPERIMENTS_CACHE"], ignore_errors=True)

# Tests compile many small programs, and many of them more than once: in several files, in several
# workers, and in the processes that they start. A program is compiled once and then read.
_PROGRAMS = Path(__file__).parent / ".pytest_cache" / "programs"
for _name, _value in {
    "jax_compilation_cache_dir": str(_PROGRAMS),
    "jax_persistent_cache_min_compile_time_secs": 0,
    "jax_persistent_cache_min_entry_size_bytes": -1,
}.items():
    os.environ[_name.upper()] = str(_value)
    jax.config.update(_name, _value)

_connect = socket.socket.connect


def _connect_on_this_machine(self: socket.socket, address: Any) -> None:
    """Refuses connections to other machines: no test may need a network."""
    on_this_machine = self.family == socket.AF_UNIX or address[0] in ("127.0.0.1", "::1")
    if not on_this_machine:
        raise ConnectionRefusedError(f"tests have no network, and one connects to {address}")
    _connect(self, address)


socket.socket.connect = _connect_on_this_machine  # type: ignore[method-assign]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Lets garbage collection look at new objects alone: tracing makes many, and imports stay."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Shows public data to the tests that are marked, and to no others."""
    if item.get_closest_marker("public_data") is None:
        os.environ.pop("DATA_DIR", None)
    elif _DATA_DIR is None:
        pytest.skip("it needs public data: let DATA_DIR name a folder that has them")
    else:
        os.environ["DATA_DIR"] = _DATA_DIR


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Drops the compiled programs of a file when it ends: all files' together take gigabytes."""
    if nextitem is None or nextitem.path != item.path:
        jax.clear_caches()
