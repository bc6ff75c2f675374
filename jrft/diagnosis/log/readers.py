"""Reads rollout logs: JSON lines, CSV, Parquet, NumPy arrays; the logs of TRL and veRL."""

import csv
import gzip
import importlib
import itertools
import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jrft.diagnosis.log.columns import Columns
from jrft.diagnosis.log.log import RewardLog, reward_log
from jrft.diagnosis.log.rows import ABSENT, Batch, Collector

_ROWS = 8192
_TEXT = (".jsonl", ".ndjson", ".csv", ".tsv")
_ARRAYS = (".npy", ".npz")

Progress = Callable[[float], None]
Skip = Callable[[str, int, str], None]


class RewardFile(NamedTuple):
    """What was read.

    Attributes:
        log: The rewards.
        columns: Which columns were taken for what.
        num_rows: Rows read.
        num_skipped: Bad rows left out.
        notes: What a reader must know, such as a column that was not used after all.
    """

    log: RewardLog
    columns: Columns
    num_rows: int
    num_skipped: int
    notes: tuple[str, ...]


def read_rewards(
    paths: Sequence[str | Path],
    *,
    columns: Columns | None = None,
    skip_bad_rows: bool = False,
    progress: Progress | None = None,
) -> RewardFile:
    """Reads rewards from files, and from all such files in directories.

    JSON lines, CSV and Parquet hold a row a completion, or a row a group with a list of rewards;
    text may be gzipped. They are streamed: what stays in memory is some 30 bytes a completion and
    the first characters of each distinct prompt. ``.npy`` holds an array (prompts, samples),
    ``.npz`` one named ``rewards``, and perhaps ``prompt_ids``, ``outcomes`` and ``steps``.

    Args:
        paths: Files or directories; files of a directory are read in natural order (2 before 10).
        columns: Names of columns; what is not given is guessed from the first row.
        skip_bad_rows: Leave out and count rows that cannot be read, instead of raising.
        progress: Called now and then with the share of the bytes that are read.

    Raises:
        ValueError: A file is missing or of an unknown kind, a column is missing, or a row cannot
            be read; the message says where and what to do.
    """
    files = [file for path in paths for file in _files(Path(path))]
    arrays = [file for file in files if file.suffix in _ARRAYS]
    if arrays:
        if len(files) > 1:
            raise ValueError(f"{arrays[0]} holds arrays: read it alone, not with other files.")
        log = _read_arrays(arrays[0])
        return RewardFile(log, Columns(), len(log.rewards), 0, ())
    collector = Collector(columns or Columns(), skip_bad_rows=skip_bad_rows)
    total = max(sum(file.stat().st_size for file in files), 1)
    done = 0
    for file in files:
        for batch, position in _batches(file, collector.skip):
            collector.add(batch)
            if progress is not None:
                progress((done + position) / total)
        done += file.stat().st_size
    if collector.num_rows == 0:
        raise ValueError(f"{', '.join(str(path) for path in paths)}: there is no row to read.")
    log, notes = _without_false_outcomes(collector)
    return RewardFile(log, collector.columns, collector.num_rows, collector.num_skipped, notes)


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        found = [file for file in path.rglob("*") if file.is_file() and _kind(file)]
        if not found:
            raise ValueError(f"{path}: there is no {', '.join((*_TEXT, '.parquet'))} file in it.")
        return sorted(found, key=lambda file: _natural(str(file)))
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file.")
    if not _kind(path) and path.suffix not in _ARRAYS:
        known = ", ".join((*_TEXT, ".parquet", *_ARRAYS))
        raise ValueError(f"{path}: its kind is unknown; known are {known}, text also gzipped.")
    return [path]


def _kind(path: Path) -> str:
    """The suffix that says how rows are written; nothing if it is unknown."""
    suffix = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    return suffix if suffix in _TEXT or path.suffix == ".parquet" else ""


def _natural(text: str) -> list[tuple[int, str]]:
    """Sorts numbers by value: step_2 before step_10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", text)]


def _batches(file: Path, skip: Skip) -> Iterator[tuple[Batch, int]]:
    """Batches of rows, and the position in the file after each, in bytes."""
    if _kind(file) == ".parquet":
        yield from _parquet(file)
        return
    with file.open("rb") as raw:
        text = gzip.GzipFile(fileobj=raw) if file.suffix == ".gz" else raw
        match _kind(file):
            case ".csv":
                batches = _csv(text, str(file), ",", skip)
            case ".tsv":
                batches = _csv(text, str(file), "\t", skip)
            case _:
                batches = _json_lines(text, str(file), skip)
        try:
            for batch in batches:
                yield batch, raw.tell()
        except (EOFError, gzip.BadGzipFile, zlib.error, UnicodeDecodeError, csv.Error) as error:
            raise ValueError(f"{file}: the file is damaged ({error}).") from error


class _Records(Mapping[str, list[Any]]):
    """Columns of a list of JSON objects, made when they are asked for."""

    def __init__(self, records: list[dict[str, Any]]):
        self._records = records

    def __getitem__(self, name: str) -> list[Any]:
        try:
            return list(map(itemgetter(name), self._records))
        except KeyError:
            return [record.get(name, ABSENT) for record in self._records]

    def __iter__(self) -> Iterator[str]:
        return iter(self._records[0])

    def __len__(self) -> int:
        return len(self._records[0])


def _json_lines(text: Iterable[bytes], source: str, skip: Skip) -> Iterator[Batch]:
    rest, start = iter(text), 1
    while lines := list(itertools.islice(rest, _ROWS)):
        numbers: Sequence[int] = range(start, start + len(lines))
        start += len(lines)
        try:
            # One call for all rows takes half the time of a call a row.
            records = json.loads(b"[" + b",".join(lines) + b"]")
            whole = len(records) == len(lines) and set(map(type, records)) == {dict}
        except ValueError:
            whole = False
        if not whole:
            parsed = [
                (number, _json_object(line, source, number, skip))
                for number, line in zip(numbers, lines, strict=True)
                if not line.isspace()
            ]
            numbers = [number for number, record in parsed if record is not None]
            records = [record for _, record in parsed if record is not None]
        if records:
            yield Batch(source, numbers, _Records(records))


def _json_object(line: bytes, source: str, number: int, skip: Skip) -> dict[str, Any] | None:
    try:
        record = json.loads(line)
    except ValueError as error:
        skip(source, number, f"this is not JSON ({error})")
        return None
    if not isinstance(record, dict):
        skip(source, number, "this is no JSON object")
        return None
    return record


def _csv(text: Iterable[bytes], source: str, delimiter: str, skip: Skip) -> Iterator[Batch]:
    # Answers of a language model are longer than the module's default of 131 072 characters.
    csv.field_size_limit(2**31 - 1)
    decoded = (line.decode("utf-8-sig" if i == 0 else "utf-8") for i, line in enumerate(text))
    reader = csv.reader(decoded, delimiter=delimiter)
    names = next(reader, [])
    while rows := list(itertools.islice(_numbered(reader), _ROWS)):
        whole = []
        for number, row in rows:
            if len(row) == len(names):
                whole.append((number, row))
            elif row:
                skip(source, number, f"there are {len(row)} fields under {len(names)} names")
        if whole:
            columns = dict(zip(names, zip(*(row for _, row in whole), strict=True), strict=True))
            yield Batch(source, [number for number, _ in whole], columns)


def _numbered(reader: Any) -> Iterator[tuple[int, list[str]]]:
    for row in reader:
        yield reader.line_num, row


def _parquet(file: Path) -> Iterator[tuple[Batch, int]]:
    try:
        pyarrow_parquet = importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise ValueError(
            f"{file}: reading Parquet needs pyarrow, which is not installed: pip install pyarrow."
        ) from error
    size = file.stat().st_size
    try:
        opened = pyarrow_parquet.ParquetFile(file)
    except ValueError as error:
        raise ValueError(f"{file}: the file is damaged ({error}).") from error
    with opened as table:
        total, start = table.metadata.num_rows, 0
        for rows in table.iter_batches(batch_size=_ROWS):
            lines = range(start + 1, start + 1 + rows.num_rows)
            columns = {name: rows.column(name).to_pylist() for name in rows.schema.names}
            start += rows.num_rows
            yield Batch(str(file), lines, columns), size * start // total


def _read_arrays(file: Path) -> RewardLog:
    try:
        loaded = np.load(file, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{file}: the file is damaged, or holds objects ({error}).") from error
    if isinstance(loaded, np.ndarray):
        if loaded.ndim != 2:
            raise ValueError(f"{file}: its array has shape {loaded.shape}, not (prompts, samples).")
        return reward_log(loaded)
    if "rewards" not in loaded:
        names = ", ".join(loaded.files)
        raise ValueError(f"{file}: there is no array 'rewards' in it, only {names}.")
    known = {"rewards", "prompt_ids", "outcomes", "steps"}
    return reward_log(**{name: loaded[name] for name in loaded.files if name in known})


def _without_false_outcomes(collector: Collector) -> tuple[RewardLog, tuple[str, ...]]:
    """Drops a guessed outcome column that holds something else than 0 and 1."""
    log = collector.log()
    if log.outcomes is None or "outcome" not in collector.columns.guessed:
        return log, ()
    known = log.outcomes[~np.isnan(log.outcomes)]
    if known.size and np.isin(known, (0.0, 1.0)).all():
        return log, ()
    note = (
        f"Column {collector.columns.outcome!r} looked like the outcome but does not hold 0 and 1: "
        "it was not used."
    )
    return RewardLog(log.rewards, log.prompts, log.prompt_ids, None, log.components, log.steps), (
        note,
    )
