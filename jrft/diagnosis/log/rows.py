"""Rows of a rollout log, a batch at a time, gathered into the flat columns of a `RewardLog`."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64

from jrft.diagnosis.log.columns import Columns, complete
from jrft.diagnosis.log.log import RewardLog

# Prompts longer than this are told apart by a digest, so that memory does not grow with text.
_LONGEST_NAME = 120
_MISSING = {"", "nan", "none", "null", "na", "n/a"}


class Absent:
    """Stands where a row has no such column."""


ABSENT = Absent()


class Batch(NamedTuple):
    """Some rows of one file, as columns.

    Attributes:
        source: The file, for messages.
        lines: The line, or row, each is from, counted from 1.
        columns: Name → one value a row.
    """

    source: str
    lines: Sequence[int]
    columns: Mapping[str, Sequence[Any]]

    def part(self, start: int, stop: int) -> "Batch":
        """Rows from start to stop."""
        columns = {name: values[start:stop] for name, values in self.columns.items()}
        return Batch(self.source, self.lines[start:stop], columns)


class BadRowError(ValueError):
    """A row that cannot be read; the message names file, line and remedy."""

    def __init__(self, source: str, line: int, problem: str):
        super().__init__(
            f"{source}, line {line}: {problem}. Mend the row, or leave such rows out "
            "(--skip-bad-rows)."
        )


class Collector:
    """Gathers batches; what is kept of a row is a few numbers, never its text."""

    def __init__(self, columns: Columns, *, skip_bad_rows: bool):
        self.columns = columns
        self.num_rows = 0
        self.num_skipped = 0
        self._skip = skip_bad_rows
        self._complete = False
        self._codes: dict[Any, int] = {}
        self._names: list[Any] = []
        self._parts: dict[str, list[np.ndarray]] = {}

    def add(self, batch: Batch) -> None:
        """Takes in a batch.

        Raises:
            BadRowError: A row cannot be read, and bad rows are not skipped.
            ValueError: A column is not there.
        """
        if not self._complete:
            first = {name: batch.columns[name][0] for name in batch.columns}
            try:
                self.columns = complete(self.columns, list(first), first)
            except ValueError as error:
                raise ValueError(f"{batch.source}: {error}.") from error
            self._complete = True
        names = [*self.columns.reward, self.columns.prompt, self.columns.outcome, self.columns.step]
        needed = {name: batch.columns[name] for name in names if name is not None}
        self._add_good_rows(batch._replace(columns=needed))

    def _add_good_rows(self, batch: Batch) -> None:
        """Takes in a batch; one that holds a bad row is halved until that row is alone."""
        try:
            self._add(batch)
        except (TypeError, ValueError, OverflowError) as error:
            size = len(batch.lines)
            if size == 1:
                self.skip(batch.source, batch.lines[0], str(error))
                return
            self._add_good_rows(batch.part(0, size // 2))
            self._add_good_rows(batch.part(size // 2, size))

    def skip(self, source: str, line: int, problem: str) -> None:
        """Counts a bad row, or raises `BadRowError`."""
        if not self._skip:
            raise BadRowError(source, line, problem)
        self.num_skipped += 1

    def log(self) -> RewardLog:
        """All rows taken in so far."""

        def column(name: str) -> Any:
            parts = self._parts.pop(name, None)
            return None if parts is None else np.concatenate(parts)

        components = {name: column(f"component {name}") for name in self.columns.reward}
        rewards = column("rewards")
        return RewardLog(
            rewards=np.empty(0) if rewards is None else rewards,
            prompts=column("prompts") if rewards is not None else np.empty(0, np.int32),
            prompt_ids=self._names,
            outcomes=column("outcomes"),
            components=components if len(components) > 1 else {},
            steps=column("steps"),
        )

    def _add(self, batch: Batch) -> None:
        columns, names = batch.columns, self.columns
        terms = {name: _numbers(columns[name], name) for name in names.reward}
        rewards, sizes = _weighted_sum(terms, names.reward)
        part: dict[str, np.ndarray] = {"rewards": rewards}
        if len(terms) > 1:
            part |= {f"component {name}": values for name, (values, _) in terms.items()}
        if names.outcome is not None:
            known = [None if value is ABSENT else value for value in columns[names.outcome]]
            outcomes, each = _numbers(known, names.outcome)
            if not np.array_equal(each, sizes):
                raise ValueError(f"{names.outcome} holds another number of values than the reward")
            part["outcomes"] = outcomes
        if names.step is not None:
            steps, _ = _numbers(columns[names.step], names.step)
            if not np.array_equal(steps, np.floor(steps)):  # NaN is not equal to itself
                raise ValueError(f"{names.step} holds something else than a whole number")
            part["steps"] = steps.astype(np.int64).repeat(sizes)
        # Prompts last: a bad row must not leave a name behind.
        if names.prompt is None:
            first = len(self._names)
            self._names.extend(range(first, first + len(sizes)))
            codes = np.arange(first, first + len(sizes), dtype=np.int32)
        else:
            codes = np.array(self._prompts(columns[names.prompt], names.prompt), np.int32)
        part["prompts"] = codes.repeat(sizes)
        self.num_rows += len(batch.lines)
        for name, values in part.items():
            self._parts.setdefault(name, []).append(values)

    def _prompts(self, prompts: Sequence[Any], name: str) -> list[int]:
        """Numbers prompts; new ones get the next number."""
        try:
            codes = list(map(self._codes.get, prompts))
        except TypeError:  # a list or an object, as chats are
            codes = [None] * len(prompts)
        return [
            self._code(prompt, name) if code is None else code
            for prompt, code in zip(prompts, codes, strict=True)
        ]

    def _code(self, prompt: Any, name: str) -> int:
        if prompt is None or prompt is ABSENT:
            raise ValueError(f"there is no {name!r}")
        text = prompt if isinstance(prompt, str) else json.dumps(prompt, sort_keys=True)
        key: Any = prompt if isinstance(prompt, str | int | float) else text
        if len(text) > _LONGEST_NAME:
            key = hashlib.blake2b(text.encode(), digest_size=16).digest()
            text = f"{text[:_LONGEST_NAME]}… [{key[:4].hex()}]"
        code = self._codes.setdefault(key, len(self._names))
        if code == len(self._names):
            self._names.append(text if isinstance(key, bytes) else key)
        return code


def _numbers(values: Sequence[Any], name: str) -> tuple[Float64[np.ndarray, " m"], np.ndarray]:
    """Numbers of a column, and how many each row holds: one, or as many as its list has."""
    if list in set(map(type, values)):
        rows = [value if isinstance(value, list) else [value] for value in values]
        sizes = np.array([len(row) for row in rows])
        values = [value for row in rows for value in row]
    else:
        sizes = np.ones(len(values), np.int64)
    try:
        numbers = np.array(values, np.float64)  # None becomes NaN
    except (TypeError, ValueError):
        numbers = np.array([_number(value, name) for value in values], np.float64)
    if np.isinf(numbers).any():
        raise ValueError(f"{name} is infinite")
    return numbers, sizes


def _number(value: Any, name: str) -> float:
    if value is ABSENT:
        raise ValueError(f"there is no {name!r}")
    if value is None or (isinstance(value, str) and value.strip().lower() in _MISSING):
        return float("nan")
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{name} is {value!r:.40}, not a number") from None


def _weighted_sum(
    terms: Mapping[str, tuple[np.ndarray, np.ndarray]], weights: Mapping[str, float]
) -> tuple[Float64[np.ndarray, " m"], np.ndarray]:
    """The reward: the weighted sum of the terms that are there, NaN where none is."""
    (first, sizes), *_ = terms.values()
    if len(terms) == 1:
        (weight,) = weights.values()
        return weight * first, sizes
    stacked = np.stack([weights[name] * values for name, (values, _) in terms.items()])
    total = np.nansum(stacked, axis=0)
    return np.where(np.isnan(stacked).all(axis=0), np.nan, total), sizes
