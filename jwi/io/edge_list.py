"""Edge lists: a row of text for each edge, its first two columns the ends."""

import re
from collections.abc import Sequence
from io import BufferedIOBase
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple, NoReturn

import numpy as np
from jaxtyping import Bool

from jwi.io import text as rows_of_text
from jwi.io.content import Content
from jwi.io.text import Rows, columns_of, line_starts_of, read_rows

SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "blank": "\0"}

_BOM = b"\xef\xbb\xbf"
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
        separator: a byte, 0 for blanks.
        header: the line of the column names, counted from 0; −1 if there is none.
    """

    separator: int
    header: int


def read_edge_list(
    path: Path, content: bytes, *, named: bool, separator: str | None, header: bool | None
) -> Content:
    """Reads an edge list.

    Args:
        path: the file, for messages, and for its suffix.
        content: what is in it.
        named: whether vertices are named by strings; else they are integers.
        separator: of columns, a key of `SEPARATORS`; None to guess.
        header: whether the first row is the names of columns; None to guess.

    Returns:
        Its rows. Rewritten, rows are as they were, and so are comments and the header.

    Raises:
        ValueError: with the line, if a row has no two ends, or they are not what they should be.
    """
    start = len(_BOM) if content.startswith(_BOM) else 0
    _refuse_other_files(path, content)
    text = np.frombuffer(content, np.uint8)[start:]
    line_starts = line_starts_of(text)
    dialect = _dialect(path, text, line_starts, named, separator, header)
    rows = read_rows(text, line_starts, dialect.header, dialect.separator, named)
    if rows.problem != rows_of_text.OK:
        _refuse_line(path, text, rows, dialect)
    if len(rows.ends) == 0:
        raise ValueError(f"{path} has no edges: give a row of two vertices for each edge")
    labels: Sequence | np.ndarray
    labels, ends = (_names(path, text, rows), rows.ends) if named else number(rows.ends)

    def rewrite(file: BufferedIOBase, keep: Bool[np.ndarray, " M"]) -> None:
        file.write(content[:start])
        file.write(kept_lines(text, rows, keep))

    (between,) = (name for name, mark in SEPARATORS.items() if ord(mark) == dialect.separator)
    notes = _notes(text, rows, dialect)
    return Content(ends[:, 0], ends[:, 1], labels, None, rewrite, notes, between)


def kept_lines(text: np.ndarray, rows: Rows, keep: Bool[np.ndarray, " M"]) -> bytes:
    """The text without the lines of some rows, uint8[bytes] to bytes."""
    # The last place stands for lines that are no rows.
    lines = np.append(keep, True)[rows.row_of_line]
    return text[np.repeat(lines, np.diff(rows.line_starts))].tobytes()


def number(ids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The different ids in rising order, and each id's place among them."""
    low, high = int(ids.min()), int(ids.max())
    if high - low > 8 * ids.size:
        labels, places = np.unique(ids, return_inverse=True)
        return labels, places.reshape(ids.shape)
    present = np.zeros(high - low + 1, bool)
    present[ids - low] = True
    return np.flatnonzero(present) + low, (np.cumsum(present) - 1)[ids - low]


def _dialect(
    path: Path,
    text: np.ndarray,
    line_starts: np.ndarray,
    named: bool,
    separator: str | None,
    header: bool | None,
) -> Dialect:
    """The dialect, from the first rows."""
    first = _first_rows(text, line_starts, 2)
    if not first:
        return Dialect(0, -1)
    line, row = first[0]
    if separator is None:
        byte = _separator(path, [row for _, row in reversed(first)], named)
    else:
        byte = ord(SEPARATORS[separator])
    if header is None:
        header = _is_header(columns_of(row, byte)[:2], named)
        _refuse_other_columns(path, columns_of(row, byte))
    return Dialect(byte, line if header else -1)


def _first_rows(text: np.ndarray, line_starts: np.ndarray, count: int) -> list[tuple[int, bytes]]:
    """The first lines that are not blank and not comments, and which lines these are."""
    found: list[tuple[int, bytes]] = []
    for line, (start, end) in enumerate(pairwise(line_starts.tolist())):
        row = text[start:end].tobytes()
        if row.strip() and row.strip()[:1] not in b"#%":
            found.append((line, row))
        if len(found) == count:
            break
    return found


def _separator(path: Path, rows: list[bytes], named: bool) -> int:
    """The separator of the first of some rows that shows it, a byte; 0 for blanks."""
    for row in rows:
        bare = re.sub(rb'"(?:[^"]|"")*"', b'""', row)
        names = sorted(("comma", "semicolon", "tab"), key=lambda name: _place(bare, name))
        if named and ".csv" not in path.suffixes:
            # Names may hold commas.
            names = ["tab", "blank", "comma", "semicolon"]
        for name in [*names, "blank"]:
            byte = ord(SEPARATORS[name])
            columns = columns_of(row, byte)[:2] if _place(bare, name) < len(bare) else []
            if len(columns) == 2 and (named or all(_is_integer(column) for column in columns)):
                return byte
    return 0


def _place(row: bytes, name: str) -> int:
    """Where a separator comes first in a row; the row's length if it does not."""
    if name == "blank":
        return 0
    return (row + SEPARATORS[name].encode()).index(SEPARATORS[name].encode())


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


def _names(path: Path, text: np.ndarray, rows: Rows) -> list[str]:
    """The labels, in the order of their numbers."""
    content = text.tobytes()
    names = [content[first:last] for first, last in rows.labels.tolist()]
    try:
        return [name.decode("utf-8") for name in names]
    except UnicodeDecodeError as error:
        line = 1 + content[: content.index(error.object)].count(b"\n")
        raise ValueError(
            f"{path}, line {line}: {error.object!r} is not UTF-8: convert the file, for instance"
            " with iconv -f latin1 -t utf-8"
        ) from None


def _notes(text: np.ndarray, rows: Rows, dialect: Dialect) -> tuple[str, ...]:
    notes = []
    if dialect.header >= 0:
        start, end = rows.line_starts[dialect.header : dialect.header + 2]
        names = b", ".join(columns_of(text[start:end].tobytes(), dialect.separator))
        notes.append(f"header: {printable(names)}")
    fewest, most = rows.columns
    if fewest != most:
        notes.append(
            f"rows have {fewest} to {most} columns, only the first two are read (for lists of"
            " neighbors: --format adjlist)"
        )
    return tuple(notes)


def _refuse_other_files(path: Path, content: bytes) -> None:
    """Raises for what is no text of rows, or text of another format."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise ValueError(f"{path} is UTF-16 text: convert it with iconv -f utf-16 -t utf-8")
    if content[:2] == b"\x1f\x8b":
        raise ValueError(f"{path} is compressed: add .gz to its name")
    if b"\0" in content[:4096]:
        raise ValueError(f"{path} is not text: give it the suffix of its format, or --format")
    if content[:14].lower() == b"%%matrixmarket":
        raise ValueError(f"{path} is a Matrix Market file: name it .mtx, or add --format mtx")
    if content.lstrip()[:1] == b"<":
        raise ValueError(f"{path} is XML: name it .graphml or .gexf, or add --format")
    if b"\r" in content[:4096] and b"\n" not in content:
        raise ValueError(f"{path} has lines that end in CR alone: convert it with tr '\\r' '\\n'")


def _refuse_line(path: Path, text: np.ndarray, rows: Rows, dialect: Dialect) -> NoReturn:
    """Raises for the line after those that were read."""
    line = len(rows.row_of_line)
    row = text[rows.line_starts[line] : rows.line_starts[line + 1]].tobytes()
    where = f"{path}, line {line + 1}"
    if rows.problem == rows_of_text.ONE_COLUMN:
        raise ValueError(
            f"{where}: {printable(row)!r} has one column and not the two ends of an edge:"
            " --separator says what is between them"
        )
    if rows.problem == rows_of_text.OPEN_QUOTE:
        raise ValueError(f"{where}: {printable(row)!r} has a quote that is not closed: close it")
    value = printable(columns_of(row, dialect.separator)[rows.column])
    if rows.problem == rows_of_text.TOO_LARGE:
        raise ValueError(f"{where}: {value} has more than 18 digits: --labels takes ids as names")
    raise ValueError(
        f"{where}: {value!r} is not an integer: --labels takes names of vertices, --header a first"
        " row of column names; between columns are commas, semicolons, tabs or blanks"
    )


def printable(raw: bytes) -> str:
    """Text for a message: short, and without control characters."""
    shown = "".join(c if c.isprintable() else " " for c in raw.decode("utf-8", "replace")).strip()
    return shown if len(shown) <= 60 else shown[:57] + "…"
