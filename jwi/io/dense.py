"""Dense adjacency matrices as text: a row and a column for each vertex."""

from io import BufferedIOBase

import numpy as np
from jaxtyping import Bool

from jwi.io.block import block_of
from jwi.io.content import Content, Source
from jwi.io.dialect import SEPARATORS, columns_by
from jwi.io.encoding import Text, decoded
from jwi.io.layout import Layout, find_layout
from jwi.io.sheet import Sheet, lines_of


def read(source: Source) -> Content:
    """Reads a square block of numbers; an entry other than zero is an edge.

    Args:
        source: The file and the user's options.

    Raises:
        ValueError: If it is no square block of numbers.
    """
    path, options = source.path, source.options
    options.only(path, source.format, "separator", "header", "comment", "encoding", "weights")
    text = decoded(path, source.content, options.encoding)
    sheet = lines_of(path, text.content, options.named, options.comment, options.separator)
    return dense_content(text, sheet, find_layout(sheet, options, options.separator))


def dense_content(text: Text, sheet: Sheet, layout: Layout) -> Content:
    """The content of a dense matrix.

    Args:
        text: Of the file.
        sheet: Its lines.
        layout: Its separator and header.

    Raises:
        ValueError: If it is no square block of numbers.
    """
    block = block_of(sheet, layout)
    if block is None or not block.is_square or block.has_two_sides or not block.is_whole:
        raise ValueError(
            f"{sheet.path} is no square block of finite numbers: pass a row and a column for each"
            " vertex, and 0 where there is no edge"
        )
    matrix = block.numbers
    senders, receivers = np.nonzero(matrix)
    symmetric = bool((matrix == matrix.T).all())
    lines = np.flatnonzero(sheet.is_row)[-len(matrix) :].tolist()

    def rewrite(file: BufferedIOBase, keep: Bool[np.ndarray, " M"]) -> None:
        gone = matrix.astype(bool)
        gone[senders[keep], receivers[keep]] = False
        start, parts = 0, []
        for line, row in zip(lines, gone, strict=True):
            first, last = sheet.line_starts[line : line + 2]
            row = np.append(np.zeros(block.lead, bool), row)
            parts += [sheet.text[start:first].tobytes(), _without(sheet.line(line), layout, row)]
            start = last
        file.write(text.encode(b"".join([*parts, sheet.text[start:].tobytes()])))

    notes = [*text.notes, f"{len(matrix)} rows of {len(matrix)} numbers, a dense matrix"]
    if not symmetric:
        notes.append("the matrix is not symmetric (--directed takes it so)")
    return Content(
        senders, receivers, block.labels, None, rewrite, tuple(notes), layout.separator,
        None, matrix[senders, receivers], "dense",
    )  # fmt: skip


def _without(line: bytes, layout: Layout, gone: Bool[np.ndarray, " columns"]) -> bytes:
    """A line with zeros in place of some columns, those before them as they are."""
    cells = columns_by(line, layout.separator)
    body = line.rstrip(b"\r\n")
    if not gone.any():
        return line
    for place in np.flatnonzero(gone).tolist():
        cells[place] = b"0"
    mark = " " if layout.separator == "blank" else SEPARATORS[layout.separator]
    return mark.encode().join(cells) + line[len(body) :]
