"""Programs that need several devices."""

import os
import subprocess
import sys
from pathlib import Path


def on_devices(count, program, *arguments):
    """Runs a program where the CPU is so many devices, and fails if it does.

    They need a fresh process, where nothing has set up a backend.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    check = f"import jax\nassert jax.device_count() == {count}\n"
    subprocess.run(
        [sys.executable, "-c", check + program, *map(str, arguments)],
        env=os.environ
        | {
            "XLA_FLAGS": f"{flags} --xla_force_host_platform_device_count={count}",
            "JAX_PLATFORMS": "cpu",
        },
        check=True,
        timeout=900,
        cwd=Path(__file__).parents[2],
    )
