"""``jwi info``."""

import argparse
import json

import numpy as np
from scipy.sparse.csgraph import connected_components

from jwi.cli.terminal import notes, read, reading, table
from jwi.graph.interop import to_scipy
from jwi.io import GraphFile


def run(parsed: argparse.Namespace) -> None:
    """Prints what is in a graph file."""
    file = read(parsed)
    report = {"graph": str(parsed.graph), **_report(file)}
    print(json.dumps(report, ensure_ascii=False) if parsed.json else _text(report))


def _report(file: GraphFile) -> dict:
    """All that is to be told, of plain numbers and strings."""
    edges = file.edges
    n = len(file.content.labels)
    degree = np.bincount(edges.ravel(), minlength=n)
    components, of_vertex = connected_components(to_scipy(file.graph), directed=False)
    return {
        "format": file.format,
        "separator": file.content.separator,
        "directed": file.directed,
        "notes": list(file.notes),
        "self_loops": file.num_loops,
        "repeated_entries": file.num_repeats,
        "vertices": n,
        "edges": len(edges),
        "isolated_vertices": int((degree == 0).sum()),
        "components": int(components),
        "largest_component": int(np.bincount(of_vertex).max()),
        "degree": [int(degree.min()), round(float(degree.mean()), 3), int(degree.max())],
    }


def _text(report: dict) -> str:
    least, mean, most = report["degree"]
    rows = [
        ("vertices", f"{report['vertices']:,}"),
        ("edges", f"{report['edges']:,}"),
        ("edges at a vertex: fewest, mean, most", f"{least:,}, {mean:,.2f}, {most:,}"),
        ("vertices without edges", f"{report['isolated_vertices']:,}"),
        ("connected components", f"{report['components']:,}"),
        ("vertices of the largest", f"{report['largest_component']:,}"),
    ]
    return "\n".join(
        [
            f"{report['graph']}: {reading(report)}",
            *(f"  {note}" for note in notes(report)),
            table(rows),
        ]
    )
