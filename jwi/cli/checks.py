"""Checks of the arguments of `jwi`. Nothing heavy is imported: a mistake is told at once."""

import argparse
import math
from pathlib import Path

from jwi._checks import MOST_STEPS, checked_depth, checked_integer
from jwi.io.encoding import known_encoding
from jwi.io.files import STANDARD, check_readable, check_replaceable
from jwi.io.formats import FORMATS, known_format

# Options of files besides the graph: rows of labels, and a number for each entry.
_OF_EDGES, _OF_ENTRIES = ("removed", "scores"), ("rows", "mask")
_COUNTS = {
    "keep_edges": "how many edges stay",
    "num_removed": "how many edges go",
    "min_degree": "how many edges a vertex keeps",
    "max_degree": "how many edges a vertex keeps at most",
}


def check(parsed: argparse.Namespace) -> None:
    """Raises ValueError for arguments that are wrong whatever the graph is."""
    for name in ("graph", "partition", "protect"):
        path = getattr(parsed, name, None)
        if path is not None:
            check_readable(path)
    if parsed.format is not None and parsed.format not in FORMATS:
        raise ValueError(f"--format is {parsed.format!r}: pass one of {', '.join(FORMATS)}")
    known_encoding(parsed.encoding)
    if getattr(parsed, "depth", None) is not None:
        checked_depth(parsed.depth, "--depth")
    if parsed.command == "prune":
        _check_amount(parsed)
        _check_outputs(parsed)
    elif parsed.command == "walk-index":
        if parsed.length is not None:
            meaning = "the number of steps"
            checked_integer("--length", parsed.length, meaning, low=0, high=MOST_STEPS)
        if parsed.own and parsed.target is not None:
            raise ValueError("--own is for the prediction at each vertex: leave out --target")


def _check_amount(parsed: argparse.Namespace) -> None:
    amounts = (parsed.keep, parsed.keep_edges, parsed.num_removed, parsed.max_degree)
    if all(amount is None for amount in amounts):
        raise ValueError(
            "no amount is given: pass --keep, --keep-edges, --num-removed or --max-degree"
        )
    if parsed.keep is not None and not 0 <= parsed.keep <= 1:
        raise ValueError(
            f"--keep is {parsed.keep}: pass the share of edges that stays, from 0 to 1"
        )
    for name, meaning in _COUNTS.items():
        count = getattr(parsed, name)
        if count is not None:
            checked_integer(f"--{name.replace('_', '-')}", count, meaning, low=0)
    if (parsed.min_degree or 0) > (math.inf if parsed.max_degree is None else parsed.max_degree):
        raise ValueError(
            f"--min-degree is {parsed.min_degree} and --max-degree is {parsed.max_degree}: pass a"
            " larger --max-degree"
        )


def _check_outputs(parsed: argparse.Namespace) -> None:
    """Raises for files that could not be written after the long work."""
    _check_file(parsed.output, force=parsed.force)
    # Only the graph itself may be replaced by its pruned one.
    taken = {} if parsed.protect is None else {parsed.protect.resolve(): "as is --protect"}
    if parsed.output.resolve() in taken:
        raise ValueError(f"--output is {parsed.output}, as is --protect: pass two files")
    taken[parsed.output.resolve()] = "as is the output"
    taken[parsed.graph.resolve()] = "as is the graph"
    for option in (*_OF_EDGES, *_OF_ENTRIES):
        path = getattr(parsed, option)
        if path is None:
            continue
        if path == STANDARD:
            raise ValueError(f"--{option} is -, and only the graph goes to stdout: pass a file")
        _check_file(path, force=parsed.force)
        if path.resolve() in taken:
            raise ValueError(f"--{option} is {path}, {taken[path.resolve()]}: pass two files")
        taken[path.resolve()] = f"as is --{option}"
        _check_kind(option, path)


def _check_file(path: Path, *, force: bool) -> None:
    if path == STANDARD:
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
