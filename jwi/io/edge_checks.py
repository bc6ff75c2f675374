"""Checks of an edge list: refusals, and notes for the report."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import numpy as np

from jwi.io import text as wordsof_text
from jwi.io.columns import Table, is_number
from jwi.io.dialect import is_integer
from jwi.io.header import are_heads, ends_of
from jwi.io.layout import Columns, Layout, stem
from jwi.io.networkx_checks import check_neighbors
from jwi.io.refusals import printable
from jwi.io.sheet import Sheet
from jwi.io.text import Rows, columns_of
from jwi.io.words import Words

# As Python prints a pair, or a list of them.
_BRACKETS = re.compile(rb"\w*\([^)]*\)[,.;]*|\[[^]]*\],?|\{[^}]*\},?")
# As in `a: b c` and `a -> b, c`.
_HEADS = re.compile(rb"[^\s:,;|]+:\s")
_TO_SEVERAL = re.compile(rb"[^\s,;|]+\s*->\s*[^\s,;|]+\s*,")
_COLONS = re.compile(rb"[^\s,;|:]+(?:::[^\s,;|:]+)+")
# A line between rows, as `|---|---|`, and a comma within single quotes.
_RULE, _HALF = (
    re.compile(rb"[-+|: ]*-{3,}[-+|: ]*"),
    re.compile(rb"(?:^|[,;])'[^',;]*[,;][^']*'(?=[,;]|$)"),
)
_GAPS = {"nan", "NaN", "NA", "N/A", "<NA>", "null", "NULL", "None", "none", "\\N"}
# Comments and rows that are looked at.
_MOST_MARKS, _MOST_BYTES = 1000, 1 << 16
# Columns of names in a row of edges.
_MOST_WORDS = 3
# How XML begins; `<` alone begins a row of N-Triples, too.
_XML = (b"<?xml", b"<!--", b"<graphml", b"<gexf")


def refuse_other_files(path: Path, content: bytes) -> None:
    """Raises ValueError for text of another format."""
    if content[:14].lower() == b"%%matrixmarket":
        raise ValueError(f"{path} is a Matrix Market file: name it .mtx, or pass --format mtx")
    check_neighbors(path, content[:_MOST_BYTES])
    if content[:4096].lstrip().lower().startswith(_XML):
        raise ValueError(f"{path} is XML: name it .graphml or .gexf, or pass that format")


def refuse_parts(sheet: Sheet) -> None:
    """Raises ValueError for vertices and edges as rows of their own, by TGF or by gSpan."""
    rows = np.flatnonzero(sheet.is_row)
    alone = [n for n in sheet.comments[:_MOST_MARKS].tolist() if sheet.line(n).strip() == b"#"]
    if len(rows) and any(rows[0] < line < rows[-1] for line in alone):
        raise ValueError(
            f"{sheet.path} has a line '#' between its rows, which parts vertices from edges in TGF:"
            " pass the rows below it, or --comment '#' if all rows are edges"
        )
    words = [row.split() for row in sheet.rows(_MOST_MARKS)]
    starts = {row[0] for row in words}
    if {b"v", b"e"} <= starts <= {b"t", b"v", b"e"}:
        raise ValueError(
            f"{sheet.path} has rows of v and of e, as gSpan's vertices and edges: pass the two"
            " numbers of each row of e alone, or --comment '' if v and e are names"
        )
    capitals = all(len(start) == 1 and start.isupper() for start in starts)
    others = {word for row in words for word in row[1:]}
    if capitals and len(starts) > 1 and not starts & others and len(set(map(len, words))) > 1:
        raise ValueError(
            f"{sheet.path} has rows of several kinds by their first letter,"
            f" {printable(b', '.join(sorted(starts)))}: pass the rows of edges alone, or"
            " --comment '' if the letters are names"
        )


def refuse_marks(sheet: Sheet) -> None:
    """Raises ValueError for rows in brackets, of tables for readers, and with marks of others."""
    rows = [row.strip() for row in sheet.rows(_MOST_MARKS)]
    if rows and all(map(_BRACKETS.fullmatch, rows)):
        raise ValueError(
            f"{sheet.path} has rows in brackets, as {printable(rows[0])!r}: pass a row of two ends"
            " for each edge, without brackets"
        )
    if any(map(_RULE.fullmatch, rows[:3])) or (rows and all(row.endswith(b"\\\\") for row in rows)):
        raise ValueError(
            f"{sheet.path} is a table for readers, of Markdown, LaTeX or a terminal: pass its rows"
            " as CSV"
        )
    if rows and all(row.count(b"'") > 2 and _HALF.search(row) for row in rows):
        raise ValueError(
            f"{sheet.path} has single quotes around names with commas, as {printable(rows[0])!r}:"
            " put double quotes there"
        )
    if rows and all(map(_COLONS.fullmatch, rows)):
        raise ValueError(
            f"{sheet.path} has '::' between columns: put one sign there, as sed 's/::/;/g' does"
        )
    if rows and all(map(_HEADS.match, rows)):
        raise ValueError(
            f"{sheet.path} has a colon after the first word of each row, as lists of neighbors do:"
            " take it out, as sed 's/:/ /' does, and pass --format adjlist"
        )
    several = next(filter(_TO_SEVERAL.match, rows), None)
    if several is not None:
        raise ValueError(
            f"{sheet.path}: {printable(several)!r} has several ends after an arrow: pass a row for"
            " each edge"
        )


def refuse_line(sheet: Sheet, rows: Rows, layout: Layout, columns: Columns) -> NoReturn:
    """Raises ValueError for the line after those that were read."""
    line = len(rows.row_of_line)
    line += int(np.argmax(sheet.is_row[line:]))
    if line == layout.header:
        line += 1 + int(np.argmax(sheet.is_row[line + 1 :]))
    row = sheet.line(line)
    where = f"{sheet.path}, line {sheet.lines_before + line + 1}"
    if rows.problem == wordsof_text.FEW_COLUMNS and max(columns) == 1:
        raise ValueError(
            f"{where}: {printable(row)!r} has one column and not two: between columns are commas,"
            " semicolons, tabs or blanks, and --separator says which; --format adjlist reads lists"
            " of neighbors"
        )
    if rows.problem == wordsof_text.FEW_COLUMNS:
        raise ValueError(
            f"{where}: {printable(row)!r} has {rows.column} columns, and column"
            f" {max(columns) + 1} is wanted: --columns says which are the ends, and --separator"
            " what is between columns"
        )
    if rows.problem == wordsof_text.OPEN_QUOTE:
        raise ValueError(f"{where}: {printable(row)!r} has a quote that is not closed: close it")
    if rows.problem == wordsof_text.NO_NAME:
        raise ValueError(
            f"{where}: {printable(row)!r} has no name in column {rows.column + 1}: pass one, or"
            " leave out the row"
        )
    value = printable(columns_of(row, layout.byte)[rows.column])
    if rows.problem == wordsof_text.TOO_LARGE:
        raise ValueError(f"{where}: {value} has more than 18 digits: --labels takes ids as names")
    if layout.separator != "blank" and b" " in columns_of(row, layout.byte)[rows.column].strip():
        raise ValueError(
            f"{where}: {value!r} is not an integer: --separator blank parts columns at each blank"
            " and tab, --labels takes names of vertices"
        )
    header = "" if layout.header >= 0 else " --header a first row of column names;"
    raise ValueError(
        f"{where}: {value!r} is not an integer: --labels takes names of vertices;{header} between"
        " columns are commas, semicolons, tabs or blanks"
    )


def check_widths(sheet: Sheet, rows: Rows, layout: Layout, *, guessed: bool) -> None:
    """Raises ValueError for rows of many lengths, which may be lists of neighbors."""
    fewest, most = rows.columns
    table = layout.table
    named = table.named and table.names is None
    heads = {cell for row in table.rows for cell in row[:2] if not is_number(cell)}
    neighbors = named and any(cell in heads for row in table.rows for cell in row[2:])
    integers = all(is_integer(cell) for row in table.rows for cell in row)
    kind = "names" if named else "integers"
    # Names with words after them are in one more column, or two.
    several = {len(row) for row in table.rows}
    sets = named and len(several) > 2 and (layout.separator != "blank" or _are_ids(table))
    # As sentences are.
    sets = sets or (named and layout.separator == "blank" and fewest > _MOST_WORDS)
    if fewest != most and guessed and (neighbors or integers or sets):
        raise ValueError(
            f"{sheet.path} has rows of {fewest} to {most} {kind}: --format adjlist takes the"
            " first for a vertex and the others for its neighbors, --columns 1,2 the first two for"
            " ends"
        )


def _are_ids(table: Table) -> bool:
    """Whether all cells but those of the first column are integers."""
    return all(is_integer(cell) for row in table.rows for cell in row[1:])


def refuse_phantoms(
    sheet: Sheet, layout: Layout, columns: Columns, ends: np.ndarray, labels: Sequence | np.ndarray
) -> None:
    """Raises ValueError where a header may be an edge, or an edge a header.

    Args:
        sheet: The lines.
        layout: Its header was guessed.
        columns: Of the ends.
        ends: int64[M, 2], vertices.
        labels: Their names.
    """
    table = layout.table
    hint = "--header takes it for names of columns, --no-header for an edge"
    if table.names is not None:
        heads = {table.names[column] for column in columns[:2] if column < len(table.names)}
        again = heads & set(map(str, labels))
        if table.named and again:
            raise ValueError(
                f"{sheet.path}: the first row has {min(again)!r}, which other rows have for a"
                f" vertex: {hint}"
            )
        return
    if max(columns) >= len(table.rows[0]):
        # It is the sizes of the graph.
        return
    first = [table.rows[0][column] for column in columns[:2]]
    stems = [set(map(stem, table.column(column)[1:])) - {None} for column in columns[:2]]
    if any(stem(name) in others for name, others in zip(first, stems, strict=True)):
        return
    _refuse_joined(sheet, table)
    # Names of columns that data frames number themselves.
    numbered = table.rows[0] == [b"%d" % place for place in range(len(table.rows[0]))]
    if len(ends) < 3 or not (table.named or numbered):
        return
    # No column is called like a number.
    if not numbered and any(map(is_number, first)):
        return
    degree = np.bincount(ends.ravel(), minlength=len(labels))
    if (degree[ends[0]] == 1).all():
        row = printable(b" ".join(first))
        raise ValueError(
            f"{sheet.path}: no other row has a vertex of the first one, {row!r}: {hint}"
        )


def _refuse_joined(sheet: Sheet, table: Table) -> None:
    """Raises ValueError for the header of a table that comes again, where tables are joined."""
    heads = [cell.decode("utf-8", "replace") for cell in table.rows[0]]
    ends = ends_of(heads)
    if not table.named or ends is None or table.rows[0] not in table.rows[1:]:
        return
    if are_heads([heads[column] for column in ends.columns]):
        row = printable(b" ".join(table.rows[0]))
        raise ValueError(
            f"{sheet.path}: the first row, {row!r}, comes again, as names of columns do where files"
            " are joined: leave out its copies, or pass --no-header if all are edges"
        )


def check_promise(path: Path, words: Words, num_rows: int) -> None:
    """Raises ValueError for a file that is cut short, by its own words."""
    if words.num_rows is not None and words.num_rows > num_rows:
        raise ValueError(
            f"{path} has {num_rows:,} rows and promises {words.num_rows:,} in its second line:"
            " fetch it again, or leave out that line"
        )


def check_arrows(table: Table, columns: Columns) -> None:
    """Raises ValueError for arcs with a tail before a head: do they lead there, or from there.

    Args:
        table: The first rows of a directed graph.
        columns: Of the ends, as they were guessed.
    """
    names = table.names
    if names is None or columns.start < columns.end or ends_of(names) is None:
        return
    tail, head = names[columns.end], names[columns.start]
    if "tail" in tail.lower() and "head" in head.lower():
        raise ValueError(
            f"{table.path}: edges may lead from {tail!r} to {head!r}, as arrows do, or the other"
            f" way round, as triples do: pass --columns {columns.end + 1},{columns.start + 1} or"
            f" --columns {columns.start + 1},{columns.end + 1}"
        )


def refuse_lists(table: Table, columns: Columns) -> None:
    """Raises ValueError for several vertices in one cell, as in `ann,bob;cy`.

    Args:
        table: The first rows.
        columns: Of the ends.
    """
    names = {cell for column in columns[:2] for cell in table.column(column)}
    for name in names:
        parts = [part.strip() for part in re.split(rb"[;|,]", name) if part.strip()]
        if len(parts) > 1 and 2 * sum(part in names for part in parts) >= len(parts):
            raise ValueError(
                f"{table.path}: {printable(name)!r} is a list of other vertices: pass a row for"
                " each edge, or --format edge-list if it is a name"
            )


def phantom_notes(
    layout: Layout, columns: Columns, ends: np.ndarray, labels: Sequence | np.ndarray
) -> list[str]:
    """A note on a first row `0,1` that may be names of columns as data frames number them.

    Args:
        layout: Its header was guessed.
        columns: Of the ends.
        ends: int64[M, 2], vertices.
        labels: Their names.
    """
    first = layout.table.rows[0]
    numbered = first == [b"%d" % place for place in range(len(first))] and len(first) > 1
    if layout.header >= 0 or layout.separator == "blank" or not numbered or max(columns) > 1:
        return []
    if (ends == ends[0, 0]).sum() > 1 or str(labels[ends[0, 0]]) != "0":
        return []
    row = printable(b" ".join(first))
    return [f"first row: {row!r} is taken for an edge (--header takes it for names of columns)"]


def gap_notes(labels: Sequence | np.ndarray) -> list[str]:
    """A note on vertices that are called as programs call what is missing."""
    gaps = [] if not isinstance(labels, list) else sorted(_GAPS.intersection(labels))
    return [f"{', '.join(map(repr, gaps))} is a vertex as any other"] if gaps else []


def comment_notes(comments: list[bytes], count: int, unclear: str | None) -> list[str]:
    """How many lines were skipped, and how they begin; the one that is unclear of direction.

    Args:
        comments: The first lines that are comments.
        count: How many there are.
        unclear: The one that leaves the direction open.
    """
    if not count:
        return []
    marks = sorted({line.lstrip()[:1].decode() for line in comments})
    lines = "1 line that begins" if count == 1 else f"{count:,} lines that begin"
    notes = [f"comments skipped: {lines} with {' or '.join(marks)}"]
    if unclear is not None:
        notes.append(f"{unclear!r} leaves the direction open: pass --directed or --undirected")
    return notes
