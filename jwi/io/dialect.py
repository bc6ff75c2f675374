"""How the columns of an edge list are told apart: what is between them, and the header."""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jwi.io.refusals import printable
from jwi.io.text import columns_of

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "blank": "\0"}

# Rows that are looked at.
_FIRST_ROWS = 100
# Names that column headers have in the wild; only pairs of them are taken for a header.
_HEADERS = {
    *("source", "target", "from", "to", "src", "dst", "head", "tail", "sender", "receiver"),
    *("u", "v", "i", "j", "node1", "node2", "node_1", "node_2", "id1", "id2", "id_1", "id_2"),
    *("fromnodeid", "tonodeid", "from_id", "to_id", "source_id", "target_id", "follower"),
    *("followee", "user1", "user2", "user_1", "user_2", "vertex1", "vertex2", "left", "right"),
}


class Dialect(NamedTuple):
    """How the columns of an edge list are told apart.

    Attributes:
        separator: a key of `SEPARATORS`.
        header: the line of the column names, counted from 0; −1 if there is none.
    """

    separator: str
    header: int

    @property
    def byte(self) -> int:
        """The separator, 0 for blanks."""
        return ord(SEPARATORS[self.separator])


def find_dialect(
    path: Path,
    text: np.ndarray,
    line_starts: np.ndarray,
    *,
    named: bool,
    separator: str | None,
    header: bool | None,
) -> Dialect:
    """The dialect of an edge list, from its first rows.

    Args:
        path: the file, for messages, and for its suffix.
        text: uint8[bytes].
        line_starts: int64[lines + 1].
        named: whether vertices are named by strings; else they are integers.
        separator: a key of `SEPARATORS`; None to guess.
        header: whether the first row is the names of columns; None to guess.

    Raises:
        ValueError: for a header that names other columns than the first two as ends.
    """
    first = _first_rows(text, line_starts)
    if not first:
        return Dialect("blank", -1)
    line, row = first[0]
    if separator is None:
        separator = _separator(path, [row for _, row in first], named)
    columns = _columns(row, separator)
    if header is None:
        header = _is_header(columns[:2], named)
        _refuse_other_columns(path, columns)
    return Dialect(separator, line if header else -1)


def _first_rows(text: np.ndarray, line_starts: np.ndarray) -> list[tuple[int, bytes]]:
    """The first lines that are not blank and not comments, and which lines these are."""
    found: list[tuple[int, bytes]] = []
    for line, (start, end) in enumerate(pairwise(line_starts.tolist())):
        row = text[start:end].tobytes()
        if row.strip() and row.strip()[:1] not in b"#%":
            found.append((line, row))
        if len(found) == _FIRST_ROWS:
            break
    return found


def _separator(path: Path, rows: list[bytes], named: bool) -> str:
    """What is between the columns of the first rows."""
    found = None if named else _of_integers(rows)
    if found is not None:
        return found
    # Also without names where integers should be: a message will show the right column.
    suffix = path.name.lower().removesuffix(".gz")[-4:]
    if suffix == ".csv":
        return _first_that_splits(rows, _by_place)
    # In other files names may hold commas.
    found = None if suffix == ".tsv" else _of_equal_rows(rows)
    return found or _first_that_splits(rows, lambda _: ("tab", "blank", "comma", "semicolon"))


def _of_integers(rows: list[bytes]) -> str | None:
    """The separator of two integers in one of the first two rows; None if there is none."""
    # The first one may be a header.
    for row in rows[1::-1]:
        for name in _by_place(row):
            columns = _columns(row, name)[:2]
            if len(columns) == 2 and all(_is_integer(column) for column in columns):
                return name
    return None


def _first_that_splits(rows: list[bytes], names: Callable[[bytes], Sequence[str]]) -> str:
    """The first of the separators that `names` gives for a row to split one of the first two."""
    for row in rows[1::-1]:
        for name in names(row):
            if len(_columns(row, name)) > 1:
                return name
    return "blank"


def _of_equal_rows(rows: list[bytes]) -> str | None:
    """The separator by which all rows have equally many columns, and the fewest, but at least two.

    Tabs go before all others, since no name holds one.
    """
    num_columns = {}
    for name in ("tab", "blank", "comma", "semicolon"):
        numbers = {len(_columns(row, name)) for row in rows}
        if len(numbers) == 1 and min(numbers) > 1:
            num_columns[name] = min(numbers)
    if "tab" in num_columns:
        return "tab"
    # As in `ann, bob`, where the blank belongs to the comma.
    if any(column.endswith((b",", b";")) for row in rows for column in _columns(row, "blank")):
        num_columns.pop("blank", None)
    return min(num_columns, key=num_columns.__getitem__, default=None)


def _columns(row: bytes, name: str) -> list[bytes]:
    """The columns of a row; a separator that is within quotes alone separates nothing."""
    mark = SEPARATORS[name].encode()
    if name != "blank" and mark not in _without_quoted(row):
        return [row.strip()]
    return columns_of(row, ord(mark))


def _by_place(row: bytes) -> list[str]:
    """The separators that a row holds in the order in which they first come; blanks last."""
    bare = _without_quoted(row)
    place = {name: bare.find(SEPARATORS[name].encode()) for name in SEPARATORS if name != "blank"}
    return [*sorted((name for name in place if place[name] >= 0), key=place.__getitem__), "blank"]


def _without_quoted(row: bytes) -> bytes:
    return re.sub(rb'"(?:[^"]|"")*"', b'""', row)


def _is_header(columns: list[bytes], named: bool) -> bool:
    if named:
        return len(columns) == 2 and all(_is_known(column) for column in columns)
    return len(columns) == 2 and not any(
        column[:1].isdigit() or _is_integer(column) for column in columns
    )


def _is_known(column: bytes) -> bool:
    return column.decode("utf-8", "replace").lower() in _HEADERS


def _refuse_other_columns(path: Path, columns: list[bytes]) -> None:
    """Raises for a header that names other columns than the first two as ends."""
    known = [place for place, column in enumerate(columns) if _is_known(column)]
    if len(known) > 1 and known[:2] != [0, 1]:
        ends = " and ".join(f"{printable(columns[place])!r}" for place in known[:2])
        raise ValueError(
            f"{path}: the header has {ends} after other columns, and the ends of edges are read"
            " from the first two: put these first"
        )


def _is_integer(column: bytes) -> bool:
    return column.lstrip(b"+-").isdigit()
