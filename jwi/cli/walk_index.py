"""`jwi walk-index`."""

import argparse
import json
import sys

import numpy as np

from jwi.cli.terminal import (
    NO_HEADER,
    described,
    notes,
    read,
    reading,
    refusing_overflow,
    vertex_numbers,
    waiting,
)
from jwi.io import GraphFile, read_rows_of_names
from jwi.walks.partitions import own_walk_indices, walk_indices


def run(parsed: argparse.Namespace) -> None:
    """Prints the walk indices that the arguments ask for."""
    option, asked, length = _steps(parsed)
    file = read(parsed)
    names, parts = _sets(parsed, file)
    target = None
    if parsed.target is not None:
        (target,) = vertex_numbers(file, [parsed.target], "--target")
    with refusing_overflow(option, asked), waiting("counting walks") as tell:
        if parsed.own:
            indices = own_walk_indices(file.host, length, progress=tell).tolist()
        else:
            indices = walk_indices(file.host, parts, length, target)
    report = described(file)
    if parsed.json:
        answer = {"graph": str(parsed.graph), "length": length, "target": parsed.target}
        answer |= report | {"own": parsed.own, "walk_index": dict(zip(names, indices, strict=True))}
        print(json.dumps(answer, ensure_ascii=False))
        return
    # The standard output has the numbers alone.
    lines = [f"{parsed.graph}: {reading(report)}", *(f"  {note}" for note in notes(report))]
    print("\n".join(lines), file=sys.stderr)
    if parsed.vertices is not None:
        print(indices[0])
    else:
        heading = "set" if parsed.partition is not None else "vertex"
        rows = [f"{name}\t{index}" for name, index in zip(names, indices, strict=True)]
        print("\n".join([f"# {heading}\twalk_index", *rows]))


def _steps(parsed: argparse.Namespace) -> tuple[str, int, int]:
    """The option that says how long walks are, its value, and the number of steps."""
    if parsed.depth is not None:
        return "--depth", parsed.depth, parsed.depth - 1
    return "--length", parsed.length, parsed.length


def _sets(parsed: argparse.Namespace, file: GraphFile) -> tuple[list[str], np.ndarray]:
    """The names of the sets, and the set of each vertex."""
    n = len(file.content.labels)
    parts = np.full(n, -1)
    if parsed.vertices is not None:
        words = [word.strip() for word in parsed.vertices.split(",")]
        parts[vertex_numbers(file, words, "--vertices")] = 0
        return [parsed.vertices], parts
    if parsed.partition is None:
        return [str(label) for label in file.content.labels], np.arange(n)
    rows = read_rows_of_names(parsed.partition)
    vertices = [rows.labels[row] for row in rows.senders]
    names = [rows.labels[row] for row in rows.receivers]
    numbers = np.array(vertex_numbers(file, vertices, str(parsed.partition), NO_HEADER))
    again = np.flatnonzero(np.bincount(numbers, minlength=n) > 1)
    if again.size:
        raise ValueError(
            f"{parsed.partition} has {file.content.labels[again[0]]} more than once: put each"
            " vertex into one set"
        )
    different = list(dict.fromkeys(names))
    place = {name: number for number, name in enumerate(different)}
    parts[numbers] = [place[name] for name in names]
    return different, parts
