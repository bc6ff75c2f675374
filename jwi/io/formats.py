"""The table of graph formats: a format is one file of this folder and one line here.

The file of a format has a function `read` from a `Source` to a `Content`. It is imported when a
file of that format is read, and not before.
"""

import re
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from jwi.io.refusals import BYTE_ORDER_MARK

if TYPE_CHECKING:
    from jwi.io.content import Content, Source


class Format(NamedTuple):
    """A format of graph files.

    Attributes:
        module: The file of this folder that reads it.
        suffixes: By which it is known.
        meaning: The content of such files, for help.
        begins: A regular expression of how such files begin, where the suffix does not tell.
    """

    module: str
    suffixes: tuple[str, ...]
    meaning: str
    begins: bytes = rb"(?!)"


# Of compressed files.
SUFFIXES = (".gz", ".bz2", ".xz", ".zst", ".zip")
_LOOKED_AT = 4096
_NETWORKX = "networkx_files"
_DIMACS = rb"(?:c(?:[ \t][^\n]*)?\r?\n|\s)*p[ \t]+\w+[ \t]+\d+[ \t]+\d+\s"
_DOT = rb"(?:strict\s+)?(?:di)?graph\b[^\[\n]*\{"
_ROWS = (".txt", ".csv", ".tsv", ".edges", ".edgelist", ".el")

FORMATS = {
    "edge-list": Format("edge_list", _ROWS, "a row an edge, the ends in two of its columns"),
    "dense": Format("dense", (".csv", ".tsv", ".txt"), "text, a row and a column for each vertex"),
    "sif": Format("sif", (".sif",), "Cytoscape: node, relation, nodes"),
    "dimacs": Format("dimacs", (".gr", ".col", ".clq", ".dimacs"), "DIMACS", _DIMACS),
    "metis": Format("metis", (".graph", ".metis"), "METIS: a line of neighbors for each vertex"),
    "npz": Format(
        "npz", (".npz",), "scipy.sparse.save_npz, gnn-benchmark, or arrays of edges", rb"PK"
    ),
    "npy": Format("npy", (".npy",), "a square matrix, or pairs of integers", rb"\x93NUMPY"),
    "parquet": Format(
        "parquet", (".parquet", ".pq"), "Parquet, an edge a row; needs pyarrow", rb"PAR1"
    ),
    "mtx": Format("matrix_market", (".mtx",), "Matrix Market", rb"%%MatrixMarket"),
    "mat": Format("matlab", (".mat",), "MATLAB, a square matrix", rb"MATLAB 5.0"),
    "json": Format(
        "json_graph",
        (".json", ".jsonl"),
        "nodes and links, records, neighbors; D3, vis.js, Cytoscape",
        rb"\{\s*[\"}]|\[\s*[\[{]\s*[\"\d-]",
    ),
    "graphml": Format(_NETWORKX, (".graphml",), "GraphML", rb"<(?s:.)*<graphml\b|<graphml\b"),
    "gexf": Format(_NETWORKX, (".gexf",), "GEXF, of Gephi", rb"<(?s:.)*<gexf\b|<gexf\b"),
    "gml": Format(
        "gml", (".gml",), "GML", rb"(?:(?:creator|version|comment)\b[^\n]*\s+)*graph\s*\["
    ),
    "pajek": Format("pajek", (".net", ".paj"), "Pajek", rb"\*(?:vertices|network)\b"),
    "dot": Format("dot", (".dot", ".gv"), "DOT, of Graphviz; needs pydot", _DOT),
    "adjlist": Format(_NETWORKX, (".adjlist",), "a row a vertex and its neighbors"),
    "graph6": Format(_NETWORKX, (".g6",), "graph6", rb">>graph6<<"),
    "sparse6": Format(_NETWORKX, (".s6",), "sparse6", rb">>sparse6<<"),
}
"""The graph formats, by name."""


def reader(name: str) -> "Callable[[Source], Content]":
    """The function that reads a format, a key of `FORMATS`."""
    read: Callable[[Source], Content] = import_module(f"jwi.io.{FORMATS[name].module}").read
    return read


def bare_suffix(path: Path) -> str:
    """The suffix of a file in small letters, without the suffix of its compression."""
    return Path(bare_name(path)).suffix


def bare_name(path: Path) -> str:
    """The name of a file in small letters, without the suffix of its compression."""
    name = path.name.lower()
    return next((name.removesuffix(end) for end in SUFFIXES if name.endswith(end)), name)


def fits_format(name: str, format: str) -> bool:
    """Whether files of a format may have a name, without the suffix of its compression."""
    return name.lower().endswith(FORMATS[format].suffixes)


def known_format(path: Path) -> str | None:
    """The format of a name, without the suffix of its compression; None if it has none."""
    name = bare_name(path)
    found = next((format_ for format_ in FORMATS if fits_format(name, format_)), None)
    # As KONECT calls its files.
    return "edge-list" if found is None and name.startswith("out.") else found


def recognized_format(content: bytes) -> str | None:
    """The format that a content begins like; None for rows of text, and where nothing tells."""
    start = content[:_LOOKED_AT].removeprefix(BYTE_ORDER_MARK).lstrip()
    for name, entry in FORMATS.items():
        if re.match(entry.begins, start, re.IGNORECASE):
            return name
    return None
