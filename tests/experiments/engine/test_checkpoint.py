"""Damaged, foreign and unfinished checkpoints: refused with a remedy, and nothing whole is lost."""

import itertools
import os
import re
import tempfile
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.engine.checkpoint import Checkpoints
from jwi.io import files

STATE = {"weights": jnp.arange(6.0), "low": jnp.arange(3, dtype=jnp.bfloat16), "host": np.ones(2)}
LATER = jax.tree.map(lambda leaf: leaf + 1, STATE)


def saved(path, row=3, state=LATER):
    checkpoints = Checkpoints(path, STATE, {"num_steps": 5})
    try:
        checkpoints.save(row, state)
    finally:
        checkpoints.close()
    return path / "checkpoint.npz"


def restored(path):
    checkpoints = Checkpoints(path, STATE, {"num_steps": 5})
    try:
        return checkpoints.restore()
    finally:
        checkpoints.close()


def assert_whole(path, row=3, state=LATER):
    found_row, found = restored(path)
    assert found_row == row
    jax.tree.map(np.testing.assert_array_equal, found, state)
    assert found["low"].dtype == jnp.bfloat16


def test_keys_and_low_precision_come_back(tmp_path, key):
    saved(tmp_path)
    assert_whole(tmp_path)
    keys = {"keys": jax.random.split(key, 2)}
    checkpoints = Checkpoints(tmp_path / "keys", keys, {})
    checkpoints.save(1, keys)
    assert jnp.all(checkpoints.restore()[1]["keys"] == keys["keys"])


def test_every_inverted_byte_and_every_cut_is_found(tmp_path):
    """Each byte of the file in turn, then each length: none resumes, and no error is foreign."""
    path = saved(tmp_path)
    whole = path.read_bytes()
    checkpoints = Checkpoints(tmp_path, STATE, {"num_steps": 5})
    remedy = re.compile(r"checkpoint.npz is damaged .* delete it, and the run starts again")
    for i in range(len(whole)):
        for damaged in (whole[:i] + bytes([whole[i] ^ 255]) + whole[i + 1 :], whole[:i]):
            path.write_bytes(damaged)
            with pytest.raises(ValueError, match=remedy):
                checkpoints.restore()
    checkpoints.close()


def test_two_runs_do_not_share_a_directory(tmp_path):
    first = Checkpoints(tmp_path, STATE, {})
    with pytest.raises(ValueError, match="is in use by another run: wait for it, or pass another"):
        Checkpoints(tmp_path, STATE, {})
    first.close()
    Checkpoints(tmp_path, STATE, {}).close()


def test_unfinished_files_of_a_killed_run_go(tmp_path):
    saved(tmp_path)
    (tmp_path / ".x7f2").write_bytes(b"half")
    assert_whole(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.npz"]


def test_a_directory_that_cannot_be_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"cannot be used .*: pass a directory that can"):
        Checkpoints(tmp_path / "file" / "run", STATE, {})


@pytest.mark.parametrize("call", ["write", "fsync", "replace", "mkstemp"])
@pytest.mark.parametrize("error", [28, 30, 5])  # full disk, read-only, input/output error
def test_a_failing_call_leaves_the_checkpoint_before(tmp_path, monkeypatch, call, error):
    """The n-th such call fails, for every n until a save is clean."""
    saved(tmp_path, row=1, state=STATE)
    before = os.listdir(tmp_path)
    number = 1
    while is_injected(tmp_path, monkeypatch, call, number, error):
        assert_whole(tmp_path, row=1, state=STATE)
        assert os.listdir(tmp_path) == before
        number += 1
    assert number > 1
    assert_whole(tmp_path)


def is_injected(path, monkeypatch, call, number, error):
    """Saves while the call of this number fails; False if there was none."""
    counted = itertools.count(1)

    def failing(function):
        def called(*args, **settings):
            if next(counted) == number:
                raise OSError(error, os.strerror(error))
            return function(*args, **settings)

        return called

    def opened(*args):
        file = os.fdopen(*args)
        file.write = failing(file.write)
        return file

    owner, patch = {
        "write": (files, SimpleNamespace(**vars(os) | {"fdopen": opened})),
        "fsync": (os, failing(os.fsync)),
        "replace": (Path, failing(Path.replace)),
        "mkstemp": (tempfile, failing(tempfile.mkstemp)),
    }[call]
    with monkeypatch.context() as patched:
        patched.setattr(owner, "os" if call == "write" else call, patch)
        try:
            saved(path)
        except ValueError as problem:
            message = str(problem)
        else:
            return False
    assert re.search(r"cannot be written \(.*\): pass another", message)
    return True
