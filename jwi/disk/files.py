"""Files of edges that are read and written in blocks: rows of text, and NumPy's pairs."""

from collections.abc import Iterator
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import numpy as np

from jwi.disk.arrays import BLOCK
from jwi.io import text as rows_of_text
from jwi.io.content import Source
from jwi.io.edge_checks import check_widths, comment_notes, refuse_line, refuse_parts
from jwi.io.edge_list import read_edge_list
from jwi.io.encoding import decoded
from jwi.io.files import blocks_of
from jwi.io.formats import recognized_format
from jwi.io.header import ends_of
from jwi.io.layout import Columns, Layout, find_columns, find_layout
from jwi.io.options import Options
from jwi.io.refusals import printable
from jwi.io.sheet import Sheet, lines_of
from jwi.io.sides import Numbered, judged
from jwi.io.words import Words, words_of

_BYTES = 1 << 25


class TextFile:
    """Rows of text. The first block is read as whole files are, with all their checks.

    Attributes:
        notes: How it is understood, a sentence each; complete when all blocks are read.
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
            raise _refused(path, f"it is {other}")
        text = decoded(path, first, options.encoding)
        if text.content is not first and text.content != first:
            raise _refused(path, "it is no plain UTF-8, convert it by iconv -t utf-8")
        sheet = lines_of(path, first, False, options.comment)
        self._layout: Layout = find_layout(sheet, options, options.separator)
        table = self._layout.table
        words = words_of(sheet, self._layout, directed)
        if words.konect:
            raise _refused(path, "it is KONECT's, leave out the lines that begin with %")
        self._columns: Columns = find_columns(table, options)
        names = ends_of(table.names) if table.names is not None else None
        if options.bipartite is None and (words.of_sides or (names is not None and names.sides)):
            raise ValueError(
                f"{path}: ends of edges may be vertices of two kinds: --no-bipartite takes the same"
                " id on both sides for one vertex; for two, leave out --memory"
            )
        source = Source(path, "edge-list", first, options, directed, told)
        content = read_edge_list(source, "edges: pass a row of two vertices for each edge")
        if content.format is not None:
            raise _refused(path, "it is a matrix")
        if directed is None and content.directed:
            raise _refused(path, f"it is directed, {content.says}: add --undirected")
        self.separator = content.separator
        # Comments are counted when all is read.
        self._unclear = words.unclear if directed is None else None
        comments = comment_notes(sheet.first_comments(), len(sheet.comments), self._unclear)
        self.notes = content.notes[: len(content.notes) - len(comments)]

    def blocks(self) -> Iterator[np.ndarray]:
        """The two ends of each row, int64[K, 2], block by block."""
        layout, num_rows, num_comments = self._layout, 0, 0
        comments: list[bytes] = []
        columns = np.array([self._columns.start, self._columns.end, -1], np.int64)
        for sheet in self._sheets():
            rows = rows_of_text.read_rows(
                sheet.text, sheet.line_starts, sheet.is_row, layout.byte, columns, False
            )
            if rows.problem != rows_of_text.OK:
                refuse_line(sheet, rows, layout._replace(header=-1), self._columns)
            check_widths(sheet, rows, layout, guessed=self._options.columns is None)
            comments = comments or sheet.first_comments()
            num_rows, num_comments = num_rows + len(rows.ends), num_comments + len(sheet.comments)
            yield rows.ends
        self._check_sizes(num_rows)
        self.notes = (*self.notes, *comment_notes(comments, num_comments, self._unclear))

    def check_sides(self, degrees: np.ndarray, num_rows: int, num_loops: int) -> None:
        """Raises ValueError if the same id on both sides may be two vertices.

        The first block was judged as whole files are, and others may say more.

        Args:
            degrees: int32[2, n], how many rows have a vertex on the left and on the right.
            num_rows: M.
            num_loops: How many rows join a vertex with itself.
        """

        def blocks() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            for start in range(0, degrees.shape[1], BLOCK):
                part = degrees[:, start : start + BLOCK]
                yield np.arange(start, start + part.shape[1]), part

        both = (ids[part.all(axis=0)] for ids, part in blocks())
        first = next((int(ids[0]) for ids in both if ids.size), None)
        if self._options.bipartite is None:
            told, numbered = (
                self._options.columns is not None,
                Numbered(blocks, num_rows, num_loops),
            )
            judged(self._layout.table, self._columns, Words(), first, numbered, told=told)

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
            # For messages, which count lines.
            where = f"{self._path} after line {num_lines}" if num_lines else str(self._path)
            sheet = lines_of(Path(where), block, False, self._options.comment)
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

    def __init__(self, path: Path) -> None:
        """Maps the file.

        Args:
            path: The file, not compressed.

        Raises:
            ValueError: If it has no pairs.
        """
        try:
            self._array: Any = np.load(path, mmap_mode="r", allow_pickle=False)
        except ValueError as error:
            raise _refused(path, f"it is no array of numbers ({error})") from None
        array = self._array
        if array.ndim != 2 or array.dtype.kind not in "iu" or sorted(array.shape)[0] != 2:
            raise _refused(path, f"it has shape {list(array.shape)} and type {array.dtype}")
        if array.shape == (2, 2):
            raise _refused(path, "it has shape (2, 2)")
        self._axis = array.shape.index(2)

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


EdgeFile = TextFile | PairsFile


def _refused(path: Path, why: str) -> ValueError:
    return ValueError(f"{path} cannot be read in blocks: {why}; or leave out --memory")
