"""Graphs from files, and back into files of the same format."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Unpack

import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64

from jwi.graph.building import build_host_graph
from jwi.graph.info import Graph, HostGraph
from jwi.graph.lookup import edge_ids
from jwi.io.content import Content, Source
from jwi.io.files import STANDARD, Progress, Raw, check_readable, read_file, written
from jwi.io.foreign import refuse_foreign
from jwi.io.formats import (
    FORMATS,
    bare_name,
    bare_suffix,
    fits_format,
    known_format,
    reader,
    recognized_format,
)
from jwi.io.options import OptionNames, Options

# What readers of edge lists expect between columns, by suffix.
_SEPARATORS = {".csv": ("comma", "semicolon"), ".tsv": ("tab",)}


@dataclass(frozen=True)
class GraphFile:
    """A graph, and the file it comes from.

    Attributes:
        path: the file.
        format: a key of `FORMATS`.
        host: the graph of E edges, without self-loops and with each edge once, as NumPy arrays.
        edge_of_entry: int64[M], the edge of each entry of the file, −1 for self-loops.
        content: the entries.
    """

    path: Path
    format: str
    host: HostGraph
    edge_of_entry: Int64[np.ndarray, " M"]
    content: Content

    @cached_property
    def graph(self) -> Graph:
        """The graph for JAX, a `GraphsTuple`."""
        # Commands rank and count on the host, and start before JAX would be imported.
        from jwi.graph.graph import graph_of

        return graph_of(self.host)

    @property
    def directed(self) -> bool:
        """Whether edges can be walked one way only, even if there are none."""
        return not self.host.undirected

    @property
    def edges(self) -> Int32[np.ndarray, "E 2"]:
        """The edges of the graph, int32[E, 2]."""
        return self.host.edges

    def weights(self) -> Float64[np.ndarray, " E"]:
        """The weight of each edge, by edge id.

        Raises:
            ValueError: If the file was read without weights; if entries of one edge differ.
        """
        of_entry = self.content.weights
        if of_entry is None:
            raise ValueError(
                f"{self.path} was read without weights: pass an edge list with a column of weights,"
                " and ask for them when reading"
            )
        entries = np.flatnonzero(self.edge_of_entry >= 0)
        edge = self.edge_of_entry[entries]
        weights = np.empty(len(self.edges))
        weights[edge] = of_entry[entries]
        other = entries[weights[edge] != of_entry[entries]]
        if other.size:
            u, v = self.edges[self.edge_of_entry[other[0]]]
            labels = self.content.labels
            raise ValueError(
                f"{self.path} has the edge from {labels[u]} to {labels[v]} with the weights"
                f" {of_entry[other[0]]:g} and {weights[self.edge_of_entry[other[0]]]:g}: pass one"
                " weight an edge, or add --directed if they are of two directions"
            )
        return weights

    @property
    def suffix(self) -> str:
        """The suffix of the file, without the suffix of its compression."""
        return bare_suffix(self.path)

    @property
    def notes(self) -> tuple[str, ...]:
        """How the file was read, a sentence each, beside its format, separator and direction."""
        content = self.content
        said = direction_notes(content.says, bool(content.directed), directed=self.directed)
        return (*said, *content.notes, *edge_notes(len(self.edges)))

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
        check_name(self.path, self.format, self.content.separator, path)

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


def direction_notes(says: str | None, said: bool, *, directed: bool) -> tuple[str, ...]:
    """What a reader is told of the direction that a file says it has.

    Args:
        says: Where it says so; None if it does not.
        said: Whether it says that it is directed.
        directed: Whether it is read so.
    """
    if says is None:
        return ()
    direction, other = ("directed", "undirected") if said else ("undirected", "directed")
    overruled = "" if directed == said else f", --{other} overrules it"
    return (f"the file says that it is {direction}, {says}{overruled}",)


def edge_notes(num_edges: int) -> tuple[str, ...]:
    """A note on a graph without edges."""
    if num_edges:
        return ()
    return ("there is no edge between two vertices: is it the right file?",)


def check_name(source: Path, format: str, separator: str | None, path: Path) -> None:
    """Raises if a file's name stands for something else than a graph is written as.

    Args:
        source: the file that the graph was read from.
        format: its format.
        separator: between its columns; None if it has none.
        path: the file that is to be written.

    Raises:
        ValueError: if its suffix is of another format, or of another separator of columns.
    """
    other = known_format(path)
    named = fits_format(bare_name(path), format) or bare_suffix(path) == bare_suffix(source)
    if other not in (None, format) and not named:
        suffixes = " or ".join(FORMATS[format].suffixes)
        raise ValueError(
            f"{path} would be {other} by its name, and the graph was read as {format}:"
            f" graphs are written as they were read, pass a name in {suffixes}"
        )
    suffix = bare_suffix(path)
    usual = _SEPARATORS.get(suffix)
    same_name = bare_suffix(source) == suffix
    if usual is not None and separator is not None and separator not in usual and not same_name:
        raise ValueError(
            f"{path} would have a {usual[0]} between columns by its name, and {source} has a"
            f" {separator}: rows are written as they were read, pass a name in .txt"
        )


def read_graph(
    path: Path | str,
    *,
    format: str | None = None,
    directed: bool | None = None,
    progress: Progress | None = None,
    **options: Unpack[OptionNames],
) -> GraphFile:
    """Reads a graph from a file.

    Args:
        path: the file; compressed, if its name ends in .gz.
        format: a key of `FORMATS`; None to tell by the name.
        directed: whether edges can be walked one way only; None for what the file says, and
            undirected if it does not.
        progress: called with the share of the file that is read.
        options: the attributes of `jwi.io.options.Options`, for instance `named=True` for an edge
            list that names vertices by strings, or `columns=("from", "to")`.

    Returns:
        The graph and all that writing it needs.

    Raises:
        ValueError: for a file that cannot be read, or may be read in several ways, with the place
            and what to do.
    """
    path = Path(path)
    # Before its name is looked at, which may be mistyped.
    check_readable(path)
    if format is not None and format not in FORMATS:
        raise ValueError(f"format is {format!r}: pass one of {', '.join(FORMATS)}")
    raw = read_file(path, progress)
    refuse_foreign(path, raw.content)
    name = format or _format_of(path, raw)
    source = Source(path, name, raw.content, Options(**options), directed, format is not None)
    content = reader(name)(source)
    if directed and content.directed is False and content.says is None:
        raise ValueError(f"{path} says that its edges are undirected: leave out --directed")
    if directed is None:
        directed = bool(content.directed)
    host = build_host_graph(
        content.senders, content.receivers, len(content.labels), undirected=not directed
    )
    edge_of_entry = edge_ids(host, content.senders, content.receivers)
    return GraphFile(path, content.format or name, host, edge_of_entry, content)


def read_rows_of_names(
    path: Path, wanted: str = "rows: pass one of a vertex and the name of its set for each vertex"
) -> Content:
    """Rows of two names, in the dialects of edge lists without a header.

    Args:
        path: the file; compressed, if its name ends in .gz.
        wanted: What an empty file lacks, and what to pass, for the message.

    Raises:
        ValueError: for a file that cannot be read, with the place and what to do.
    """
    from jwi.io.edge_list import read_edge_list

    options = Options(named=True, header=False, columns=(1, 2), bipartite=False)
    source = Source(path, "edge-list", read_file(path).content, options, directed=False)
    return read_edge_list(source, wanted)


def _format_of(path: Path, raw: Raw) -> str:
    """The format of a file by its name, or by how it begins."""
    name = known_format(Path(raw.name))
    if name in (None, "edge-list"):
        name = recognized_format(raw.content) or name
    if name is None and path == STANDARD:
        return "edge-list"
    if name is None:
        suffixes = " ".join(dict.fromkeys(s for entry in FORMATS.values() for s in entry.suffixes))
        raise ValueError(
            f"{path}: its suffix says no format: --format edge-list reads rows of text; known"
            f" suffixes are {suffixes}, and any of them with .gz, .bz2, .xz, .zst or .zip"
        )
    return name
