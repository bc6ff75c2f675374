"""The separator of a text's columns."""

import re
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path

from jwi.io.formats import bare_suffix
from jwi.io.refusals import printable
from jwi.io.text import columns_of

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "blank": "\0"}
_MOST_COLUMNS = 6


def find_separator(path: Path, rows: list[bytes], *, named: bool, are_pairs: bool = False) -> str:
    """The separator of the first rows' columns, a key of `SEPARATORS`.

    Args:
        path: The file, for its suffix.
        rows: The first rows.
        named: Whether vertices are named by strings; else they are integers.
        are_pairs: Whether each row is known to be of two names.

    Raises:
        ValueError: If commas and blanks may separate names as well.
    """
    found = None if named else _of_integers(rows)
    if found is not None:
        return found
    # Also without names where integers should be: a message will show the right column.
    suffix = bare_suffix(path)
    if suffix == ".csv":
        return _first_that_splits(rows, _by_place)
    # In other files names may hold commas.
    found = None if suffix == ".tsv" else _of_equal_rows(path, rows, are_pairs)
    return found or _first_that_splits(
        rows, lambda _: ("tab", "blank", "comma", "semicolon", "pipe")
    )


def _of_integers(rows: list[bytes]) -> str | None:
    """The separator of integers in one of the first two rows; None if there is none."""
    # The first one may be a header.
    for row in rows[1::-1]:
        for name in _by_place(row):
            if sum(is_whole(column) for column in columns_by(row, name)) > 1:
                return name
    return None


def _first_that_splits(rows: list[bytes], names: Callable[[bytes], Sequence[str]]) -> str:
    """The first of the separators that `names` gives for a row to split one of the first two."""
    for row in rows[1::-1]:
        for name in names(row):
            if len(columns_by(row, name)) > 1:
                return name
    return "blank"


def _of_equal_rows(path: Path, rows: list[bytes], are_pairs: bool) -> str | None:
    """The separator by which all rows have equally many columns, at least two.

    Tabs go before all others, since no name holds one, and semicolons and pipes before commas and
    blanks. More names hold blanks than commas, so blanks are it where by them alone two columns
    share names, as ends do.

    Raises:
        ValueError: If neither commas nor blanks make such columns, and blanks make fewer.
    """
    found = {}
    for name in ("tab", "semicolon", "pipe", "comma", "blank"):
        columns = [columns_by(row, name) for row in rows]
        if len({len(row) for row in columns}) == 1 and len(columns[0]) > 1:
            found[name] = columns
    # As in `ann, bob`, where the blank belongs to the comma.
    if any(cell.endswith((b",", b";")) for row in found.get("blank", ()) for cell in row):
        del found["blank"]
    certain = next((name for name in ("tab", "semicolon", "pipe") if name in found), None)
    if certain is not None:
        return certain
    if len(found) < 2:
        return next(iter(found), None)
    if _shared(found["comma"]):
        return "comma"
    if _shared(found["blank"]):
        return "blank"
    if are_pairs and len(found["blank"][0]) == 2:
        return "blank"
    if len(found["comma"][0]) > len(found["blank"][0]):
        raise ValueError(
            f"{path} has {len(found['comma'][0])} columns by commas and {len(found['blank'][0])} by"
            f" blanks, as in {printable(rows[0])!r}: pass --separator comma or --separator blank"
        )
    return "comma"


def _shared(rows: list[list[bytes]]) -> bool:
    """Whether two of the columns have a name in common."""
    names = [set(column) for column in list(zip(*rows, strict=True))[:_MOST_COLUMNS]]
    return any(left & right for left, right in combinations(names, 2))


def columns_by(row: bytes, name: str) -> list[bytes]:
    """The columns of a row, cut at a separator that is a key of `SEPARATORS`.

    One that the row has within quotes alone separates nothing.
    """
    mark = SEPARATORS[name].encode()
    marks = (b" ", b"\t") if name == "blank" else (mark,)
    bare = _without_quoted(row)
    if not any(sign in bare for sign in marks):
        return [row.strip()]
    return columns_of(row, ord(mark))


def _by_place(row: bytes) -> list[str]:
    """The separators that a row holds in the order in which they first come; blanks last."""
    bare = _without_quoted(row)
    place = {name: bare.find(SEPARATORS[name].encode()) for name in SEPARATORS if name != "blank"}
    return [*sorted((name for name in place if place[name] >= 0), key=place.__getitem__), "blank"]


def _without_quoted(row: bytes) -> bytes:
    return re.sub(rb'"(?:[^"]|"")*"', b'""', row)


def is_whole(column: bytes) -> bool:
    """Whether a column holds an integer, maybe with a point and zeros."""
    whole, _, zeros = column.partition(b".")
    # In `1.000` the point may part thousands.
    return is_integer(whole) and not zeros.strip(b"0") and len(zeros) != 3


def is_integer(column: bytes) -> bool:
    """Whether a column holds an integer."""
    return column[column[:1] in (b"+", b"-") :].isdigit()
