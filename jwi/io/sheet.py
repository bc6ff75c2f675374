"""The lines of a text: which are rows, and which are comments."""

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int, UInt8

from jwi.io.dialect import columns_by, find_separator
from jwi.io.text import first_bytes, line_starts_of

# Marks of comments that are looked for.
_MARKS = b"#%"
_FIRST_ROWS = 100
_FIRST_COMMENTS = 1000
_ESCAPED = re.compile(rb"%[0-9A-Fa-f]{2}")


class Sheet(NamedTuple):
    """The lines of a text.

    Attributes:
        path: The file, for messages.
        text: uint8[bytes].
        line_starts: int64[lines + 1].
        is_row: bool[lines], neither blank nor a comment.
        comments: int[C], the lines that are comments.
        lines_before: How many lines of the file come before, for messages.
    """

    path: Path
    text: UInt8[np.ndarray, " bytes"]
    line_starts: Int[np.ndarray, " starts"]
    is_row: Bool[np.ndarray, " lines"]
    comments: Int[np.ndarray, " C"]
    lines_before: int = 0

    def line(self, number: int) -> bytes:
        """A line, counted from 0."""
        start, end = self.line_starts[number : number + 2]
        return self.text[start:end].tobytes()

    def rows(self, count: int) -> list[bytes]:
        """The first rows."""
        return [self.line(number) for number in np.flatnonzero(self.is_row)[:count].tolist()]

    def first_comments(self) -> list[bytes]:
        """The first lines that are comments."""
        return [self.line(number) for number in self.comments[:_FIRST_COMMENTS].tolist()]

    def without(self, line: int) -> "Sheet":
        """The same with one line that is no row."""
        is_row = self.is_row.copy()
        is_row[line] = False
        return self._replace(is_row=is_row)


def lines_of(
    path: Path, content: bytes, named: bool, comment: str | None, separator: str | None = None
) -> Sheet:
    """The lines of a text.

    Where vertices are named, a line that begins with a mark is a comment if a blank follows the
    mark, and else a row if it looks and is used like one.

    Args:
        path: The file, for messages.
        content: UTF-8 text.
        named: Whether vertices are named by strings.
        comment: The characters that begin comments; None to guess.
        separator: Of columns, a key of `SEPARATORS`; None to guess.

    Raises:
        ValueError: If lines may be comments as well as rows.
    """
    text = np.frombuffer(content, np.uint8)
    line_starts = line_starts_of(text)
    first, second = first_bytes(text, line_starts).T
    filled = first > 0
    marks = _MARKS if comment is None else comment.encode()
    marked = filled & np.isin(first, np.frombuffer(marks, np.uint8))
    sheet = Sheet(path, text, line_starts, filled & ~marked, np.flatnonzero(marked))
    # A mark alone, `# words`, `## words` and `#!` are comments whatever the names are.
    unclear = marked & (second > ord(" ")) & (second != first) & (second != ord("!"))
    if comment is not None or not named or not unclear.any():
        return sheet
    for mark in marks:
        lines = np.flatnonzero(unclear & (first == mark))
        rows = _rows_among(sheet, lines.tolist(), bytes([mark]), separator)
        sheet.is_row[rows] = True
        marked[rows] = False
    return sheet._replace(comments=np.flatnonzero(marked))


def _rows_among(sheet: Sheet, lines: list[int], mark: bytes, separator: str | None) -> list[int]:
    """Which of the lines that begin with a mark, and no blank after it, are rows."""
    plain = sheet.rows(_FIRST_ROWS)
    sample = [*plain, *(sheet.line(line) for line in lines[:_FIRST_ROWS])]
    separator = separator or find_separator(sheet.path, sample, named=True)
    usual = Counter(len(columns_by(row, separator)) for row in sample).most_common(1)
    width = usual[0][0] if usual else 0
    candidates = {line: columns_by(sheet.line(line), separator) for line in lines}
    candidates = {line: row for line, row in candidates.items() if len(row) == width > 1}
    if not candidates:
        return []
    plain_names = [name for row in plain for name in columns_by(row, separator)[:2]]
    names = Counter(name for row in candidates.values() for name in row[:2])
    names.update(name for name in plain_names if name.startswith(mark))
    used_again = any(names[row[0]] > 1 for row in candidates.values())
    if used_again or all(_ESCAPED.match(row[0]) for row in candidates.values()):
        return list(candidates)
    # Comments before the first row, and rows that a mark puts out.
    known, first = set(plain_names), int(np.argmax(sheet.is_row)) if plain else len(sheet.is_row)
    late = [line for line in candidates if line > first]
    other_names = [*plain_names, *(row[1] for row in candidates.values())]
    if any(name.startswith(mark) for name in other_names):
        late = list(candidates)
    elif all(candidates[line][0][1:] in known for line in late):
        return []
    line, mark_ = late[0], mark.decode()
    raise ValueError(
        f"{sheet.path}, line {line + 1}: the line begins with {mark_} and has {width} columns as"
        f" rows have: --comment '{mark_}' takes such lines for comments, --comment '' for edges"
    )
