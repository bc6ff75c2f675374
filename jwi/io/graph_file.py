"""Graphs from files, and back into files of the same format."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int32, Int64

from jwi.graph.graph import GraphsTuple, edge_list, from_edges
from jwi.graph.lookup import edge_ids
from jwi.io.content import Content
from jwi.io.edge_list import read_edge_list
from jwi.io.files import Progress, check_readable, read_bytes, written
from jwi.io.matlab import read_matlab
from jwi.io.matrix_market import read_matrix_market
from jwi.io.networkx_files import read_networkx
from jwi.io.npz import read_npz

FORMATS = {
    "edge-list": (".txt", ".csv", ".tsv", ".edges", ".edgelist", ".el"),
    "npz": (".npz",),
    "mtx": (".mtx",),
    "mat": (".mat",),
    "graphml": (".graphml",),
    "gml": (".gml",),
    "gexf": (".gexf",),
    "pajek": (".net", ".paj"),
    "adjlist": (".adjlist",),
    "graph6": (".g6",),
    "sparse6": (".s6",),
}
"""The suffixes of each graph format, by its name."""

# What readers of edge lists expect between columns, by suffix.
_SEPARATORS = {".csv": ("comma", "semicolon"), ".tsv": ("tab",)}


@dataclass(frozen=True)
class GraphFile:
    """A graph, and the file it comes from.

    Attributes:
        path: the file.
        format: a key of `FORMATS`.
        graph: the graph of E edges, without self-loops and with each edge once.
        directed: whether its edges can be walked one way only, even if there are none.
        edges: int32[E, 2], the edges of the graph.
        edge_of_entry: int64[M], the edge of each entry of the file, −1 for self-loops.
        content: the entries.
    """

    path: Path
    format: str
    graph: GraphsTuple
    directed: bool
    edges: Int32[np.ndarray, "E 2"]
    edge_of_entry: Int64[np.ndarray, " M"]
    content: Content

    @property
    def num_loops(self) -> int:
        """How many entries are self-loops."""
        return int((self.edge_of_entry < 0).sum())

    @property
    def num_repeats(self) -> int:
        """How many entries repeat an edge, in whichever direction."""
        return len(self.edge_of_entry) - self.num_loops - len(self.edges)

    def check_name(self, path: Path) -> None:
        """Raises if a file's name stands for something else than this file is written as.

        Args:
            path: the file that is to be written.

        Raises:
            ValueError: if its suffix is of another format, or of another separator of columns.
        """
        other = known_format(path)
        if other is not None and other != self.format:
            suffixes = " or ".join(FORMATS[self.format])
            raise ValueError(
                f"{path} would be {other} by its name, and the graph was read as {self.format}:"
                f" graphs are written as they were read, give a name in {suffixes}"
            )
        suffix = path.name.lower().removesuffix(".gz")[-4:]
        separator = self.content.separator
        usual = _SEPARATORS.get(suffix)
        same_name = self.path.name.lower().removesuffix(".gz").endswith(suffix)
        if usual is not None and separator is not None and separator not in usual and not same_name:
            raise ValueError(
                f"{path} would have a {usual[0]} between columns by its name, and {self.path} has a"
                f" {separator}: rows are written as they were read, give a name in .txt"
            )

    def write(self, path: Path | str, keep: Bool[np.ndarray, " E"]) -> None:
        """Writes the file anew with the edges that are kept, and with its self-loops.

        A repeated edge is kept or removed with all its entries. The file takes its place when it is
        complete.

        Args:
            path: where to.
            keep: by edge id.

        Raises:
            ValueError: as `check_name`; if the file cannot be written.
        """
        path = Path(path)
        self.check_name(path)
        with written(path) as file:
            # The last place stands for self-loops.
            self.content.rewrite(file, np.append(keep, True)[self.edge_of_entry])


def read_graph(
    path: Path | str,
    *,
    format: str | None = None,
    named: bool = False,
    separator: str | None = None,
    header: bool | None = None,
    directed: bool | None = None,
    progress: Progress | None = None,
) -> GraphFile:
    """Reads a graph from a file.

    Args:
        path: the file; compressed, if its name ends in .gz.
        format: a key of `FORMATS`; None to tell by the suffix.
        named: whether an edge list names vertices by strings; else by integers.
        separator: of the columns of an edge list; None to guess.
        header: whether an edge list has a row of column names; None to guess.
        directed: whether edges can be walked one way only; None for what the file says, and
            undirected if it does not.
        progress: called with the share of the file that is read.

    Returns:
        The graph and what is needed to write it.

    Raises:
        ValueError: for a file that cannot be read, with the place and what to do.
    """
    path = Path(path)
    # Before its name is looked at, which may be mistyped.
    check_readable(path)
    name = format or _format_of(path)
    if name not in FORMATS:
        raise ValueError(f"format is {name!r}: pass one of {', '.join(FORMATS)}")
    content = _read(path, name, read_bytes(path, progress), named, separator, header)
    if directed and content.directed is False:
        raise ValueError(f"{path} says that its edges are undirected: leave out --directed")
    if directed is None:
        directed = bool(content.directed)
    graph = from_edges(
        content.senders, content.receivers, len(content.labels), undirected=not directed
    )
    edge_of_entry = edge_ids(graph, content.senders, content.receivers)
    return GraphFile(path, name, graph, directed, edge_list(graph), edge_of_entry, content)


def read_rows_of_names(path: Path) -> Content:
    """Rows of a vertex and the name of its set, in the dialects of edge lists without a header.

    Args:
        path: the file; compressed, if its name ends in .gz.

    Raises:
        ValueError: for a file that cannot be read, with the place and what to do.
    """
    wanted = "rows: pass one of a vertex and the name of its set for each vertex"
    return read_edge_list(
        path, read_bytes(path), named=True, separator=None, header=False, wanted=wanted
    )


def _read(
    path: Path, name: str, content: bytes, named: bool, separator: str | None, header: bool | None
) -> Content:
    if name == "edge-list":
        return read_edge_list(path, content, named=named, separator=separator, header=header)
    if name == "npz":
        return read_npz(path, content)
    if name == "mtx":
        return read_matrix_market(path, content)
    if name == "mat":
        return read_matlab(path, content)
    return read_networkx(path, content, name)


def _format_of(path: Path) -> str:
    name = known_format(path)
    if name is None:
        known = " ".join(suffix for suffixes in FORMATS.values() for suffix in suffixes)
        raise ValueError(
            f"{path}: its suffix says no format: --format edge-list reads rows of text; known"
            f" suffixes are {known}, and any of them with .gz"
        )
    return name


def known_format(path: Path) -> str | None:
    """The format of a suffix, that before .gz; None if it has none."""
    name = path.name.lower().removesuffix(".gz")
    for format_, suffixes in FORMATS.items():
        if name.endswith(suffixes):
            return format_
    return None
