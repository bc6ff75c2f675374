"""The files that `jwi prune` writes."""

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from jaxtyping import Int32

from jwi.graph.pruning import Pruned
from jwi.io import GraphFile
from jwi.io.files import check_replaceable, written
from jwi.io.formats import known_format

# Options that name a file besides the graph: rows of labels, and a number for each entry.
_OF_EDGES, _OF_ENTRIES = ("removed", "scores"), ("rows", "mask")
STDOUT = Path("-")


def check(parsed: argparse.Namespace) -> None:
    """Raises before the long work for files that could not be written after it."""
    _check_file(parsed.output, force=parsed.force)
    taken = {parsed.output.resolve(): "as is the output"}
    for option in (*_OF_EDGES, *_OF_ENTRIES):
        path = getattr(parsed, option)
        if path is None:
            continue
        if path == STDOUT:
            raise ValueError(f"--{option} is -, and only the graph goes to stdout: pass a file")
        _check_file(path, force=parsed.force)
        if path.resolve() in taken:
            raise ValueError(f"--{option} is {path}, {taken[path.resolve()]}: pass two files")
        taken[path.resolve()] = f"as is --{option}"
        _check_kind(option, path)


def _check_file(path: Path, *, force: bool) -> None:
    if path == STDOUT:
        return
    check_replaceable(path)
    if not path.parent.is_dir():
        raise ValueError(f"{path}: there is no folder {path.parent}: make it first")
    if path.exists() and not force:
        raise ValueError(f"{path} exists: add --force to overwrite it")


def _check_kind(option: str, path: Path) -> None:
    """Raises for a name that stands for another kind of file."""
    other = None if path.suffix == ".npy" else known_format(path)
    if option in _OF_EDGES and (other not in (None, "edge-list") or path.suffix == ".npy"):
        name = other or "a NumPy array"
        contents = "removed edges" if option == "removed" else "scores"
        raise ValueError(
            f"--{option} is {path}, which would be {name} by its name: {contents} are rows of"
            " text, pass a name in .txt"
        )
    if option in _OF_ENTRIES and other not in (None, "edge-list"):
        raise ValueError(
            f"--{option} is {path}, which would be {other} by its name: pass a name in .npy, or in"
            " .txt for a number a line"
        )


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
