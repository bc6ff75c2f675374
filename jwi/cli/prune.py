"""``jwi prune``."""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int32

from jwi._checks import checked_depth
from jwi.cli.arguments import DEFAULT_DEPTH
from jwi.cli.terminal import notes, read, reading, table, waiting
from jwi.cli.walk_index import refusing_overflow
from jwi.graph.graph import edge_mask
from jwi.graph.pruning import Pruned, prune
from jwi.io import GraphFile
from jwi.io.files import check_replaceable, written
from jwi.io.formats import known_format
from jwi.order import order_of
from jwi.order.entry import Order, RankingOptions
from jwi.walks.partitions import own_walk_indices


def run(parsed: argparse.Namespace) -> None:
    """Prunes a graph file as the arguments say, and prints what was done."""
    depth = _depth(parsed.method, parsed.depth)
    _check_features(parsed.method)
    for path in (parsed.output, parsed.removed):
        _check_output(path, force=parsed.force)
    if parsed.removed is not None:
        _check_removed(parsed.removed, parsed.output)
    clock = [time.perf_counter()]
    file = read(parsed)
    file.check_name(parsed.output)
    _check_directions(parsed.method, directed=file.directed)
    clock.append(time.perf_counter())
    with refusing_overflow("--depth", depth):
        pruned = _pruned(parsed, file, depth)
        clock.append(time.perf_counter())
        # Before anything is written, since a count may be too large.
        report = _report(parsed, file, pruned, depth)
    clock.append(time.perf_counter())
    file.write(parsed.output, edge_mask(pruned.graph))
    if parsed.removed is not None:
        _write_edges(parsed.removed, file, pruned.removed)
    clock.append(time.perf_counter())
    seconds = np.diff(clock).round(3).tolist()
    report["seconds"] = dict(zip(("read", "rank", "count", "write"), seconds, strict=True))
    print(json.dumps(report, ensure_ascii=False) if parsed.json else _text(report))


def _depth(method: str, depth: int | None) -> int:
    """The depth of the network, if the method is for it."""
    depths = order_of(method).depths
    if depth is None:
        return depths[0] if depths else DEFAULT_DEPTH
    if depths and checked_depth(depth, "--depth") not in depths:
        raise ValueError(
            f"--depth is {depth} and {method} is for depth {depths[0]}: add --method walk-index"
        )
    return checked_depth(depth, "--depth")


def _check_output(path: Path | None, *, force: bool) -> None:
    """Raises before the long work for what would fail after it."""
    if path is None:
        return
    if str(path) == "-":
        raise ValueError("- is no file: pass a name (what was done is printed, not the graph)")
    check_replaceable(path)
    if not path.parent.is_dir():
        raise ValueError(f"{path}: there is no folder {path.parent}: make it first")
    if path.exists() and not force:
        raise ValueError(f"{path} exists: add --force to overwrite it")


def _check_removed(path: Path, output: Path) -> None:
    """Raises for a file of the removed edges that cannot hold them."""
    if path.resolve() == output.resolve():
        raise ValueError(f"--removed is {path}, as is the output: pass two files")
    other = known_format(path)
    if other not in (None, "edge-list"):
        raise ValueError(
            f"--removed is {path}, which would be {other} by its name: removed edges are rows of"
            " text, give a name in .txt"
        )


def _check_features(method: str) -> None:
    if order_of(method).needs_features:
        raise ValueError(
            f"--method is {method}, which reads features of vertices, and graph files have none:"
            f" rank in Python by jwi.{method.replace('-', '_')}_order"
        )


def _check_directions(method: str, *, directed: bool) -> None:
    if not directed or order_of(method).directed:
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
        order = order_of(parsed.method)
        options = RankingOptions(depth, count, _key(order, parsed.seed), tell)
        ranking = order.rank(file.graph, options)
    return prune(file.graph, ranking, num_removed=count)


def _key(order: Order, seed: int) -> Any:
    """The random key of a random order. JAX takes a second to load, so others do without."""
    if not order.is_random:
        return None
    import jax

    return jax.random.key(seed)


def _write_edges(path: Path, file: GraphFile, edges: Int32[np.ndarray, " N"]) -> None:
    """Writes the labels of edges, a row each."""
    labels = file.content.labels
    rows = [f"{_quoted(labels[u])}\t{_quoted(labels[v])}\n" for u, v in file.edges[edges].tolist()]
    with written(path) as output:
        output.write("".join(rows).encode())


def _quoted(label: object) -> str:
    """A label as readers of edge lists take it for itself."""
    name = str(label)
    if name == name.strip() and name[:1] not in ("", "#", "%") and not set(name) & set('\t"\r\n'):
        return name
    return '"{}"'.format(name.replace('"', '""'))


def _report(parsed: argparse.Namespace, file: GraphFile, pruned: Pruned, depth: int) -> dict:
    """All that is to be told but how long it took, of plain numbers and strings."""
    graphs = (file.graph, pruned.graph)
    ends = [file.edges.ravel(), file.edges[edge_mask(pruned.graph)].ravel()]
    degrees = [np.bincount(end, minlength=len(file.content.labels)) for end in ends]
    with waiting("counting walks") as tell:
        indices = [own_walk_indices(graph, depth - 1, progress=tell) for graph in graphs]
    entered = indices[0] > 0
    num_edges = len(file.edges)
    return {
        "graph": str(parsed.graph),
        "output": str(parsed.output),
        "format": file.format,
        "separator": file.content.separator,
        "directed": file.directed,
        "notes": list(file.notes),
        "self_loops": file.num_loops,
        "repeated_entries": file.num_repeats,
        "method": parsed.method,
        "depth": depth,
        "vertices": len(degrees[0]),
        "edges": [num_edges, num_edges - len(pruned.removed)],
        "isolated_vertices": [int((degree == 0).sum()) for degree in degrees],
        "walk_index_sum": [sum(index.tolist()) for index in indices],
        "walk_index_min": [int(index[entered].min()) if entered.any() else 0 for index in indices],
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
            f"{report['graph']}: {report['vertices']:,} vertices, {reading(report)}",
            *(f"  {note}" for note in notes(report)),
            f"{report['method']} removed {num_edges - left:,} of {num_edges:,} edges",
            "",
            table(rows),
            "",
            f"wrote {report['output']} ({sum(seconds.values()):.1f} s: reading"
            f" {seconds['read']:.1f}, ranking {seconds['rank']:.1f}, counting walks"
            f" {seconds['count']:.1f}, writing {seconds['write']:.1f})",
        ]
    )


def _number(value: int) -> str:
    return f"{value:,}"
