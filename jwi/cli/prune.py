"""`jwi prune`."""

import argparse
import time
from typing import Any

import numpy as np
from jaxtyping import Int32

from jwi._checks import checked_integer
from jwi.cli import prune_on_disk, prune_outputs, prune_report
from jwi.cli.arguments import DEFAULT_DEPTH
from jwi.cli.terminal import (
    NO_HEADER,
    naming_options,
    read,
    refusing_overflow,
    vertex_numbers,
    waiting,
)
from jwi.graph.lookup import edge_ids
from jwi.graph.pruning import num_to_remove, prune
from jwi.io import GraphFile, read_rows_of_names
from jwi.order import METHODS, order_of
from jwi.order.entry import RankingOptions


def run(parsed: argparse.Namespace) -> None:
    """Prunes a graph file as the arguments say, and prints a report."""
    if parsed.memory is not None:
        prune_on_disk.run(parsed)
        return
    _check_method(parsed)
    depth = _depth(parsed.method, parsed.depth)
    clock = [time.perf_counter()]
    file = read(parsed)
    file.check_name(parsed.output)
    _check_directions(parsed.method, directed=file.directed)
    limits = _limits(parsed, file)
    clock.append(time.perf_counter())
    with refusing_overflow("--depth", depth):
        order = _order(parsed, file, depth, limits)
        with naming_options(limits):
            pruned = prune(file.host, order, **limits)
        clock.append(time.perf_counter())
        # Before anything is written, since a count may be too large.
        report = prune_report.report(parsed, file, pruned, depth)
    clock.append(time.perf_counter())
    prune_outputs.write(parsed, file, pruned, order)
    clock.append(time.perf_counter())
    seconds = np.diff(clock).round(3).tolist()
    report["seconds"] = dict(zip(("read", "rank", "count", "write"), seconds, strict=True))
    prune_report.show(report, as_json=parsed.json)


def _check_method(parsed: argparse.Namespace) -> None:
    method = order_of(parsed.method)
    if method.needs_features:
        raise ValueError(
            f"--method is {parsed.method}, which reads features of vertices, and graph files have"
            f" none: rank in Python by jwi.{parsed.method.replace('-', '_')}_order"
        )
    if parsed.weights and not method.weighted:
        weighted = ", ".join(name for name in METHODS if order_of(name).weighted)
        raise ValueError(
            f"--weights is for {weighted}, and {parsed.method} ranks without weights: leave it out"
        )


def _depth(method: str, depth: int | None) -> int:
    """The depth of the network, if the method is for it."""
    depths = order_of(method).depths
    if depth is None:
        return depths[0] if depths else DEFAULT_DEPTH
    if depths and depth not in depths:
        raise ValueError(
            f"--depth is {depth} and {method} is for depth {depths[0]}: add --method walk-index"
        )
    return depth


def _check_directions(method: str, *, directed: bool) -> None:
    if not directed or order_of(method).directed:
        return
    raise ValueError(
        f"the graph is directed and {method} is for undirected graphs: add --undirected, or rank by"
        " --method walk-index"
    )


def _limits(parsed: argparse.Namespace, file: GraphFile) -> dict[str, Any]:
    """How many edges go, and which must stay: the arguments of `jwi.prune`."""
    num_edges, num_removed = len(file.edges), parsed.num_removed
    for option, what in (("keep_edges", "stay"), ("num_removed", "go")):
        count, meaning = getattr(parsed, option), f"how many of the {num_edges} edges {what}"
        if count is not None:
            name = f"--{option.replace('_', '-')}"
            checked_integer(name, count, meaning, low=0, high=num_edges)
    if parsed.keep_edges is not None:
        num_removed = num_edges - parsed.keep_edges
    elif parsed.keep is not None:
        num_removed = num_to_remove(None, parsed.keep, num_edges)
    return {
        "num_removed": num_removed,
        "protect": None if parsed.protect is None else _protected(parsed, file),
        "keep_connected": parsed.keep_connected,
        "min_degree": parsed.min_degree,
        "max_degree": parsed.max_degree,
    }


def _protected(parsed: argparse.Namespace, file: GraphFile) -> Int32[np.ndarray, " P"]:
    """The edges of the file of --protect, each once."""
    rows = read_rows_of_names(parsed.protect, "rows: pass the two ends of each edge that stays")
    names = [str(label) for label in rows.labels]
    number = np.array(vertex_numbers(file, names, str(parsed.protect), NO_HEADER))
    senders, receivers = number[rows.senders], number[rows.receivers]
    edges = edge_ids(file.host, senders, receivers)
    # Self-loops stay anyway.
    wrong = np.flatnonzero((edges < 0) & (senders != receivers))
    if wrong.size:
        u, v = names[rows.senders[wrong[0]]], names[rows.receivers[wrong[0]]]
        raise ValueError(
            f"{parsed.protect}: there is no edge from {u} to {v} in {file.path}: name its edges"
        )
    return np.unique(edges[edges >= 0]).astype(np.int32)


def _order(
    parsed: argparse.Namespace, file: GraphFile, depth: int, limits: dict[str, Any]
) -> Int32[np.ndarray, " N"]:
    """The edges in the order of the method, as many as are needed."""
    method = order_of(parsed.method)
    # Without constraints, just the first edges go, and no other needs a rank.
    constraints = (parsed.protect, parsed.min_degree, parsed.max_degree, parsed.scores)
    few = not parsed.keep_connected and all(value is None for value in constraints)
    key = None
    if method.is_random:
        import jax

        key = jax.random.key(parsed.seed)
    with waiting(f"ranking {len(file.edges):,} edges by {parsed.method}") as tell:
        options = RankingOptions(
            depth=depth,
            num_removed=limits["num_removed"] if few else None,
            random_key=key,
            weights=file.weights() if parsed.weights else None,
            progress=tell,
        )
        return method.rank(file.host, options)
