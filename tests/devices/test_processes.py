"""Two processes of JAX over the loopback interface: the numbers, checkpoints and files of one."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


def run_processes(count, *arguments):
    """Runs a module in so many processes with two devices each, and fails if one does."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=2"
    started = [
        subprocess.Popen(
            # A process that waits for another one that has failed would wait forever.
            ["timeout", "-k", "5", "600", sys.executable, "-m", *map(str, arguments)],
            env=os.environ
            | {
                "XLA_FLAGS": flags,
                "JAX_PLATFORMS": "cpu",
                "JAX_NUM_PROCESSES": str(count),
                "JAX_PROCESS_ID": str(process),
                "JAX_COORDINATOR_ADDRESS": address,
            },
            cwd=ROOT,
            stderr=subprocess.PIPE,
        )
        for process in range(count)
    ]
    messages = [process.communicate()[1].decode() for process in started]
    assert [process.returncode for process in started] == [0] * count, messages


@pytest.mark.slow
def test_runs_resume_on_another_number_of_processes(tmp_path):
    def trained(name, count, stop_after):
        folder, out = tmp_path / name, tmp_path / f"{name}.npz"
        run_processes(count, "tests.devices.runs", folder, out, stop_after)
        return dict(np.load(out)) if out.exists() else None

    whole = trained("whole", 1, 99)
    assert trained("two", 2, 3) is None
    assert trained("one", 1, 3) is None
    resumed = {"two": trained("two", 1, 99), "one": trained("one", 2, 99)}
    for found in resumed.values():
        assert found.pop("chunks") == whole["chunks"] - 2
        for name, array in found.items():
            np.testing.assert_allclose(array, whole[name], rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_an_experiment_ends_well_in_both_processes(tmp_path):
    run_processes(2, "experiments", "jrft_perfect_exploration", "--smoke", "--out", tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["jrft_perfect_exploration.json", "jrft_perfect_exploration.svg"]
