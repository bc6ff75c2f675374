"""Edges and nodes as JSON writes them: which two nodes an edge joins."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jwi.io.content import Source
from jwi.io.evidence import other_ends
from jwi.io.header import ends_of

# What nodes are called by, the plainest first.
_NAMES = ("id", "key", "name", "label")
_MOST_SHOWN = 9


class Edges(NamedTuple):
    """Edges as a file writes them.

    Attributes:
        pairs: The two ends of each.
        attributes: What else each has.
        sides: Whether the ends are called like two kinds of vertices.
    """

    pairs: list[tuple[Any, Any]]
    attributes: list[dict]
    sides: bool = False


class Nodes(NamedTuple):
    """Vertices, and edges between them.

    Attributes:
        labels: Their names.
        ends: int64[M, 2], their numbers.
        notes: What a reader of the file is told.
    """

    labels: list
    ends: np.ndarray
    notes: tuple[str, ...] = ()


def edges_of(path: Path, edges: list) -> Edges:
    """The two ends of each edge, and its attributes.

    Args:
        path: The file, for messages.
        edges: Lists of two ends, or objects with names that are known for ends.

    Raises:
        ValueError: If it is not clear which are the ends.
    """
    if all(isinstance(edge, list) for edge in edges):
        return _of_lists(path, edges)
    if not all(isinstance(edge, dict) for edge in edges):
        raise ValueError(f"{path} has edges of several kinds: pass objects, or lists of two ends")
    records = [_inner(edge) for edge in edges]
    names = [name for name in records[0] if all(name in record for record in records)]
    ends = ends_of(names)
    if ends is None:
        held = ", ".join(map(str, list(records[0])[:_MOST_SHOWN]))
        raise ValueError(
            f"{path} has edges with the keys {held}: call the two ends source and target, in each"
        )
    start, end = (names[place] for place in ends.columns)
    pairs = [(_name(path, record[start]), _name(path, record[end])) for record in records]
    return Edges(pairs, records, ends.sides)


def _of_lists(path: Path, edges: list[list]) -> Edges:
    """Edges that are lists of two ends, and maybe a number or an object."""
    lengths = {len(edge) for edge in edges}
    rest = [edge[2] for edge in edges if len(edge) == 3]
    pairs = [tuple(_name(path, end) for end in edge[:2]) for edge in edges]
    # A third element may be a weight or attributes, and no end.
    weights = all(isinstance(item, (int, float, dict)) for item in rest)
    whole = [edge for edge in edges if all(type(end) is int for end in edge)]
    doubted = len(whole) == len(edges) > 0 and lengths == {3}
    doubted = doubted and (len(edges) == 3 or other_ends(np.array(edges)) is not None)
    if not lengths <= {2, 3} or len(lengths) > 1 or not weights or doubted:
        raise ValueError(
            f"{path} has lists that may be a matrix, or edges with a time or a relation: pass"
            " lists of two ends, or records with source and target"
        )
    attributes = [item if isinstance(item, dict) else {"weight": item} for item in rest]
    return Edges(pairs, attributes or [{} for _ in edges])


def resolved(path: Path, nodes: list | None, edges: Edges) -> Nodes:
    """Which vertices edges join.

    Args:
        path: The file, for messages.
        nodes: Names, or objects with one; None if the file lists no nodes.
        edges: Their ends are names, or places in the list.

    Raises:
        ValueError: If nodes have no name of their own, or ends are none of them.
    """
    ends = [end for pair in edges.pairs for end in pair]
    if nodes is None:
        shared = {pair[0] for pair in edges.pairs} & {pair[1] for pair in edges.pairs}
        if edges.sides and shared:
            raise ValueError(
                f"{path}: {min(map(str, shared))!r} is at both ends, which may be two kinds of"
                " vertices: give each a name of its own"
            )
        labels = list(dict.fromkeys(ends))
        return Nodes(labels, _places({label: place for place, label in enumerate(labels)}, ends))
    records = [_inner(node) if isinstance(node, dict) else {"id": node} for node in nodes]
    key = _key(path, records)
    labels = [_name(path, record[key]) for record in records] if key else list(range(len(nodes)))
    by_place = all(type(end) is int and 0 <= end < len(labels) for end in ends)
    for kind in (_as_it_is, str):
        number = {kind(label): place for place, label in enumerate(labels)}
        if len(number) == len(labels) and all(kind(end) in number for end in ends):
            if by_place and key in ("name", "label"):
                raise ValueError(
                    f"{path} has nodes whose {key} is a number, and edges that name them by it or"
                    " by their place: give each node an id"
                )
            return Nodes(labels, _places(number, map(kind, ends)))
    if not by_place:
        known = set(map(str, labels))
        other = next((end for end in ends if str(end) not in known), ends[0])
        raise ValueError(
            f"{path} has an edge at {other!r}, which is none of its {len(labels):,} nodes: give"
            " each node an id of its own, and edges such ids"
        )
    note = "edges name nodes by their place in the list, counted from 0"
    return Nodes(labels, np.array(edges.pairs, np.int64).reshape(-1, 2), (note,))


def direction_of(source: Source, holder: dict, edges: Edges) -> tuple[bool | None, str | None]:
    """Whether a file says that its edges are directed, and where it says so.

    Args:
        source: The file and what the user says.
        holder: The object with a key `directed`, or graphology's options.
        edges: Each may have such a key as well.

    Raises:
        ValueError: If such a key is neither true nor false, or edges differ in it.
    """
    path, said = source.path, holder.get("directed")
    if said is not None and not isinstance(said, bool):
        raise ValueError(
            f"{path}: its key 'directed' is {said!r}: write true or false, without quotes"
        )
    if said is not None:
        return said, "by its key 'directed'"
    options = holder.get("options")
    kind = options.get("type") if isinstance(options, dict) else None
    if kind in ("directed", "undirected"):
        return kind == "directed", "by its options"
    of_edges = {_direction(attributes) for attributes in edges.attributes}
    if len(of_edges) > 1 and source.directed is None:
        raise ValueError(
            f"{path} has edges that are directed and others that are not, or do not say so: pass"
            " --directed or --undirected"
        )
    only = of_edges.pop() if len(of_edges) == 1 else None
    return only, None if only is None else "by the key of its edges"


def _direction(attributes: dict) -> bool | None:
    """What an edge says of its direction; None for nothing."""
    directed, undirected = attributes.get("directed"), attributes.get("undirected")
    if isinstance(directed, bool):
        return directed
    return not undirected if isinstance(undirected, bool) else None


def _key(path: Path, records: list[dict]) -> str | None:
    """What nodes are called by; None if only their places tell them apart."""
    for key in _NAMES:
        if not records or not any(key in record for record in records):
            continue
        values = [_name(path, record.get(key)) for record in records]
        if None not in values and len(set(values)) == len(values):
            return key
        if key in ("id", "key"):
            raise ValueError(f"{path} has nodes with no {key} of their own: give each one")
    return None


def _inner(record: dict) -> dict:
    """What Cytoscape has in an object of its own."""
    data = record.get("data")
    return data if isinstance(data, dict) else record


def _name(path: Path, value: Any) -> Any:
    """A name that can be compared: a list is a tuple of Python."""
    if isinstance(value, dict):
        raise ValueError(f"{path} has an end that is an object: write its id in its place")
    return tuple(_name(path, part) for part in value) if isinstance(value, list) else value


def _as_it_is(value: Any) -> Any:
    return value


def _places(number: dict, ends: Iterable) -> np.ndarray:
    """The numbers of the ends, int64[M, 2]."""
    return np.array([number[end] for end in ends], np.int64).reshape(-1, 2)
