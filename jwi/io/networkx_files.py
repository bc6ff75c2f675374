"""The formats that networkx reads as they are."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool

from jwi.io.content import Content, Source
from jwi.io.encoding import Text, decoded
from jwi.io.networkx_checks import (
    check_neighbors,
    check_packed,
    difference_of_xml,
    with_edgedefault,
)
from jwi.io.refusals import reason, text_start

_XML = ("graphml", "gexf")


class NetworkxFormat(NamedTuple):
    """How networkx reads and writes a format.

    Attributes:
        read: from a file to a graph.
        write: a graph to a file.
        says_directed: whether files of the format say if edges are directed.
        difference: from a file's content and the graph that was read to what the graph has
            otherwise than the file; None if nothing.
        remedy: for a file that networkx cannot read.
    """

    read: Callable[[io.BufferedIOBase], Any]
    write: Callable[[Any, io.BufferedIOBase], None]
    says_directed: bool
    difference: Callable[[bytes, Any], str | None] = lambda *_: None
    remedy: str = "save it anew, or as rows of text in .txt"


def read(source: Source) -> Content:
    """Reads a graph through networkx.

    Args:
        source: The file and the user's options.

    Raises:
        ValueError: If networkx is not installed, or cannot read it.
    """
    path, name, content = source.path, source.format, source.content
    source.options.only(path, name, "weights")
    nx = networkx(path, name)
    if name not in _XML:
        # XML says itself how it is encoded.
        content = content[text_start(path, content) :]
    if name in ("graph6", "sparse6"):
        check_packed(path, content)
    if name == "adjlist":
        check_neighbors(path, content)
    format_ = _format(nx, name)
    told = with_edgedefault(path, content, source.directed) if name == "graphml" else None
    content = content if told is None else told
    with refusing(path, name, format_.remedy):
        graph = format_.read(io.BytesIO(content))
        difference = format_.difference(content, graph)
    if difference is not None:
        raise ValueError(f"{path} {difference}")
    if isinstance(graph, list):
        raise ValueError(f"{path} holds {len(graph)} graphs: pass a file of one graph")
    directed = graph.is_directed() if format_.says_directed and told is None else None
    return network_content(path, graph, format_.write, directed)


def opened(source: Source) -> tuple[Any, Text]:
    """The package networkx and the text of a file, for formats of text with an encoding.

    Args:
        source: The file and the user's options.

    Raises:
        ValueError: If networkx is not installed, an option has no meaning, or there is no text.
    """
    source.options.only(source.path, source.format, "encoding", "weights")
    nx = networkx(source.path, source.format)
    return nx, decoded(source.path, source.content, source.options.encoding)


def networkx(path: Path, name: str) -> Any:
    """The package networkx, imported here and not before.

    Args:
        path: The file, for the message.
        name: Of its format.

    Raises:
        ValueError: If it is not installed.
    """
    try:
        import networkx
    except ModuleNotFoundError:
        raise ValueError(f"{path}: {name} files need networkx: pip install networkx") from None
    return networkx


@contextmanager
def refusing(path: Path, name: str, remedy: str) -> Iterator[None]:
    """Raises ValueError for whatever the wrong text makes a reader stumble on.

    Args:
        path: The file, for the message.
        name: Of its format.
        remedy: What to do.
    """
    try:
        yield
    except Exception as error:
        what = reason(error)
        raise ValueError(f"{path} cannot be read as {name} ({what}): {remedy}") from error


def _format(nx: Any, name: str) -> NetworkxFormat:
    def write_adjlist(graph: Any, file: io.BufferedIOBase) -> None:
        # networkx's own writer puts the command line and the time into the file.
        for line in nx.generate_adjlist(graph):
            file.write(f"{line}\n".encode())

    formats = {
        "graphml": NetworkxFormat(nx.read_graphml, nx.write_graphml, True, difference_of_xml),
        "gexf": NetworkxFormat(
            nx.read_gexf,
            nx.write_gexf,
            True,
            difference_of_xml,
            "export it as version 1.2, or as GraphML",
        ),
        "adjlist": NetworkxFormat(nx.read_adjlist, write_adjlist, False),
        "graph6": NetworkxFormat(nx.read_graph6, nx.write_graph6, True),
        "sparse6": NetworkxFormat(nx.read_sparse6, nx.write_sparse6, True),
    }
    return formats[name]


def network_content(
    path: Path,
    graph: Any,
    write: Callable[[Any, io.BufferedIOBase], None],
    directed: bool | None,
    says: str | None = None,
    notes: tuple[str, ...] = (),
) -> Content:
    """The edges of a graph of networkx; rewritten, it keeps its vertices and all attributes.

    Args:
        path: The file, for messages.
        graph: Of any kind.
        write: Writes such a graph to a file.
        directed: What the file says; None if nothing.
        says: Where it says so; None if its format does.
        notes: What a reader of the file is told.

    Raises:
        ValueError: For a graph without vertices.
    """
    labels = list(graph.nodes)
    if not labels:
        raise ValueError(f"{path} has no vertices: pass a graph with edges")
    number = {label: vertex for vertex, label in enumerate(labels)}
    edges = list(graph.edges(keys=True) if graph.is_multigraph() else graph.edges)
    pairs = [(number[edge[0]], number[edge[1]]) for edge in edges]
    ends = np.array(pairs, np.int64).reshape(-1, 2)

    def rewrite(file: io.BufferedIOBase, keep: Bool[np.ndarray, " M"]) -> None:
        pruned = graph.copy()
        pruned.remove_edges_from(edges[row] for row in np.flatnonzero(~keep))
        write(pruned, file)

    return Content(
        ends[:, 0], ends[:, 1], labels, directed, rewrite, notes, says=says,
        weights=_weights(graph),
    )  # fmt: skip


def _weights(graph: Any) -> np.ndarray | None:
    """The weights of its edges, float64[M]; None if not all of them have one that is a number."""
    for name in ("weight", "value"):
        weights = [attributes.get(name) for *_, attributes in graph.edges(data=True)]
        try:
            found = np.array([float(weight) for weight in weights])
        except (TypeError, ValueError):
            continue
        if len(found) and np.isfinite(found).all():
            return found
    return None
