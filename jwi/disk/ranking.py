"""Which edges go first, of more edges than memory holds: the same as in memory."""

from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, no_type_check

import numpy as np
from numba import njit

from jwi.disk.arrays import BLOCK, Room, disk_array
from jwi.disk.shuffling import shuffled
from jwi.order.dspar import score_of_degrees as dspar
from jwi.order.inverse_degree import score_of_degrees as inverse_degree
from jwi.order.local_degree import logarithms_to, rounded, score_arcs
from jwi.order.wis.depth_2 import EdgeRows, group_by_level, remove_by_levels
from jwi.order.wis.log_share import remove_by_log_shares
from jwi.progress import Progress, run_with_progress

_SCORES = {"dspar": dspar, "inverse-degree": inverse_degree}
METHODS = ("one-walk-index", "log-share", "random", "local-degree", *_SCORES)
"""The methods that rank edges on disk."""
DIRECTED = ("random",)
"""Those of them that rank the edges of directed graphs, too."""
_DIGIT = 16
# No score is so high.
_HIGHEST = np.uint64(2**64 - 1)


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
def add_degrees(ends, degree):
    """Counts edges int32[E, 2] in degree int32[n]."""
    for u, v in ends:
        degree[u] += 1
        degree[v] += 1


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


class Ranked(NamedTuple):
    """Edges to be ranked.

    Attributes:
        edges: By rising id.
        degree: int32[n].
        held: bool[M], which ids stay whatever their rank is; None for none.
    """

    edges: EdgeRows
    degree: np.ndarray
    held: np.ndarray | None = None


def first_to_go(
    method: str,
    ranked: Ranked,
    num_removed: int,
    room: Room,
    *,
    key: Any = None,
    progress: Progress | None = None,
) -> np.ndarray:
    """The ids of the edges that a method removes first.

    Args:
        method: One of `METHODS`.
        ranked: The edges, of which at least N may go.
        num_removed: N, how many edges go.
        room: Where working files are, and how much memory sorting may take.
        key: A JAX random key, for the method `random`.
        progress: Called now and then with the share that is ranked.

    Returns:
        int32[N], on disk; by rising id for scores of degrees and local degree, and first removed
        first for the others.
    """
    edges, _, held = ranked
    if method == "local-degree" or method in _SCORES:
        return _lowest_scores(method, ranked, num_removed, room.folder)
    # Edges that stay are ranked as all others, and passed over.
    num_ranked = num_removed + (0 if held is None else int(held.sum()))
    if method == "random":
        order = shuffled(key, edges.ids, room)
    else:
        order = _removed_in_turn(method, ranked, num_ranked, room.folder, progress)
    if held is None:
        return order[:num_removed]
    going, count = disk_array(room.folder, (num_removed,), np.int32), 0
    for start in range(0, num_ranked, BLOCK):
        block = order[start : min(start + BLOCK, num_ranked)]
        block = block[~held[block]][: num_removed - count]
        going[count : count + len(block)] = block
        count += len(block)
    return going


def _removed_in_turn(
    method: str, ranked: Ranked, num_removed: int, folder: Path, progress: Progress | None
) -> np.ndarray:
    """The first edges to go where each depends on those before, int32[at least num_removed]."""
    edges, degree = ranked.edges, ranked.degree.copy()
    num_edges = len(edges.ids)
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
    return order


def _lowest_scores(method: str, ranked: Ranked, num_removed: int, folder: Path) -> np.ndarray:
    """The ids of the edges of the lowest scores; of equal scores, the lowest ids."""
    edges, degree, held = ranked
    num_edges = len(edges.ids)
    keys = disk_array(folder, (num_edges,), np.uint64)
    if method == "local-degree":
        _score_local_degrees(edges, degree, keys.view(np.float64), folder)
    blocks = [slice(start, start + BLOCK) for start in range(0, num_edges, BLOCK)]
    for block in blocks:
        if method == "local-degree":
            scores = rounded(keys[block].view(np.float64))
        else:
            scores = _SCORES[method](degree[edges.ends[block]].astype(np.int64))
        keys[block] = _sortable(scores)
        if held is not None:
            keys[block][held[edges.ids[block]]] = _HIGHEST
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


def _score_local_degrees(
    edges: EdgeRows, degree: np.ndarray, scores: np.ndarray, folder: Path
) -> None:
    """Fills in the scores of `local_degree_order`, not rounded, float64[E]."""
    at, places = (disk_array(folder, (2 * len(edges.ids),), np.int32) for _ in range(2))
    _group_by_neighbor(edges.ends, degree, at, places)
    score_arcs(at, places, degree, logarithms_to(degree), scores)


@njit(cache=True)
@no_type_check
def _group_by_neighbor(ends, degree, at, places):
    """Both arcs of each edge by the degree they lead to, the highest first, then by edge.

    Args:
        ends: int32[E, 2].
        degree: int32[n].
        at: int32[2E], filled with the vertex where each arc begins.
        places: int32[2E], filled with the row of its edge.
    """
    starts = np.zeros(degree.max() + 1 if len(degree) else 1, np.int64)
    for u, v in ends:
        starts[degree[u]] += 1
        starts[degree[v]] += 1
    total = 0
    for size in range(len(starts) - 1, -1, -1):
        total, starts[size] = total + starts[size], total
    for row in range(len(ends)):
        for end in range(2):
            to = degree[ends[row, 1 - end]]
            at[starts[to]], places[starts[to]] = ends[row, end], row
            starts[to] += 1


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
