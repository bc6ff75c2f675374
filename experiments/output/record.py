"""The record of an experiment: one JSON file, written atomically, and its reader."""

import dataclasses
import hashlib
import json
import math
import os
import platform
import subprocess
import time
from importlib import metadata
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jwi.io.files import written

_PACKAGES = ("jax", "jaxlib", "flax", "optax", "numpy", "scipy", "numba", "jraph")


@dataclasses.dataclass(frozen=True)
class Record:
    """Results of one experiment and all that is needed to repeat them.

    Attributes:
        name: The experiment, as in `python -m experiments NAME`.
        config: Its configuration, seeds included, as plain JSON values.
        results: Its findings, as plain JSON values; None where a value is undefined.
        provenance: Versions, commit, device, date and seconds.
    """

    name: str
    config: dict[str, Any]
    results: dict[str, Any]
    provenance: dict[str, Any]


def make_record(
    name: str, config: Any, results: dict[str, Any], seconds: float, *, resumed: bool = False
) -> Record:
    """Makes the record of a run.

    Args:
        name: The experiment.
        config: Its configuration, a dataclass.
        results: Nested dictionaries and lists of numbers, strings and arrays.
        seconds: Wall-clock time it took.
        resumed: Whether `seconds` count from the last interrupt on.
    """
    versions = {package: metadata.version(package) for package in _PACKAGES}
    provenance = {
        "commit": _commit(),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "seconds": round(seconds, 1),
        "resumed": resumed,
        "device": f"{jax.device_count()} x {jax.devices()[0].device_kind}",
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "versions": versions,
    }
    return Record(name, _plain(dataclasses.asdict(config)), _plain(results), provenance)


def write(record: Record, directory: Path) -> Path:
    """Writes `directory/<name>.json` atomically and returns its path."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{record.name}.json"
    with written(path) as file:
        file.write((_dumps(dataclasses.asdict(record)) + "\n").encode())
    return path


def check_directory(directory: Path) -> None:
    """Makes a directory for results.

    Raises:
        ValueError: It cannot be made or written.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f"--out {directory} cannot be made ({error.strerror}): pass another directory"
        ) from error
    if not os.access(directory, os.W_OK | os.X_OK):
        raise ValueError(f"--out {directory} cannot be written: pass another directory")


def read(path: Path) -> Record:
    """Reads a record.

    Raises:
        ValueError: The file is not a record.
    """
    try:
        return Record(**json.loads(path.read_text(encoding="utf-8")))
    except (TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is not the record of an experiment: {error}") from error


def fingerprint(config: Any) -> str:
    """A name for a configuration: equal for equal ones; for directories of checkpoints."""
    return hashlib.sha256(_dumps(_plain(dataclasses.asdict(config))).encode()).hexdigest()[:12]


def _plain(value: Any) -> Any:
    """Turns arrays, tuples and paths into JSON values; floats keep float32's seven digits."""
    match value:
        case dict():
            return {str(key): _plain(entry) for key, entry in value.items()}
        case list() | tuple():
            return [_plain(entry) for entry in value]
        case np.ndarray() | jax.Array():
            return _plain(np.asarray(value).tolist())
        case np.generic():
            return _plain(value.item())
        case float():
            return float(f"{value:.7g}") if math.isfinite(value) else None
        case Path():
            return str(value)
        case bool() | int() | str() | None:
            return value
    raise TypeError(f"A result has a {type(value)}: pass numbers, strings and arrays")


def _dumps(value: Any) -> str:
    """JSON with a line an entry, except that a list of scalars stays on one line."""

    def lines(value: Any, indent: str) -> str:
        deeper = indent + " "
        if isinstance(value, dict) and value:
            entries = [f"{json.dumps(k)}: {lines(v, deeper)}" for k, v in sorted(value.items())]
            return "{\n" + ",\n".join(deeper + entry for entry in entries) + f"\n{indent}}}"
        if isinstance(value, list) and any(isinstance(entry, dict | list) for entry in value):
            entries = [lines(entry, deeper) for entry in value]
            return "[\n" + ",\n".join(deeper + entry for entry in entries) + f"\n{indent}]"
        return json.dumps(value, allow_nan=False)

    return lines(value, "")


def _commit() -> str:
    """The commit the code is at, with `+changes` if the tree differs; else `unknown`."""

    def git(*arguments: str) -> str:
        root = Path(__file__).parent
        return subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "HEAD") + ("+changes" if changed else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
