"""Rows of text as a block of numbers: is it an adjacency matrix, or are its rows edges."""

import re
from collections.abc import Sequence
from typing import NamedTuple, NoReturn

import numpy as np

from jwi.io.columns import is_number
from jwi.io.dialect import columns_by, is_integer
from jwi.io.header import Ends, are_heads, ends_of
from jwi.io.layout import Columns, Layout, stem
from jwi.io.options import Options
from jwi.io.refusals import printable
from jwi.io.sheet import Sheet

# Two rows of two numbers are two edges.
_FEWEST = 3
# Below, a block of numbers may be rows of an edge list, if nothing else says matrix.
_LEAST = 5
_MISSING = re.compile(rb"(?:n/?an?|null|none|[-.?])?", re.IGNORECASE)
_SUMS = re.compile(
    r"(?:grand|row|column|col)?[ _]?(?:totals?|sums?|all|summe|gesamt)", re.IGNORECASE
)
_ENTRY = re.compile(rb"[01](?:[.]0*)?|\d+,\d+|true|false|", re.IGNORECASE)
_AS_EDGES = "; if its rows are edges, pass their two ends, as in --columns 1,2"


class Block(NamedTuple):
    """Rows of equally many numbers.

    Attributes:
        numbers: float64[rows, columns], NaN where there is none.
        columns: The names of the columns; None if there are none.
        rows: The names of the rows; None if there are none, or just numbers in their order.
        lead: How many columns stand before the numbers.
    """

    numbers: np.ndarray
    columns: list[str] | None
    rows: list[str] | None
    lead: int

    @property
    def is_square(self) -> bool:
        """Whether there are as many rows as columns, at least two."""
        return self.numbers.shape[0] == self.numbers.shape[1] > 1

    @property
    def is_whole(self) -> bool:
        """Whether all numbers are there."""
        return not np.isnan(self.numbers).any()

    @property
    def has_two_sides(self) -> bool:
        """Whether rows and columns are called otherwise."""
        return None not in (self.columns, self.rows) and not self.is_named

    @property
    def labels(self) -> Sequence:
        """The names of vertices, or their numbers."""
        return self.columns or self.rows or range(len(self.numbers))

    @property
    def is_named(self) -> bool:
        """Whether most rows are called as columns are, and not by numbers that count them."""
        if self.columns is None or self.rows is None:
            return False
        shared = set(self.columns) & set(self.rows)
        most = max(len(self.columns), len(self.rows))
        return len(shared) > 1 and 2 * len(shared) >= most


def block_of(sheet: Sheet, layout: Layout) -> Block | None:
    """The block of numbers that the rows of a text are; None if they are none.

    Args:
        sheet: The lines.
        layout: Their separator.
    """
    lines = np.flatnonzero(sheet.is_row).tolist()
    rows = [columns_by(sheet.line(line), layout.separator) for line in lines]
    if not rows or not all(rows):
        # There is no row, or a quote is open.
        return None
    width = len(rows[-1])
    # As in `0,1,0,`.
    if width > 1 and all(len(row) == width and not row[-1] for row in rows):
        rows, width = [row[:-1] for row in rows], width - 1
    first, *rest = rows
    if _are_sizes(first, len(rest)):
        return _numbers(rest, None, None, 0)
    # pandas writes the name of rows below the name of columns.
    if len(rest) > 1 and rest[0][0] and not any(rest[0][1:]) and rest[0][0] not in first:
        rest = rest[1:]
    left = [row[0] for row in rest]
    numbered = left in ([b"%d" % (i + start) for i in range(len(rest))] for start in (0, 1))
    words = not all(map(_is_entry, first[1:]))
    # R writes no name above the names of rows.
    short = len(first) == width - 1
    corner = not short and not is_number(first[0]) and (words or not first[0] or first[1:] == left)
    lead = int(short or not all(map(_is_entry, left)) or (numbered and corner))
    heads = first if short else first[lead:]
    if not words and heads != left:
        whole = _numbers(rows, None, [first[0], *left] if lead else None, lead)
        if not _rise(heads) or _has_sums(whole) or len(rest) > width - lead + 1:
            return whole
        below = _numbers(rest, heads, None, lead)
        return below if len(rest) == width - lead or _has_sums(below) else whole
    return _numbers(rest, heads, left if lead and (heads == left or not numbered) else None, lead)


def _numbers(
    rows: list[list[bytes]], heads: list[bytes] | None, names: list[bytes] | None, lead: int
) -> Block | None:
    """The block of some rows; None if other cells than the leading ones are no numbers."""
    width = len(rows[0]) - lead if rows else 0
    if width < 2 or any(len(row) != width + lead for row in rows):
        return None
    cells = [cell for row in rows for cell in row[lead:]]
    if not all(map(_is_entry, cells)):
        return None
    numbers = np.array([float(cell) if is_number(cell) else np.nan for cell in cells])
    numbers[~np.isfinite(numbers)] = np.nan
    columns, of_rows = (
        None if part is None else [name.decode("utf-8", "replace") for name in part]
        for part in (heads, names)
    )
    return Block(numbers.reshape(-1, width), columns, of_rows, lead)


def _are_sizes(first: list[bytes], count: int) -> bool:
    """Whether a first row is the number of rows below, once or twice."""
    return len(first) < _FEWEST and count >= _FEWEST and set(first) == {b"%d" % count}


def _is_entry(cell: bytes) -> bool:
    return is_number(cell) or _MISSING.fullmatch(cell) is not None


def _rise(heads: list[bytes]) -> bool:
    """Whether a first row is rising integers, as numbers of vertices are."""
    if not all(map(is_integer, heads)):
        return False
    numbers = list(map(int, heads))
    return numbers == sorted(set(numbers))


def is_block(sheet: Sheet, layout: Layout, options: Options) -> bool:
    """Whether the rows of a text are an adjacency matrix, not edges.

    Raises:
        ValueError: If they may be both, or a matrix with a mistake.
    """
    count = int(sheet.is_row.sum())
    width = max((len(row) for row in layout.table.rows), default=0)
    if options.columns is not None or not _FEWEST <= count <= width + 2:
        return False
    block = block_of(sheet, layout)
    if block is None:
        return False
    if block.is_named:
        _check(sheet, block)
        if block.rows != [str(vertex) for vertex in range(len(block.numbers))]:
            return True
    ends = ends_of(block.columns) if block.columns is not None else None
    if ends is not None and not _may_be_vertices(block.columns or [], ends):
        return False
    if _has_sums(block):
        _check(sheet, block)
    matrix = np.nan_to_num(block.numbers)
    if not block.is_square or len(matrix) < _FEWEST or block.has_two_sides:
        return False
    symmetric, hollow = (matrix == matrix.T).all(), not matrix.diagonal().any()
    if np.isin(matrix, (0, 1)).all() or (symmetric and (hollow or len(matrix) > _FEWEST)):
        _check(sheet, block)
        return True
    if ends is not None:
        return False
    if symmetric or hollow or len(matrix) >= _LEAST:
        raise ValueError(
            f"{sheet.path} has {len(matrix)} rows of {len(matrix)} numbers: --format dense takes"
            " them for a matrix, and the two columns of the ends for edges, as in --columns 1,2"
        )
    return False


def _may_be_vertices(names: list[str], ends: Ends) -> bool:
    """Whether names that two ends have may be vertices as well, as a, b, c and v1, …, v4."""
    series = len(names) > _FEWEST and len({stem(name.encode()) for name in names} - {None}) == 1
    return series or not are_heads([names[column] for column in ends.columns])


def _has_sums(block: Block | None) -> bool:
    """Whether a block has a row or a column of sums beside a square, or both."""
    if block is None:
        return False
    numbers = np.nan_to_num(block.numbers)
    more = numbers.shape[0] - numbers.shape[1]
    if min(numbers.shape) < _FEWEST or abs(more) > 1:
        return False
    has_row = any(_is_sum(numbers, place) for place in (0, -1))
    has_column = any(_is_sum(numbers.T, place) for place in (0, -1))
    return has_row and has_column if more == 0 else has_row if more > 0 else has_column


def _is_sum(numbers: np.ndarray, place: int) -> bool:
    """Whether a row is the sum of the others, and not of zeros."""
    row, others = numbers[place], np.delete(numbers, place, axis=0)
    return bool(row.any() and np.allclose(row, others.sum(axis=0)))


def _check(sheet: Sheet, block: Block) -> None:
    """Raises ValueError for what an adjacency matrix has not."""
    path, sums = sheet.path, _has_sums(block)
    rows, columns = block.rows or [], block.columns or []
    named = next((name for name in [*columns, *rows] if _SUMS.fullmatch(name)), None)
    if sums or named is not None:
        if named is not None:
            raise ValueError(f"{path} is a matrix with {named!r} as a name: leave out sums")
        raise ValueError(
            f"{path} is a matrix whose first or last row or column is the sum of the others: leave"
            f" out sums{_AS_EDGES}"
        )
    if block.is_named and rows != columns:
        _refuse_names(sheet, rows, columns)
    missing = np.argwhere(np.isnan(block.numbers))
    if len(missing):
        row, column = (missing[0] + 1).tolist()
        raise ValueError(
            f"{path} is a matrix without a finite number at {len(missing)} places, first in row"
            f" {row}, column {column}: write 0 where there is no edge{_AS_EDGES}"
        )


def _refuse_names(sheet: Sheet, rows: list[str], columns: list[str]) -> NoReturn:
    """Raises ValueError for names of rows that are not the names of columns."""
    start = f"{sheet.path} is a matrix whose rows and columns have names"
    more = sorted({*columns} ^ {*rows})
    if more:
        of, other = ("column", "row") if more[0] in columns else ("row", "column")
        name = printable(more[0].encode())
        raise ValueError(
            f"{start}, and the {of} {name!r} has no {other}: leave it out, or add its {other}"
        )
    if len(set(rows)) < len(rows) or len(set(columns)) < len(columns):
        raise ValueError(f"{start}, and some come twice: give each vertex one row and one column")
    raise ValueError(f"{start}, in two orders: put both in one order")


def refuse_blocks(sheet: Sheet, layout: Layout, columns: Columns) -> None:
    """Raises ValueError for rows of zeros and ones, which may be a matrix.

    Args:
        sheet: The lines.
        layout: Their separator and first rows.
        columns: Of the ends.
    """
    table = layout.table
    # A row of sizes or names may be above, and names of rows to the left.
    head = table.rows[0] if table.rows else []
    rows = table.rows[len(head) < 3 or not all(map(_ENTRY.fullmatch, head[1:])) :]
    width = min(map(len, rows), default=0)
    entries = [all(_ENTRY.fullmatch(row[place]) for row in rows) for place in range(width)]
    if width < 3 or len(rows) < 3 or not all(entries[1:]) or max(columns[:2]) >= width:
        return
    if not entries[0] and any(is_number(row[0]) for row in rows):
        return
    block = block_of(sheet, layout)
    square = block is not None and block.is_square and not block.has_two_sides
    dense = "--format dense takes them for a matrix"
    if not square:
        dense = "an adjacency matrix is square, and of another table pass a row for each edge"
    raise ValueError(
        f"{sheet.path} has rows of zeros and ones: {dense}; --format edge-list takes two columns"
        " for the ends of edges"
    )
