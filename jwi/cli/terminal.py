"""What is shown on a terminal: progress while it lasts, and tables."""

import argparse
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from jwi.io import GraphFile, read_graph

_WIDTH = 79
_BAR = 20
# Seconds between two looks at the clock.
_TICK = 1.0


def progress(what: str) -> Callable[[float], None]:
    """A function that shows how much of something is done; silent where nobody watches.

    Args:
        what: what is done, in a few words.

    Returns:
        A function of the share that is done.
    """
    last = float("-inf")

    def show(share: float) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < 0.2 or not sys.stderr.isatty():
            return
        last = now
        _show(f"{what} {_bar(share)}")

    return show


@contextmanager
def waiting(what: str) -> Iterator[Callable[[float], None]]:
    """Shows what is being done and for how long, where somebody watches, until it is done.

    The clock goes on while compiled code works that releases Python's lock, as the orders' does.

    Yields:
        A function to be told how much is done; what tells nothing has a clock alone.
    """
    bar = ""

    def tell(share: float) -> None:
        nonlocal bar
        bar = f" {_bar(share)}"

    if not sys.stderr.isatty():
        yield tell
        return
    start, done = time.monotonic(), threading.Event()

    def show() -> None:
        _show(f"{what} …")
        while not done.wait(_TICK):
            _show(f"{what} …{bar} {time.monotonic() - start:.0f} s")

    clock = threading.Thread(target=show, daemon=True)
    clock.start()
    try:
        yield tell
    finally:
        done.set()
        clock.join()
        clear()


def _bar(share: float) -> str:
    return f"{'█' * int(_BAR * share):<{_BAR}} {share:4.0%}"


def _show(line: str) -> None:
    print(f"\r{line}", end="", file=sys.stderr, flush=True)


def clear() -> None:
    """Takes away what progress has shown."""
    if sys.stderr.isatty():
        _show(" " * _WIDTH + "\r")


def read(parsed: argparse.Namespace) -> GraphFile:
    """The graph that the arguments name."""
    try:
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
            directed=parsed.directed,
            progress=progress(f"reading {parsed.graph.name}"),
        )
    finally:
        clear()


def reading(report: dict) -> str:
    """How a file was understood."""
    direction = "directed" if report["directed"] else "undirected"
    separator = report["separator"]
    columns = "" if separator is None else f", columns separated by {separator}s"
    return f"{direction}, read as {report['format']}{columns}"


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows of words, the first column to the left and the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for first, *others in rows:
        cells = [word.rjust(width) for word, width in zip(others, widths[1:], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *cells]).rstrip())
    return "\n".join(lines)


def notes(report: dict) -> list[str]:
    """What a reader of the file may not expect."""
    found = list(report["notes"])
    if report["self_loops"]:
        found.append(f"{report['self_loops']:,} self-loops, which stay")
    if report["repeated_entries"]:
        found.append(
            f"{report['repeated_entries']:,} entries repeat an edge (in either direction if"
            " undirected), and stay or go with it"
        )
    return found
