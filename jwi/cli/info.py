"""`jwi info`."""

import argparse
import json

import numpy as np

from jwi.cli.terminal import described, notes, read, reading, table
from jwi.graph.components import spanning_forest
from jwi.io import GraphFile


def run(parsed: argparse.Namespace) -> None:
    """Describes the contents of a graph file."""
    file = read(parsed)
    report = {"graph": str(parsed.graph), **_report(file)}
    print(json.dumps(report, ensure_ascii=False) if parsed.json else _text(report))


def _report(file: GraphFile) -> dict:
    """The description, of plain numbers and strings."""
    edges, n = file.edges, file.host.num_vertices
    degree = np.bincount(edges.ravel(), minlength=n)
    forest = spanning_forest(edges, n)
    return {
        **described(file),
        "vertices": n,
        "edges": len(edges),
        "isolated_vertices": int((degree == 0).sum()),
        "components": forest.num_components,
        "largest_component": int(np.bincount(forest.component).max()),
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
