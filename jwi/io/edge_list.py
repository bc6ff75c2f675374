"""Edge lists: a row of text for each edge, its first two columns the ends."""

from collections.abc import Sequence
from io import BufferedIOBase
from pathlib import Path
from typing import NoReturn

import numpy as np
from jaxtyping import Bool

from jwi.io import text as rows_of_text
from jwi.io.content import Content
from jwi.io.dialect import Dialect, find_dialect
from jwi.io.refusals import printable, text_start
from jwi.io.text import Rows, columns_of, line_starts_of, read_rows

# How XML begins; `<` alone begins a row of N-Triples, too.
_XML = (b"<?xml", b"<!doctype", b"<!--", b"<graphml", b"<gexf")


def read_edge_list(
    path: Path,
    content: bytes,
    *,
    named: bool,
    separator: str | None,
    header: bool | None,
    wanted: str = "edges: pass a row of two vertices for each edge",
) -> Content:
    """Reads an edge list.

    Args:
        path: the file, for messages, and for its suffix.
        content: what is in it.
        named: whether vertices are named by strings; else they are integers.
        separator: of columns, a key of `jwi.io.dialect.SEPARATORS`; None to guess.
        header: whether the first row is the names of columns; None to guess.
        wanted: what a file without rows has none of, and what to give.

    Returns:
        Its rows. Rewritten, rows are as they were, and so are comments and the header.

    Raises:
        ValueError: with the line, if a row has no two ends, or they are not what they should be.
    """
    start = text_start(path, content)
    _refuse_other_files(path, content[start:])
    text = np.frombuffer(content, np.uint8)[start:]
    line_starts = line_starts_of(text)
    dialect = find_dialect(path, text, line_starts, named=named, separator=separator, header=header)
    rows = read_rows(text, line_starts, dialect.header, dialect.byte, named)
    if rows.problem != rows_of_text.OK:
        _refuse_line(path, text, rows, dialect)
    if len(rows.ends) == 0:
        raise ValueError(f"{path} has no {wanted}{_if_header(text, rows, dialect, header)}")
    labels: Sequence | np.ndarray
    labels, ends = _names(path, text, rows) if named else number(rows.ends)

    def rewrite(file: BufferedIOBase, keep: Bool[np.ndarray, " M"]) -> None:
        file.write(content[:start])
        file.write(kept_lines(text, rows, keep))

    notes = _notes(text, rows, dialect)
    return Content(ends[:, 0], ends[:, 1], labels, None, rewrite, notes, dialect.separator)


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


def _names(path: Path, text: np.ndarray, rows: Rows) -> tuple[list[str], np.ndarray]:
    """The labels by first appearance, and the ends of each row as their numbers, int64[M, 2]."""
    content = text.tobytes()
    number_of: dict[str, int] = {}
    numbers = []
    for first, last in rows.labels.tolist():
        name = _decoded(path, content, content[first:last])
        if content[first - 1 : first] == b'"':
            name = name.replace('""', '"')
        # A name in quotes and the same without are two spans.
        numbers.append(number_of.setdefault(name, len(number_of)))
    return list(number_of), np.array(numbers)[rows.ends]


def _decoded(path: Path, content: bytes, name: bytes) -> str:
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        line = 1 + content[: content.index(name)].count(b"\n")
        raise ValueError(
            f"{path}, line {line}: {name!r} is not UTF-8: convert the file, for instance with iconv"
            " -f latin1 -t utf-8"
        ) from None


def _if_header(text: np.ndarray, rows: Rows, dialect: Dialect, header: bool | None) -> str:
    """What to add for a file without rows, if its only one was guessed to be a header."""
    if header is not None or dialect.header < 0:
        return ""
    row = printable(_line(text, rows, dialect.header))
    return f"; {row!r} was taken for names of columns: --no-header takes it for an edge"


def _notes(text: np.ndarray, rows: Rows, dialect: Dialect) -> tuple[str, ...]:
    notes = []
    if dialect.header >= 0:
        names = b", ".join(columns_of(_line(text, rows, dialect.header), dialect.byte))
        notes.append(f"header: {printable(names)}")
    fewest, most = rows.columns
    if fewest != most:
        notes.append(
            f"rows have {fewest} to {most} columns, only the first two are read (for lists of"
            " neighbors: --format adjlist)"
        )
    return tuple(notes)


def _line(text: np.ndarray, rows: Rows, line: int) -> bytes:
    start, end = rows.line_starts[line : line + 2]
    return text[start:end].tobytes()


def _refuse_other_files(path: Path, content: bytes) -> None:
    """Raises for what is no text of rows, or text of another format."""
    if b"\0" in content[:4096]:
        raise ValueError(f"{path} is not text: pass it the suffix of its format, or --format")
    if content[:14].lower() == b"%%matrixmarket":
        raise ValueError(f"{path} is a Matrix Market file: name it .mtx, or add --format mtx")
    if content[:4096].lstrip().lower().startswith(_XML):
        raise ValueError(f"{path} is XML: name it .graphml or .gexf, or add --format")
    if b"\r" in content[:4096] and b"\n" not in content:
        raise ValueError(f"{path} has lines that end in CR alone: convert it with tr '\\r' '\\n'")


def _refuse_line(path: Path, text: np.ndarray, rows: Rows, dialect: Dialect) -> NoReturn:
    """Raises for the line after those that were read."""
    line = len(rows.row_of_line)
    row = _line(text, rows, line)
    where = f"{path}, line {line + 1}"
    if rows.problem == rows_of_text.ONE_COLUMN:
        raise ValueError(
            f"{where}: {printable(row)!r} has one column and not two: between columns are commas,"
            " semicolons, tabs or blanks, and --separator says which"
        )
    if rows.problem == rows_of_text.OPEN_QUOTE:
        raise ValueError(f"{where}: {printable(row)!r} has a quote that is not closed: close it")
    if rows.problem == rows_of_text.NO_NAME:
        raise ValueError(
            f"{where}: {printable(row)!r} has no name in column {rows.column + 1}: pass one, or"
            " leave out the row"
        )
    value = printable(columns_of(row, dialect.byte)[rows.column])
    if rows.problem == rows_of_text.TOO_LARGE:
        raise ValueError(f"{where}: {value} has more than 18 digits: --labels takes ids as names")
    header = "" if dialect.header >= 0 else " --header a first row of column names;"
    raise ValueError(
        f"{where}: {value!r} is not an integer: --labels takes names of vertices;{header} between"
        " columns are commas, semicolons, tabs or blanks"
    )
