"""NumPy arrays: rewards of shape (prompts, samples), or named arrays."""

import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from jrft.diagnosis.log.batches import Batch, Skip

_DAMAGED = (
    *(ValueError, EOFError, OSError, MemoryError, KeyError, NotImplementedError, SyntaxError),
    *(zipfile.BadZipFile, zlib.error, tokenize.TokenError),
)


def read(path: Path, skip: Skip) -> Iterator[tuple[Batch, float]]:
    """Rows of an `.npy` or `.npz` file as one batch: a group a row, or a completion a row."""
    try:
        arrays = _arrays(path)
    except _DAMAGED as error:
        raise ValueError(f"{path}: the file is damaged, or holds objects ({error})") from error
    for name, array in arrays.items():
        if array.dtype.kind not in "biufUS":
            raise ValueError(f"{path}: its {name} are {array.dtype}, not real numbers or texts")
        if array.ndim > 2 or (array.ndim != 2 and len(arrays) == 1):
            raise ValueError(f"{path}: its array has shape {array.shape}, not (prompts, samples)")
    sizes = {name: len(array) for name, array in arrays.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(f"{path}: its arrays have different lengths {sizes}: pass one row each")
    if not sizes:
        raise ValueError(f"{path}: there is no array in it: write an array 'rewards'")
    columns = {name: array.tolist() for name, array in arrays.items()}
    yield Batch(str(path), range(1, 1 + max(sizes.values())), columns), 1.0


def _arrays(path: Path) -> dict[str, np.ndarray]:
    """All arrays by name; single values, such as settings, are left out."""
    loaded = np.load(path, allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        return {"rewards": loaded}
    with loaded:
        arrays = {name: loaded[name] for name in loaded.files}
    return {name: array for name, array in arrays.items() if array.ndim}
