"""`jwi prune --memory`: edges on disk, vertices in memory, and the result of `jwi prune`."""

import argparse
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jwi._checks import checked_integer
from jwi.cli import prune_report
from jwi.cli.terminal import waiting
from jwi.disk.arrays import BLOCK, GrowingArray, disk_array
from jwi.disk.distinct import distinct_rows
from jwi.disk.files import EdgeFile, PairsFile, TextFile
from jwi.disk.ranking import METHODS, close_up, degrees_of, degrees_of_sides, first_to_go
from jwi.graph.pruning import num_to_remove
from jwi.io.files import written
from jwi.io.formats import known_format
from jwi.io.graph_file import check_name
from jwi.io.options import Options
from jwi.order.wis.depth_2 import EdgeRows

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
    """

    rows: EdgeRows
    repeats: np.ndarray
    num_rows: int
    num_vertices: int
    size: int


def run(parsed: argparse.Namespace) -> None:
    """Prunes a graph file as the arguments say, and prints a report."""
    _check(parsed)
    clock = [time.perf_counter()]
    folder = parsed.output.resolve().parent
    file, format = _opened(parsed)
    check_name(parsed.graph, format, file.separator, parsed.output)
    with waiting(f"reading {parsed.graph.name}"):
        edges = _read(file, parsed.memory, folder)
    num_edges = len(edges.rows.ids)
    num_removed = _num_removed(parsed, num_edges)
    before = degrees_of(edges.rows.ends, edges.size)
    clock.append(time.perf_counter())
    with waiting(f"ranking {num_edges:,} edges by {parsed.method}") as tell:
        removed = first_to_go(
            parsed.method, edges.rows, before.copy(), num_removed, folder, progress=tell
        )
    clock.append(time.perf_counter())
    stays = np.ones(edges.num_rows, bool)
    for block in _blocks(removed):
        stays[block] = False
    after = _degrees_left(edges, stays)
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
        "labels", "weights", "protect", "keep_connected", "min_degree", "max_degree", "removed",
        "scores", "rows", "mask", "bipartite", "directed",
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
        return PairsFile(parsed.graph), format
    if format != "edge-list":
        raise ValueError(
            f"{parsed.graph} is read as {format}, and --memory is for edge-list and npy: convert"
            " it, name the format by --format, or leave out --memory"
        )
    options = Options(
        separator=parsed.separator,
        header=parsed.header,
        columns=parsed.columns,
        comment=parsed.comment,
        encoding=parsed.encoding,
        bipartite=parsed.bipartite,
    )
    return TextFile(parsed.graph, options, parsed.directed, parsed.format is not None), format


def _read(file: EdgeFile, memory: int, folder: Path) -> _Edges:
    """Reads a file into distinct edges."""
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
    needed = _LEAST + _BYTES_A_VERTEX * size + _BYTES_A_ROW * num_rows
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
    is_edge, repeats = distinct_rows(ends, memory - needed + _LEAST // 2, folder)
    num_edges = int(is_edge.sum())
    ids = disk_array(folder, (num_edges,), np.int32)
    close_up(ends, is_edge, ids)
    return _Edges(EdgeRows(ids, ends[:num_edges]), repeats, num_rows, num_vertices, size)


def _blocks(array: np.ndarray) -> "Any":
    return (array[start : start + BLOCK] for start in range(0, len(array), BLOCK))


def _num_removed(parsed: argparse.Namespace, num_edges: int) -> int:
    if parsed.keep_edges is not None:
        meaning = f"how many of the {num_edges} edges stay"
        kept = checked_integer("--keep-edges", parsed.keep_edges, meaning, low=0, high=num_edges)
        return num_edges - kept
    if parsed.num_removed is not None:
        meaning = f"how many of the {num_edges} edges go"
        return checked_integer("--num-removed", parsed.num_removed, meaning, low=0, high=num_edges)
    return num_to_remove(None, parsed.keep, num_edges)


def _degrees_left(edges: _Edges, stays: np.ndarray) -> np.ndarray:
    """int32[n], of the edges that stay."""
    degree = np.zeros(edges.size, np.int32)
    for ids, ends in zip(_blocks(edges.rows.ids), _blocks(edges.rows.ends), strict=True):
        degree += degrees_of(ends[stays[ids]], edges.size)
    return degree


def _report(
    parsed: argparse.Namespace,
    file: EdgeFile,
    format: str,
    edges: _Edges,
    degrees: tuple[np.ndarray, np.ndarray],
) -> dict[str, Any]:
    """The entries of `jwi prune`'s report, without components."""
    num_edges, num_repeats = len(edges.rows.ids), len(edges.repeats)
    with_edges = [int((degree > 0).sum()) for degree in degrees]
    sums = [int(degree.sum(dtype=np.int64)) for degree in degrees]
    after = degrees[1][degrees[0] > 0]
    had = degrees[0][degrees[0] > 0]
    return {
        "graph": str(parsed.graph),
        "output": str(parsed.output),
        "format": format,
        "separator": file.separator,
        "directed": False,
        "notes": list(file.notes),
        "self_loops": edges.num_rows - num_edges - num_repeats,
        "repeated_entries": num_repeats,
        "method": parsed.method,
        "depth": 2,
        "weights": False,
        "stays": [],
        "vertices": edges.num_vertices,
        "edges": [num_edges, sums[1] // 2],
        "isolated_vertices": [edges.num_vertices - count for count in with_edges],
        # One walk from each neighbor, and from the vertex itself: 0 of a vertex without edges.
        "walk_index_sum": [total + count for total, count in zip(sums, with_edges, strict=True)],
        "walk_index_min": [
            int(had.min()) + 1 if had.size else 0,
            int(after.min()) + (int(after.min()) > 0) if after.size else 0,
        ],
    }
