"""The .safetensors files of a folder, as one mapping from names to arrays."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jrft.policies.pretrained.json_settings import read_json
from jrft.policies.pretrained.packages import package

INDEX = "model.safetensors.index.json"
"""Names the files of a checkpoint that has several."""

_FLOATS = ("F64", "F32", "F16", "BF16")


class SafetensorsFiles(Mapping[str, np.ndarray]):
    """Tensors of the .safetensors files of a folder, read when asked for."""

    def __init__(self, folder: Path) -> None:
        """Read the names.

        Raises:
            ValueError: If a file is missing or damaged.
        """
        self._open = package("safetensors").safe_open
        self._files: dict[str, Path] = {}
        for file in _weight_files(folder):
            with self._opened(file) as tensors:
                self._files |= dict.fromkeys(tensors.keys(), file)

    def __getitem__(self, name: str) -> np.ndarray:
        file = self._files[name]
        with self._opened(file) as tensors:
            kind = tensors.get_slice(name).get_dtype()
            # Integers and floats of 8 bits stand for numbers only together with scales.
            if kind not in _FLOATS:
                raise ValueError(
                    f"{file} has tensor {name!r} in {kind}, of a quantized checkpoint: pass one in "
                    f"{', '.join(_FLOATS)}, or a GGUF file"
                )
            return tensors.get_tensor(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def _opened(self, file: Path) -> Any:
        try:
            return self._open(file, framework="numpy")
        except Exception as error:  # safetensors has an exception of its own
            raise ValueError(f"{file} is damaged ({error}): download or save it again") from error


def _weight_files(folder: Path) -> list[Path]:
    index = folder / INDEX
    if index.exists():
        names = read_json(index).get("weight_map")
        if not isinstance(names, dict) or not all(isinstance(x, str) for x in names.values()):
            raise ValueError(
                f"{index} is damaged (weight_map names no files): download or save it again"
            )
        files = [folder / Path(name).name for name in sorted(set(names.values()))]
    else:
        files = [folder / "model.safetensors"]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        pickled = " (its .bin files are pickles, which are not read)" * any(folder.glob("*.bin"))
        raise ValueError(
            f"path_or_name is {str(folder)!r}, which has no {missing[0]}{pickled}: pass a folder "
            "with all of the model's .safetensors files, as transformers' save_pretrained writes"
        )
    return files
