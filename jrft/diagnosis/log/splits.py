"""Rows of training and of validation: folders, names of files or a column tell them apart."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jrft.diagnosis.log.batches import Batch
from jrft.diagnosis.log.values import ABSENT

_KINDS = {"train": "train", "training": "train", "val": "val", "valid": "val", "eval": "val"}
_KINDS |= {"validation": "val", "evaluation": "val", "test": "test"}
# Columns that say a split by a word, or by a truth value.
_COLUMNS = (
    *("split", "mode", "phase", "is_train", "is_training"),
    *("is_eval", "is_val", "is_validation", "validate", "validation", "eval"),
)
_TRUTH = {"true": True, "1": True, "false": False, "0": False}


def files_of(files: Sequence[Path], split: str) -> list[Path]:
    """Files of a split; files that say none are of training, if other files say another one."""
    wanted = _KINDS.get(split.lower(), split)
    named = [file for file in files if wanted in _kinds(file) or split in file.parts]
    if named or wanted != "train" or not any(map(_kinds, files)):
        return named
    return [file for file in files if not _kinds(file)]


def _kinds(file: Path) -> frozenset[str]:
    """The splits that the folders of a file say, else its name."""
    parts = [part.lower() for part in file.parts[:-1]]
    words = re.split(r"[\W_]+", file.name.lower())
    found = [
        frozenset(_KINDS[word] for word in group if word in _KINDS) for group in (parts, words)
    ]
    return found[0] or found[1]


def split_column(batches: Sequence[Batch]) -> str | None:
    """The column that says rows of several splits, if there is one."""
    for name in _COLUMNS:
        values = [value for batch in batches for value in batch.column(name)]
        if ABSENT in values:
            continue
        kinds = {_kind(name, value) for value in values if value is not None}
        if len(kinds) > 1 and None not in kinds:
            return name
    return None


def _kind(column: str, value: Any) -> str | None:
    text = str(value).lower()
    if text in _TRUTH:
        return "train" if _TRUTH[text] == ("train" in column) else "val"
    return _KINDS.get(text)


def rows_of(batch: Batch, column: str, split: str) -> Batch:
    """The rows of a split."""
    wanted = _KINDS.get(split.lower(), split)
    kept = [i for i, value in enumerate(batch.column(column)) if _kind(column, value) == wanted]
    columns = {name: [values[i] for i in kept] for name, values in batch.columns.items()}
    return Batch(batch.source, [batch.lines[i] for i in kept], columns)


def notes_of(files: Sequence[Path], column: str | None) -> list[str]:
    """Notes where splits are read together."""
    kinds = {_kinds(file) for file in files}
    remedy = "pass --split train to read the rewards of training alone"
    notes = []
    if len(kinds) > 1:
        names = " and ".join(
            sorted(" or ".join(sorted(kind)) or "no named split" for kind in kinds)
        )
        notes.append(f"Files of {names} are read together: {remedy}.")
    if column is not None:
        notes.append(f"By column {column}, rows of several splits are read together: {remedy}.")
    return notes
