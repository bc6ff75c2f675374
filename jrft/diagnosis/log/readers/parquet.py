"""Parquet, by pyarrow."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from jrft.diagnosis.log.batches import ROWS, Batch, Skip


def read(path: Path, skip: Skip) -> Iterator[tuple[Batch, float]]:
    """Rows of a `.parquet` file, as batches. A file without its end is one still being written."""
    try:
        parquet = import_module("pyarrow.parquet")
    except ImportError as error:
        raise ValueError(
            f"{path}: reading Parquet needs pyarrow, which is not installed: pip install pyarrow"
        ) from error
    try:
        opened = parquet.ParquetFile(path)
    except ValueError as error:
        if path.read_bytes()[:4] in (b"PAR1", b""):
            skip.cut(str(path), "it has no end, as a file that is being written: it was left out")
            return
        raise ValueError(f"{path}: the file is damaged ({error})") from error
    with opened as table:
        total, start = table.metadata.num_rows, 0
        for rows in table.iter_batches(batch_size=ROWS):
            lines = range(start + 1, start + 1 + rows.num_rows)
            columns = {name: rows.column(name).to_pylist() for name in rows.schema.names}
            start += rows.num_rows
            yield Batch(str(path), lines, columns), start / total
