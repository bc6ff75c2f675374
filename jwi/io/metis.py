"""METIS graphs: a line for each vertex, its neighbors in it, each edge in two lines.

References:
    Karypis, *METIS: a software package for partitioning unstructured graphs*, manual of 5.1.0,
    section 4.1.1.
"""

from io import BufferedIOBase

import numpy as np
from jaxtyping import Bool

from jwi.io.content import Content, Source
from jwi.io.refusals import check_num_vertices, printable

_REMEDY = "pass `VERTICES EDGES [FORMAT [WEIGHTS]]` and a line for each vertex"


def read(source: Source) -> Content:
    """Reads the neighbors of each vertex; sizes and weights are kept.

    Args:
        source: The file and the user's options.

    Raises:
        ValueError: With the line, if this is no such file.
    """
    path = source.path
    source.options.only(path, source.format, "weights")
    lines = [line.split() for line in source.content.splitlines() if not line.startswith(b"%")]
    sizes, lines = (lines[0], lines[1:]) if lines else ([], [])
    if not 2 <= len(sizes) <= 4 or not all(word.isdigit() and len(word) < 19 for word in sizes):
        row = printable(b" ".join(sizes))
        raise ValueError(f"{path}: its first line, {row!r}, is not sizes: {_REMEDY}")
    n, num_edges = int(sizes[0]), int(sizes[1])
    # Blank lines at the end may be vertices without neighbors, and may be none.
    while len(lines) > n and not lines[-1]:
        lines.pop()
    if len(lines) != n:
        raise ValueError(
            f"{path} promises {n:,} vertices, and {len(lines):,} lines follow: {_REMEDY}"
        )
    check_num_vertices(path, "its first line", n, sum(map(len, lines)))
    lead, step = _widths(sizes)
    cells = [word for line in lines for word in line[lead::step]]
    odd = next((i for i, line in enumerate(lines) if max(0, len(line) - lead) % step), None)
    if odd is not None:
        raise ValueError(f"{path}: vertex {odd + 1} has a neighbor without a weight: {_REMEDY}")
    degrees = np.array([len(line[lead::step]) for line in lines], np.int64)
    weights = None
    try:
        receivers = np.array(cells, dtype=np.bytes_).astype(np.int64) - 1
        if step == 2:
            weights = np.array([float(word) for line in lines for word in line[lead + 1 :: 2]])
    except (ValueError, OverflowError):
        raise ValueError(
            f"{path}: a neighbor is no integer, or a weight no number: {_REMEDY}"
        ) from None
    senders = np.repeat(np.arange(n), degrees)
    _check(source, n, num_edges, senders, receivers)

    def rewrite(file: BufferedIOBase, keep: Bool[np.ndarray, " M"]) -> None:
        kept = int(keep[senders <= receivers].sum())
        written = [b" ".join([sizes[0], b"%d" % kept, *sizes[2:]])]
        entry = 0
        for line in lines:
            words = line[:lead]
            for place in range(lead, len(line), step):
                words += line[place : place + step] if keep[entry] else []
                entry += 1
            written.append(b" ".join(words))
        file.write(b"\n".join([*written, b""]))

    labels = range(1, n + 1)
    return Content(senders, receivers, labels, False, rewrite, weights=weights)


def _widths(sizes: list[bytes]) -> tuple[int, int]:
    """How many numbers stand before the neighbors of a vertex, and how many go with each."""
    flags = sizes[2].rjust(3, b"0")[-3:] if len(sizes) > 2 else b"000"
    num_weights = int(sizes[3]) if len(sizes) > 3 else int(flags[1:2] == b"1")
    return int(flags[0:1] == b"1") + num_weights, 1 + int(flags[2:3] == b"1")


def _check(
    source: Source, n: int, num_edges: int, senders: np.ndarray, receivers: np.ndarray
) -> None:
    """Raises ValueError for neighbors that are none, and for edges that are in one line alone."""
    outside = np.flatnonzero((receivers < 0) | (receivers >= n))
    if outside.size:
        vertex, neighbor = int(senders[outside[0]]) + 1, int(receivers[outside[0]]) + 1
        raise ValueError(
            f"{source.path}: vertex {vertex} has the neighbor {neighbor}, and vertices are 1, …,"
            f" {n}: is the format in the first line right?"
        )
    keys = senders * n + receivers
    alone = ~np.isin(keys, receivers * n + senders)
    if alone.any():
        vertex, neighbor = (int(end[np.argmax(alone)]) + 1 for end in (senders, receivers))
        raise ValueError(
            f"{source.path}: vertex {vertex} has the neighbor {neighbor}, and not the other way"
            " round: add it there, or correct the format in the first line"
        )
    found = int((senders <= receivers).sum())
    if found != num_edges:
        raise ValueError(
            f"{source.path} promises {num_edges:,} edges, and {found:,} follow: correct the first"
            " line, or fetch the file again"
        )
