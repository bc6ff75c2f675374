"""Processes of JAX over the loopback interface: the numbers, checkpoints and files of one."""

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


def trained(train, folder, count, stop_after=99):
    """What so many processes train, and from which chunk on; None if they stop before the end."""
    out = folder.with_suffix(".npz")
    run_processes(count, "tests.devices.runs", train, folder, out, stop_after)
    return dict(np.load(out)) if out.exists() else None


def check_resumed(train, tmp_path, first, second, whole):
    """Starts on some processes and ends on others, as those do that never stop."""
    folder = tmp_path / f"{first}-{second}"
    assert trained(train, folder, first, stop_after=3) is None
    found = trained(train, folder, second)
    assert found.pop("chunks") == whole["chunks"] - 2
    for name, array in found.items():
        np.testing.assert_allclose(array, whole[name], rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_runs_resume_on_another_number_of_processes(tmp_path):
    whole = trained("five_runs", tmp_path / "whole", 1)
    check_resumed("five_runs", tmp_path, 2, 1, whole)
    check_resumed("five_runs", tmp_path, 1, 2, whole)


@pytest.mark.slow
@pytest.mark.parametrize("train", ["five_runs", "on_a_mesh"])
def test_four_processes_train_as_one(tmp_path, train):
    whole = trained(train, tmp_path / "whole", 1)
    four = trained(train, tmp_path / "four", 4)
    for name, array in whole.items():
        np.testing.assert_allclose(four[name], array, rtol=1e-5, atol=1e-6)
    check_resumed(train, tmp_path, 2, 4, whole)
    check_resumed(train, tmp_path, 4, 1, whole)


@pytest.mark.slow
def test_an_experiment_ends_well_in_both_processes(tmp_path):
    run_processes(2, "experiments", "jrft_perfect_exploration", "--smoke", "--out", tmp_path)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["jrft_perfect_exploration.json", "jrft_perfect_exploration.svg"]
