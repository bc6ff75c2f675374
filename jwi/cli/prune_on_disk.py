"""`jwi prune --memory`: edges on disk, vertices in memory, and the result of `jwi prune`."""

import argparse
import time
from typing import Any, NamedTuple

import numpy as np

from jwi._checks import checked_integer
from jwi.cli import prune_report
from jwi.cli.protected_on_disk import protected_rows
from jwi.cli.terminal import waiting
from jwi.disk.arrays import BLOCK, GrowingArray, Room, disk_array
from jwi.disk.distinct import distinct_rows
from jwi.disk.files import PairsFile, TextFile
from jwi.disk.parquet import ParquetFile
from jwi.disk.ranking import (
    DIRECTED,
    METHODS,
    Ranked,
    add_degrees,
    close_up,
    degrees_of_sides,
    first_to_go,
)
from jwi.graph.pruning import num_to_remove
from jwi.io.files import written
from jwi.io.formats import known_format
from jwi.io.graph_file import check_name, edge_notes
from jwi.io.options import Options
from jwi.order.wis.depth_2 import EdgeRows

EdgeFile = TextFile | PairsFile | ParquetFile

# Degrees, first edges and a heap; which rows are edges and stay.
_BYTES_A_VERTEX, _BYTES_A_ROW = 20, 2
# The program, and blocks.
_LEAST = 1 << 29
_MOST = 2**31 - 1


class _Edges(NamedTuple):
    """The edges of a file, on disk.

    Attributes:
        rows: By rising row of the file.
        repeats: int32[R, 2], rows that repeat an edge, and the edge's first row.
        num_rows: M.
        num_vertices: How many there are, ends of self-loops included.
        size: n, more than the largest number of a vertex.
        room: Where working files are, and how much memory is left for sorting.
    """

    rows: EdgeRows
    repeats: np.ndarray
    num_rows: int
    num_vertices: int
    size: int
    room: Room


class _Counts(NamedTuple):
    """What a report tells of the vertices of a graph.

    Attributes:
        degree: int32[n], edges in either direction.
        entered: bool[n], whether an edge leads there.
        closed: int32[n], closed walks of two steps without self-loops.
    """

    degree: np.ndarray
    entered: np.ndarray
    closed: np.ndarray

    def own_walk_indices(self, vertices: slice) -> np.ndarray:
        """int64[K], of some vertices; a self-loop adds a closed walk."""
        closed = self.closed[vertices].astype(np.int64)
        return np.where(self.entered[vertices], closed + 1, 0)


def run(parsed: argparse.Namespace) -> None:
    """Prunes a graph file as the arguments say, and prints a report."""
    _check(parsed)
    clock = [time.perf_counter()]
    file, format = _opened(parsed)
    check_name(parsed.graph, format, file.separator, parsed.output)
    if file.directed and parsed.method not in DIRECTED:
        raise ValueError(
            f"{parsed.graph}: the graph is directed, and {parsed.method} is for undirected graphs:"
            f" add --undirected, or rank by --method {DIRECTED[0]}"
        )
    with waiting(f"reading {parsed.graph.name}"):
        edges = _read(file, parsed)
    held = None
    if parsed.protect is not None:
        held = protected_rows(parsed, edges.rows, edges.num_rows, directed=file.directed)
    num_edges = len(edges.rows.ids)
    num_removed = _num_removed(parsed, num_edges, 0 if held is None else int(held.sum()))
    mutual = None
    if file.directed:
        # A second arc between two vertices repeats the first one, but for its direction.
        mutual = distinct_rows(edges.rows.ends, edges.room).repeats
    before = _counted(edges, mutual)
    clock.append(time.perf_counter())
    with waiting(f"ranking {num_edges:,} edges by {parsed.method}") as tell:
        key = None
        if parsed.method == "random":
            import jax

            key = jax.random.key(parsed.seed)
        ranked = Ranked(edges.rows, before.degree, held)
        removed = first_to_go(
            parsed.method, ranked, num_removed, edges.room, key=key, progress=tell
        )
    clock.append(time.perf_counter())
    stays = np.ones(edges.num_rows, bool)
    for block in _blocks(removed):
        stays[block] = False
    after = _counted(edges, mutual, stays)
    for rows in _blocks(edges.repeats):
        stays[rows[:, 0]] = stays[rows[:, 1]]
    clock.append(time.perf_counter())
    with waiting(f"writing {parsed.output.name}"), written(parsed.output, in_blocks=True) as output:
        file.write(output, stays)
    clock.append(time.perf_counter())
    report = _report(parsed, file, format, edges, (before, after))
    seconds = np.diff(clock).round(3).tolist()
    report["seconds"] = dict(zip(("read", "rank", "count", "write"), seconds, strict=True))
    prune_report.show(report, as_json=parsed.json)


def _check(parsed: argparse.Namespace) -> None:
    """Refuses what needs the graph in memory."""
    if parsed.method not in METHODS:
        raise ValueError(
            f"--method is {parsed.method}, and --memory is for {', '.join(METHODS)}: pass one of"
            " them, or leave out --memory"
        )
    if parsed.depth not in (None, 2):
        raise ValueError(f"--depth is {parsed.depth}, and --memory is for depth 2: leave it out")
    needs_all = (
        "labels", "weights", "keep_connected", "min_degree", "max_degree", "removed", "scores",
        "rows", "mask", "bipartite",
    )  # fmt: skip
    for name in needs_all:
        if getattr(parsed, name) not in (None, False):
            raise ValueError(
                f"--{name.replace('_', '-')} needs the graph in memory: leave it out, or leave out"
                " --memory"
            )
    for path in (parsed.graph, parsed.output):
        if str(path) == "-" or path.suffix.lower() == ".zip":
            raise ValueError(f"{path}: --memory is for files that are no archives: pass another")


def _opened(parsed: argparse.Namespace) -> tuple[EdgeFile, str]:
    """The file, and its format."""
    format = parsed.format or known_format(parsed.graph)
    if format == "npy":
        return PairsFile(parsed.graph, directed=bool(parsed.directed)), format
    if format not in ("edge-list", "parquet"):
        raise ValueError(
            f"{parsed.graph} is read as {format}, and --memory is for edge-list, npy and parquet:"
            " convert it, name the format by --format, or leave out --memory"
        )
    options = Options(
        separator=parsed.separator,
        header=parsed.header,
        columns=parsed.columns,
        comment=parsed.comment,
        encoding=parsed.encoding,
        bipartite=parsed.bipartite,
    )
    if format == "parquet":
        return ParquetFile(parsed.graph, options, parsed.directed), format
    return TextFile(parsed.graph, options, parsed.directed, parsed.format is not None), format


def _read(file: EdgeFile, parsed: argparse.Namespace) -> _Edges:
    """Reads a file into distinct edges."""
    memory, folder = parsed.memory, parsed.output.resolve().parent
    growing, num_rows, size = GrowingArray(folder), 0, 0
    for block in file.blocks():
        low, high = int(block.min(initial=0)), int(block.max(initial=0))
        if low < 0 or high > _MOST:
            raise ValueError(
                f"the vertex {low if low < 0 else high} is out of range: with --memory, number"
                f" vertices from 0, without large gaps"
            )
        num_rows, size = num_rows + len(block), max(size, high + 1)
        growing.append(block)
    bytes_a_row = _BYTES_A_ROW + (parsed.protect is not None)
    needed = _LEAST + _BYTES_A_VERTEX * size + bytes_a_row * num_rows
    if memory < needed or num_rows > _MOST:
        raise ValueError(
            f"--memory is {memory:,} bytes, and {size:,} vertices and {num_rows:,} rows need"
            f" {needed:,}: pass --memory {-(-needed // 2**20)}M"
        )
    ends = growing.array()
    degrees, num_loops = degrees_of_sides(ends, size)
    file.check_sides(degrees, num_rows, num_loops)
    num_vertices = size if file.all_numbers else int(degrees.any(axis=0).sum())
    del degrees
    room = Room(folder, memory - needed + _LEAST // 2)
    is_edge, repeats = distinct_rows(ends, room, directed=file.directed)
    num_edges = int(is_edge.sum())
    ids = disk_array(folder, (num_edges,), np.int32)
    close_up(ends, is_edge, ids)
    return _Edges(EdgeRows(ids, ends[:num_edges]), repeats, num_rows, num_vertices, size, room)


def _blocks(array: np.ndarray) -> "Any":
    return (array[start : start + BLOCK] for start in range(0, len(array), BLOCK))


def _num_removed(parsed: argparse.Namespace, num_edges: int, num_held: int) -> int:
    if parsed.keep is not None:
        count = num_to_remove(None, parsed.keep, num_edges)
    else:
        name, value, what = "--num-removed", parsed.num_removed, "go"
        if parsed.keep_edges is not None:
            name, value, what = "--keep-edges", parsed.keep_edges, "stay"
        meaning = f"how many of the {num_edges} edges {what}"
        count = checked_integer(name, value, meaning, low=0, high=num_edges)
        count = num_edges - count if parsed.keep_edges is not None else count
    if count > num_edges - num_held:
        raise ValueError(
            f"{count} edges are to be removed and {num_edges - num_held} may go: --protect holds"
            f" the others, so remove at most {num_edges - num_held}"
        )
    return count


def _counted(edges: _Edges, mutual: np.ndarray | None, stays: np.ndarray | None = None) -> _Counts:
    """Of the edges that stay.

    Args:
        edges: The edges.
        mutual: int32[R, 2], places of two arcs of opposite directions; None if undirected.
        stays: bool[M]; None for all.
    """
    degree, entered = np.zeros(edges.size, np.int32), np.zeros(edges.size, bool)
    for ids, ends in zip(_blocks(edges.rows.ids), _blocks(edges.rows.ends), strict=True):
        left = ends if stays is None else ends[stays[ids]]
        add_degrees(left, degree)
        entered[left[:, 1]] = True
    if mutual is None:
        return _Counts(degree, degree > 0, degree)
    closed = np.zeros(edges.size, np.int32)
    for pair in _blocks(mutual):
        if stays is not None:
            pair = pair[stays[edges.rows.ids[pair]].all(axis=1)]
        add_degrees(edges.rows.ends[pair[:, 0]], closed)
    return _Counts(degree, entered, closed)


def _walk_indices(before: _Counts, after: _Counts) -> tuple[list[int], list[int]]:
    """The sums of walk indices before and after, and the smallest of vertices entered before."""
    sums = [0, 0]
    lows: list[list[int]] = [[], []]
    for start in range(0, len(before.degree), BLOCK):
        block = slice(start, start + BLOCK)
        had = before.entered[block]
        for place, counts in enumerate((before, after)):
            indices = counts.own_walk_indices(block)
            sums[place] += int(indices.sum())
            lows[place].extend([int(indices[had].min())] if had.any() else [])
    return sums, [min(low, default=0) for low in lows]


def _report(
    parsed: argparse.Namespace,
    file: EdgeFile,
    format: str,
    edges: _Edges,
    counts: tuple[_Counts, _Counts],
) -> dict[str, Any]:
    """The entries of `jwi prune`'s report, without components."""
    num_edges, num_repeats = len(edges.rows.ids), len(edges.repeats)
    with_edges = [int((count.degree > 0).sum()) for count in counts]
    num_left = int(counts[1].degree.sum(dtype=np.int64)) // 2
    sums, lows = _walk_indices(*counts)
    return {
        "graph": str(parsed.graph),
        "output": str(parsed.output),
        "format": format,
        "separator": file.separator,
        "directed": file.directed,
        "notes": [*file.notes, *edge_notes(num_edges)],
        "self_loops": edges.num_rows - num_edges - num_repeats,
        "repeated_entries": num_repeats,
        "method": parsed.method,
        "depth": 2,
        "weights": False,
        "stays": prune_report.stays(parsed),
        "vertices": edges.num_vertices,
        "edges": [num_edges, num_left],
        "isolated_vertices": [edges.num_vertices - count for count in with_edges],
        "walk_index_sum": sums,
        "walk_index_min": lows,
    }
