"""What a table of edges says of itself in words: its direction, its sides, its size."""

import re
from typing import NamedTuple

import numpy as np

from jwi.io.columns import ARROWS, Table
from jwi.io.layout import Layout
from jwi.io.refusals import most_vertices, printable
from jwi.io.sheet import Sheet
from jwi.io.text import MOST_DIGITS, OK, read_rows

_KONECT = re.compile(rb"%\s*(sym|asym|bip)\b")
_KONECT_SIZES = re.compile(rb"%\s*(\d+)(?:\s+\d+){0,2}\s*$")
_OF_DIRECTION = re.compile(rb"directed\b", re.IGNORECASE)
# `Directed graph`, `the edges are undirected`, and no other words before it.
_PLAINLY = re.compile(
    rb"(?:(?:this|the|it|is|an?|are|edges?|links?|graph|network|type|simple|(?:un)?weighted)\b[\s:=,]*)*"
    rb"(?P<un>un-?|(?:not|non)[- ])?directed(?:[\s,]+(?:un)?weighted)?"
    rb"(?:\s+(?:graph|network|multigraph|edges?|links?)\b.*|[.!]?)",
    re.IGNORECASE,
)
_AS_VALUE = re.compile(
    rb"(?:(?:is|graph)[ _]?)?(?P<un>un-?)?directed(?:[ _]graph)?"
    rb"\s*[:=]\s*(?:(?P<yes>true|yes|1)|false|no|0)",
    re.IGNORECASE,
)
_SENTENCE = re.compile(rb"\.\s+")
# Such a graph was directed, or is not.
_BUT = re.compile(rb"symmetri[cz]|\b(?:made|converted|turned|without)\b", re.IGNORECASE)
# Columns of direction by their names without blanks, and their words.
_TYPES = {b"directed": True, b"undirected": False}
_TRUTHS = {b"true": True, b"false": False, b"1": True, b"0": False, b"yes": True, b"no": False}
_TRUTHS |= {b"t": True, b"f": False, **_TYPES}
_COLUMNS = {"directed": _TRUTHS, "isdirected": _TRUTHS, "type": _TYPES, "edgetype": _TYPES}
# Comments that are looked at.
_MOST = 100


class Words(NamedTuple):
    """What a file says of itself.

    Attributes:
        directed: Whether it says that edges lead one way; None if it does not say.
        source: Where it says so.
        bipartite: Whether it says that left and right ids are different vertices.
        num_rows: How many rows it promises; None if it does not.
        konect: Whether it is KONECT's, whose first two columns are the ends.
        of_sides: Whether a comment has the word bipartite.
        unclear: A comment that speaks of direction in words that may mean either.
    """

    directed: bool | None = None
    source: str | None = None
    bipartite: bool = False
    num_rows: int | None = None
    konect: bool = False
    of_sides: bool = False
    unclear: str | None = None


def words_of(sheet: Sheet, layout: Layout, directed: bool | None) -> Words:
    """What comments, arrows and a column `Type` or `directed` say.

    Args:
        sheet: The lines.
        layout: Their separator, header and first rows.
        directed: What the user says, by which no doubt is left.

    Raises:
        ValueError: If rows say different things.
    """
    comments = [sheet.line(number).strip() for number in sheet.comments[:_MOST].tolist()]
    konect = _KONECT.match(comments[0]) if comments else None
    if konect:
        sizes = _KONECT_SIZES.match(comments[1]) if len(comments) > 1 else None
        kind = konect[1].decode()
        return Words(
            {"sym": False, "asym": True}.get(kind, False),
            f"by its line {printable(comments[0])!r}",
            kind == "bip",
            int(sizes[1]) if sizes else None,
            konect=True,
        )
    of_comments = words_of_comments(comments)
    words = words_of_rows(sheet, layout, directed) or of_comments
    return words._replace(of_sides=of_comments.of_sides)


def words_of_rows(sheet: Sheet, layout: Layout, directed: bool | None) -> Words | None:
    """What arrows and a column `Type` or `directed` say; the arguments are those of `words_of`."""
    return _of_arrows(sheet, layout.table, directed) or _of_column(sheet, layout, directed)


def words_of_comments(comments: list[bytes]) -> Words:
    """What comments say, the first ones of a file, without blanks around them."""
    comments = comments[:_MOST]
    of_sides = any(b"bipartite" in comment.lower() for comment in comments)
    return _of_comments(comments)._replace(of_sides=of_sides)


def _of_arrows(sheet: Sheet, table: Table, directed: bool | None) -> Words | None:
    """What the signs between ends say."""
    if table.width > 2 and all(cell in ARROWS for cell in table.column(1)):
        said = {ARROWS[cell] for cell in table.column(1)}
        if len(said) == 1:
            return Words(said.pop(), f"by {printable(table.rows[0][1])!r} between its ends")
        if directed is None:
            raise ValueError(
                f"{sheet.path} has directed and undirected rows by the signs between their ends:"
                " pass --directed or --undirected"
            )
    return None


def _of_column(sheet: Sheet, layout: Layout, directed: bool | None) -> Words | None:
    """What a column `Type` or `directed` says."""
    names = layout.table.names or []
    plain = [re.sub(r"[ _]", "", name.strip().lower()) for name in names]
    place = next((plain.index(name) for name in _COLUMNS if name in plain), None)
    if place is None or not layout.table.rows:
        return None
    below = sheet.without(layout.header) if layout.header >= 0 else sheet
    cells = _cells(below, layout, place)
    said = {_COLUMNS[plain[place]].get(cell.lower()) for cell in cells - {b""}}
    if None in said or not said:
        return None
    if len(said) == 1 and b"" not in cells:
        return Words(said.pop(), f"by its column {names[place]!r}")
    if directed is None:
        rows = "directed and undirected rows" if len(said) > 1 else "rows with no word on direction"
        raise ValueError(
            f"{sheet.path} has {rows} by its column {names[place]!r}: pass --directed or"
            " --undirected"
        )
    return None


def _cells(sheet: Sheet, layout: Layout, place: int) -> set[bytes]:
    """The different cells of a column, an empty one among them where a row has none."""
    both = np.array([place, place, -1])
    # Names of vertices, if the column were of ends.
    rows = read_rows(sheet.text, sheet.line_starts, sheet.is_row, layout.byte, both, True)
    found = {sheet.text[first:last].tobytes() for first, last in rows.labels.tolist()}
    return found if rows.problem == OK else found | {b""}


def _of_comments(comments: list[bytes]) -> Words:
    said: dict[bool | None, bytes] = {}
    for comment in comments:
        if _OF_DIRECTION.search(comment):
            parts = [part for part in _SENTENCE.split(comment) if _OF_DIRECTION.search(part)]
            values = {_direction(part) for part in parts}
            plain = len(values) == 1 and not _BUT.search(comment)
            said.setdefault(values.pop() if plain else None, comment)
    if not said:
        return Words()
    directed, comment = next(iter(said.items()))
    if len(said) > 1 or directed is None:
        return Words(unclear=printable(comment))
    return Words(directed, f"by its comment {printable(comment)!r}")


def _direction(comment: bytes) -> bool | None:
    """Whether a comment says directed or undirected; None if its words may mean either.

    Example:
        >>> [_direction(b"# " + words) for words in (b"Directed graph: a", b"directed=no")]
        [True, False]
        >>> _direction(b"# movies directed by Kubrick")
    """
    words = comment.strip(b"#%/;*! \t\r\n")
    value = _AS_VALUE.fullmatch(words)
    if value is not None:
        return (value["yes"] is not None) != (value["un"] is not None)
    plain = _PLAINLY.fullmatch(words)
    return None if plain is None or _BUT.search(words) else plain["un"] is None


def sizes_of(cells: list[bytes], ends: np.ndarray) -> int | None:
    """Whether a first row is the sizes of what follows, and the number of vertices.

    Args:
        cells: Of the first row: vertices and rows, vertices twice and rows, or one of both.
        ends: int64[M, 2], the ends of all other rows.

    Returns:
        The number of vertices, 0 if the row has the number of rows alone; None if it is no such
        row.

    Example:
        >>> sizes_of([b"4", b"2"], np.array([[0, 1], [1, 2]]))
        4
    """
    if not all(cell.isdigit() and len(cell) <= MOST_DIGITS for cell in cells) or not len(ends):
        return None
    *sizes, promised = map(int, cells)
    low, high = int(ends.min()), int(ends.max())
    # Vertices may be counted from 0 or from 1.
    needed = high + 1 - (low > 0)
    if not sizes:
        # Vertices without edges are counted, too.
        found = promised if needed <= promised <= most_vertices(len(ends)) else None
        return (0 if promised == len(ends) != needed else found) if low >= 0 else None
    same = len(sizes) < 3 and len(set(sizes)) == 1 and promised == len(ends)
    fits = low >= 0 and needed <= sizes[0] <= most_vertices(len(ends))
    return sizes[0] if same and fits else None
