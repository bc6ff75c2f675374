"""The table of graph formats: a format is one file of this folder and one line here.

The file of a format has a function `read` from a `Source` to a `Content`. It is imported when a
file of that format is read, and not before.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from jwi.io.files import bare_name

if TYPE_CHECKING:
    from jwi.io.content import Content, Source


class Format(NamedTuple):
    """A format of graph files.

    Attributes:
        module: The file of this folder that reads it.
        suffixes: By which it is known.
        meaning: What is in such files, for help.
    """

    module: str
    suffixes: tuple[str, ...]
    meaning: str


_NETWORKX = "networkx_files"

FORMATS = {
    "edge-list": Format(
        "edge_list",
        (".txt", ".csv", ".tsv", ".edges", ".edgelist", ".el"),
        "a row an edge, the ends in two of its columns",
    ),
    "npz": Format("npz", (".npz",), "a matrix of scipy.sparse.save_npz, or arrays of edges"),
    "mtx": Format("matrix_market", (".mtx",), "Matrix Market"),
    "mat": Format("matlab", (".mat",), "MATLAB, with one square matrix"),
    "dense": Format(
        "dense", (".csv", ".tsv", ".txt"), "text, a row and a column of numbers for each vertex"
    ),
    "graphml": Format(_NETWORKX, (".graphml",), "GraphML"),
    "gml": Format(_NETWORKX, (".gml",), "GML"),
    "gexf": Format(_NETWORKX, (".gexf",), "GEXF, of Gephi"),
    "pajek": Format(_NETWORKX, (".net", ".paj"), "Pajek"),
    "adjlist": Format(_NETWORKX, (".adjlist",), "a row a vertex and its neighbors"),
    "graph6": Format(_NETWORKX, (".g6",), "graph6"),
    "sparse6": Format(_NETWORKX, (".s6",), "sparse6"),
}
"""The graph formats, by name."""


def reader(name: str) -> "Callable[[Source], Content]":
    """The function that reads a format, a key of `FORMATS`."""
    read: Callable[[Source], Content] = import_module(f"jwi.io.{FORMATS[name].module}").read
    return read


def fits_format(path: Path, name: str) -> bool:
    """Whether files of a format may have a name."""
    return bare_name(path).endswith(FORMATS[name].suffixes)


def known_format(path: Path) -> str | None:
    """The format of a name, without the suffix of its compression; None if it has none."""
    for name in FORMATS:
        if fits_format(path, name):
            return name
    # As KONECT calls its files.
    return "edge-list" if path.name.startswith("out.") else None
