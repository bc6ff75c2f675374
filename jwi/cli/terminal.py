"""Helpers of all commands: bars, tables, and the graph that the arguments name."""

import argparse
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from jwi.io import GraphFile, read_graph

# For files of rows without a header.
NO_HEADER = "; leave out a first row that names columns"


@contextmanager
def waiting(task: str) -> Iterator[Callable[[float], None]]:
    """Shows a bar where somebody watches, until the work is done.

    Args:
        task: The work, in a few words.

    Yields:
        A function that takes the share that is done, in [0, 1].
    """
    if not sys.stderr.isatty():
        yield lambda share: None
        return
    from tqdm import tqdm

    style = "{desc} {percentage:3.0f}%|{bar:20}| {elapsed}"
    # On a terminal that tells no size tqdm shows nothing; this takes it for one of 80 by 24.
    size = shutil.get_terminal_size()
    with tqdm(
        total=1.0,
        desc=task,
        bar_format=style,
        ncols=size.columns,
        nrows=size.lines,
        leave=False,
        file=sys.stderr,
    ) as bar:

        def tell(share: float) -> None:
            bar.n = share
            bar.refresh()

        yield tell


@contextmanager
def refusing_overflow(option: str, value: int) -> Iterator[None]:
    """Names an option of the command line where a count of walks exceeds 2^63 − 1."""
    try:
        yield
    except OverflowError:
        raise ValueError(
            f"{option} is {value}: there are more than 2^63 − 1 walks that long at a vertex: pass a"
            " smaller number"
        ) from None


@contextmanager
def naming_options(names: Iterable[str]) -> Iterator[None]:
    """Names options of the command line where an error names arguments of Python.

    Args:
        names: The arguments.
    """
    try:
        yield
    except ValueError as error:
        options = {name: f"--{name.replace('_', '-')}" for name in names}
        pattern = rf"\b({'|'.join(options)})\b"
        message = re.sub(pattern, lambda found: options[found[0]], str(error))
        raise ValueError(message) from None


def read(parsed: argparse.Namespace) -> GraphFile:
    """The graph that the arguments name."""
    with waiting(f"reading {parsed.graph.name}") as tell:
        return read_graph(
            parsed.graph,
            format=parsed.format,
            named=parsed.labels,
            separator=parsed.separator,
            header=parsed.header,
            columns=parsed.columns,
            comment=parsed.comment,
            encoding=parsed.encoding,
            bipartite=parsed.bipartite,
            weights=getattr(parsed, "weights", False),
            directed=parsed.directed,
            progress=tell,
        )


def vertex_numbers(
    file: GraphFile, labels: Sequence[str], source: str, hint: str = ""
) -> list[int]:
    """The vertices of some labels.

    Args:
        file: The graph.
        labels: Labels of vertices.
        source: Where the labels come from, for messages.
        hint: What else to do about a label that is no vertex.

    Raises:
        ValueError: If a label is no vertex.
    """
    known, asked = file.content.labels, set(labels)
    number = {str(label): vertex for vertex, label in enumerate(known) if str(label) in asked}
    for label in labels:
        if label not in number:
            commas = source == "--vertices" and any("," in str(label) for label in known)
            hint = "; names with commas go into a file for --partition" if commas else hint
            raise ValueError(
                f"{source}: {label!r} is no vertex of {file.path}: its vertices are"
                f" {', '.join(str(label) for label in known[:3])}, …{hint}"
            )
    return [number[label] for label in labels]


def described(file: GraphFile) -> dict:
    """How a file was read, of plain numbers and strings; every report has these entries."""
    return {
        "format": file.format,
        "separator": file.content.separator,
        "directed": file.directed,
        "notes": list(file.notes),
        "self_loops": file.num_loops,
        "repeated_entries": file.num_repeats,
    }


def reading(report: dict) -> str:
    """How a file was understood."""
    direction = "directed" if report["directed"] else "undirected"
    separator = report["separator"]
    columns = "" if separator is None else f", columns separated by {separator}s"
    return f"{direction}, read as {report['format']}{columns}"


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows of words as text, the first column to the left and the others to the right."""
    from rich.console import Console
    from rich.table import Table

    grid = Table.grid(padding=(0, 2))
    for place in range(len(rows[0])):
        grid.add_column(justify="right" if place else "left", no_wrap=True)
    for row in rows:
        grid.add_row(*row)
    # Plain text of any width: a terminal, a pipe and a file get the same.
    console = Console(width=10_000, color_system=None, markup=False, highlight=False)
    with console.capture() as captured:
        console.print(grid)
    return captured.get().rstrip()


def notes(report: dict) -> list[str]:
    """Sentences about the file that a reader may not expect."""
    found = list(report["notes"])
    if report["self_loops"]:
        found.append(f"{report['self_loops']:,} self-loops, which stay")
    if report["repeated_entries"]:
        found.append(
            f"{report['repeated_entries']:,} entries repeat an edge (in either direction if"
            " undirected), and stay or go with it"
        )
    return found
