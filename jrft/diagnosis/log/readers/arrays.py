"""NumPy arrays: rewards of shape (prompts, samples), or named arrays."""

import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from jrft.diagnosis.log.batches import Batch, Skip

_NAMES = ("rewards", "prompt_ids", "outcomes", "steps")
_DAMAGED = (
    *(ValueError, EOFError, OSError, MemoryError, KeyError, NotImplementedError, SyntaxError),
    *(zipfile.BadZipFile, zlib.error, tokenize.TokenError),
)


def read(path: Path, skip: Skip) -> Iterator[tuple[Batch, float]]:
    """Rows of an `.npy` or `.npz` file as one batch: a group a row, or a completion a row."""
    try:
        arrays, names = _arrays(path)
    except _DAMAGED as error:
        raise ValueError(f"{path}: the file is damaged, or holds objects ({error})") from error
    if "rewards" not in arrays:
        raise ValueError(f"{path}: there is no array 'rewards' in it, only {', '.join(names)}")
    shape, kind = arrays["rewards"].shape, arrays["rewards"].dtype
    if kind.kind not in "biuf":
        raise ValueError(f"{path}: its rewards are {kind}, not real numbers")
    if len(shape) != 2 and not (len(shape) == 1 and "prompt_ids" in arrays):
        raise ValueError(f"{path}: its array has shape {shape}, not (prompts, samples)")
    sizes = {name: len(array) if array.ndim else 0 for name, array in arrays.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(f"{path}: its arrays have different lengths {sizes}: pass one row each")
    columns = {name: array.tolist() for name, array in arrays.items()}
    yield Batch(str(path), range(1, shape[0] + 1), columns), 1.0


def _arrays(path: Path) -> tuple[dict[str, np.ndarray], list[str]]:
    """The arrays that are known by name, and all names."""
    loaded = np.load(path, allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        return {"rewards": loaded}, ["rewards"]
    with loaded:
        return {name: loaded[name] for name in _NAMES if name in loaded}, loaded.files
