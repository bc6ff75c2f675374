"""Edge lists: a row of text for each edge, two of its columns the ends."""

import re
from collections.abc import Sequence
from dataclasses import replace
from io import BufferedIOBase
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool

from jwi.io import text as rows_of_text
from jwi.io.block import is_block, refuse_blocks
from jwi.io.content import Content, Source
from jwi.io.dense import dense_content
from jwi.io.dialect import SEPARATORS
from jwi.io.edge_checks import (
    check_arrows,
    check_promise,
    check_widths,
    comment_notes,
    gap_notes,
    phantom_notes,
    refuse_line,
    refuse_lists,
    refuse_marks,
    refuse_other_files,
    refuse_parts,
    refuse_phantoms,
)
from jwi.io.encoding import decoded
from jwi.io.layout import Columns, Layout, find_columns, find_layout
from jwi.io.options import Options
from jwi.io.refusals import printable
from jwi.io.sheet import Sheet, lines_of
from jwi.io.sides import Sides, in_sides
from jwi.io.text import Rows, read_rows
from jwi.io.words import sizes_of, words_of

_EXCEL = re.compile(rb'"?sep=(.)"?\s*$', re.IGNORECASE)


class _Entries(NamedTuple):
    """The rows of an edge list as edges.

    Attributes:
        vertices: Their names, and the numbers of the ends.
        rows: Where the rows are in the text.
        notes: What a reader of the file is told of them.
        counted: Where the text counts the rows, from and to; None if it does not.
    """

    vertices: Sides
    rows: Rows
    notes: list[str]
    counted: tuple[int, int] | None


def read(source: Source) -> Content:
    """Reads an edge list; see `read_edge_list`."""
    return read_edge_list(source, "edges: pass a row of two vertices for each edge")


def read_edge_list(source: Source, wanted: str) -> Content:
    """Reads an edge list.

    Args:
        source: The file and the user's options.
        wanted: What a file without rows has none of, and what to give.

    Returns:
        Its rows. Rewritten, rows are as they were, and so are comments and the header.

    Raises:
        ValueError: With the line, if a row has no two ends, or they are not of the expected kind;
            if it is not clear what the columns are.
    """
    path, options = source.path, source.options
    text = decoded(path, source.content, options.encoding)
    refuse_other_files(path, text.content)
    sheet = lines_of(path, text.content, options.named, options.comment, options.separator)
    if options.comment is None:
        refuse_parts(sheet)
    refuse_marks(sheet)
    sheet, separator = _without_excel(sheet, options.separator)
    layout = find_layout(sheet, options, separator)
    if not source.told and is_block(sheet, layout, options):
        return dense_content(text, sheet, layout)
    words = words_of(sheet, layout, source.directed)
    if words.konect and options.columns is None:
        options = replace(options, columns=(1, 2))
    columns = find_columns(layout.table, options)
    if not source.told and options.columns is None:
        refuse_blocks(sheet, layout, columns)
    if options.columns is None and (words.directed if source.directed is None else source.directed):
        check_arrows(layout.table, columns)
    if options.named and not source.told:
        refuse_lists(layout.table, columns)
    entries = _entries(sheet, layout, columns, options, wanted)
    check_promise(path, words, len(entries.rows.ends))
    told = options.columns is not None
    one = entries.vertices
    sides = in_sides(layout.table, columns, words, one, bipartite=options.bipartite, told=told)
    counted = entries.counted
    if words.num_rows is not None:
        counted = _number_in(sheet, int(sheet.comments[1]), 0)

    def rewrite(file: BufferedIOBase, keep: Bool[np.ndarray, " M"]) -> None:
        body = kept_lines(sheet.text, entries.rows, keep)
        if counted is not None:
            # A row of sizes and KONECT's second line come before all edges.
            body = body[: counted[0]] + b"%d" % keep.sum() + body[counted[1] :]
            if not keep.any() and words.num_rows is None:
                # A row of sizes alone would be an edge.
                first = body.rfind(b"\n", 0, counted[0]) + 1
                body = body[:first] + b"# " + body[first:]
        file.write(text.encode(body))

    senders, receivers = sides.ends.T
    unclear = words.unclear if source.directed is None else None
    notes = (
        *text.notes,
        *columns.notes(layout.table),
        *entries.notes,
        *sides.notes,
        *gap_notes(sides.labels),
        *comment_notes(sheet.first_comments(), len(sheet.comments), unclear),
    )
    weights = weights_of(path, sheet.text, entries.rows) if columns.weight >= 0 else None
    return Content(
        senders, receivers, sides.labels, words.directed, rewrite, notes, layout.separator,
        words.source, weights,
    )  # fmt: skip


def width_notes(widths: tuple[int, int]) -> list[str]:
    """A note on rows of different lengths, from the fewest to the most columns."""
    fewest, most = widths
    if fewest == most:
        return []
    return [f"rows have {fewest} to {most} columns (for lists of neighbors: --format adjlist)"]


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


def _without_excel(sheet: Sheet, separator: str | None) -> tuple[Sheet, str | None]:
    """The sheet without the line by which Excel is told a separator, and that."""
    first = int(np.argmax(sheet.is_row)) if sheet.is_row.any() else 0
    told = _EXCEL.match(sheet.line(first).strip()) if sheet.is_row.any() else None
    name = next(
        (key for key, mark in SEPARATORS.items() if told and mark.encode() == told[1]), None
    )
    if told is None or (name is None and separator is None):
        return sheet, separator
    return sheet.without(first), separator or name


def _entries(
    sheet: Sheet, layout: Layout, columns: Columns, options: Options, wanted: str
) -> _Entries:
    """The rows as edges."""
    path = sheet.path
    rows, num_vertices, notes, counted = _rows(sheet, layout, columns, options)
    if rows.problem != rows_of_text.OK:
        refuse_line(sheet, rows, layout, columns)
    if len(rows.ends) == 0:
        raise ValueError(f"{path} has no {wanted}{_if_header(sheet, layout, options.header)}")
    check_widths(sheet, rows, layout, guessed=options.columns is None)
    notes += width_notes(rows.columns)
    labels: Sequence | np.ndarray
    labels, ends = _names(path, sheet.text, rows) if options.named else number(rows.ends)
    if options.header is None:
        refuse_phantoms(sheet, layout, columns, ends, labels)
        notes += phantom_notes(layout, columns, ends, labels)
    if num_vertices > len(labels):
        low = int(rows.ends.min() > 0)
        ends = np.asarray(labels)[ends] - low
        labels = range(low, num_vertices + low)
    return _Entries(Sides(labels, ends), rows, notes, counted)


def _rows(
    sheet: Sheet, layout: Layout, columns: Columns, options: Options
) -> tuple[Rows, int, list[str], tuple[int, int] | None]:
    """The rows; the vertices that the first one promises, or 0; the notes; where rows are counted.

    Raises:
        ValueError: If the first row may be sizes and a flag, or an edge.
    """

    def read(lines: Sheet) -> Rows:
        chosen = np.array(columns, np.int64)
        return read_rows(
            lines.text, lines.line_starts, lines.is_row, layout.byte, chosen, options.named
        )

    if layout.header >= 0:
        return read(sheet.without(layout.header)), 0, [], None
    count = int(sheet.is_row.sum())
    first = int(np.argmax(sheet.is_row)) if count else 0
    cells = layout.table.rows[0] if count > 1 else []
    promise = str(count - 1).encode() in cells[-2:] or len(cells) == 1
    if promise and not options.named and options.header is None and len(cells) < 4:
        rows = read(sheet.without(first))
        read_all = rows.problem == rows_of_text.OK
        num_vertices = sizes_of(cells, rows.ends) if read_all else None
        row = printable(sheet.line(first))
        flagged = cells[:-1]
        if num_vertices is None and read_all and flagged and sizes_of(flagged, rows.ends):
            raise ValueError(
                f"{sheet.path}: the first row, {row!r}, may be an edge, or sizes and a flag:"
                " --no-header takes it for an edge, --header for none"
            )
        if num_vertices is not None:
            note = f"first row: {row!r} is the sizes of the graph (--no-header makes it an edge)"
            counts = len(cells) > 1 or num_vertices == 0
            return rows, num_vertices, [note], _number_in(sheet, first, -1) if counts else None
    return read(sheet), 0, [], None


def _number_in(sheet: Sheet, line: int, which: int) -> tuple[int, int]:
    """Where a number of a line is in the text, from and to."""
    start = int(sheet.line_starts[line])
    found = list(re.finditer(rb"\d+", sheet.line(line)))[which]
    return start + found.start(), start + found.end()


def _names(path: Path, text: np.ndarray, rows: Rows) -> tuple[list[str], np.ndarray]:
    """The labels by first appearance, and the ends of each row as their numbers, int64[M, 2]."""
    content = text.tobytes()
    number_of: dict[str, int] = {}
    numbers = []
    for first, last in rows.labels.tolist():
        name = _decoded(path, content, first, last)
        if content[first - 1 : first] == b'"':
            name = name.replace('""', '"')
        # A name in quotes and the same without are two spans.
        numbers.append(number_of.setdefault(name, len(number_of)))
    return list(number_of), np.array(numbers)[rows.ends]


def _decoded(path: Path, content: bytes, first: int, last: int) -> str:
    name = content[first:last]
    try:
        return name.decode("utf-8")
    except UnicodeDecodeError:
        line = 1 + content[:first].count(b"\n")
        raise ValueError(
            f"{path}, line {line}: {name!r} is not UTF-8: pass its encoding, for instance"
            " --encoding latin-1"
        ) from None


def weights_of(path: Path, text: np.ndarray, rows: Rows) -> np.ndarray:
    """The weights of rows, float64[M].

    Raises:
        ValueError: If one is no finite number.
    """
    content = text.tobytes()
    cells = [content[first:last] for first, last in rows.weights.tolist()]
    try:
        weights = np.array([float(cell) for cell in cells])
    except ValueError as error:
        raise ValueError(f"{path}: a weight is no number ({error}): name another column") from None
    if not np.isfinite(weights).all():
        raise ValueError(f"{path}: a weight is not finite: leave out its row, or pass a number")
    return weights


def _if_header(sheet: Sheet, layout: Layout, header: bool | None) -> str:
    """What to add for a file without rows, if its only one was guessed to be a header."""
    if header is not None or layout.header < 0:
        return ""
    row = printable(sheet.line(layout.header))
    return f"; {row!r} was taken for names of columns: --no-header takes it for an edge"
