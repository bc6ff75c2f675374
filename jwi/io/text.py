"""Rows of text: the two ends of an edge in each, compiled.

Which lines are rows is told from outside. Columns are separated by one separator, or by blanks
where that is 0. Quotes hold a column together, and a doubled quote stands for itself within them.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from numba import njit

NOT_A_ROW = -1
OK, FEW_COLUMNS, OPEN_QUOTE, NO_INTEGER, TOO_LARGE, NO_NAME = range(6)
# That an int64 holds for sure.
MOST_DIGITS = 18

_NEWLINE, _SPACE, _QUOTE, _PLUS, _MINUS, _POINT, _ZERO, _NINE = (ord(c) for c in '\n "+-.09')


class Rows(NamedTuple):
    """The rows of a text.

    Attributes:
        ends: int64[M, 2], the integers in the two columns of the ends, or numbers of labels by
            first appearance.
        weights: int64[M, 2], where the weight of each row starts and ends in the text; no rows if
            none is asked for.
        labels: int64[n, 2], where each label starts and ends in the text; n = 0 for integers. The
            same label with and without quotes is two.
        line_starts: int64[lines + 1].
        row_of_line: int64[lines], −1 for lines that are no rows.
        columns: the smallest and the largest number of columns of a row, 0 and 0 without rows.
        problem: The mistake in the last line read; `OK` if there is none.
        column: where, counted from 0.
    """

    ends: np.ndarray
    weights: np.ndarray
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
def first_bytes(text, line_starts):
    """The first two bytes of each line after its blanks, uint8[lines, 2]; 0 where there is none."""
    found = np.zeros((len(line_starts) - 1, 2), np.uint8)
    for line in range(len(found)):
        place, end = _trimmed(text, line_starts[line], line_starts[line + 1])
        for byte in range(min(2, end - place)):
            found[line, byte] = text[place + byte]
    return found


@njit(cache=True)
@no_type_check
def read_rows(text, line_starts, is_row, separator, columns, as_labels):
    """The rows, as far as they can be read.

    Args:
        text: uint8[bytes].
        line_starts: int64[lines + 1].
        is_row: bool[lines].
        separator: a byte; 0 for blanks.
        columns: int64[3], the columns of the two ends and of the weight, counted from 0; −1 for no
            weight.
        as_labels: whether vertices are named, not numbered.
    """
    lines = len(line_starts) - 1
    num_rows = np.sum(is_row)
    ends = np.empty((num_rows, 2), np.int64)
    weights = np.empty((num_rows if columns[2] >= 0 else 0, 2), np.int64)
    row_of_line = np.full(lines, NOT_A_ROW, np.int64)
    names = _no_names(num_rows if as_labels else 0)
    needed = np.max(columns) + 1
    row, num_names, fewest, most = 0, 0, 0, 0
    for line in range(lines):
        if not is_row[line]:
            continue
        # A tab that separates is no blank before the first column.
        place, end = line_starts[line], _trimmed(text, line_starts[line], line_starts[line + 1])[1]
        column, problem = 0, OK
        while place >= 0:
            first, last, place = next_column(text, place, end, separator)
            is_end = column == columns[0] or column == columns[1]
            number = np.int64(0)
            if first < 0:
                problem = OPEN_QUOTE
            elif is_end and as_labels and first == last:
                problem = NO_NAME
            elif is_end and as_labels:
                number, num_names = _number_of_name(text, first, last, names, num_names)
            elif is_end:
                problem, number = _integer(text, first, last)
            elif column == columns[2]:
                weights[row, 0], weights[row, 1] = first, last
            if problem != OK:
                break
            if column == columns[0]:
                ends[row, 0] = number
            if column == columns[1]:
                ends[row, 1] = number
            column += 1
        if problem == OK and column < needed:
            problem = FEW_COLUMNS
        if problem != OK:
            # The lines before this one are all that was read.
            return Rows(ends[:row], weights[:row], names[0][:num_names], line_starts,
                        row_of_line[:line], (0, 0), problem, column)  # fmt: skip
        fewest = column if row == 0 else min(fewest, column)
        most = max(most, column)
        row_of_line[line] = row
        row += 1
    return Rows(ends, weights, names[0][:num_names], line_starts, row_of_line, (fewest, most),
                OK, 0)  # fmt: skip


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
    """Whether a span is an integer of at most 18 digits, as `7` or `7.0`, and that integer."""
    negative = first < last and text[first] == _MINUS
    if first < last and (negative or text[first] == _PLUS):
        first += 1
    # As programs write integers that they hold as floats.
    point = last
    while point > first and text[point - 1] == _ZERO:
        point -= 1
    # In `1.000` the point may part thousands.
    if point > first and text[point - 1] == _POINT and last - point != 3:
        last = point - 1
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
