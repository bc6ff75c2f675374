"""Which rows of a file are edges, and which repeat one: sorted in parts that fit into memory."""

from typing import NamedTuple, no_type_check

import numpy as np
from numba import njit

from jwi.disk.arrays import GrowingArray, Room, disk_array

# That sorting takes, beside the part itself.
_BYTES_A_ROW = 48


class Distinct(NamedTuple):
    """The rows that stand for edges.

    Attributes:
        is_edge: bool[M], whether a row is the first one of an edge, and no self-loop.
        repeats: int32[R, 2], on disk: each row that repeats an edge, and the edge's first row.
    """

    is_edge: np.ndarray
    repeats: np.ndarray


def distinct_rows(ends: np.ndarray, room: Room, *, directed: bool = False) -> Distinct:
    """Finds the first row of every edge.

    Args:
        ends: int32[M, 2], the two ends of each row.
        room: Where working files are, and how much memory sorting may take.
        directed: Whether edges of two directions are two.

    Example:
        >>> import pathlib, tempfile
        >>> rows = np.array([[0, 1], [1, 1], [1, 0], [1, 2]], np.int32)
        >>> found = distinct_rows(rows, Room(pathlib.Path(tempfile.mkdtemp()), 10**6))
        >>> found.is_edge.tolist(), found.repeats.tolist()
        ([True, False, False, True], [[2, 0]])
    """
    num_parts = -(-len(ends) * _BYTES_A_ROW // room.memory)
    rows = disk_array(room.folder, (len(ends),), np.int32)
    keys = disk_array(room.folder, (len(ends),), np.int64)
    stops = _part(ends, directed, max(1, num_parts), rows, keys)
    is_edge, repeats = np.zeros(len(ends), bool), GrowingArray(room.folder)
    start = 0
    for stop in stops.tolist():
        part, key = rows[start:stop], keys[start:stop]
        # A stable sort: rows of one key stay by rising number.
        by_key = np.argsort(key, kind="stable")
        key = key[by_key]
        is_first = np.append(True, key[1:] != key[:-1])[: len(key)]
        part = part[by_key]
        is_edge[part[is_first]] = True
        first = part[is_first][np.cumsum(is_first) - 1]
        repeats.append(np.stack([part, first], axis=1)[~is_first])
        start = stop
    return Distinct(is_edge, repeats.array())


@njit(cache=True)
@no_type_check
def _part(ends, directed, num_parts, rows, keys):
    """Parts the rows by a hash of the edge, without self-loops; returns where each part stops."""
    stops = np.zeros(num_parts, np.int64)
    for u, v in ends:
        if u != v:
            stops[_part_of(_key(u, v, directed), num_parts)] += 1
    total = 0
    for part in range(num_parts):
        total, stops[part] = total + stops[part], total
    for row in range(len(ends)):
        u, v = ends[row]
        if u != v:
            part = _part_of(_key(u, v, directed), num_parts)
            rows[stops[part]] = row
            keys[stops[part]] = _key(u, v, directed)
            stops[part] += 1
    return stops


@njit(cache=True)
@no_type_check
def _key(u, v, directed):
    """The two ends as one number, the smaller first if either may be."""
    first, second = (u, v) if directed or u < v else (v, u)
    return (np.int64(first) << 32) | second


@njit(cache=True)
@no_type_check
def _part_of(key, num_parts):
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    return np.int64((mixed >> np.uint64(33)) % np.uint64(num_parts))
