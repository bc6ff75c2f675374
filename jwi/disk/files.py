"""Files of edges that are read and written in blocks: rows of text, and NumPy's pairs."""

from collections.abc import Iterator
from dataclasses import replace
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import numpy as np

from jwi.disk.arrays import BLOCK
from jwi.disk.later_blocks import LaterBlocks
from jwi.io import text as rows_of_text
from jwi.io.columns import Table
from jwi.io.content import Source
from jwi.io.edge_checks import refuse_line, refuse_parts
from jwi.io.edge_list import read_edge_list, width_notes
from jwi.io.encoding import decoded
from jwi.io.files import blocks_of
from jwi.io.formats import recognized_format
from jwi.io.graph_file import direction_notes
from jwi.io.header import ends_of
from jwi.io.layout import Columns, Layout, find_columns, find_layout
from jwi.io.options import Options
from jwi.io.refusals import printable
from jwi.io.sheet import Sheet, lines_of
from jwi.io.sides import Numbered, Sides, in_sides, judged
from jwi.io.words import Words, words_of

_BYTES = 1 << 25


class TextFile:
    """Rows of text. The first block is read as whole files are, with all their checks.

    Later blocks are read as the first one, and stop where they are laid out in another way.

    Attributes:
        directed: Whether edges can be walked one way only.
        notes: How it is understood, a sentence each; complete when `check_sides` is called.
        separator: Between its columns.
        all_numbers: Whether all numbers up to the largest are vertices, with edges or without.
    """

    all_numbers = False

    def __init__(self, path: Path, options: Options, directed: bool | None, told: bool) -> None:
        """Finds the columns.

        Args:
            path: The file.
            options: What the user says of it.
            directed: What the user says of its direction.
            told: Whether the user names the format.

        Raises:
            ValueError: If its rows cannot be read one block after another.
        """
        self._path, self._options = path, options
        first = next(blocks_of(path, _BYTES), b"")
        other = None if told else recognized_format(first)
        if other is not None:
            raise refused(path, f"it is {other}")
        text = decoded(path, first, options.encoding)
        if text.content is not first and text.content != first:
            raise refused(path, "it is no plain UTF-8, convert it by iconv -t utf-8")
        sheet = lines_of(path, first, False, options.comment)
        self._layout: Layout = find_layout(sheet, options, options.separator)
        table = self._layout.table
        words = words_of(sheet, self._layout, directed)
        if words.konect:
            raise refused(path, "it is KONECT's, leave out the lines that begin with %")
        self._columns: Columns = find_columns(table, options)
        names = ends_of(table.names) if table.names is not None else None
        self._refuse_kinds(words.of_sides or (names is not None and names.sides))
        # Whether there are two kinds of vertices is asked below, and again of all rows.
        one = replace(options, bipartite=False)
        source = Source(path, "edge-list", first, one, directed, told)
        content = read_edge_list(source, "edges: pass a row of two vertices for each edge")
        if content.format is not None:
            raise refused(path, "it is a matrix")
        ends = np.stack([content.senders, content.receivers], axis=1).astype(np.int64)
        asked, told_columns = options.bipartite, options.columns is not None
        sides = Sides(content.labels, ends)
        in_sides(table, self._columns, words, sides, bipartite=asked, told=told_columns)
        self.directed = bool(words.directed) if directed is None else directed
        self.separator = content.separator
        self._later = LaterBlocks(self._layout, self._columns, options, directed, words)
        self._direction = direction_notes(
            words.source, bool(words.directed), directed=self.directed
        )
        self._reading = (*text.notes, *self._columns.notes(table))
        self._phantoms = [note for note in content.notes if "is taken for an edge" in note]
        self._of_sides: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """See the class."""
        later = self._later
        return (
            *self._direction, *self._reading, *width_notes(later.widths), *self._phantoms,
            *self._of_sides, *later.comment_notes(),
        )  # fmt: skip

    def blocks(self) -> Iterator[np.ndarray]:
        """The two ends of each row, int64[K, 2], block by block."""
        layout, num_rows = self._layout, 0
        columns = np.array([self._columns.start, self._columns.end, -1], np.int64)
        for sheet in self._sheets():
            rows = rows_of_text.read_rows(
                sheet.text, sheet.line_starts, sheet.is_row, layout.byte, columns, False
            )
            if rows.problem != rows_of_text.OK:
                refuse_line(sheet, rows, layout._replace(header=-1), self._columns)
            self._later.check(sheet, rows)
            num_rows += len(rows.ends)
            yield rows.ends
        self._check_sizes(num_rows)
        self._refuse_kinds(self._later.check_comments(self._path).of_sides)

    def check_sides(self, degrees: np.ndarray, num_rows: int, num_loops: int) -> None:
        """Raises ValueError if the same id on both sides may be two vertices.

        The first block was judged as whole files are, and others may say more.

        Args:
            degrees: int32[2, n], how many rows have a vertex on the left and on the right.
            num_rows: M.
            num_loops: How many rows join a vertex with itself.
        """
        # A row `0,1` is told of where no other row has its first vertex.
        if degrees[:, :1].sum() > 1:
            self._phantoms = []
        if self._options.bipartite is None:
            told = self._options.columns is not None
            self._of_sides = kinds_of_numbers(
                self._layout.table, self._columns, degrees, num_rows, num_loops, told=told
            )

    def _refuse_kinds(self, said: bool) -> None:
        if said and self._options.bipartite is None:
            raise ValueError(
                f"{self._path}: ends of edges may be vertices of two kinds: --no-bipartite takes"
                " the same id on both sides for one vertex; for two, leave out --memory"
            )

    def write(self, file: BufferedIOBase, keep: np.ndarray) -> None:
        """Writes the file anew with some of its rows, bool[M]."""
        row = 0
        for sheet in self._sheets():
            lines = ~sheet.is_row
            num_rows = len(lines) - int(lines.sum())
            lines[sheet.is_row] = keep[row : row + num_rows]
            file.write(sheet.text[np.repeat(lines, np.diff(sheet.line_starts))].data)
            row += num_rows

    def _sheets(self) -> Iterator[Sheet]:
        """The lines, without the header."""
        header, num_lines = self._layout.header, 0
        for block in blocks_of(self._path, _BYTES):
            sheet = lines_of(self._path, block, False, self._options.comment)
            sheet = sheet._replace(lines_before=num_lines)
            if self._options.comment is None:
                refuse_parts(sheet)
            yield sheet.without(header) if header >= 0 and not num_lines else sheet
            num_lines += len(sheet.is_row)

    def _check_sizes(self, num_rows: int) -> None:
        """Refuses a first row that counts the others."""
        first = self._layout.table.rows[0]
        counts = str(num_rows - 1).encode() in first[-2:] and len(first) < 4
        if self._options.header is None and (counts or len(first) == 1):
            row = printable(b" ".join(first))
            raise ValueError(
                f"{self._path}: the first row, {row!r}, may be the sizes of the graph: --no-header"
                " takes it for an edge, --header for none"
            )


class PairsFile:
    """NumPy's integers of shape (M, 2) or (2, M); its attributes and methods are `TextFile`'s."""

    notes: tuple[str, ...] = ()
    separator: str | None = None
    all_numbers = True

    def __init__(self, path: Path, *, directed: bool = False) -> None:
        """Maps the file.

        Args:
            path: The file, not compressed.
            directed: What the user says of its direction.

        Raises:
            ValueError: If it has no pairs.
        """
        try:
            self._array: Any = np.load(path, mmap_mode="r", allow_pickle=False)
        except ValueError as error:
            raise refused(path, f"it is no array of numbers ({error})") from None
        array = self._array
        if array.ndim != 2 or array.dtype.kind not in "iu" or sorted(array.shape)[0] != 2:
            raise refused(path, f"it has shape {list(array.shape)} and type {array.dtype}")
        if array.shape == (2, 2):
            raise refused(path, "it has shape (2, 2)")
        self._axis = array.shape.index(2)
        self.directed = directed

    def blocks(self) -> Iterator[np.ndarray]:
        """See `TextFile`."""
        pairs = np.moveaxis(self._array, self._axis, 1)
        for start in range(0, len(pairs), BLOCK):
            yield pairs[start : start + BLOCK].astype(np.int64)

    def check_sides(self, degrees: np.ndarray, num_rows: int, num_loops: int) -> None:
        """See `TextFile`: pairs in an array are of one kind."""

    def write(self, file: BufferedIOBase, keep: np.ndarray) -> None:
        """See `TextFile`."""
        shape = list(self._array.shape)
        shape[1 - self._axis] = int(keep.sum())
        header = {
            "descr": np.lib.format.dtype_to_descr(self._array.dtype),
            "fortran_order": False,
            "shape": tuple(shape),
        }
        np.lib.format.write_array_header_1_0(file, header)
        # Both rows of (2, M), one after the other, or all pairs of (M, 2).
        for rows in self._array if self._axis == 0 else [self._array]:
            for start in range(0, len(keep), BLOCK):
                block = slice(start, start + BLOCK)
                file.write(np.ascontiguousarray(rows[block][keep[block]]).data)


def kinds_of_numbers(
    table: Table,
    columns: Columns,
    degrees: np.ndarray,
    num_rows: int,
    num_loops: int,
    *,
    told: bool,
) -> tuple[str, ...]:
    """See `judged`, of whose arguments these are some; the others are those of `check_sides`."""

    def blocks() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for start in range(0, degrees.shape[1], BLOCK):
            part = degrees[:, start : start + BLOCK]
            yield np.arange(start, start + part.shape[1]), part

    both = (ids[part.all(axis=0)] for ids, part in blocks())
    first = next((int(ids[0]) for ids in both if ids.size), None)
    numbered = Numbered(blocks, num_rows, num_loops)
    return judged(table, columns, Words(), first, numbered, told=told)


def refused(path: Path, why: str) -> ValueError:
    """Of a file that does not come in blocks."""
    return ValueError(f"{path} cannot be read in blocks: {why}; or leave out --memory")
