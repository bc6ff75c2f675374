"""Rows of training and of validation: folders, names of files or a column tell them apart."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jrft.diagnosis.log.batches import Batch
from jrft.diagnosis.log.values import ABSENT

_KINDS = {"train": "train", "training": "train", "val": "val", "valid": "val", "eval": "val"}
_KINDS |= {"validation": "val", "evaluation": "val", "dev": "val", "test": "test"}
_KINDS |= {"evaluate": "val", "heldout": "val", "held_out": "val", "testing": "test"}
# Columns that say a split by a word: one known word tells what a few unknown ones are.
_WORDS = (
    *("split", "mode", "phase", "stage", "type", "kind", "set", "subset", "partition", "purpose"),
    *("dataset_split", "data_split", "rollout_type", "run_type"),
)
# Columns that say it by a truth value, of training or of validation.
_TRAIN = ("is_train", "is_training", "train", "training")
_VAL = (
    *("is_eval", "is_val", "is_validation", "is_valid_set", "validate", "validation", "eval"),
    *("val", "is_test", "evaluation", "is_evaluation", "heldout"),
)
_TRUE, _FALSE = {"true", "1", "1.0"}, {"false", "0", "0.0", "none", ""}
# More different values are no splits.
_MOST = 4


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
    names = dict.fromkeys(name for batch in batches for name in _names(batch))
    for name in sorted(names, key=lambda one: _leaf(one) not in _WORDS):
        if says_splits(name, [value for batch in batches for value in batch.column(name)]):
            return name
    return None


def says_splits(name: str, cells: Sequence[Any]) -> bool:
    """Whether the cells of a column say several splits."""
    values = set(map(_text, cells))
    if all(map(_said, values)) and len(set(map(_said, values))) > 1:
        return True
    if len(values) > _MOST or len({_kind(name, value) for value in values}) < 2:
        return False
    known = {_KINDS[value] for value in values if value in _KINDS}
    truth = _leaf(name) in (*_TRAIN, *_VAL) and values <= _TRUE | _FALSE
    return truth or (_leaf(name) in _WORDS and bool(known - {"train"}))


def _said(text: str) -> str | None:
    """The split that a name of one word says, or of several, as `gsm8k/train`; None for a text."""
    words = [] if " " in text else re.split(r"[\W_]+", text)
    found = {_KINDS[word] for word in words if word in _KINDS}
    return found.pop() if len(found) == 1 else None


def _names(batch: Batch) -> list[str]:
    """Columns, and fields of the objects in them."""
    names = list(batch.columns)
    for name in list(batch.columns):
        first = next(iter(batch.columns[name]), None)
        names += [f"{name}.{key}" for key in first] if isinstance(first, dict) else []
    return names


def _leaf(name: str) -> str:
    return name.lower().rpartition(".")[2]


def _text(value: Any) -> str:
    """The word of a cell, empty where there is none."""
    if value is None or value is ABSENT:
        return ""
    return str(value).lower() if isinstance(value, str | int | float) else "[]"


def _kind(column: str, text: str) -> str:
    """The split that a cell says; words that are not known say training."""
    if text in _TRUE and _leaf(column) in _VAL:
        return "val"
    if text in _FALSE and _leaf(column) in _TRAIN:
        return "val"
    return _said(text) or "train"


def rows_of(batch: Batch, column: str, split: str) -> Batch:
    """The rows of a split."""
    wanted = _KINDS.get(split.lower(), split.lower())
    texts = [_text(value) for value in batch.column(column)]
    kept = [i for i, text in enumerate(texts) if wanted in (text, _kind(column, text))]
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
