"""What networkx reads without a word as something else than the file says."""

import io
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from jwi.io.refusals import check_num_vertices

# A neighbor and its attributes.
_MULTILINE = re.compile(rb"^[^\s#]+[ \t]+\{[^}\n]*\}[ \t\r]*$", re.MULTILINE)
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_GRAPH = re.compile(rb"<(?:\w+:)?graph\b[^>/]*")
# The first sign of graph6.
_LOW = 63


def check_packed(path: Path, content: bytes) -> None:
    """Raises ValueError for numbers of vertices in graph6 or sparse6 that would fill the memory.

    Args:
        path: The file, for the message.
        content: Its bytes, a graph a line.
    """
    for line in content.split():
        body = re.sub(rb"^>>(?:graph6|sparse6)<<", b"", line)
        sparse = body.startswith(b":")
        body = body.removeprefix(b":")
        strange = body.translate(None, bytes(range(_LOW, _LOW + 64)))
        if strange:
            raise ValueError(
                f"{path} has the byte {strange[0]}, and lines of graph6 and sparse6 are of the"
                " signs ? to ~: fetch it again"
            )
        # Numbers from 63, and from 258,048, are written otherwise.
        width, start = (6, 2) if body.startswith(b"~~") else (3, 1) if body[:1] == b"~" else (1, 0)
        num_vertices = 0
        for sign in body[start : start + width]:
            num_vertices = 64 * num_vertices + sign - _LOW
        if sparse:
            check_num_vertices(path, "its header", num_vertices, len(content))


def check_neighbors(path: Path, content: bytes) -> None:
    """Raises ValueError for lists of neighbors with attributes, each in a line of its own.

    Args:
        path: The file, for the message.
        content: Its bytes.
    """
    if _MULTILINE.search(content):
        raise ValueError(
            f"{path} has neighbors with attributes in braces, a line each: write it by"
            " networkx.write_adjlist or write_graphml, not by write_multiline_adjlist"
        )


def with_edgedefault(path: Path, content: bytes, directed: bool | None) -> bytes | None:
    """GraphML with the attribute edgedefault, which its schema demands; None if it has one.

    Args:
        path: The file, for the message.
        content: Of the file.
        directed: What the user says.

    Raises:
        ValueError: If the user says nothing.
    """
    content = _COMMENT.sub(b"", content)
    graph = _GRAPH.search(content)
    if graph is None or b"edgedefault" in graph[0]:
        return None
    if directed is None:
        raise ValueError(
            f"{path} does not say whether its edges are directed, by the attribute edgedefault of"
            " its graph: pass --directed or --undirected"
        )
    value = b' edgedefault="directed"' if directed else b' edgedefault="undirected"'
    return content[: graph.end()] + value + content[graph.end() :]


def difference_of_xml(content: bytes, graph: Any) -> str | None:
    """What networkx has of GraphML or GEXF: the first graph alone, and vertices it has made up.

    Args:
        content: of the file.
        graph: what networkx has read.

    Returns:
        The mistake and a remedy; None if there is none.
    """
    num_graphs, declared = 0, set()
    for _, element in ElementTree.iterparse(io.BytesIO(content)):
        name = element.tag.rpartition("}")[2]
        num_graphs += name == "graph"
        if name == "node":
            declared.add(element.get("id"))
        element.clear()
    if num_graphs > 1:
        return f"holds {num_graphs} graphs, nested ones too: pass a file of one graph"
    made_up = next((node for node in graph if node not in declared), None)
    if made_up is not None:
        return f"has an edge at {made_up!r}, which is none of its nodes: add a <node> for it"
    return None
