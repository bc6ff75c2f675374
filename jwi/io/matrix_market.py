"""Matrix Market files of sparse matrices; rewritten, entries are the text they were."""

import re
from io import BufferedIOBase
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from jwi.io import text as rows_of_text
from jwi.io.content import Content, Source
from jwi.io.edge_list import kept_lines, weights_of
from jwi.io.matrix import check_finite, zeros_note
from jwi.io.refusals import check_num_vertices, printable, text_start
from jwi.io.text import MOST_DIGITS, first_bytes, line_starts_of, read_rows

_ZERO = rb"[ \t]+[+-]?(?:0+(?:\.0*)?|\.0+)(?:[eE][+-]?\d+)?"
# The rest of a row of an entry that is 0, by the field that the first line declares.
_ZEROS = {
    "real": re.compile(rb"\d" + _ZERO + rb"[ \t\r]*$", re.MULTILINE),
    "complex": re.compile(rb"\d" + _ZERO + _ZERO + rb"[ \t\r]*$", re.MULTILINE),
}
_ZEROS |= {"integer": _ZEROS["real"], "double": _ZEROS["real"]}
# Rows of entries that are NaN or infinite.
_ODD = re.compile(rb"^[ \t]*\d[^%\n]*(?:nan|inf)", re.MULTILINE | re.IGNORECASE)
_SYMMETRIES = {"general": None, "symmetric": False, "skew-symmetric": False, "hermitian": False}


def read(source: Source) -> Content:
    """Reads the entries of a sparse square matrix; its stored entries are the edges, zeros too.

    Args:
        source: The file and the user's options.

    Returns:
        Its entries; vertices are labeled 1, …, n, as in the file.

    Raises:
        ValueError: With the line, if this is no sparse square matrix in the format.
    """
    path = source.path
    source.options.only(path, source.format, "weights")
    mark = source.content[: text_start(path, source.content)]
    content = source.content[len(mark) :]
    text = np.frombuffer(content, np.uint8)
    line_starts = line_starts_of(text)
    field, symmetry = _kinds(path, content)
    size_line, (num_rows, num_columns, num_entries) = _size(path, content)
    if num_rows != num_columns or num_rows < 1:
        raise ValueError(
            f"{path}, line {size_line + 1}: the matrix has {num_rows} rows and {num_columns}"
            " columns: an adjacency matrix has one of each for each vertex"
        )
    check_num_vertices(path, f"line {size_line + 1}", num_rows, num_entries)
    first = first_bytes(text, line_starts)[:, 0]
    is_row = ~np.isin(first, (0, ord("%")))
    is_row[size_line] = False
    # Patterns and complex numbers give no weights.
    weighted = source.options.weights and field in _ZEROS and field != "complex"
    rows = read_rows(text, line_starts, is_row, 0, np.array([0, 1, 2 if weighted else -1]), False)
    if rows.problem != rows_of_text.OK:
        line = len(rows.row_of_line)
        row = text[line_starts[line] : line_starts[line + 1]].tobytes()
        raise ValueError(f"{path}, line {line + 1}: {printable(row)!r} is no entry: pass i j value")
    if len(rows.ends) != num_entries:
        raise ValueError(
            f"{path} has {len(rows.ends)} entries and line {size_line + 1} promises {num_entries}:"
            " the file is cut short or has been edited"
        )
    outside = np.flatnonzero(((rows.ends < 1) | (rows.ends > num_rows)).any(axis=1))
    if outside.size:
        line = int(np.flatnonzero(rows.row_of_line == outside[0])[0])
        i, j = rows.ends[outside[0]]
        raise ValueError(
            f"{path}, line {line + 1}: entry ({i}, {j}) is outside the {num_rows} rows and columns"
        )

    def rewrite(file: BufferedIOBase, keep: Bool[np.ndarray, " M"]) -> None:
        # All lines up to the sizes are comments, and stay.
        start, end = line_starts[size_line : size_line + 2]
        size = b"%d %d %d\n" % (num_rows, num_columns, keep.sum())
        file.write(mark + content[:start] + size + kept_lines(text, rows, keep)[end:])

    ends = rows.ends - 1
    labels = range(1, num_rows + 1)
    body = content[line_starts[size_line + 1] :]
    check_finite(path, len(_ODD.findall(body)) if field in _ZEROS else 0)
    zeros = len(_ZEROS[field].findall(body)) if field in _ZEROS else 0
    return Content(
        ends[:, 0], ends[:, 1], labels, _SYMMETRIES[symmetry], rewrite, zeros_note(zeros),
        weights=weights_of(path, text, rows) if weighted else None,
    )  # fmt: skip


def _kinds(path: Path, content: bytes) -> tuple[str, str]:
    """The field and the symmetry that the first line declares."""
    words = content.split(b"\n", 1)[0].decode("ascii", "replace").lower().split()
    if len(words) != 5 or words[0] != "%%matrixmarket":
        raise ValueError(
            f"{path} does not begin with %%MatrixMarket matrix coordinate FIELD SYMMETRY: pass the"
            " file the suffix of its format, or --format"
        )
    if words[1:3] != ["matrix", "coordinate"] or words[4] not in _SYMMETRIES:
        raise ValueError(
            f"{path} holds a {' '.join(words[1:])}: pass a matrix in coordinate form, for instance"
            " scipy.io.mmwrite(path, scipy.sparse.coo_array(matrix))"
        )
    return words[3], words[4]


def _size(path: Path, content: bytes) -> tuple[int, tuple[int, int, int]]:
    """The line of the sizes, from 0, and the numbers of rows, columns and entries."""
    place, line = 0, 0
    while place < len(content):
        end = content.find(b"\n", place)
        end = len(content) if end < 0 else end
        row = content[place:end].strip()
        if row and not row.startswith(b"%"):
            numbers = row.split()
            if len(numbers) == 3 and all(n.isdigit() and len(n) <= MOST_DIGITS for n in numbers):
                return line, (int(numbers[0]), int(numbers[1]), int(numbers[2]))
            raise ValueError(
                f"{path}, line {line + 1}: {printable(row)!r} is not three sizes: pass ROWS COLUMNS"
                f" ENTRIES, of at most {MOST_DIGITS} digits each"
            )
        place, line = end + 1, line + 1
    raise ValueError(f"{path} has no line of sizes: pass ROWS COLUMNS ENTRIES")
