"""Parquet, by pyarrow."""

from collections import Counter
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from jrft.diagnosis.log.batches import ROWS, Batch, Skip


def read(path: Path, skip: Skip) -> Iterator[tuple[Batch, float]]:
    """Rows of a `.parquet` file, as batches. A file without its end is one still being written."""
    try:
        parquet, arrow = import_module("pyarrow.parquet"), import_module("pyarrow")
    except ImportError as error:
        raise ValueError(
            f"{path}: reading Parquet needs pyarrow, which is not installed: pip install pyarrow"
        ) from error
    damaged = (arrow.ArrowException, ValueError, OSError, OverflowError, KeyError)
    try:
        table = parquet.ParquetFile(path)
        names = table.schema_arrow.names
    except damaged as error:
        if path.read_bytes()[:4] in (b"PAR1", b"") and path.read_bytes()[-4:] != b"PAR1":
            skip.cut(str(path), "it has no end, as a file that is being written: it was left out")
            return
        raise ValueError(f"{path}: the file is damaged ({error})") from error
    if twice := [name for name, count in Counter(names).items() if count > 1]:
        raise ValueError(f"{path}: there are two columns {twice[0]!r}: rename one of them")
    with table:
        total, start, batches = table.metadata.num_rows, 0, table.iter_batches(batch_size=ROWS)
        while True:
            try:
                columns = _next_columns(batches)
            except damaged as error:
                raise ValueError(f"{path}: the file is damaged ({error})") from error
            if columns is None:
                return
            first, start = start, start + len(next(iter(columns.values()), ()))
            yield Batch(str(path), range(first + 1, start + 1), columns), start / max(total, 1)


def _next_columns(batches: Iterator[Any]) -> dict[str, list[Any]] | None:
    rows = next(batches, None)
    if rows is None:
        return None
    return {name: rows.column(name).to_pylist() for name in rows.schema.names}
