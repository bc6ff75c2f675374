"""One set of vertices, or two: whether the same id on both sides of edges is one vertex."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int64

from jwi.io.columns import Table
from jwi.io.header import ends_of
from jwi.io.layout import Columns
from jwi.io.text import MOST_DIGITS
from jwi.io.time_column import is_time
from jwi.io.words import Words

# Edges at one id that chance would make, from which their number says something.
_EXPECTED, _FEWEST_SHARED = 10, 3
_APART = 1.25
_RATINGS = {b"%g" % (half / 2) for half in range(1, 11)} | {
    b"%d.0" % stars for stars in range(1, 6)
}


class Sides(NamedTuple):
    """The vertices of an edge list.

    Attributes:
        labels: Their names.
        ends: int64[M, 2], their numbers.
        notes: What a reader of the file is told of them.
    """

    labels: Sequence | np.ndarray
    ends: Int64[np.ndarray, "M 2"]
    notes: tuple[str, ...] = ()


class Numbered(NamedTuple):
    """Vertices that are integers.

    Attributes:
        blocks: Parts of them: ids int[K], and how many edges each has on the left and on the right,
            int[2, K].
        num_rows: M.
        num_loops: How many rows join a vertex with itself.
    """

    blocks: Callable[[], Iterable[tuple[np.ndarray, np.ndarray]]]
    num_rows: int
    num_loops: int


class _File(NamedTuple):
    """What is asked when ids come on both sides.

    Attributes:
        path: The file.
        names: Of the two columns; None without a header.
        known: Whether a pair of columns is called like ends.
        told: Whether the user names the columns.
        words: What the file says of itself.
        rated: Whether ratings and times follow, as users give them to items.
    """

    path: Path
    names: tuple[str, str] | None
    known: bool
    told: bool
    words: Words
    rated: bool


def in_sides(
    table: Table, columns: Columns, words: Words, one: Sides, *, bipartite: bool | None, told: bool
) -> Sides:
    """The vertices, with ids of the left and of the right apart if they are different ones.

    Args:
        table: The first rows.
        columns: Of the ends.
        words: What the file says of itself.
        one: The vertices as one set.
        bipartite: What the user says; None if nothing.
        told: Whether the user names the columns.

    Raises:
        ValueError: If both may be.
    """
    degrees = np.stack([np.bincount(end, minlength=len(one.labels)) for end in one.ends.T])
    if bipartite or (bipartite is None and words.bipartite):
        return _parted(one, [np.flatnonzero(degree) for degree in degrees])
    if bipartite is not None or words.konect:
        return one
    ids = _integers(one.labels)
    loops = int((one.ends[:, 0] == one.ends[:, 1]).sum())
    numbered = None if ids is None else Numbered(lambda: [(ids, degrees)], len(one.ends), loops)
    shared = np.flatnonzero(degrees.all(axis=0))
    first = one.labels[shared[0]] if shared.size else None
    return one._replace(notes=judged(table, columns, words, first, numbered, told=told))


def judged(
    table: Table, columns: Columns, words: Words, first: object, numbered: Numbered | None, *,
    told: bool,
) -> tuple[str, ...]:  # fmt: skip
    """What is told where two names are taken for one kind of vertices.

    Args:
        table: The first rows.
        columns: Of the ends.
        words: What the file says of itself.
        first: A vertex on both sides; None if there is none.
        numbered: The vertices, if they are integers.
        told: Whether the user names the columns.

    Raises:
        ValueError: If vertices on both sides may be of two kinds.
    """
    if first is None:
        return ()
    known = table.names is not None and ends_of(table.names) is not None
    rated = table.names is None and table.width > 3 and is_time(table.column(3))
    rated = rated and len(set(table.column(2))) > 1 and set(table.column(2)) <= _RATINGS
    names = None
    if table.names is not None and max(columns[:2]) < len(table.names):
        names = (table.names[columns.start], table.names[columns.end])
    return _notes(_File(table.path, names, known, told, words, rated), first, numbered)


def _parted(one: Sides, sides: list[np.ndarray]) -> Sides:
    """The vertices of two kinds."""
    places = [np.searchsorted(side, end) for side, end in zip(sides, one.ends.T, strict=True)]
    ends = np.stack([places[0], places[1] + len(sides[0])], axis=1)
    labels = [
        f"{side}:{one.labels[vertex]}"
        for side, vertices in zip(("left", "right"), sides, strict=True)
        for vertex in vertices.tolist()
    ]
    note = f"bipartite: {len(sides[0]):,} vertices on the left and {len(sides[1]):,} on the right"
    return Sides(labels, ends, (note,))


def _notes(file: _File, first: object, numbered: Numbered | None) -> tuple[str, ...]:
    """See `judged`."""
    hint = "--bipartite takes them for two vertices, --no-bipartite for one"
    if file.words.of_sides:
        raise ValueError(
            f"{file.path}: a comment says bipartite, and {first} is on both sides: {hint}"
        )
    left, right = file.names or ("", "")
    pair = ends_of([left, right]) if file.known else None
    both = f"{file.path}: {first} is a {left!r} and a {right!r}"
    if pair is not None and pair.sides:
        raise ValueError(f"{both}: {hint}")
    if numbered is None:
        return ()
    spans = _spans(numbered)
    kinds = _kinds(numbered, spans)
    if kinds == 2:
        raise ValueError(
            f"{file.path}: ids on the left go to {spans[0][1]} and on the right to {spans[1][1]},"
            f" and meet as often as by chance, as two kinds of vertices do: {hint}"
        )
    if kinds is None and file.rated:
        raise ValueError(
            f"{file.path}: {first} is on both sides, beside ratings and times, as users and items"
            f" are: {hint}"
        )
    if file.names is None or pair is not None:
        return ()
    if kinds is None and not file.told:
        raise ValueError(f"{both}, which may be two kinds of vertices: {hint}")
    return (f"{left!r} and {right!r} are taken for one kind of vertices (--bipartite parts them)",)


def _integers(labels: Sequence | np.ndarray) -> np.ndarray | None:
    """Labels as integers, int64[n]; None if some are none."""
    if not isinstance(labels, list):
        return np.asarray(labels)
    names = [label.removeprefix("-") for label in labels]
    if not all(name.isdecimal() and len(name) <= MOST_DIGITS for name in names):
        return None
    return np.array([int(label) for label in labels])


def _spans(numbered: Numbered) -> list[tuple[int, int]]:
    """The smallest and the largest id on each side."""
    found = []
    for side in (0, 1):
        present = (ids[degrees[side] > 0] for ids, degrees in numbered.blocks())
        ends = [(int(ids.min()), int(ids.max())) for ids in present if ids.size]
        found.append((min(low for low, _ in ends), max(high for _, high in ends)))
    return found


def _kinds(numbered: Numbered, spans: list[tuple[int, int]]) -> int | None:
    """How many kinds of vertices ids are by how they are paired; None if that does not say.

    Two kinds that are both numbered from 0 share most small ids, and an edge joins an id with
    itself as often as by chance. In one kind, it seldom does.
    """
    low, high = max(span[0] for span in spans), min(span[1] for span in spans)
    expected, shared, inside = 0.0, 0, np.zeros(2)
    for ids, degrees in numbered.blocks():
        expected += float(degrees[0].astype(float) @ degrees[1]) / numbered.num_rows
        shared += int(degrees.all(axis=0).sum())
        inside += (degrees[:, (ids >= low) & (ids <= high)] > 0).sum(axis=1)
    loops, sizes = numbered.num_loops, sorted(span[1] - span[0] + 1 for span in spans)
    if expected >= _EXPECTED and expected <= 2 * loops <= 4 * expected:
        return 2 if sizes[1] >= _APART * sizes[0] else None
    by_chance = float(inside[0] * inside[1]) / float(high - low + 1)
    seldom = expected >= _EXPECTED and 4 * loops < expected
    return 1 if seldom or (shared >= _FEWEST_SHARED and shared > 2 * by_chance) else None
