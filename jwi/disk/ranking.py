"""Which edges go first, of more edges than memory holds: the same as in memory."""

from functools import partial
from pathlib import Path
from typing import no_type_check

import numpy as np
from numba import njit

from jwi.disk.arrays import BLOCK, disk_array
from jwi.order.dspar import score_of_degrees as dspar
from jwi.order.inverse_degree import score_of_degrees as inverse_degree
from jwi.order.wis.depth_2 import EdgeRows, group_by_level, remove_by_levels
from jwi.order.wis.log_share import remove_by_log_shares
from jwi.progress import Progress, run_with_progress

_SCORES = {"dspar": dspar, "inverse-degree": inverse_degree}
METHODS = ("one-walk-index", "log-share", *_SCORES)
"""The methods that rank edges on disk."""
_DIGIT = 16


@njit(cache=True)
@no_type_check
def close_up(ends, is_edge, ids):
    """Moves the rows that are edges to the front, and writes their numbers into `ids`."""
    place = 0
    for row in range(len(ends)):
        if is_edge[row]:
            ends[place, 0], ends[place, 1] = ends[row]
            ids[place] = row
            place += 1


@njit(cache=True)
@no_type_check
def degrees_of(ends, num_vertices):
    """int32[n] of edges int32[E, 2]."""
    degree = np.zeros(num_vertices, np.int32)
    for u, v in ends:
        degree[u] += 1
        degree[v] += 1
    return degree


@njit(cache=True)
@no_type_check
def degrees_of_sides(ends, num_vertices):
    """How many rows have a vertex on the left and on the right, int32[2, n]; how many are loops."""
    degrees, loops = np.zeros((2, num_vertices), np.int32), 0
    for u, v in ends:
        degrees[0, u] += 1
        degrees[1, v] += 1
        loops += u == v
    return degrees, loops


def first_to_go(
    method: str,
    edges: EdgeRows,
    degree: np.ndarray,
    num_removed: int,
    folder: Path,
    progress: Progress | None = None,
) -> np.ndarray:
    """The ids of the edges that a method removes first.

    Args:
        method: One of `METHODS`.
        edges: Edges by rising id.
        degree: int32[n], which 1-WIS changes.
        num_removed: N, how many edges go.
        folder: Where working files are.
        progress: Called now and then with the share that is ranked.

    Returns:
        int32[N], on disk; first removed first by 1-WIS and log shares, by rising id by the others.
    """
    num_edges = len(edges.ids)
    if method in _SCORES:
        return _lowest_scores(method, edges, degree, num_removed, folder)
    empty = partial(disk_array, folder, dtype=np.int32)
    if method == "log-share":
        return remove_by_log_shares(edges, degree, num_removed, empty, progress)
    waiting, active = (EdgeRows(empty((num_edges,)), empty((num_edges, 2))) for _ in range(2))
    following, order = empty((num_edges,)), empty((num_edges,))
    stops = group_by_level(edges, degree, waiting)
    run_with_progress(
        remove_by_levels,
        ((waiting, stops, active, following), degree, order, num_removed),
        num_removed,
        progress,
    )
    return order[:num_removed]


def _lowest_scores(
    method: str, edges: EdgeRows, degree: np.ndarray, num_removed: int, folder: Path
) -> np.ndarray:
    """The ids of the edges of the lowest scores; of equal scores, the lowest ids."""
    num_edges = len(edges.ids)
    keys = disk_array(folder, (num_edges,), np.uint64)
    blocks = [slice(start, start + BLOCK) for start in range(0, num_edges, BLOCK)]
    for block in blocks:
        keys[block] = _sortable(_SCORES[method](degree[edges.ends[block]].astype(np.int64)))
    highest, num_equal = _threshold(keys, blocks, num_removed)
    removed, count = disk_array(folder, (num_removed,), np.int32), 0
    for block in blocks:
        equal = keys[block] == highest
        goes = (keys[block] < highest) | (equal & (np.cumsum(equal) <= num_equal))
        num_equal -= min(num_equal, int(equal.sum()))
        found = edges.ids[block][goes]
        removed[count : count + len(found)] = found
        count += len(found)
    return removed


def _sortable(scores: np.ndarray) -> np.ndarray:
    """uint64 that rise as int64 or float64 do."""
    bits = scores.view(np.uint64)
    sign = np.uint64(1 << 63)
    if scores.dtype.kind == "i":
        return bits ^ sign
    return np.where(bits & sign, ~bits, bits | sign)


def _threshold(keys: np.ndarray, blocks: list[slice], count: int) -> tuple[np.uint64, int]:
    """The number that the `count` lowest keys go up to, and how many of them are equal to it."""
    known = np.uint64(0)
    # Digit by digit, the highest first: how many keys begin so is counted in a pass.
    for shift in range(64 - _DIGIT, -1, -_DIGIT):
        found = np.zeros(2**_DIGIT, np.int64)
        for block in blocks:
            begin = keys[block] >> np.uint64(shift)
            same = (begin >> np.uint64(_DIGIT)) == known
            found += np.bincount(
                (begin[same] & np.uint64(2**_DIGIT - 1)).astype(np.int64), minlength=2**_DIGIT
            )
        below = np.cumsum(found)
        digit = int(np.searchsorted(below, count)) if count else 0
        count -= int(below[digit] - found[digit]) if count else 0
        known = (known << np.uint64(_DIGIT)) | np.uint64(digit)
    return known, count
