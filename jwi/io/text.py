"""Rows of text: the two ends of an edge in each, compiled.

A row is a line that is not blank and not a comment; a comment begins with # or %. Columns are
separated by one separator, or by blanks where that is 0. Quotes hold a column together, and a
doubled quote stands for itself within them.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from numba import njit

NOT_A_ROW = -1
OK, ONE_COLUMN, OPEN_QUOTE, NO_INTEGER, TOO_LARGE, NO_NAME = range(6)
# That an int64 holds for sure.
MOST_DIGITS = 18

_NEWLINE, _RETURN, _TAB, _SPACE, _QUOTE = (ord(c) for c in '\n\r\t "')
_HASH, _PERCENT, _PLUS, _MINUS, _ZERO, _NINE = (ord(c) for c in "#%+-09")


class Rows(NamedTuple):
    """The rows of a text.

    Attributes:
        ends: int64[M, 2], the integers in the first two columns, or numbers of labels by first
            appearance.
        labels: int64[n, 2], where each label starts and ends in the text; n = 0 for integers. The
            same label with and without quotes is two.
        line_starts: int64[lines + 1].
        row_of_line: int64[lines], −1 for lines that are no rows.
        columns: the smallest and the largest number of columns of a row, 0 and 0 without rows.
        problem: what is wrong with the last line read, `OK` if nothing is.
        column: where, 0 or 1.
    """

    ends: np.ndarray
    labels: np.ndarray
    line_starts: np.ndarray
    row_of_line: np.ndarray
    columns: tuple[int, int]
    problem: int
    column: int


def columns_of(line: bytes, separator: int) -> list[bytes]:
    """The columns of one line, without quotes around them; an open quote ends with the line."""
    text = np.frombuffer(line.rstrip(b"\r\n"), np.uint8)
    found, place = [], 0
    while place >= 0:
        first, last, place = next_column(text, place, len(text), separator)
        if first < 0:
            break
        found.append(text[first:last].tobytes())
    return found


@njit(cache=True)
@no_type_check
def line_starts_of(text):
    """Where lines start, int64[lines + 1]; the last number is the length of the text."""
    count = 0
    for place in range(len(text)):
        count += text[place] == _NEWLINE
    ends_open = len(text) > 0 and text[-1] != _NEWLINE
    starts = np.zeros(count + ends_open + 1, np.int64)
    line = 0
    for place in range(len(text)):
        if text[place] == _NEWLINE:
            line += 1
            starts[line] = place + 1
    starts[-1] = len(text)
    return starts


@njit(cache=True)
@no_type_check
def read_rows(text, line_starts, skipped, separator, as_labels):
    """The rows, as far as they can be read.

    Args:
        text: uint8[bytes].
        line_starts: int64[lines + 1].
        skipped: a line that is no row whatever it holds; −1 for none.
        separator: a byte; 0 for blanks.
        as_labels: whether vertices are named, not numbered.
    """
    lines = len(line_starts) - 1
    ends = np.empty((lines, 2), np.int64)
    row_of_line = np.full(lines, NOT_A_ROW, np.int64)
    names = _no_names(lines if as_labels else 0)
    rows, num_names, fewest, most = 0, 0, 0, 0
    for line in range(lines):
        place, end = _trimmed(text, line_starts[line], line_starts[line + 1])
        comment = place < end and (text[place] == _HASH or text[place] == _PERCENT)
        if place == end or comment or line == skipped:
            continue
        # A tab that separates is no blank before the first column.
        place = line_starts[line]
        columns = 0
        while place >= 0:
            first, last, place = next_column(text, place, end, separator)
            problem, number = OK, np.int64(0)
            if first < 0:
                problem = OPEN_QUOTE
            elif columns < 2 and as_labels and first == last:
                problem = NO_NAME
            elif columns < 2 and as_labels:
                number, num_names = _number_of_name(text, first, last, names, num_names)
            elif columns < 2:
                problem, number = _integer(text, first, last)
            if problem != OK:
                return _rows(ends, rows, names, num_names, line_starts, row_of_line, (0, 0),
                             problem, columns, line)  # fmt: skip
            if columns < 2:
                ends[rows, columns] = number
            columns += 1
        if columns < 2:
            return _rows(ends, rows, names, num_names, line_starts, row_of_line, (0, 0),
                         ONE_COLUMN, 1, line)  # fmt: skip
        fewest = columns if rows == 0 else min(fewest, columns)
        most = max(most, columns)
        row_of_line[line] = rows
        rows += 1
    return _rows(ends, rows, names, num_names, line_starts, row_of_line, (fewest, most),
                 OK, 0, lines)  # fmt: skip


@njit(cache=True)
@no_type_check
def _rows(ends, rows, names, num_names, line_starts, row_of_line, columns, problem, column, line):
    """`Rows` of what was read: of `row_of_line`, the lines before `line`."""
    return Rows(
        ends[:rows],
        names[0][:num_names],
        line_starts,
        row_of_line[:line],
        columns,
        problem,
        column,
    )


@njit(cache=True)
@no_type_check
def _trimmed(text, first, last):
    """A span without the blanks around it."""
    while first < last and text[first] <= _SPACE:
        first += 1
    while last > first and text[last - 1] <= _SPACE:
        last -= 1
    return first, last


@njit(cache=True)
@no_type_check
def next_column(text, place, end, separator):
    """The column at a place, and where the next one begins.

    Returns:
        Where the column starts and ends, without quotes; the next place, −1 after the last column.
        −1, −1, −1 if a quote is not closed.
    """
    while place < end and text[place] <= _SPACE and text[place] != separator:
        place += 1
    if place < end and text[place] == _QUOTE:
        first = place + 1
        last = first
        while last < end:
            doubled = last + 1 < end and text[last + 1] == _QUOTE
            if text[last] == _QUOTE and not doubled:
                break
            last += 2 if text[last] == _QUOTE else 1
        if last >= end:
            return -1, -1, -1
        place = last + 1
    else:
        first = place
        while place < end and not _separates(text[place], separator):
            place += 1
        last = _trimmed(text, first, place)[1]
    while place < end and not _separates(text[place], separator):
        place += 1
    if separator == 0:
        while place < end and text[place] <= _SPACE:
            place += 1
        return first, last, place if place < end else -1
    return first, last, place + 1 if place < end else -1


@njit(cache=True)
@no_type_check
def _separates(byte, separator):
    return byte == separator if separator != 0 else byte <= _SPACE


@njit(cache=True)
@no_type_check
def _integer(text, first, last):
    """Whether a span is an integer of at most 18 digits, and that integer."""
    negative = first < last and text[first] == _MINUS
    if first < last and (negative or text[first] == _PLUS):
        first += 1
    if first == last:
        return NO_INTEGER, np.int64(0)
    for place in range(first, last):
        if text[place] < _ZERO or text[place] > _NINE:
            return NO_INTEGER, np.int64(0)
    if last - first > MOST_DIGITS:
        return TOO_LARGE, np.int64(0)
    number = np.int64(0)
    for place in range(first, last):
        number = number * 10 + (np.int64(text[place]) - _ZERO)
    return OK, -number if negative else number


@njit(cache=True)
@no_type_check
def _no_names(lines):
    """Room for two names a line: their spans, and a hash table of their numbers, −1 for none."""
    size = 4
    while size < 3 * lines:
        size *= 2
    return np.empty((2 * lines, 2), np.int64), np.full(size, -1, np.int32)


@njit(cache=True)
@no_type_check
def _number_of_name(text, first, last, names, num_names):
    """The number of the name in a span, and how many names there are with it."""
    spans, table = names
    # FNV-1a; what decides is the comparison below.
    key = np.uint64(14695981039346656037)
    for place in range(first, last):
        key = (key ^ np.uint64(text[place])) * np.uint64(1099511628211)
    slot = np.int64((key ^ (key >> np.uint64(29))) & np.uint64(len(table) - 1))
    while table[slot] >= 0:
        start, stop = spans[table[slot]]
        # Only within quotes a doubled quote stands for one.
        same = _is_quoted(text, start) == _is_quoted(text, first)
        if same and stop - start == last - first:
            for place in range(last - first):
                if text[start + place] != text[first + place]:
                    same = False
                    break
            if same:
                return table[slot], num_names
        slot = (slot + 1) & (len(table) - 1)
    table[slot] = num_names
    spans[num_names, 0], spans[num_names, 1] = first, last
    return np.int64(num_names), num_names + 1


@njit(cache=True)
@no_type_check
def _is_quoted(text, first):
    """Whether a column that starts at a place is in quotes."""
    return first > 0 and text[first - 1] == _QUOTE
