"""Rows of a file, a batch at a time, as columns; and rows that cannot be read."""

from collections.abc import Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from jrft.diagnosis.log.columns import FILE_STEP
from jrft.diagnosis.log.values import ABSENT, question

ROWS = 1024
# Parts of a chat: the messages before its first, or its last, answer.
_PARTS = {"prompt": 0, "context": -1}


class Records(Mapping[str, list[Any]]):
    """Columns of a list of JSON objects, made when they are asked for."""

    def __init__(self, records: list[dict[str, Any]]):
        self._records = records

    def __getitem__(self, name: str) -> list[Any]:
        try:
            return list(map(itemgetter(name), self._records))
        except KeyError:
            return [record.get(name, ABSENT) for record in self._records]

    def __contains__(self, name: object) -> bool:
        return any(name in record for record in self._records)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(name for record in self._records for name in record))

    def __len__(self) -> int:
        return len(list(iter(self)))


class Batch(NamedTuple):
    """Some rows of one file, as columns.

    Attributes:
        source: The file, for messages.
        lines: The line, or row, of each in the file, counted from 1.
        columns: Name → one value a row.
    """

    source: str
    lines: Sequence[int]
    columns: Mapping[str, Sequence[Any]]

    def part(self, start: int, stop: int) -> "Batch":
        """Rows from start to stop."""
        columns = {name: values[start:stop] for name, values in self.columns.items()}
        return Batch(self.source, self.lines[start:stop], columns)

    def column(self, name: str) -> Sequence[Any]:
        """The values of a column. `a.b` is field b of the objects, or lists of objects, in a.

        `chat.prompt` is the messages of a chat before the first answer, `chat.context` before the
        last.
        """
        if name in self.columns:
            return self.columns[name]
        parts = name.split(".")
        for size in range(len(parts) - 1, 0, -1):
            outer = ".".join(parts[:size])
            if outer in self.columns:
                return [_inner(value, parts[size:]) for value in self.columns[outer]]
        return [ABSENT] * len(self.lines)


def _inner(value: Any, keys: Sequence[str]) -> Any:
    for depth, key in enumerate(keys):
        if key in _PARTS and (asked := question(value, _PARTS[key])) is not None:
            value = asked
        elif isinstance(value, dict):
            value = value.get(key, ABSENT)
        elif isinstance(value, list) and key.isdigit():
            value = value[int(key)] if int(key) < len(value) else ABSENT
        elif isinstance(value, list):
            return [_inner(each, keys[depth:]) for each in value]
        else:
            return ABSENT
    return value


class BadRowError(ValueError):
    """A row that cannot be read; the message names file, line and remedy."""

    def __init__(self, source: str, line: int, problem: str):
        super().__init__(
            f"{source}, line {line}: {problem}. Mend the row, or leave such rows out with "
            "--skip-bad-rows"
        )


class Skip:
    """Counts rows that cannot be read, and files that end early; stops at the first bad row."""

    def __init__(self, *, skip_bad_rows: bool):
        self.num_bad = 0
        self.first = ""
        self.notes: dict[str, None] = {}
        self._skip = skip_bad_rows

    def __call__(self, source: str, line: int, problem: str) -> None:
        """Counts a bad row, or raises `BadRowError`."""
        if not self._skip:
            raise BadRowError(source, line, problem)
        self.num_bad += 1
        self.first = self.first or f"{source}, line {line}: {problem}"

    def cut(self, source: str, problem: str) -> None:
        """Notes that a file is still being written, or was cut off."""
        self.notes[f"{source}: {problem}."] = None


def with_file_step(batch: Batch, step: int) -> Batch:
    """The batch with a column for the step that its file's name says."""
    return with_columns(batch, {FILE_STEP: [step] * len(batch.lines)})


def with_columns(batch: Batch, columns: Mapping[str, Sequence[Any]]) -> Batch:
    """The batch with more columns, or other ones of the same names."""
    return batch._replace(columns=_Beside(columns, batch.columns))


class _Beside(Mapping[str, Sequence[Any]]):
    """Two sets of columns, the first asked first."""

    def __init__(self, first: Mapping[str, Sequence[Any]], second: Mapping[str, Sequence[Any]]):
        self._both = (first, second)

    def __getitem__(self, name: str) -> Sequence[Any]:
        return self._both[0][name] if name in self._both[0] else self._both[1][name]

    def __contains__(self, name: object) -> bool:
        return any(name in columns for columns in self._both)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self._both[0], *self._both[1])))

    def __len__(self) -> int:
        return len(list(iter(self)))
