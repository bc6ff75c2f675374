"""A sample of the rows of a log, a completion a row, with numbers for equal cells."""

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64

from jrft.diagnosis.log.columns import FILE_STEP, Columns
from jrft.diagnosis.log.log import factorize
from jrft.diagnosis.log.values import (
    ABSENT,
    Absent,
    flat_numbers,
    is_number,
    is_parallel,
    question,
    reduced,
)

# Beyond this share of prompts with one row, a column does not name prompts.
MANY_SINGLES = 0.9

_PLAIN = {str, int, float, bool, type(None), Absent}

Table = Mapping[str, Sequence[Any]]


class Sample:
    """Sampled rows, and how the columns that were chosen read them.

    Rows whose reward cannot be read are left out. A row that holds a list of rewards stands for as
    many completions.

    Attributes:
        columns: The columns that were chosen.
        table: Name → values of the sampled rows, fields of objects under `a.b`.
    """

    def __init__(self, columns: Columns, table: Table):
        self.columns = columns
        terms = [table[name] for name in columns.reward]
        good = [i for i, cells in enumerate(zip(*terms, strict=True)) if all(map(_read, cells))]
        whole = len(good) == len(terms[0])
        self.table = table if whole else {n: [v[i] for i in good] for n, v in table.items()}
        self._codes: dict[tuple[str, ...], Int64[np.ndarray, " m"]] = {}

    def with_columns(self, columns: Columns) -> "Sample":
        """The same rows, read by other columns of prompts, outcomes or steps."""
        other = Sample.__new__(Sample)
        other.columns, other.table, other._codes = columns, self.table, self._codes
        other.sizes = self.sizes
        return other

    @cached_property
    def sizes(self) -> list[int]:
        """How many completions each row holds."""
        (name, *_), whole = self.columns.reward, self.columns.reduce is not None
        return [
            len(value) if isinstance(value, list) and not (whole and not _nested(value)) else 1
            for value in self.table[name]
        ]

    @cached_property
    def rewards(self) -> Float64[np.ndarray, " m"] | None:
        """The reward of each completion, 0 where there is none; None for rates of success."""
        terms = [self.numbers(name) for name in self.columns.reward]
        if self.columns.number is not None or not sum(self.sizes):
            return None
        if any(one is None or len(one) != sum(self.sizes) for one in terms):
            return None
        weights = self.columns.reward.values()
        total = sum(
            w * np.nan_to_num(one, posinf=1e9, neginf=-1e9)
            for one, w in zip(terms, weights, strict=True)
            if one is not None
        )
        return np.asarray(
            total if self.columns.clip is None else np.clip(total, *self.columns.clip)
        )

    def numbers(self, name: str) -> Float64[np.ndarray, " n"] | None:
        """The numbers of a column; None if its cells hold something else."""
        values: Sequence[Any] = self.table[name]
        if self.columns.reduce is not None:
            values = [reduced(value, self.columns.reduce) for value in values]
        try:
            return flat_numbers(list(values), name)[0]
        except (TypeError, ValueError):
            return None

    def cells(self, name: str) -> list[Any]:
        """The cell of each completion: of its row, or its own in a list parallel to the rewards."""
        same = self.columns.of_same(name)
        pairs = zip(self.table[name], self.sizes, strict=True)
        return [
            each
            for value, size in pairs
            for each in (value if is_parallel(value, size, of_same=same) else [value] * size)
        ]

    def codes(self, *names: str) -> Int64[np.ndarray, " m"]:
        """A number for each completion, equal where all of these columns are equal."""
        if names not in self._codes:
            if len(names) == 1:
                codes = factorize(keys_of(self.cells(names[0])))[0].astype(np.int64)
            else:
                first, last = self.codes(*names[:-1]), self.codes(names[-1])
                pairs = first * (last.max(initial=0) + 1) + last
                codes = np.unique(pairs, return_inverse=True)[1]
            self._codes[names] = codes
        return self._codes[names]

    def visits(self, name: str) -> Int64[np.ndarray, " m"]:
        """A number for the visit of each completion: a step, or else what stands together."""
        codes = self.codes(name)
        return self.codes(name, *self.at) if self.at else np.cumsum(np.r_[0, np.diff(codes) != 0])

    @cached_property
    def parts(self) -> Int64[np.ndarray, " m"]:
        """A number for each completion, one more where the log goes back to an earlier step.

        Runs that are resumed do so a few times. Where rows stand in any order, all are of one part.
        """
        steps = self.codes(*self.at) if self.at else np.zeros(sum(self.sizes), np.int64)
        parts = np.cumsum(np.r_[0, np.diff(steps) < 0])[: len(steps)]
        return parts if parts.max(initial=0) <= steps.max(initial=0) else np.zeros_like(parts)

    def groups(self) -> Int64[np.ndarray, " m"]:
        """A number for the group of each completion: a visit of one part of the log."""
        visits = self.codes(*self.visit)
        return np.unique(np.stack([visits, self.parts]), axis=1, return_inverse=True)[1]

    def counts(self, *names: str) -> Int64[np.ndarray, " d"]:
        """How many completions each distinct value of these columns together has."""
        return np.bincount(self.codes(*names)) if names else np.array([sum(self.sizes)])

    def count(self, *names: str) -> int:
        """How many distinct values these columns have together."""
        return len(self.counts(*names))

    def singles(self, *names: str) -> float:
        """The share of distinct values with one completion."""
        return float(np.mean(self.counts(*names) == 1)) if sum(self.sizes) else 0.0

    @property
    def at(self) -> tuple[str, ...]:
        """The column of the step, if there is one."""
        return () if self.columns.step is None else (self.columns.step,)

    @property
    def visit(self) -> tuple[str, ...]:
        """The columns that name a group: a prompt at a step."""
        return (*self.columns.prompt, *self.at)

    def others(self) -> list[str]:
        """Columns of the log that are not taken for anything."""
        taken = {FILE_STEP, *self.columns.names()}
        return [name for name in self.table if name not in taken]

    def lists(self) -> bool:
        """Whether rows hold lists of rewards."""
        return any(isinstance(v, list) for name in self.columns.reward for v in self.table[name])


def common_size(sizes: Int64[np.ndarray, " d"]) -> tuple[int, float]:
    """The most frequent size of groups, and the share of sizes that are multiples of it.

    Example:
        >>> common_size(np.array([8, 8, 16, 3]))
        (8, 0.75)
    """
    values, counts = np.unique(sizes, return_counts=True)
    size = int(values[np.argmax(counts)])
    return size, float(np.mean(sizes % max(size, 1) == 0))


def keys_of(values: Sequence[Any]) -> list[Any]:
    """Values that can be compared: lists and objects as JSON."""
    if set(map(type, values)) <= _PLAIN:
        return list(values)
    return [
        value
        if isinstance(value, str | int | float | Absent) or value is None
        else json.dumps(value, sort_keys=True, default=str)
        for value in values
    ]


def present(values: Sequence[Any]) -> list[Any]:
    """The cells that are there and hold something."""
    return [value for value in values if value is not None and not isinstance(value, Absent)]


def sample_table(batches: Sequence[Any]) -> dict[str, list[Any]]:
    """Columns of sampled batches, fields of objects under `a.b`; ABSENT where a row has none."""
    names: dict[str, None] = {}
    for batch in batches:
        for name in batch.columns:
            names[name] = None
            for value in list(batch.columns[name])[:20]:
                for inner in _fields(value, 4):
                    names[f"{name}.{inner}"] = None
    table = {name: [v for batch in batches for v in batch.column(name)] for name in names}
    return {name: values for name, values in table.items() if any(v is not ABSENT for v in values)}


def _fields(value: Any, depth: int) -> list[str]:
    if depth == 0:
        return []
    if isinstance(value, dict):
        return [
            path
            for key, inner in value.items()
            for path in (key, *(f"{key}.{deeper}" for deeper in _fields(inner, depth - 1)))
        ]
    if question(value) or (isinstance(value, list) and value and question(value[0])):
        return ["prompt", "context"]
    if isinstance(value, list) and value and isinstance(value[0], dict) and "role" not in value[0]:
        return list(dict.fromkeys(name for each in value[:8] for name in _fields(each, depth)))
    if isinstance(value, list) and len(value) > 1 and all(isinstance(v, str) for v in value):
        return ["0"]
    return []


def _nested(value: Any) -> bool:
    return isinstance(value, list) and any(isinstance(each, list) for each in value)


def _read(cell: Any) -> bool:
    """Whether a cell of a reward can be read."""
    if isinstance(cell, list):
        return all(map(_read, cell))
    return cell is None or is_number(cell)
