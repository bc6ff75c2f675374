"""Tables of vertices: a row is a vertex and its attributes, and no edge."""

from jwi.io.columns import Table, counts, is_number
from jwi.io.dialect import is_integer
from jwi.io.evidence import of_direction
from jwi.io.header import are_heads, are_of_others, counts_rows, ends_of, is_attribute, is_id
from jwi.io.refusals import printable

# In nats, as one of twenty pairings.
_BY_CHANCE = 3.0
_FEWEST, _FEWEST_OF_CLASSES, _FEWEST_OF_FEATURES = 3, 6, 7


def refuse_vertices(table: Table, start: int, end: int) -> None:
    """Raises ValueError for a table of vertices.

    Args:
        table: The first rows.
        start: The column that was guessed to be the start of edges.
        end: The column of their ends.
    """
    names = table.names
    if names is not None and ends_of(names) is None:
        attribute = next((place for place in (end, start) if is_attribute(names[place])), None)
        if attribute is not None:
            _refuse(table, start, end, f"{names[attribute]!r} is an attribute")
    if _has_known_ends(table, start, end):
        return
    _refuse_features(table, start, end)
    vertices, others = table.column(start), table.column(end)
    apart, once = not set(vertices) & set(others), len(set(vertices)) == len(vertices) >= _FEWEST
    if names is not None and once and (apart or is_id(names[start])):
        _refuse(table, start, end, f"{names[start]!r} is different in each row")
    if names is None and once and apart and table.width > 2 and counts(vertices):
        _refuse(table, start, end, f"column {start + 1} counts the rows")
    both = [(vertices, others), (others, vertices)]
    if names is None and apart and any(counts(ids) and _are_words(words) for ids, words in both):
        _refuse(table, start, end, "one column counts the rows and the other names them")
    for place in range(start):
        heads = names is not None and (is_id(names[place]) or not names[place].strip())
        if _names_rows(table, place) and (apart or (heads and all(map(is_number, others)))):
            _refuse(table, start, end, f"column {place + 1} is different in each row")
    _refuse_classes(table, start, end)


def _refuse_features(table: Table, start: int, end: int) -> None:
    """Raises ValueError for ends that are measurements, and for many columns of zeros and ones."""
    ends = [table.column(start), table.column(end)]
    for place, column in zip((start, end), ends, strict=True):
        numbers = table.named and all(map(is_number, column))
        if numbers and not all(float(cell).is_integer() for cell in column):
            _refuse(table, start, end, f"column {place + 1} has decimals")
    columns = [set(table.column(place)) for place in range(1, table.width)]
    binary = sum(column <= {b"0", b"1"} for column in columns)
    vertices = set(ends[0])
    once = len(vertices) == len(table.rows) > 1
    if once and binary >= _FEWEST_OF_FEATURES - 2 and not vertices & set(ends[1]):
        _refuse(table, start, end, f"{binary} columns have zeros and ones alone")


def _are_words(column: list[bytes]) -> bool:
    """Whether a column has a name for each row, and no number."""
    return len(set(column)) == len(column) and not any(map(is_number, column))


def _has_known_ends(table: Table, start: int, end: int) -> bool:
    """Whether a header has names of ends, and not of places or times of a vertex."""
    names = table.names
    if names is None or ends_of(names) is None:
        return False
    # As in a matrix whose columns are called a, b, c.
    rows_are_named = not names[0].strip() and not any(map(is_number, table.column(0)))
    weak = rows_are_named and not are_heads([names[start], names[end]])
    return start == 0 or not (weak or are_of_others(names[start], names[end]))


def _names_rows(table: Table, place: int) -> bool:
    """Whether a column before the guessed ends is a name or a number of each row."""
    column, names = table.column(place), table.names
    if names is not None and is_attribute(names[place]):
        return False
    if counts(column) or (names is not None and counts_rows(names[place])):
        return True
    words = not any(is_number(cell) or cell[:1].isdigit() for cell in column)
    return words and len(set(column)) == len(column) >= (_FEWEST if names is None else 2)


def _refuse_classes(table: Table, start: int, end: int) -> None:
    """Raises ValueError for two columns that may be vertices, each once, and their classes."""
    vertices, classes = table.column(start), set(table.column(end))
    fewest = _FEWEST_OF_CLASSES if table.width < 3 else _FEWEST + 1
    once = len(set(vertices)) == len(vertices) >= fewest
    # Of a tree, each vertex comes after its parent.
    ids = [vertices, table.column(end)]
    if once and all(all(map(is_integer, column)) for column in ids):
        once = of_direction(table.integers([start, end])) < _BY_CHANCE
    others = counts(vertices) or not (all(map(is_integer, vertices)) or classes & set(vertices))
    share = 3 if table.width < 3 else 2
    # Tables of many features, most of them 0.
    fewest = 1 if table.width >= _FEWEST_OF_FEATURES else 2
    if once and others and fewest <= len(classes) <= len(vertices) // share:
        _refuse(
            table,
            start,
            end,
            f"column {start + 1} has each vertex once and column {end + 1} repeats few values",
        )


def _refuse(table: Table, start: int, end: int, why: str) -> None:
    raise ValueError(
        f"{table.path}: {printable(why.encode())}, as in a table of vertices: pass a file of edges,"
        f" or --columns {start + 1},{end + 1} if both are ends"
    )
