"""Files of a log: which are read, in which order, and the steps that their names say."""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jrft.diagnosis.log.readers import COMPRESSED, known_suffixes, reader_of

# Words before a number that is a step, and names that are numbers alone.
_STEPS = (
    r"(?:step|iter|iteration|rollout|gen|generation|update|checkpoint|ckpt|round)s?[=_-]?(\d+)",
    r"^(\d+)(?=$|\.)",
)
_EPOCHS = r"epochs?[=_-]?(\d+)"


def files_of_paths(paths: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """Files, and all files of known kinds in folders; notes on those that are left out.

    Raises:
        ValueError: A file is missing, or of an unknown kind.
    """
    files, unknown = [], []
    for path in paths:
        if path.is_dir():
            inside = [file for file in path.rglob("*") if file.is_file()]
            found = [file for file in inside if reader_of(file)]
            unknown += [file for file in inside if not reader_of(file)]
            if not found:
                raise ValueError(f"{path}: there is no {known_suffixes()} file in it")
            files += sorted(found, key=lambda file: _natural(str(file)))
        elif not path.is_file():
            raise ValueError(f"{path}: there is no such file")
        elif not reader_of(path):
            raise ValueError(f"{path}: {_unknown(path)}")
        else:
            files.append(path)
    notes: list[str] = []
    twins = [file for file in files if file.suffix in COMPRESSED and file.with_suffix("") in files]
    if twins:
        files = [file for file in files if file not in twins]
        notes.append(f"{twins[0]} was not read, as {twins[0].with_suffix('').name} is beside it.")
    # Files that lie beside logs and are known not to be any are not worth a word.
    if unknown := [f for f in unknown if f.suffix not in (".md", ".py", ".txt", ".html")]:
        names = ", ".join(file.name for file in unknown[:3])
        more = ", …" if len(unknown) > 3 else ""
        notes.append(f"{len(unknown)} files of unknown kinds were not read: {names}{more}.")
    return _without_copies(files, notes), notes


def _unknown(path: Path) -> str:
    """Why a file is not read, and how to convert it."""
    if path.suffix.lower() in (".pt", ".pth"):
        # slime and miles save {"samples": [...]}; a pickle runs code when it is loaded.
        return (
            "files of PyTorch are not read, as loading them runs code. If you trust it, convert "
            'it: python -c "import json, sys, torch; saved = torch.load(sys.argv[1], '
            "weights_only=False); print(json.dumps(saved['samples'], default=str))\" "
            f"{path} > {path.with_suffix('.json').name}"
        )
    return (
        f"its kind is unknown; known are {known_suffixes()}. Convert it to JSON lines: an object "
        "with a prompt and a reward for each completion"
    )


def _without_copies(files: Sequence[Path], notes: list[str]) -> list[Path]:
    """Files without copies: the same bytes in one folder, and no other step in the name."""
    steps = steps_of_files(files)
    keys = [(file.parent, file.stat().st_size, steps.get(file)) for file in files]
    several = {key for key, count in Counter(keys).items() if count > 1 and key[1] > 0}
    first: dict[tuple[Any, bytes], Path] = {}
    kept = []
    for file, key in zip(files, keys, strict=True):
        if key in several:
            with file.open("rb") as stream:
                digest = hashlib.file_digest(stream, "sha256").digest()
            original = first.setdefault((key, digest), file)
            if original is not file:
                notes.append(f"{file} was not read, as it is a copy of {original.name}.")
                continue
        kept.append(file)
    return kept


def _natural(text: str) -> list[tuple[int, str]]:
    """Sorts numbers by value: step_2 before step_10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]


def steps_of_files(files: Sequence[Path], notes: list[str] | None = None) -> dict[Path, int]:
    """The step that each file's name or folder says; nothing unless all say one and they differ.

    Steps that begin anew in each epoch are counted on, which is noted.
    """
    epochs = _numbers(files, _EPOCHS)
    for pattern in _STEPS:
        steps = _numbers(files, pattern)
        if len(steps) < len(files):
            continue
        pairs = {file: (epochs.get(file, 0), steps[file]) for file in files}
        if len(set(pairs.values())) > len(set(steps.values())):
            order = sorted(set(pairs.values()))
            if notes is not None:
                notes.append("Steps in names begin anew in each epoch: they are counted on.")
            return {file: order.index(pairs[file]) for file in files}
        if len(set(steps.values())) > 1:
            return steps
    return epochs if len(epochs) == len(files) and len(set(epochs.values())) > 1 else {}


def _numbers(files: Sequence[Path], pattern: str) -> dict[Path, int]:
    """The number behind a word, in the name of a file or else in its folders."""
    found = {}
    for file in files:
        matches = [m for p in file.parts[-4:] if (m := re.search(pattern, p, re.IGNORECASE))]
        if matches:
            found[file] = int(matches[-1].group(1))
    return found
