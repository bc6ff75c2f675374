"""Parquet files of edges that are read and written in batches of rows."""

from collections.abc import Iterator
from importlib import import_module
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import numpy as np

from jwi.disk.arrays import BLOCK
from jwi.disk.files import kinds_of_numbers, refused
from jwi.io.edge_checks import check_arrows
from jwi.io.header import ends_of
from jwi.io.layout import find_columns
from jwi.io.options import Options
from jwi.io.parquet import first_rows, write_rows
from jwi.io.refusals import reason

# Rows that are read and written at a time: they have all columns.
_ROWS = 1 << 17


class ParquetFile:
    """Two columns of integers; its attributes and methods are those of `TextFile`."""

    separator: str | None = None
    all_numbers = False

    def __init__(self, path: Path, options: Options, directed: bool | None) -> None:
        """Finds the columns by the names and the first rows.

        Args:
            path: The file, not compressed as a whole.
            options: What the user says of it.
            directed: What the user says of its direction.

        Raises:
            ValueError: If it cannot be read, or it is not clear which columns are the ends.
        """
        options.only(path, "parquet", "columns", "bipartite")
        try:
            self._arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
        except ImportError:
            raise ValueError(f"{path}: Parquet needs pyarrow: pip install pyarrow") from None
        self._path, self._options = path, options
        try:
            # Pages come one after another, not whole groups of rows.
            self._file = parquet.ParquetFile(path, buffer_size=1 << 20)
        except (OSError, ValueError, self._arrow.ArrowException) as error:
            raise refused(path, f"it is no Parquet file ({reason(error)})") from None
        if not self._file.metadata.num_rows:
            raise ValueError(f"{path} has no edges: pass a row of two vertices for each edge")
        first = next(self._batches(None))
        self._table = first_rows(path, self._arrow.Table.from_batches([first]), options)
        names = self._table.names or []
        if options.columns is None and len(names) > 2 and ends_of(names) is None:
            raise ValueError(
                f"{path}: the names of its columns do not say which are the ends: with --memory,"
                " pass them, as in --columns 1,2"
            )
        self._columns = find_columns(self._table, options)
        if options.columns is None and directed:
            check_arrows(self._table, self._columns)
        types = import_module("pyarrow.types")
        self._ends = [self._file.schema_arrow.names[place] for place in self._columns[:2]]
        for name, place in zip(self._ends, self._columns[:2], strict=True):
            kind = self._file.schema_arrow.types[place]
            if not types.is_integer(kind):
                raise refused(path, f"column {name!r} is of {kind}, and not of integers")
        self.directed = bool(directed)
        self.notes: tuple[str, ...] = tuple(self._columns.notes(self._table))

    def blocks(self) -> Iterator[np.ndarray]:
        """See `TextFile`."""
        for batch in self._batches(self._ends):
            columns = []
            for name in self._ends:
                column = batch.column(name)
                if column.null_count:
                    raise ValueError(
                        f"{self._path}: column {name!r} has rows without a value: leave them out"
                    )
                try:
                    columns.append(column.cast("int64").to_numpy())
                except self._arrow.ArrowInvalid as error:
                    raise ValueError(
                        f"{self._path}: column {name!r} has a number that is too large"
                        f" ({reason(error)}): number vertices from 0"
                    ) from None
            yield np.stack(columns, axis=1)

    def check_sides(self, degrees: np.ndarray, num_rows: int, num_loops: int) -> None:
        """See `TextFile`."""
        if self._options.bipartite is None:
            told = self._options.columns is not None
            self.notes += kinds_of_numbers(
                self._table, self._columns, degrees, num_rows, num_loops, told=told
            )

    def write(self, file: BufferedIOBase, keep: np.ndarray) -> None:
        """See `TextFile`."""

        def tables() -> Iterator[Any]:
            row = 0
            for batch in self._batches(None):
                kept = self._arrow.array(keep[row : row + len(batch)])
                yield self._arrow.Table.from_batches([batch]).filter(kept)
                row += len(batch)

        write_rows(file, self._file.schema_arrow, tables())

    def _batches(self, columns: list[str] | None) -> Iterator[Any]:
        try:
            yield from self._file.iter_batches(min(BLOCK, _ROWS), columns=columns)
        except (OSError, ValueError, self._arrow.ArrowException) as error:
            raise ValueError(f"{self._path} is damaged ({reason(error)}): write it again") from None
