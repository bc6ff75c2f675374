"""How a table of edges is laid out: its separator, its header, and the columns of the ends."""

import re
from functools import partial
from typing import NamedTuple

import numpy as np

from jwi.io.columns import Table, guessed_columns, is_number, named_columns
from jwi.io.dialect import SEPARATORS, columns_by, find_separator, is_integer
from jwi.io.header import are_heads, ends_of, weight_of
from jwi.io.options import Options
from jwi.io.refusals import printable
from jwi.io.sheet import Sheet
from jwi.io.text import read_rows
from jwi.io.time_column import is_time
from jwi.io.vertex_table import refuse_vertices

# Rows that are looked at for the choice of columns.
_ROWS = 1000
_ROWS_OF_SEPARATOR = 100
_MOST_ROWS = 100_000


class Layout(NamedTuple):
    """How a table of edges is laid out.

    Attributes:
        separator: A key of `SEPARATORS`.
        header: The row of the column names, a line counted from 0; −1 if there is none.
        table: The first rows.
    """

    separator: str
    header: int
    table: Table

    @property
    def byte(self) -> int:
        """The separator, 0 for blanks."""
        return ord(SEPARATORS[self.separator])


class Columns(NamedTuple):
    """The columns that are read, counted from 0.

    Attributes:
        start: Of the end where edges start.
        end: Where they end.
        weight: Of the weight; −1 for none.
    """

    start: int
    end: int
    weight: int

    def notes(self, table: Table) -> list[str]:
        """What a reader of the file is told of its columns."""
        names = table.names
        known = [] if names is None else names
        ends = [repr(known[i]) if 0 <= i < len(known) else str(i + 1) for i in self]
        ends = [printable(end.encode()) for end in ends]
        notes = [] if names is None else [f"header: {printable(', '.join(names).encode())}"]
        weights = f"column {ends[2]}" if self.weight >= 0 else "not used"
        said = f"ends: columns {ends[0]} and {ends[1]}; weights: {weights}"
        return [*notes, said, *table.notes]


def find_layout(sheet: Sheet, options: Options, separator: str | None) -> Layout:
    """How a table of edges is laid out, by options or from its first rows.

    Args:
        sheet: The lines.
        options: What the user says.
        separator: A key of `SEPARATORS`; None to guess.
    """
    raw = sheet.rows(_ROWS)
    if separator is None:
        are_pairs = options.header is False and options.columns == (1, 2)
        separator = find_separator(
            sheet.path, raw[:_ROWS_OF_SEPARATOR], named=options.named, are_pairs=are_pairs
        )
        blanks = not options.named and separator != "blank"
        if blanks and any(len(columns_by(row, separator)) < 2 for row in raw):
            # Tabs in some rows and blanks in others.
            mixed = all(len(columns_by(row, "blank")) > 1 for row in raw)
            separator = "blank" if mixed else separator
    rows = [columns_by(row, separator) for row in raw]
    header, commented = options.header, None
    if header is None:
        asked = [str(column) for column in options.columns or ()]
        commented = _names_in_comment(sheet, rows, separator, asked)
        by_name = commented is None and not all(column.isdecimal() for column in asked)
        header = bool(rows) and (by_name or is_header(rows[0], rows[1:], options.named))
    names = [cell.decode("utf-8", "replace") for cell in rows[0]] if header and rows else None
    if names is not None and len(rows) > 1 and {len(row) for row in rows[1:]} == {len(names) + 1}:
        left = [row[0] for row in rows[1:]]
        if left in ([b"%d" % (place + start) for place in range(len(left))] for start in (0, 1)):
            # R writes the names of rows without a name of their own.
            names.insert(0, "")
        elif len(set(left)) < len(left):
            names.append("")
    line = int(np.argmax(sheet.is_row)) if names is not None else -1
    rows = rows[1:] if header else rows
    integers = partial(_integers, sheet.without(line) if line >= 0 else sheet, separator)
    table = Table(sheet.path, rows, names or commented, options.named, integers)
    return Layout(separator, line, table)


def _integers(sheet: Sheet, separator: str, places: list[int]) -> np.ndarray:
    """Columns of rows from all over a sheet, as far as they are integers, int64[M, k]."""
    lines = np.flatnonzero(sheet.is_row)
    first = columns_by(sheet.line(int(lines[0])), separator)
    # A first row that counts the others may be the sizes of the graph.
    lines = lines[int(b"%d" % (len(lines) - 1) in first[-2:]) :]
    is_row = np.zeros_like(sheet.is_row)
    is_row[lines[:: 1 + len(lines) // _MOST_ROWS]] = True
    byte, columns = ord(SEPARATORS[separator]), []
    for place in places:
        both = np.array([place, place, -1])
        columns.append(
            read_rows(sheet.text, sheet.line_starts, is_row, byte, both, False).ends[:, 0]
        )
    rows = min(map(len, columns))
    return np.stack([column[:rows] for column in columns], axis=1)


def _names_in_comment(
    sheet: Sheet, rows: list[list[bytes]], separator: str, asked: list[str]
) -> list[str] | None:
    """The names of columns in the last comment above the rows; None if it names no ends.

    Ends are known by their names, or asked for by them.
    """
    above = sheet.comments[sheet.comments < np.argmax(sheet.is_row)] if rows else sheet.comments[:0]
    if not above.size:
        return None
    text = sheet.line(int(above[-1])).strip().lstrip(b"#%").strip()
    names = [cell.decode("utf-8", "replace") for cell in columns_by(text, separator)]
    if {len(row) for row in rows} != {len(names)} or any(name.isdecimal() for name in names):
        return None
    return names if ends_of(names) is not None or (asked and set(asked) <= set(names)) else None


def find_columns(table: Table, options: Options) -> Columns:
    """The columns of the ends and of the weight, by options, by the header or by content.

    Args:
        table: The first rows.
        options: What the user says.

    Raises:
        ValueError: If columns are asked for that there are not, or other columns than the first
            two may be meant.
    """
    if options.columns is not None:
        chosen = named_columns(table, options.columns)
    elif table.names is not None and len(table.names) < table.width:
        raise ValueError(
            f"{table.path} has {len(table.names)} names of columns in its first row, and"
            f" {table.width} columns below it: give each column a name, or pass the columns of the"
            " ends, as in --columns 1,2"
        )
    else:
        chosen = guessed_columns(table)
        # A row of one column is refused by its line.
        if table.width > 1:
            refuse_vertices(table, *chosen)
    if len(chosen) == 3:
        return Columns(*chosen)
    start, end = chosen
    if not options.weights:
        return Columns(start, end, -1)
    weight = weight_of(table.names) if table.names is not None else None
    if weight is None and table.names is None and table.width == 3 and 2 not in chosen:
        weight = 2
        if is_time(table.column(weight)):
            raise ValueError(
                f"{table.path}: column 3 looks like a time, not a weight: pass --columns"
                f" {start + 1},{end + 1},3 if it is a weight"
            )
    if weight is None or weight in chosen:
        raise ValueError(
            f"{table.path}: it is not clear which column is the weight: name it third, as in"
            f" --columns {start + 1},{end + 1},3"
        )
    return Columns(start, end, weight)


def stem(name: bytes) -> bytes | None:
    """A name without its number; None if it has none, or is one."""
    rest = re.sub(rb"\d+", b"", name)
    return rest if rest != name and rest else None


def is_header(first: list[bytes], rest: list[list[bytes]], named: bool) -> bool:
    """Whether a first row is the names of columns.

    Args:
        first: Its cells.
        rest: The cells of the rows below it.
        named: Whether vertices are named by strings; else they are integers.
    """
    below = [[row[place] for row in rest if place < len(row)] for place in range(len(first))]
    # As above the index of a data frame.
    if rest and any(not cell and all(cells) for cell, cells in zip(first, below, strict=True)):
        return True
    if named:
        return _is_header_of_names(first, below)
    whole = [place for place, cells in enumerate(below) if cells and all(map(is_integer, cells))]
    if len(whole) > 1:
        others = [place for place in whole if is_integer(first[place])]
        # Data frames number columns that have no name, as in `level_0,level_1,0`.
        numbered = all(first[place] in (b"0", b"%d" % place) for place in others)
        return not others or (len(first) > 2 and len(others) < len(whole) and numbered)
    return len(first) > 1 and not any(cell[:1].isdigit() or is_integer(cell) for cell in first[:2])


def _is_header_of_names(first: list[bytes], below: list[list[bytes]]) -> bool:
    if any(map(is_number, first)):
        # Data frames number columns that have no name.
        numbered = first == [b"%d" % place for place in range(len(first))]
        return numbered and len(below) > 1 and not any(map(is_number, below[0] + below[1]))
    words = [cell.decode("utf-8", "replace") for cell in first]
    if any(len(cells) > 1 and all(map(is_number, cells)) for cells in below):
        return True
    ends = ends_of(words)
    if ends is None:
        return False
    # Single letters are vertices, too, but seldom beside longer names alone.
    cells = [cell for column in ends.columns for cell in below[column]]
    longer = len(cells) > 2 and all(len(cell.decode("utf-8", "replace")) > 1 for cell in cells)
    names = [words[column] for column in ends.columns]
    if not are_heads(names) and not (longer and names[0] != names[1]):
        return False
    # As `user_1` above `user_2`.
    if any(stem(first[i]) in map(stem, below[i]) for i in ends.columns if stem(first[i])):
        return False
    return not any(first[i] in below[j] for i in ends.columns for j in ends.columns)
