"""``jwi prune``."""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from jaxtyping import Int32

from jwi.cli.arguments import DEFAULT_DEPTH
from jwi.cli.methods import METHODS, Options
from jwi.cli.terminal import notes, read, table, waiting
from jwi.cli.walk_index import own_walk_indices
from jwi.graph import GraphsTuple, edge_mask, is_undirected
from jwi.io import GraphFile
from jwi.io.files import check_replaceable, written
from jwi.prune import Pruned, prune


def run(parsed: argparse.Namespace) -> None:
    """Prunes a graph file as the arguments say, and prints what was done."""
    depth = _depth(parsed.method, parsed.depth)
    for path in (parsed.output, parsed.removed):
        _check_output(path, force=parsed.force)
    if parsed.removed is not None and parsed.removed.resolve() == parsed.output.resolve():
        raise ValueError(f"--removed is {parsed.removed}, as is the output: give two files")
    clock = [time.perf_counter()]
    file = read(parsed)
    file.check_name(parsed.output)
    _check_directions(parsed.method, file.graph)
    clock.append(time.perf_counter())
    pruned = _pruned(parsed, file, depth)
    clock.append(time.perf_counter())
    file.write(parsed.output, edge_mask(pruned.graph))
    if parsed.removed is not None:
        _write_edges(parsed.removed, file, pruned.removed)
    clock.append(time.perf_counter())
    report = _report(parsed, file, pruned, depth, np.diff(clock))
    print(json.dumps(report, ensure_ascii=False) if parsed.json else _text(report))


def _depth(method: str, depth: int | None) -> int:
    """The depth of the network, if the method is for it."""
    depths = METHODS[method].depths
    if depth is None:
        return depths[0] if depths else DEFAULT_DEPTH
    if depths and depth not in depths:
        raise ValueError(
            f"--depth is {depth} and {method} is for depth {depths[0]}: add --method walk-index"
        )
    if depth < 1:
        raise ValueError(f"--depth is {depth}: give the number of layers, an integer ≥ 1")
    return depth


def _check_output(path: Path | None, *, force: bool) -> None:
    """Raises before the long work for what would fail after it."""
    if path is None:
        return
    if str(path) == "-":
        raise ValueError("- is no file: give a name (what was done is printed, not the graph)")
    check_replaceable(path)
    if not path.parent.is_dir():
        raise ValueError(f"{path}: there is no folder {path.parent}: make it first")
    if path.exists() and not force:
        raise ValueError(f"{path} exists: add --force to overwrite it")


def _check_directions(method: str, graph: GraphsTuple) -> None:
    if is_undirected(graph) or METHODS[method].directed:
        return
    raise ValueError(
        f"the graph is directed and {method} is for undirected graphs: add --undirected, or rank by"
        " --method walk-index"
    )


def _pruned(parsed: argparse.Namespace, file: GraphFile, depth: int) -> Pruned:
    num_edges = len(file.edges)
    amount = {"keep": parsed.keep, "num_removed": parsed.num_removed}
    # Cutting any order tells how many edges go, and whether the amount is one.
    count = len(prune(file.graph, np.arange(num_edges), **amount).removed)
    with waiting(f"ranking {num_edges:,} edges by {parsed.method}") as tell:
        options = Options(depth, count, parsed.seed, tell)
        order = METHODS[parsed.method].rank(file.graph, options)
    return prune(file.graph, order, num_removed=count)


def _write_edges(path: Path, file: GraphFile, edges: Int32[np.ndarray, " N"]) -> None:
    """Writes the labels of edges, a row each."""
    labels = file.content.labels
    rows = [f"{labels[u]}\t{labels[v]}\n" for u, v in file.edges[edges].tolist()]
    with written(path) as output:
        output.write("".join(rows).encode())


def _report(
    parsed: argparse.Namespace, file: GraphFile, pruned: Pruned, depth: int, seconds: np.ndarray
) -> dict:
    """All that is to be told, of plain numbers and strings."""
    graphs = (file.graph, pruned.graph)
    ends = [file.edges.ravel(), file.edges[edge_mask(pruned.graph)].ravel()]
    degrees = [np.bincount(end, minlength=len(file.content.labels)) for end in ends]
    indices = [own_walk_indices(graph, depth - 1) for graph in graphs]
    entered = indices[0] > 0
    num_edges = len(file.edges)
    return {
        "graph": str(parsed.graph),
        "output": str(parsed.output),
        "format": file.format,
        "directed": not is_undirected(file.graph),
        "notes": list(file.content.notes),
        "self_loops": file.num_loops,
        "repeated_entries": file.num_repeats,
        "method": parsed.method,
        "depth": depth,
        "vertices": len(degrees[0]),
        "edges": [num_edges, num_edges - len(pruned.removed)],
        "isolated_vertices": [int((degree == 0).sum()) for degree in degrees],
        "walk_index_sum": [sum(index.tolist()) for index in indices],
        "walk_index_min": [int(index[entered].min()) if entered.any() else 0 for index in indices],
        "seconds": dict(zip(("read", "rank", "write"), seconds.round(3).tolist(), strict=True)),
    }


def _text(report: dict) -> str:
    num_edges, left = report["edges"]
    rows = [
        ("", "before", "after"),
        ("edges", *map(_number, report["edges"])),
        ("vertices without edges", *map(_number, report["isolated_vertices"])),
        (
            f"walk index, summed over vertices (length {report['depth'] - 1})",
            *map(_number, report["walk_index_sum"]),
        ),
        (
            "walk index, smallest of vertices that had edges",
            *map(_number, report["walk_index_min"]),
        ),
    ]
    seconds = report["seconds"]
    return "\n".join(
        [
            f"{report['graph']}: {report['vertices']:,} vertices,"
            f" {'directed' if report['directed'] else 'undirected'}, read as {report['format']}",
            *(f"  {note}" for note in notes(report)),
            f"{report['method']} removed {num_edges - left:,} of {num_edges:,} edges",
            "",
            table(rows),
            "",
            f"wrote {report['output']} ({sum(seconds.values()):.1f} s: reading"
            f" {seconds['read']:.1f}, ranking {seconds['rank']:.1f}, writing"
            f" {seconds['write']:.1f})",
        ]
    )


def _number(value: int) -> str:
    return f"{value:,}"
