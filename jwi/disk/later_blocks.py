"""Checks of text that is read block by block: later blocks are laid out as the first one."""

from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np

from jwi.io.edge_checks import check_widths, comment_notes
from jwi.io.layout import Columns, Layout, find_columns, find_layout
from jwi.io.options import Options
from jwi.io.sheet import Sheet
from jwi.io.text import Rows, columns_of
from jwi.io.words import Words, words_of_comments, words_of_rows

# Fewer rows say nothing of their columns.
_FEWEST = 1000
_MOST_COMMENTS = 1000


class LaterBlocks:
    """What all blocks of a file say together.

    Attributes:
        widths: The fewest and the most columns of a row so far; 0 and 0 before the first row.
    """

    def __init__(
        self,
        layout: Layout,
        columns: Columns,
        options: Options,
        directed: bool | None,
        words: Words,
    ) -> None:
        """Holds the reading of the first block.

        Args:
            layout: Of the first block.
            columns: That are read.
            options: What the user says of the file.
            directed: What the user says of its direction.
            words: What the first block says of itself.
        """
        self._layout, self._columns = layout, columns
        self._options, self._directed, self._words = options, directed, words
        self._by_rows = words.source is not None and not words.source.startswith("by its comment")
        self._comments: list[bytes] = []
        self._num_comments = 0
        self._unclear: str | None = None
        self.widths = (0, 0)

    def check(self, sheet: Sheet, rows: Rows) -> None:
        """Looks at a block.

        Args:
            sheet: Its lines, without the header.
            rows: What was read of them.

        Raises:
            ValueError: If it is laid out in another way than the first block, with the line.
        """
        self._comments += sheet.first_comments()[: _MOST_COMMENTS - len(self._comments)]
        self._num_comments += len(sheet.comments)
        if len(rows.ends):
            self._check_widths(sheet, rows)
        if len(rows.ends) and sheet.lines_before:
            self._check_columns(sheet)

    def check_comments(self, path: Path) -> Words:
        """What the comments of all blocks say.

        Raises:
            ValueError: If the first block said another direction.
        """
        words = words_of_comments([comment.strip() for comment in self._comments])
        if self._by_rows or self._directed is not None:
            return words
        self._unclear = words.unclear
        if bool(words.directed) != bool(self._words.directed):
            said = words.source or f"by {words.unclear!r} in doubt"
            raise ValueError(
                f"{path}: comments far below its start say another direction, {said}: pass"
                " --directed or --undirected"
            )
        return words

    def comment_notes(self) -> list[str]:
        """On the comments of all blocks."""
        return comment_notes(self._comments, self._num_comments, self._unclear)

    def _check_widths(self, sheet: Sheet, rows: Rows) -> None:
        """Refuses rows of another length, if all were of one."""
        guessed = self._options.columns is None
        fewest, most = self.widths if self.widths[1] else rows.columns
        if guessed and fewest == most and rows.columns != (most, most) and self.widths[1]:
            self._refuse_width(sheet, most)
        self.widths = (min(fewest, rows.columns[0]), max(most, rows.columns[1]))
        check_widths(sheet, rows._replace(columns=self.widths), self._layout, guessed=guessed)

    def _refuse_width(self, sheet: Sheet, width: int) -> NoReturn:
        """Raises ValueError for the first row of another number of columns."""
        byte = self._layout.byte
        for line in np.flatnonzero(sheet.is_row).tolist():
            found = len(columns_of(sheet.line(line), byte))
            if found != width:
                break
        raise ValueError(
            f"{sheet.path}, line {sheet.lines_before + line + 1}: the row has {found} columns, and"
            f" all before it have {width}: mend it, or pass"
            f" --columns {self._columns.start + 1},{self._columns.end + 1} if more or fewer may"
            " follow the ends"
        )

    def _check_columns(self, sheet: Sheet) -> None:
        """Refuses rows that look as if other columns were the ends, or say another direction."""
        where = Path(f"{sheet.path}, lines from {sheet.lines_before + 1} on")
        later = sheet._replace(path=where)
        told = replace(self._options, header=False)
        layout = find_layout(later, told, self._layout.separator)
        layout = layout._replace(table=replace(layout.table, names=self._layout.table.names))
        if self._directed is None:
            words = words_of_rows(later, layout, None)
            said = self._words.directed if self._by_rows else None
            if (None if words is None else words.directed) != said:
                raise ValueError(
                    f"{where}: rows say another direction than those before: pass --directed or"
                    " --undirected"
                )
        if self._options.columns is not None or int(sheet.is_row.sum()) < _FEWEST:
            return
        found = find_columns(layout.table, self._options)
        if found != self._columns:
            ends = [self._columns.start + 1, self._columns.end + 1]
            raise ValueError(
                f"{where}: the ends of edges look like columns {found.start + 1} and"
                f" {found.end + 1}, and in the lines before like {ends[0]} and {ends[1]}: pass"
                f" --columns {ends[0]},{ends[1]}, or those that are right"
            )
