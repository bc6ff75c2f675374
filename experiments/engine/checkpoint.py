"""Saves and restores the state of a run: one file, whole or not at all, with a checksum."""

import fcntl
import hashlib
import os
from io import BytesIO
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from experiments.engine.runs import on_host, placed_as
from jwi.io.files import written

PyTree = Any


class Checkpoints:
    """The newest checkpoint of one run in a directory of its own.

    An interrupted save leaves the one before it in place. Of several processes the first writes and
    all read, so they must share the directory; another number of processes may resume.
    """

    def __init__(self, directory: Path | None, state: PyTree, identity: dict[str, Any]) -> None:
        """Opens `directory`; with None nothing is ever saved.

        Args:
            directory: Where the checkpoint is; made if missing.
            state: The state at the start; it gives shapes, dtypes and shardings of saved states.
            identity: Integers that tell this run from others of the same shapes, by name.

        Raises:
            ValueError: The directory cannot be written, or another process uses it.
        """
        self._directory = directory
        self._state = state
        self._identity = {name: np.asarray(value) for name, value in identity.items()}
        self._lock = None
        if directory is not None and jax.process_index() == 0:
            self._lock = _locked(directory)
            # A process that was killed leaves the file that it wrote.
            for unfinished in directory.glob(".*"):
                unfinished.unlink()

    def restore(self) -> tuple[int, PyTree]:
        """Number of rows logged and the state after them: (0, the initial state) without any.

        Raises:
            ValueError: The checkpoint is damaged, has other arrays than this run, or another
                identity.
        """
        if self._directory is None:
            return 0, self._state
        # All processes read the same checkpoint: after the last save, before the next.
        _wait("before a checkpoint is read")
        row, state = self._read(self._directory / "checkpoint.npz")
        _wait("after a checkpoint was read")
        return row, state

    def _read(self, path: Path) -> tuple[int, PyTree]:
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            return 0, self._state
        except OSError as error:
            raise ValueError(f"{path} cannot be read ({error.strerror}): mend it") from error
        digest, _, arrays = content.partition(b"\n")
        if digest != _digest(arrays):
            raise ValueError(
                f"{path} is damaged (its checksum is wrong): delete it, and the run starts again"
            )
        with np.load(BytesIO(arrays)) as file:
            saved = dict(file)
        mine, structure = jax.tree_util.tree_flatten_with_path(self._state)
        names = [_name(path) for path, _ in mine]
        leaves = [saved.pop(name, None) for name in names]
        row = int(saved.pop("row"))
        if saved.keys() != self._identity.keys() or any(
            found is None or found.shape != on_host(leaf).shape
            for found, (_, leaf) in zip(leaves, mine, strict=True)
        ):
            raise self._other("its arrays have other shapes or names")
        for name, value in self._identity.items():
            if not np.array_equal(saved[name], value):
                raise self._other(f"{name} was {saved[name].tolist()} and is {value.tolist()}")
        placed = [placed_as(leaf, found) for found, (_, leaf) in zip(leaves, mine, strict=True)]
        return row, jax.tree.unflatten(structure, placed)

    def _other(self, difference: str) -> ValueError:
        return ValueError(
            f"The checkpoint in checkpoints={self._directory} is another run's ({difference}): "
            "delete the directory or pass another"
        )

    def save(self, row: int, state: PyTree) -> None:
        """Saves the state after `row` logged rows.

        Raises:
            ValueError: The file cannot be written; the checkpoint before it stays.
        """
        if self._directory is None:
            return
        leaves = jax.tree_util.tree_leaves_with_path(state)
        # All processes take part, since each may hold a part of an array.
        arrays: dict[str, Any] = {_name(path): _plain(on_host(leaf)) for path, leaf in leaves}
        if jax.process_index() != 0:
            return
        buffer = BytesIO()
        np.savez(buffer, **(arrays | self._identity | {"row": row}))
        content = buffer.getvalue()
        with written(self._directory / "checkpoint.npz") as file:
            file.write(_digest(content) + b"\n")
            file.write(content)

    def close(self) -> None:
        """Lets others use the directory."""
        if self._lock is not None:
            os.close(self._lock)


def _locked(directory: Path) -> int:
    """Makes a directory, and locks it until the descriptor is closed or the process ends."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(directory, os.O_RDONLY)
    except OSError as error:
        raise ValueError(
            f"checkpoints={directory} cannot be used ({error.strerror}): pass a directory that can "
            "be written"
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise ValueError(
            f"checkpoints={directory} is in use by another run: wait for it, or pass another "
            "directory"
        ) from error
    return descriptor


def _wait(name: str) -> None:
    """Waits until all processes are here."""
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices(name)


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).hexdigest().encode()


def _plain(array: np.ndarray) -> np.ndarray:
    """Types that NumPy's files lack, such as bfloat16, as integers of the same bits."""
    return array.view(f"u{array.itemsize}") if array.dtype.kind == "V" else array


def _name(path: tuple[Any, ...]) -> str:
    """Names of entries from container to container, whose kinds are not told apart."""

    def of_entry(key: Any) -> str:
        names = (getattr(key, attribute, None) for attribute in ("key", "name", "idx"))
        return str(next((name for name in names if name is not None), key))

    return "/".join(["state", *map(of_entry, path)])
