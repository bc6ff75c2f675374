"""The files that `jwi prune` writes."""

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from jaxtyping import Int32

from jwi.graph.pruning import Pruned
from jwi.io import GraphFile
from jwi.io.files import written


def write(
    parsed: argparse.Namespace, file: GraphFile, pruned: Pruned, order: Int32[np.ndarray, " N"]
) -> None:
    """Writes the pruned graph, and all else that the arguments ask for.

    Args:
        parsed: The arguments.
        file: The graph as it was read.
        pruned: The result.
        order: The ranked edges, first removed first.
    """
    keep = pruned.graph.mask
    if parsed.removed is not None:
        rows = _labels(file, pruned.removed)
        _write_lines(parsed.removed, (f"{u}\t{v}" for u, v in rows))
    if parsed.scores is not None:
        rows = _labels(file, order)
        lines = (f"{u}\t{v}\t{place}" for place, (u, v) in enumerate(rows, start=1))
        _write_lines(parsed.scores, lines)
    # The last place stands for self-loops, which stay.
    entries = np.append(keep, True)[file.edge_of_entry]
    if parsed.rows is not None:
        _write_numbers(parsed.rows, np.flatnonzero(entries))
    if parsed.mask is not None:
        _write_numbers(parsed.mask, entries)
    # The graph comes last: if it is there, all is there.
    file.write(parsed.output, keep)


def _labels(file: GraphFile, edges: Int32[np.ndarray, " N"]) -> Iterable[tuple[str, str]]:
    labels = file.content.labels
    return ((_quoted(labels[u]), _quoted(labels[v])) for u, v in file.edges[edges].tolist())


def _quoted(label: object) -> str:
    """A label as readers of edge lists take it for itself."""
    name = str(label)
    if name == name.strip() and name[:1] not in ("", "#", "%") and not set(name) & set('\t"\r\n'):
        return name
    return '"{}"'.format(name.replace('"', '""'))


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    with written(path) as output:
        output.write("".join(f"{line}\n" for line in lines).encode())


def _write_numbers(path: Path, values: np.ndarray) -> None:
    """Writes an array for NumPy, or a number a line."""
    if path.suffix == ".npy":
        with written(path) as output:
            np.save(output, values)
    else:
        _write_lines(path, map(str, values.astype(int).tolist()))
