"""Dense adjacency matrices as text: a row and a column for each vertex."""

from io import BufferedIOBase

import numpy as np
from jaxtyping import Bool

from jwi.io.content import Content, Source
from jwi.io.dialect import SEPARATORS, columns_by
from jwi.io.encoding import Text, decoded
from jwi.io.header import ends_of
from jwi.io.layout import Layout, find_layout
from jwi.io.options import Options
from jwi.io.sheet import Sheet, lines_of

# Two rows of two numbers are two edges.
_FEWEST = 3
# Below, a block of numbers may be rows of an edge list, if nothing else says matrix.
_LEAST = 5


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
    sheet = lines_of(path, text.content, options.named, options.comment)
    return dense_content(text, sheet, find_layout(sheet, options, options.separator))


def is_block(sheet: Sheet, layout: Layout, options: Options) -> bool:
    """Whether the rows of a text are a dense matrix, not edges.

    Raises:
        ValueError: If they may be both.
    """
    count, table = int(sheet.is_row.sum()), layout.table
    widths = {len(row) for row in table.rows}
    if options.columns is not None or len(widths) != 1 or not _FEWEST <= count <= max(widths) + 1:
        return False
    found = _block(sheet, layout)
    if found is None:
        return False
    matrix, labels = found
    # Data frames number rows and columns themselves, and data frames of edges do as well.
    if labels is not None and labels != [str(vertex) for vertex in range(len(matrix))]:
        return True
    if len(matrix) < _FEWEST:
        return False
    symmetric, hollow = (matrix == matrix.T).all(), not matrix.diagonal().any()
    if np.isin(matrix, (0, 1)).all() or (symmetric and (hollow or len(matrix) > _FEWEST)):
        return True
    if table.names is not None and ends_of(table.names) is not None:
        return False
    if symmetric or hollow or len(matrix) >= _LEAST:
        raise ValueError(
            f"{sheet.path} has {len(matrix)} rows of {len(matrix)} numbers: --format dense takes"
            " them for a matrix, and the two columns of the ends for edges, as in --columns 1,2"
        )
    return False


def dense_content(text: Text, sheet: Sheet, layout: Layout) -> Content:
    """The content of a dense matrix.

    Args:
        text: Of the file.
        sheet: Its lines.
        layout: Its separator and header.

    Raises:
        ValueError: If it is no square block of numbers.
    """
    found = _block(sheet, layout)
    if found is None:
        raise ValueError(
            f"{sheet.path} is no square block of numbers: pass a row and a column for each vertex,"
            " and names in none or in both"
        )
    matrix, names = found
    senders, receivers = np.nonzero(matrix)
    symmetric = bool((matrix == matrix.T).all())
    lines = np.flatnonzero(sheet.is_row)[-len(matrix) :].tolist()

    def rewrite(file: BufferedIOBase, keep: Bool[np.ndarray, " M"]) -> None:
        gone = matrix.astype(bool)
        gone[senders[keep], receivers[keep]] = False
        start, parts = 0, []
        for line, row in zip(lines, gone, strict=True):
            first, last = sheet.line_starts[line : line + 2]
            parts += [sheet.text[start:first].tobytes(), _without(sheet.line(line), layout, row)]
            start = last
        file.write(text.encode(b"".join([*parts, sheet.text[start:].tobytes()])))

    notes = [*text.notes, f"{len(matrix)} rows of {len(matrix)} numbers, a dense matrix"]
    if not symmetric:
        notes.append("the matrix is not symmetric (--directed takes it so)")
    labels = range(len(matrix)) if names is None else names
    return Content(
        senders, receivers, labels, None, rewrite, tuple(notes), layout.separator,
        None, matrix[senders, receivers], "dense",
    )  # fmt: skip


def _block(sheet: Sheet, layout: Layout) -> tuple[np.ndarray, list[str] | None] | None:
    """The matrix float64[n, n], and the names of vertices if it has them; None if it is none."""
    lines = np.flatnonzero(sheet.is_row).tolist()
    rows = [columns_by(sheet.line(line), layout.separator) for line in lines]
    first, *rest = rows
    width = len(rows[-1])
    names: list[str] | None
    if _names_vertices(first, rest):
        names = [row[0].decode("utf-8", "replace") for row in rest]
        block = [row[1:] for row in rest]
    else:
        names = None
        block = rest if len(rest) == width else rows
    if len(block) < 2 or any(len(row) != len(block) for row in block):
        return None
    try:
        matrix = np.array([[float(cell) for cell in row] for row in block])
    except ValueError:
        return None
    return (matrix, names) if np.isfinite(matrix).all() else None


def _names_vertices(first: list[bytes], rest: list[list[bytes]]) -> bool:
    """Whether the first row and the first column are the same names, with nothing at the corner."""
    names = [row[0] if row else b"" for row in rest]
    corner = len(first) - len(rest)
    if first[corner:] != names or len(set(names)) < len(names):
        return False
    return corner == 0 or (corner == 1 and not first[0][:1].isdigit())


def _without(line: bytes, layout: Layout, gone: np.ndarray) -> bytes:
    """A line with zeros in place of some numbers, those before them as they are."""
    cells = columns_by(line, layout.separator)
    lead = len(cells) - len(gone)
    body = line.rstrip(b"\r\n")
    if not gone.any():
        return line
    for place in np.flatnonzero(gone).tolist():
        cells[lead + place] = b"0"
    mark = " " if layout.separator == "blank" else SEPARATORS[layout.separator]
    return mark.encode().join(cells) + line[len(body) :]
