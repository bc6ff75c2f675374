"""Arrays on disk, in files without a name: whatever ends the process, nothing is left over."""

import os
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

BLOCK = 1 << 22
"""Rows that are held in memory at a time."""


class Room(NamedTuple):
    """What work with more edges than memory may take.

    Attributes:
        folder: Where working files are.
        memory: Bytes that sorting may take.
    """

    folder: Path
    memory: int


def disk_array(folder: Path, shape: tuple[int, ...], dtype: type) -> np.ndarray:
    """An array on the disk of a folder, whose space is given back with its memory.

    Args:
        folder: Where to.
        shape: Of the array.
        dtype: Of the array.

    Raises:
        ValueError: If there is no room.

    Example:
        >>> import pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> disk_array(folder, (2, 3), np.int32).shape, list(folder.iterdir())
        ((2, 3), [])
    """
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    if size == 0:
        return np.empty(shape, dtype)
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            # A mapped file that outgrows the disk would end the process without a word.
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                file.write(bytes(size))
            return np.asarray(np.memmap(file, dtype, "r+", shape=shape))
    except OSError as error:
        raise _no_room(folder, size, error) from None


class GrowingArray:
    """Rows of two int32 that are written one after another, and then read as an array."""

    def __init__(self, folder: Path) -> None:
        """Makes a file without a name in a folder."""
        self._folder, self._size = folder, 0
        try:
            self._file: Any = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115
        except OSError as error:
            raise _no_room(folder, 0, error) from None

    def append(self, rows: np.ndarray) -> None:
        """Adds rows int32[K, 2].

        Raises:
            ValueError: If there is no room.
        """
        try:
            self._file.write(np.ascontiguousarray(rows, np.int32).data)
            self._file.flush()
        except OSError as error:
            raise _no_room(self._folder, rows.nbytes, error) from None
        self._size += len(rows)

    def array(self) -> np.ndarray:
        """All rows, int32[M, 2]; nothing can be added any more."""
        with self._file as file:
            if self._size == 0:
                return np.empty((0, 2), np.int32)
            return np.asarray(np.memmap(file, np.int32, "r+", shape=(self._size, 2)))


def _no_room(folder: Path, size: int, error: OSError) -> ValueError:
    return ValueError(
        f"{folder}: working files need {size:,} bytes more and cannot be written"
        f" ({error.strerror or error}): free some space, or write the output to another disk"
    )
