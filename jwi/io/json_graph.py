"""JSON of networkx and D3 (nodes and links), of Cytoscape (elements), and of lists of neighbors."""

import json
from collections.abc import Callable
from io import BufferedIOBase
from typing import Any, NamedTuple

from jwi.io.content import Content, Source
from jwi.io.encoding import decoded
from jwi.io.networkx_files import network_content
from jwi.io.refusals import reason


class _Dialect(NamedTuple):
    """How networkx reads and writes one kind of JSON.

    Attributes:
        read: From an object to a graph.
        write: A graph to an object.
    """

    read: Callable[[dict], Any]
    write: Callable[[Any], dict]


def read(source: Source) -> Content:
    """Reads a graph through networkx; rewritten, it keeps its vertices and all attributes.

    Args:
        source: The file and the user's options.

    Raises:
        ValueError: If networkx is not installed, or it is no such JSON.
    """
    path = source.path
    source.options.only(path, source.format, "encoding", "weights")
    text = decoded(path, source.content, source.options.encoding)
    try:
        held = json.loads(text.content)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} is no JSON ({reason(error)}): pass one object with nodes and links, or rows of"
            " text"
        ) from None
    dialect = _dialect(source, held)
    try:
        graph = dialect.read(held)
    # Its readers raise whatever the wrong object makes them stumble on.
    except Exception as error:
        raise ValueError(
            f"{path} cannot be read by networkx ({reason(error)}): pass nodes with an id, and links"
            " with a source and a target that are such ids"
        ) from error
    _check_nodes(source, held, graph)
    if not isinstance(held.get("directed", False), bool):
        raise ValueError(
            f"{path}: its key 'directed' is {held['directed']!r}: write true or false, without"
            " quotes"
        )

    def write(pruned: Any, file: BufferedIOBase) -> None:
        file.write(text.encode(json.dumps(dialect.write(pruned), ensure_ascii=False).encode()))

    says = "by its key 'directed'" if "directed" in held else None
    content = network_content(path, graph, write, graph.is_directed() if says else None, says)
    return content


def _dialect(source: Source, held: Any) -> _Dialect:
    """How to read an object, by its keys."""
    path = source.path
    try:
        import networkx as nx
    except ModuleNotFoundError:
        raise ValueError(f"{path}: JSON needs networkx: pip install networkx") from None
    keys = held.keys() if isinstance(held, dict) else set()
    if held and {"links", "edges"} <= keys:
        raise ValueError(f"{path} has the keys links and edges: leave out one of the two")
    links = next((key for key in ("links", "edges") if key in keys), None)
    if "nodes" in keys and links is not None:
        return _Dialect(
            lambda data: nx.node_link_graph(data, edges=links),
            lambda graph: nx.node_link_data(graph, edges=links),
        )
    if "elements" in keys:
        return _Dialect(lambda data: nx.cytoscape_graph(_spelled_out(data)), nx.cytoscape_data)
    if {"nodes", "adjacency"} <= keys:
        return _Dialect(nx.adjacency_graph, nx.adjacency_data)
    what = f"keys {', '.join(map(str, list(keys)[:9]))}" if keys else f"a {type(held).__name__}"
    raise ValueError(
        f"{path} holds {what}: pass an object with nodes and links, as networkx.node_link_data"
        " makes it, or with Cytoscape's elements"
    )


def _spelled_out(held: dict) -> dict:
    """Cytoscape's object with all that networkx asks for: Cytoscape leaves it out."""
    nodes = [
        {**node, "data": {"value": node["data"]["id"], "name": node["data"]["id"], **node["data"]}}
        for node in held["elements"]["nodes"]
    ]
    return {"data": [], **held, "elements": {**held["elements"], "nodes": nodes}}


def _check_nodes(source: Source, held: dict, graph: Any) -> None:
    """Raises ValueError for vertices that links name and nodes do not: networkx makes them up."""
    nodes = held.get("nodes")
    if isinstance(nodes, list) and len(nodes) != len(graph):
        raise ValueError(
            f"{source.path} lists {len(nodes):,} nodes, and its links make {len(graph):,}: give"
            " each node an id of its own, and links such ids (D3's places in the list are none)"
        )
