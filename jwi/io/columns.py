"""Which columns of a table of edges are the ends: by option, by header, or by what is in them."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jwi.io.dialect import is_integer
from jwi.io.header import counts_rows, ends_of
from jwi.io.refusals import printable

# Signs between two ends, and whether they say that the edge leads one way.
ARROWS = {
    b"->": True,
    b"=>": True,
    b"-->": True,
    b"\xe2\x86\x92": True,
    b"--": False,
    b"<->": False,
}
# Columns whose ids agree to this share, and are this many, hold the same kind of vertices.
_SAME_KIND, _FEWEST_IDS = 0.4, 3


@dataclass
class Table:
    """The first rows of a table of edges, in columns.

    Attributes:
        path: The file, for messages.
        rows: The columns of each row, without the header.
        names: Of the columns; None without a header.
        named: Whether vertices are named by strings; else they are integers.
        notes: What is to be said of the choice.
    """

    path: Path
    rows: list[list[bytes]]
    names: list[str] | None
    named: bool
    notes: list[str] = field(default_factory=list)

    def column(self, place: int) -> list[bytes]:
        """What is in a column; an empty string where a row is shorter."""
        return [row[place] if place < len(row) else b"" for row in self.rows]

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
            " that of the weight if you like, as in --columns 1,2"
        )
    return tuple(places)


def guessed_columns(table: Table) -> tuple[int, int]:
    """The columns of the two ends, by the header or else by what is in the first rows.

    Raises:
        ValueError: If other columns than the first two may be meant, with the option that says it.
    """
    names = table.names
    if names is not None:
        ends = ends_of(names)
        if ends is not None:
            return ends.columns
        if len(names) > 2 and counts_rows(names[0]):
            _say(table, 1, 2, f"the first column, {names[0]!r}, is the number of the row")
            return 1, 2
    if len(table.rows) < 1 or table.width < 3:
        return 0, 1
    return _around_arrow(table) or (_by_names(table) if table.named else _by_integers(table))


def _say(table: Table, i: int, j: int, why: str) -> None:
    table.notes.append(f"{why}: the ends are columns {i + 1} and {j + 1} (--columns changes it)")


def _around_arrow(table: Table) -> tuple[int, int] | None:
    if not all(column in ARROWS for column in table.column(1)):
        return None
    _say(table, 0, 2, f"{printable(table.rows[0][1])!r} is between the ends")
    return 0, 2


def _by_integers(table: Table) -> tuple[int, int]:
    """The ends among columns of numbers."""
    width = table.width
    whole = [place for place in range(width) if all(map(is_integer, table.column(place)))]
    if whole[:2] != [0, 1]:
        if len(whole) == 2:
            _say(table, whole[0], whole[1], "these are the only columns of integers")
            return whole[0], whole[1]
        if len(whole) < 2:
            return 0, 1
        # An edge list with a word in a first column, or a relation in a second one.
        _refuse(table, "its columns of integers are " + _numbers(whole), whole)
    if 2 in whole and _counts(table.column(0)):
        if table.names is not None:
            _say(table, 1, 2, "the first column counts the rows")
            return 1, 2
        _refuse(table, "its first column counts the rows", [0, 1, 2])
    first, second = (set(table.column(place)) for place in (0, 1))
    if 2 in whole and not first & second:
        third = set(table.column(2))
        for other, pair in ((first, "1 and 3"), (second, "2 and 3")):
            either = len(other | third)
            if either >= _FEWEST_IDS and len(other & third) >= _SAME_KIND * either:
                _refuse(table, f"columns {pair} share ids, and columns 1 and 2 none", [0, 1, 2])
    return 0, 1


def _by_names(table: Table) -> tuple[int, int]:
    """The ends among columns of strings: times, relations and numbers of rows are none."""
    first, second, third = (table.column(place) for place in range(3))
    numbers = [all(map(_is_number, column)) for column in (first, second, third)]
    if numbers == [True, False, False]:
        _say(table, 1, 2, "the first column is numbers, and the next two are names")
        return 1, 2
    if numbers[0] and _counts(first) and len(first) > 2:
        _refuse(table, "its first column counts the rows", [0, 1, 2])
    a, b, c = set(first), set(second), set(third)
    if numbers[2] or a & b:
        return 0, 1
    if a & c:
        _say(table, 0, 2, "columns 1 and 3 share names, and columns 1 and 2 none")
        return 0, 2
    if b & c:
        _refuse(table, "columns 2 and 3 share names, and columns 1 and 2 none", [0, 1, 2])
    if table.width == 3 and 2 * len(b) <= min(len(a), len(c)):
        _refuse(table, "its second column repeats few names, as relations do", [0, 1, 2])
    return 0, 1


def _refuse(table: Table, why: str, places: list[int]) -> None:
    pairs = [f"--columns {i + 1},{j + 1}" for i in places[:3] for j in places[:3] if i < j]
    raise ValueError(
        f"{table.path}: {why}, so that it is not clear which are the ends of edges: pass"
        f" {', '.join(pairs[:-1])} or {pairs[-1]}"
    )


def _counts(column: list[bytes]) -> bool:
    """Whether a column is that of the row's number: each one more than the last."""
    if len(column) < 3 or not all(map(is_integer, column)):
        return False
    numbers = [int(cell) for cell in column]
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def _numbers(places: list[int]) -> str:
    return ", ".join(str(place + 1) for place in places)


def _is_number(cell: bytes) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
