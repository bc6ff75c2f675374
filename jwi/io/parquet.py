"""Parquet: a table of edges, through pyarrow, its columns found as those of text are."""

from collections.abc import Iterable
from importlib import import_module
from io import BufferedIOBase, BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool

from jwi.io.columns import Table
from jwi.io.content import Content, Source
from jwi.io.edge_checks import check_arrows, refuse_lists
from jwi.io.layout import Columns, find_columns
from jwi.io.options import Options
from jwi.io.refusals import reason
from jwi.io.sides import Sides, in_sides
from jwi.io.words import Words

_ROWS = 1000
# As many as pyarrow writes.
_ROWS_OF_GROUP = 1 << 20
# pandas writes the numbers of rows by this name.
_INDEX = "__index_level_0__"


def read(source: Source) -> Content:
    """Reads two columns of integers or of names; rewritten, rows keep all columns.

    Args:
        source: The file and the user's options.

    Raises:
        ValueError: If pyarrow is not installed or cannot read it, a column has no such values, or
            it is not clear which columns are the ends.
    """
    path, options = source.path, source.options
    options.only(path, source.format, "columns", "bipartite", "weights")
    try:
        arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError:
        raise ValueError(f"{path}: Parquet needs pyarrow: pip install pyarrow") from None
    try:
        held = parquet.read_table(BytesIO(source.content))
    except (OSError, ValueError, arrow.ArrowException) as error:
        raise ValueError(f"{path} is damaged ({reason(error)}): write it again") from None
    if not held.num_rows:
        raise ValueError(f"{path} has no edges: pass a row of two vertices for each edge")
    table = first_rows(path, held, options)
    columns = find_columns(table, options)
    if options.columns is None and source.directed:
        check_arrows(table, columns)
    if table.named and not source.told:
        refuse_lists(table, columns)
    one = _vertices(path, held, columns)
    told = options.columns is not None
    sides = in_sides(table, columns, Words(), one, bipartite=options.bipartite, told=told)

    def rewrite(file: BufferedIOBase, keep: Bool[np.ndarray, " M"]) -> None:
        write_rows(file, held.schema, [held.filter(arrow.array(keep))])

    senders, receivers = sides.ends.T
    weights = _weights(path, held, columns.weight) if columns.weight >= 0 else None
    notes = (*columns.notes(table), *sides.notes)
    return Content(senders, receivers, sides.labels, None, rewrite, notes, weights=weights)


def write_rows(file: BufferedIOBase, schema: Any, tables: Iterable[Any]) -> None:
    """Writes rows, a part after the other. The bytes do not depend on how they are parted.

    Args:
        file: Where to.
        schema: Of pyarrow.
        tables: Of pyarrow.
    """
    arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    held = schema.empty_table()
    with parquet.ParquetWriter(file, schema) as writer:
        for table in tables:
            held = arrow.concat_tables([held, table])
            while held.num_rows >= _ROWS_OF_GROUP:
                writer.write_table(held.slice(0, _ROWS_OF_GROUP).combine_chunks())
                held = held.slice(_ROWS_OF_GROUP)
        writer.write_table(held.combine_chunks())


def first_rows(path: Path, held: Any, options: Options) -> Table:
    """The first rows of a table of pyarrow, as rows of text have them."""
    names = ["" if name == _INDEX else name for name in held.column_names]
    first = [column.to_pylist() for column in held.slice(0, _ROWS).columns]
    rows = [[str(cell).encode() for cell in row] for row in zip(*first, strict=True)]
    types = import_module("pyarrow.types")
    named = sum(map(types.is_integer, held.schema.types)) < 2

    def integers(places: list[int]) -> np.ndarray:
        return np.stack([held.column(place).to_numpy() for place in places], axis=1)

    return Table(path, rows, names, named, integers)


def _vertices(path: Path, held: Any, columns: Columns) -> Sides:
    """The two columns of the ends, as numbers of the different values in them."""
    ends = []
    for place in columns[:2]:
        column, name = held.column(place), held.column_names[place]
        if column.null_count:
            raise ValueError(
                f"{path}: column {name!r} has {column.null_count:,} rows without a value: leave"
                " them out"
            )
        ends.append(column.to_numpy(zero_copy_only=False))
    kinds = {end.dtype.kind for end in ends}
    if kinds <= set("iu"):
        labels, places = np.unique(np.stack(ends).astype(np.int64), return_inverse=True)
        return Sides(labels, places.reshape(2, -1).T)
    if kinds != {"O"} or not all(isinstance(cell, str) for end in ends for cell in end):
        chosen = " and ".join(repr(held.column_names[place]) for place in columns[:2])
        raise ValueError(
            f"{path}: columns {chosen} are not both of integers or both of text: convert them, or"
            " pass --columns with others"
        )
    number: dict[str, int] = {}
    pairs = [
        [number.setdefault(cell, len(number)) for cell in row] for row in zip(*ends, strict=True)
    ]
    return Sides(list(number), np.array(pairs, np.int64))


def _weights(path: Path, held: Any, place: int) -> np.ndarray:
    """The weights of rows, float64[M]."""
    try:
        weights = np.array(held.column(place).to_pylist(), np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: a weight is no number ({error}): name another column") from None
    if not np.isfinite(weights).all():
        raise ValueError(f"{path}: a weight is not finite: leave out its row, or pass a number")
    return weights
