"""`jwi prune --memory --protect`: the edges of a file, among those on disk."""

import argparse
from typing import TYPE_CHECKING

import numpy as np

from jwi.cli.terminal import NO_HEADER
from jwi.disk.arrays import BLOCK
from jwi.io import read_rows_of_names

if TYPE_CHECKING:
    from jwi.order.wis.depth_2 import EdgeRows


def protected_rows(
    parsed: argparse.Namespace, edges: "EdgeRows", num_rows: int, *, directed: bool
) -> np.ndarray:
    """Which rows are edges of the file of --protect, bool[num_rows].

    Args:
        parsed: The arguments.
        edges: All edges, by the rows that they are.
        num_rows: Of the graph's file.
        directed: Whether edges lead one way.

    Raises:
        ValueError: If the file names something else than edges.
    """
    read = read_rows_of_names(parsed.protect, "rows: pass the two ends of each edge that stays")
    names = [str(label) for label in read.labels]
    for name in names:
        is_integer = name.isascii() and name.isdecimal() and str(int(name)) == name
        if not is_integer or int(name) >= 2**31:
            raise ValueError(
                f"{parsed.protect}: {name!r} is no vertex of {parsed.graph}: with --memory,"
                f" vertices are integers{NO_HEADER}"
            )
    number = np.array([int(name) for name in names])
    pairs = np.stack([number[read.senders], number[read.receivers]], axis=1)
    wanted = np.unique(_keys(pairs[pairs[:, 0] != pairs[:, 1]], directed))
    is_found, held = np.zeros(len(wanted), bool), np.zeros(num_rows, bool)
    for start in range(0, len(edges.ids) if len(wanted) else 0, BLOCK):
        keys = _keys(edges.ends[start : start + BLOCK].astype(np.int64), directed)
        place = np.searchsorted(wanted, keys)
        same = wanted[np.minimum(place, len(wanted) - 1)] == keys
        held[edges.ids[start : start + BLOCK][same]] = True
        is_found[place[same]] = True
    if not is_found.all():
        u, v = divmod(int(wanted[np.argmin(is_found)]), 2**32)
        raise ValueError(
            f"{parsed.protect}: there is no edge from {u} to {v} in {parsed.graph}: name its edges"
        )
    return held


def _keys(pairs: np.ndarray, directed: bool) -> np.ndarray:
    """One number for each edge, of its ends int64[K, 2]."""
    ends = pairs if directed else np.sort(pairs, axis=1)
    return (ends[:, 0] << 32) | ends[:, 1]
