"""The report of `jwi prune`."""

import argparse
import json
import sys
from typing import Any

import numpy as np

from jwi.cli.terminal import described, notes, reading, table, waiting
from jwi.graph.components import spanning_forest
from jwi.graph.pruning import Pruned
from jwi.io import GraphFile
from jwi.walks.partitions import own_walk_indices


def report(
    parsed: argparse.Namespace, file: GraphFile, pruned: Pruned, depth: int
) -> dict[str, Any]:
    """Everything that is told, except the time that it took: plain numbers and strings."""
    graphs = (file.host, pruned.graph)
    n = file.host.num_vertices
    edges = [graph.edges[graph.mask] for graph in graphs]
    degrees = [np.bincount(ends.ravel(), minlength=n) for ends in edges]
    with waiting("counting walks") as tell:
        indices = [own_walk_indices(graph, depth - 1, progress=tell) for graph in graphs]
    entered = indices[0] > 0
    return {
        "graph": str(parsed.graph),
        "output": str(parsed.output),
        **described(file),
        "method": parsed.method,
        "depth": depth,
        "weights": parsed.weights,
        "stays": stays(parsed),
        "vertices": n,
        "edges": [len(ends) for ends in edges],
        "isolated_vertices": [int((degree == 0).sum()) for degree in degrees],
        "components": [spanning_forest(ends, n).num_components for ends in edges],
        "walk_index_sum": [sum(index.tolist()) for index in indices],
        "walk_index_min": [int(index[entered].min()) if entered.any() else 0 for index in indices],
    }


def stays(parsed: argparse.Namespace) -> list[str]:
    """The constraints, a few words each."""
    given = {
        f"edges of {parsed.protect} stay": parsed.protect is not None,
        "a spanning forest stays": parsed.keep_connected,
        f"vertices keep {parsed.min_degree} edges if they have them": parsed.min_degree is not None,
        f"vertices keep at most {parsed.max_degree} edges": parsed.max_degree is not None,
    }
    return [words for words, is_given in given.items() if is_given]


def show(told: dict[str, Any], *, as_json: bool) -> None:
    """Prints the report; to stderr if the graph went to stdout."""
    stream = sys.stderr if told["output"] == "-" else sys.stdout
    print(json.dumps(told, ensure_ascii=False) if as_json else _text(told), file=stream)


def _text(told: dict[str, Any]) -> str:
    num_edges, left = told["edges"]
    names = {
        "edges": "edges",
        "isolated_vertices": "vertices without edges",
        "components": "connected components",
        "walk_index_sum": f"walk index, summed over vertices (length {told['depth'] - 1})",
        "walk_index_min": "walk index, smallest of vertices that had edges",
    }
    rows = [
        (words, *(f"{value:,}" for value in told[key]))
        for key, words in names.items()
        if key in told
    ]
    weights = " with weights" if told["weights"] else ""
    stays = "".join(f"; {words}" for words in told["stays"])
    seconds = told["seconds"]
    return "\n".join(
        [
            f"{told['graph']}: {told['vertices']:,} vertices, {reading(told)}",
            *(f"  {note}" for note in notes(told)),
            f"{told['method']}{weights} removed {num_edges - left:,} of {num_edges:,} edges{stays}",
            "",
            table([("", "before", "after"), *rows]),
            "",
            *_warnings(told),
            f"wrote {told['output']} ({sum(seconds.values()):.1f} s: reading"
            f" {seconds['read']:.1f}, ranking {seconds['rank']:.1f}, counting walks"
            f" {seconds['count']:.1f}, writing {seconds['write']:.1f})",
        ]
    )


def _warnings(told: dict[str, Any]) -> list[str]:
    before, after = told.get("components", (0, 0))
    if after <= before:
        return []
    return [
        f"warning: the graph falls apart, from {before:,} connected components into {after:,}:"
        " --keep-connected prevents that",
        "",
    ]
