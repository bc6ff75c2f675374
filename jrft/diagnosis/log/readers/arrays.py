"""NumPy arrays: rewards of shape (prompts, samples), or named arrays."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from jrft.diagnosis.log.batches import Batch, Skip

_NAMES = ("rewards", "prompt_ids", "outcomes", "steps")


def read(path: Path, skip: Skip) -> Iterator[tuple[Batch, float]]:
    """Rows of an `.npy` or `.npz` file as one batch: a group a row, or a completion a row."""
    try:
        loaded = np.load(path, allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise ValueError(f"{path}: the file is damaged, or holds objects ({error})") from error
    if isinstance(loaded, np.ndarray):
        arrays = {"rewards": loaded}
    else:
        if "rewards" not in loaded:
            raise ValueError(
                f"{path}: there is no array 'rewards' in it, only {', '.join(loaded.files)}"
            )
        arrays = {name: loaded[name] for name in _NAMES if name in loaded}
    shape = arrays["rewards"].shape
    if len(shape) != 2 and not (len(shape) == 1 and "prompt_ids" in arrays):
        raise ValueError(f"{path}: its array has shape {shape}, not (prompts, samples)")
    sizes = {name: len(array) for name, array in arrays.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(f"{path}: its arrays have different lengths {sizes}: pass one row each")
    columns = {name: array.tolist() for name, array in arrays.items()}
    yield Batch(str(path), range(1, shape[0] + 1), columns), 1.0
