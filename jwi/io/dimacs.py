"""DIMACS: shortest paths (`a u v w`), coloring and cliques (`e u v`), as their challenges define.

The challenges of PACE write `u v` for edges.

References:
    http://www.diag.uniroma1.it/challenge9/format.shtml;
    https://mat.tepper.cmu.edu/COLOR/general/ccformat.ps.
"""

import re
from io import BufferedIOBase
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int

from jwi.io import text as rows_of_text
from jwi.io.content import Content, Source
from jwi.io.edge_list import kept_lines, weights_of
from jwi.io.encoding import decoded
from jwi.io.refusals import check_num_vertices, printable
from jwi.io.text import MOST_DIGITS, Rows, first_bytes, line_starts_of, read_rows

_SIZES = re.compile(rb"^[ \t]*p[ \t]+(\S+)[ \t]+(\d+)[ \t]+(\d+)[^\n]*\n?", re.MULTILINE)
# Their rows of numbers are clauses, sets, and ranked sides.
_NO_GRAPHS = (b"cnf", b"wcnf", b"hs", b"ocr")
_DIGITS = tuple(b"0123456789")


def read(source: Source) -> Content:
    """Reads the arcs or edges; all other lines are kept.

    Args:
        source: The file and the user's options.

    Raises:
        ValueError: With the line, if this is no file of one problem in this format.
    """
    path = source.path
    source.options.only(path, source.format, "encoding", "weights")
    body = decoded(path, source.content, source.options.encoding)
    text = np.frombuffer(body.content, np.uint8)
    line_starts = line_starts_of(text)
    size = _SIZES.search(body.content)
    if size is None or len(size[2]) > MOST_DIGITS:
        raise ValueError(f"{path} has no line of sizes: pass `p edge VERTICES EDGES`, or `p sp`")
    num_vertices, promised = int(size[2]), int(size[3])
    first = first_bytes(text, line_starts)[:, 0]
    arcs = first == ord("a")
    is_row = arcs | (first == ord("e"))
    bare = not is_row.any()
    if bare:
        is_row = np.isin(first, _DIGITS)
    directed = bool(arcs.any())
    # Rows a U V WEIGHT.
    weighted = source.options.weights and directed
    columns = [0, 1, -1] if bare else [1, 2, 3 if weighted else -1]
    rows = read_rows(text, line_starts, is_row, 0, np.array(columns), False)
    _check_rows(path, text, line_starts, is_row, rows)
    _check(path, size, rows.ends, bare)
    notes = list(body.notes)
    if len(rows.ends) != promised:
        # Files of the coloring challenge often promise each edge twice.
        notes.append(f"the line of sizes promises {promised:,} edges, {len(rows.ends):,} follow")

    def rewrite(file: BufferedIOBase, keep: Bool[np.ndarray, " M"]) -> None:
        kept = kept_lines(text, rows, keep)
        sizes = b"%s%d" % (size[0][: size.start(3) - size.start()], keep.sum())
        place = _SIZES.search(kept)
        assert place is not None
        file.write(body.encode(kept[: place.start()] + sizes + kept[place.end(3) :]))

    ends = rows.ends - 1
    says = "by its rows U V" if bare else f"by its rows {'a' if directed else 'e'} U V"
    return Content(
        ends[:, 0],
        ends[:, 1],
        range(1, num_vertices + 1),
        directed,
        rewrite,
        tuple(notes),
        says=says,
        weights=weights_of(path, text, rows) if weighted else None,
    )


def _check_rows(
    path: Path, text: np.ndarray, line_starts: np.ndarray, is_row: np.ndarray, rows: Rows
) -> None:
    """Refuses the first line that is no edge."""
    if rows.problem != rows_of_text.OK:
        line = len(rows.row_of_line)
        line += int(np.argmax(is_row[line:]))
        row = text[line_starts[line] : line_starts[line + 1]].tobytes()
        raise ValueError(f"{path}, line {line + 1}: {printable(row)!r} is no edge: pass e U V")


def _check(path: Path, size: re.Match[bytes], ends: Int[np.ndarray, "M 2"], bare: bool) -> None:
    """Refuses edges that the line of sizes contradicts."""
    num_vertices, promised = int(size[2]), int(size[3])
    if size[1] in _NO_GRAPHS:
        raise ValueError(f"{path}: {printable(size[0])!r} is of no graph: pass `p edge` and edges")
    if bare and len(ends) != promised:
        raise ValueError(
            f"{path} promises {promised:,} edges by {printable(size[0])!r}, and has"
            f" {len(ends):,} rows of edges: pass a row e U V for each edge"
        )
    check_num_vertices(path, "its line of sizes", num_vertices, len(ends))
    if ((ends < 1) | (ends > num_vertices)).any():
        raise ValueError(
            f"{path} has an edge outside its {num_vertices} vertices, which are counted from 1:"
            " correct the line of sizes"
        )
