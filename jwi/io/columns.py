"""Which columns of a table of edges are the ends: by option, by header, or by content."""

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np

from jwi.io.dialect import is_integer, is_whole
from jwi.io.evidence import other_ends
from jwi.io.header import counts_rows, ends_of, is_attribute
from jwi.io.refusals import printable
from jwi.io.time_column import is_time

# Signs between two ends, and whether they say that the edge leads one way.
ARROWS = {
    b"->": True,
    b"=>": True,
    b"-->": True,
    b"\xe2\x86\x92": True,
    b"--": False,
    b"<->": False,
}
_BACKWARD = {b"<-", b"<=", b"<--", b"\xe2\x86\x90"}
# Columns of so many names that share some may hold the same kind of vertices.
_MOST_COLUMNS, _FEWEST_IDS = 6, 3
_TWO_NUMBERS, _OF_A_THOUSAND = re.compile(rb"\d[;,|]\d"), re.compile(rb"-?[1-9]\d{0,2}|0")
# So many columns in two rows are pairs that stand upright.
_FEWEST_OF_PAIRS = 6


@dataclass
class Table:
    """The first rows of a table of edges, in columns.

    Attributes:
        path: The file, for messages.
        rows: The columns of each row, without the header.
        names: Of the columns; None without a header.
        named: Whether vertices are named by strings; else they are integers.
        integers: From columns to their integers in rows from all over the file, int64[M, k].
        notes: Sentences about the choice, for the report.
    """

    path: Path
    rows: list[list[bytes]]
    names: list[str] | None
    named: bool
    integers: Callable[[list[int]], np.ndarray]
    notes: list[str] = field(default_factory=list)

    def column(self, place: int) -> list[bytes]:
        """The content of a column; an empty string where a row is shorter."""
        return [row[place] if place < len(row) else b"" for row in self.rows]

    def line(self, row: int) -> bytes:
        """A row for a message."""
        return b" ".join(self.rows[row])

    @property
    def width(self) -> int:
        """The fewest columns of a row."""
        return min((len(row) for row in self.rows), default=0)


def named_columns(table: Table, columns: Sequence[str | int]) -> tuple[int, ...]:
    """The columns that the option names, counted from 0.

    Args:
        table: The table.
        columns: Names of the header, or numbers from 1.

    Raises:
        ValueError: If there is no such column, or not two or three different ones.
    """
    names = table.names or []
    lower = [name.strip().lower() for name in names]
    places = []
    # A text without rows is refused later, and in other words.
    most = max(table.width, len(names)) if table.rows or names else sys.maxsize
    for column in map(str, columns):
        known = [place for place, name in enumerate(names) if name == column]
        known = known or [i for i, name in enumerate(lower) if name == column.strip().lower()]
        if len(known) == 1:
            places.append(known[0])
        elif column.strip().isdecimal() and 1 <= int(column) <= most:
            places.append(int(column) - 1)
        else:
            held = ", ".join(map(repr, names)) if names else "no header"
            what = "is the name of several columns" if known else "is no column"
            raise ValueError(
                f"{table.path}: --columns has {column!r}, which {what}: the file has"
                f" {table.width} columns and {held}; pass names of its header or numbers from 1"
            )
    if len(set(places)) != len(places) or len(places) not in (2, 3):
        raise ValueError(
            f"--columns is {','.join(map(str, columns))}: pass the two columns of the ends, and"
            " a weight's if you like, as in --columns 1,2"
        )
    return tuple(places)


def guessed_columns(table: Table) -> tuple[int, int]:
    """The columns of the two ends, by the header or else by the first rows.

    Raises:
        ValueError: If other columns than the first two may be meant, with the option that says it.
    """
    ends = ends_of(table.names) if table.names is not None else None
    if ends is not None:
        return ends.columns
    if len(table.rows) < 1 or table.width < 3:
        return 0, 1
    return _around_arrow(table) or (_by_names(table) if table.named else _by_integers(table))


def _say(table: Table, i: int, j: int, why: str) -> None:
    table.notes.append(f"{why}: the ends are columns {i + 1} and {j + 1} (--columns changes it)")


def _around_arrow(table: Table) -> tuple[int, int] | None:
    signs = set(table.column(1))
    if signs & _BACKWARD and signs <= _BACKWARD | ARROWS.keys():
        raise ValueError(
            f"{table.path} has arrows that lead backward: pass --columns 3,1 if all do, or"
            " else turn their rows"
        )
    if not all(column in ARROWS for column in table.column(1)):
        return None
    _say(table, 0, 2, f"{printable(table.rows[0][1])!r} is between the ends")
    return 0, 2


def _by_integers(table: Table) -> tuple[int, int]:
    """The ends among columns of numbers."""
    places = _candidates(table)
    whole = [place for place in places if all(map(is_integer, table.column(place)))]
    if len(whole) < 2:
        # A weight may be written as 3.0 beside integers, but no end.
        whole = [place for place in places if all(map(is_whole, table.column(place)))]
    if len(whole) < 2:
        return 0, 1
    _refuse_parts(table, whole)
    if len(table.rows) == 2 and len(whole) == table.width >= _FEWEST_OF_PAIRS:
        raise ValueError(
            f"{table.path} has two rows of {table.width:,} integers, as edge_index of PyTorch"
            " Geometric: pass a row for each edge, or --columns 1,2 if each row is one"
        )
    first, second, *others = whole
    if others and table.names is None:
        _refuse_other_ends(table, whole)
    elif others and counts(table.column(first)):
        if len(others) > 1:
            _refuse(table, f"column {first + 1} counts the rows", whole)
        _say(table, second, others[0], f"column {first + 1} counts the rows")
        return second, others[0]
    if not others or (table.names is not None and whole[:2] == places[:2]):
        if any(all(map(_are_integers, table.column(place))) for place in range(first)):
            raise ValueError(
                f"{table.path} has blanks between integers and another sign between columns:"
                " --separator blank parts columns at each blank and tab, --columns"
                f" {first + 1},{second + 1} takes these two for the ends"
            )
        if (first, second) != (0, 1):
            _say(table, first, second, "columns before them are no integers, or attributes")
    elif whole[:2] != [0, 1]:
        # An edge list with a word in a first column, or a relation in a second one.
        _refuse(table, "its columns of integers are " + _numbers(whole), whole)
    if table.names is not None and others:
        _refuse_other_ends(table, whole)
    return first, second


def _refuse_parts(table: Table, whole: list[int]) -> None:
    """Raises ValueError for numbers that are cut by a wrong separator."""
    cut = [cell for place in range(whole[-1]) for cell in table.column(place)]
    if any(map(_TWO_NUMBERS.search, cut)):
        raise ValueError(
            f"{table.path} has several signs between numbers, as in {printable(table.line(0))!r}:"
            " write numbers without blanks, commas and points, or pass --separator"
        )
    heads, parts = table.column(whole[0]), table.column(whole[1])
    digits = all(map(_OF_A_THOUSAND.fullmatch, heads)) and all(len(cell) == 3 for cell in parts)
    if digits and any(cell.startswith(b"0") for cell in parts):
        raise ValueError(
            f"{table.path} has blanks within numbers, as in {printable(table.line(0))!r}: write"
            f" numbers without them, or pass --columns {whole[0] + 1},{whole[1] + 1} if the three"
            " digits are an id"
        )


def _refuse_other_ends(table: Table, whole: list[int]) -> None:
    """Raises ValueError if other columns of integers may be the ends as well as the first two."""
    other = other_ends(table.integers(whole))
    if other is None:
        return
    i, j = (whole[place] + 1 for place in other)
    first = ", and column 1 like a time, a layer or a number of the row" if i == 2 else ""
    why = f"columns {i} and {j} look like ends as much as others{first}"
    _refuse(table, why, whole)


def _by_names(table: Table) -> tuple[int, int]:
    """The ends among columns of strings: times, relations and numbers of rows are none."""
    places = _candidates(table)
    words = [place for place in places if not all(map(is_number, table.column(place)))]
    words = [place for place in words if not is_time(table.column(place))]
    if len(words) < 2:
        return _by_integers(table)
    first, second, *others = words
    if not others:
        if (first, second) != (0, 1):
            _say(table, first, second, "no other columns are names")
        return first, second
    if words[:2] != [0, 1] and table.names is None:
        _refuse(table, "its columns of names are " + _numbers(words), words)
    start, end, third = (set(table.column(place)) for place in words[:3])
    if start & end:
        return first, second
    if words[:3] == [0, 1, 2] and start & third:
        _say(table, 0, 2, "columns 1 and 3 share names, and columns 1 and 2 none")
        return 0, 2
    # Names are seldom the same by chance.
    _refuse_closer(table, words)
    if len(start) == 1 or (len(words) == 3 and 2 * len(end) <= min(len(start), len(third))):
        _refuse(table, "a column repeats few names, as relations do", words)
    return first, second


def _candidates(table: Table) -> list[int]:
    """The columns whose names are not names of attributes."""
    names: Sequence[str | None] = table.names or [None] * table.width
    return [
        place
        for place, name in enumerate(names[: table.width])
        if name is None or not (is_attribute(name) or counts_rows(name))
    ]


def _refuse_closer(table: Table, places: list[int]) -> None:
    """Raises ValueError if two other columns share more names than the first two."""
    columns = [table.column(place) for place in places[:_MOST_COLUMNS]]
    ids = [set(column) for column in columns]
    share = _share(ids[0], ids[1])
    # The two ends of an edge are seldom one vertex.
    loops = any(map(bytes.__eq__, columns[0], columns[1]))
    for j in range(2, len(ids)):
        for i in range(j):
            closer = _share(ids[i], ids[j])
            many = len(ids[i] | ids[j]) >= _FEWEST_IDS and min(len(ids[i]), len(ids[j])) > 1
            if not loops and any(map(bytes.__eq__, columns[i], columns[j])):
                continue
            if many and closer > 0 and closer >= 2 * share:
                why = f"columns {places[i] + 1} and {places[j] + 1} share more ids than others"
                _refuse(table, why, sorted({*places[:2], places[i], places[j]}))


def _share(left: set[bytes], right: set[bytes]) -> float:
    """How many of the ids of two columns are in both, as a share."""
    return len(left & right) / max(1, len(left | right))


def _refuse(table: Table, why: str, places: list[int]) -> None:
    pairs = [f"--columns {i + 1},{j + 1}" for i in places[:4] for j in places[:4] if i < j]
    raise ValueError(
        f"{table.path}: {why}, so that it is not clear which are the ends of edges: pass"
        f" {', '.join(pairs[:-1])} or {pairs[-1]}"
    )


def counts(column: list[bytes]) -> bool:
    """Whether a column numbers or times the rows: its steps are equal."""
    if len(column) < 3 or not all(map(is_integer, column)):
        return False
    numbers = [int(cell) for cell in column]
    step = numbers[1] - numbers[0]
    return step > 0 and all(after - before == step for before, after in pairwise(numbers))


def _are_integers(cell: bytes) -> bool:
    """Whether a cell holds several integers with blanks between them."""
    parts = cell.split()
    return len(parts) > 1 and all(map(is_integer, parts))


def _numbers(places: list[int]) -> str:
    return ", ".join(str(place + 1) for place in places)


def is_number(cell: bytes) -> bool:
    """Whether Python reads a cell as a number."""
    try:
        float(cell)
    except ValueError:
        return False
    return True
