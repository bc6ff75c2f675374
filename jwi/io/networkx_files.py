"""The formats that networkx reads and writes."""

import io
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool

from jwi.io.content import Content, Source
from jwi.io.networkx_checks import check_sparse6, difference_of_pajek, difference_of_xml
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
    remedy: str = "--format names another format"


def networkx_format(name: str) -> NetworkxFormat:
    """A format by name; networkx is imported here and not before."""
    import networkx as nx

    def read_gml(file: io.BufferedIOBase) -> Any:
        text = file.read()
        try:
            return nx.read_gml(io.BytesIO(text))
        except nx.NetworkXError as error:
            if "no 'label' attribute" not in str(error):
                raise
            return nx.read_gml(io.BytesIO(text), label="id")

    def write_gml(graph: Any, file: io.BufferedIOBase) -> None:
        nx.write_gml(graph, file, stringizer=str)

    def write_adjlist(graph: Any, file: io.BufferedIOBase) -> None:
        # networkx's own writer puts the command line and the time into the file.
        for line in nx.generate_adjlist(graph):
            file.write(f"{line}\n".encode())

    formats = {
        "graphml": NetworkxFormat(nx.read_graphml, nx.write_graphml, True, difference_of_xml),
        "gml": NetworkxFormat(read_gml, write_gml, True),
        "gexf": NetworkxFormat(
            nx.read_gexf,
            nx.write_gexf,
            True,
            difference_of_xml,
            "export it as version 1.2, or as GraphML",
        ),
        "pajek": NetworkxFormat(nx.read_pajek, nx.write_pajek, True, difference_of_pajek),
        "adjlist": NetworkxFormat(nx.read_adjlist, write_adjlist, False),
        "graph6": NetworkxFormat(nx.read_graph6, nx.write_graph6, True),
        "sparse6": NetworkxFormat(nx.read_sparse6, nx.write_sparse6, True),
    }
    return formats[name]


def read(source: Source) -> Content:
    """Reads a graph through networkx; rewritten, it keeps its vertices and all attributes.

    Args:
        source: The file, and what the user says of it.

    Raises:
        ValueError: if networkx is not installed, or cannot read it.
    """
    path, name, content = source.path, source.format, source.content
    source.options.only(path, name, "weights")
    try:
        format_ = networkx_format(name)
    except ModuleNotFoundError:
        raise ValueError(f"{path}: {name} files need networkx: pip install networkx") from None
    if name not in _XML:
        # XML says itself how it is encoded.
        content = content[text_start(path, content) :]
    if name == "sparse6":
        check_sparse6(path, content)
    try:
        graph = format_.read(io.BytesIO(content))
        difference = format_.difference(content, graph)
    # Its readers raise whatever the wrong text makes them stumble on.
    except Exception as error:
        raise ValueError(
            f"{path} cannot be read as {name} ({reason(error)}): {format_.remedy}"
        ) from error
    if difference is not None:
        raise ValueError(f"{path} {difference}")
    if isinstance(graph, list):
        raise ValueError(f"{path} holds {len(graph)} graphs: pass a file of one graph")
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
        format_.write(pruned, file)

    directed = graph.is_directed() if format_.says_directed else None
    return Content(ends[:, 0], ends[:, 1], labels, directed, rewrite)
