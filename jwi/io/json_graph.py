"""JSON: lists of edges, alone or beside a list of nodes, and lists of neighbors.

These are node-link and adjacency data of networkx, the files of D3, vis.js, sigma, graphology and
Cytoscape, JSON Graph Format, lists of pairs or of records, and a record a line.
"""

import json
from collections.abc import Callable
from io import BufferedIOBase
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool

from jwi.io.content import Content, Source
from jwi.io.encoding import decoded
from jwi.io.json_ends import Edges, direction_of, edges_of, resolved
from jwi.io.refusals import reason

_WANTED = (
    "pass an object with nodes and links, as networkx.node_link_data makes it, a list of records"
    " with source and target, or Cytoscape's elements"
)


class _Found(NamedTuple):
    """The edges of a JSON value.

    Attributes:
        edges: As it holds them.
        nodes: As it holds them; None if it lists none.
        put: From some of the edges to the value with no others.
        holder: The object that may say whether edges are directed.
    """

    edges: list
    nodes: list | None
    put: Callable[[list], Any]
    holder: dict


def read(source: Source) -> Content:
    """Reads a graph; rewritten, it keeps its vertices and all attributes.

    Args:
        source: The file and the user's options.

    Raises:
        ValueError: If it is no such JSON, or leaves open which nodes its edges join.
    """
    path = source.path
    source.options.only(path, source.format, "encoding", "weights")
    text = decoded(path, source.content, source.options.encoding)
    held, lines = _loaded(source, text.content)
    found = _found(source, held)
    edges = edges_of(path, found.edges)
    directed, says = direction_of(source, found.holder, edges)
    nodes = resolved(path, found.nodes, edges)
    if not nodes.labels:
        raise ValueError(f"{path} has no vertices: pass a graph with edges")

    def rewrite(file: BufferedIOBase, keep: Bool[np.ndarray, " M"]) -> None:
        kept = found.put([found.edges[row] for row in np.flatnonzero(keep)])
        parts = kept if lines else [kept]
        file.write(text.encode("\n".join(_dumped(part) for part in parts).encode()))

    senders, receivers = nodes.ends.T
    return Content(
        senders, receivers, nodes.labels, directed, rewrite, (*text.notes, *nodes.notes), says=says,
        weights=_weights(edges),
    )  # fmt: skip


def _dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _loaded(source: Source, content: bytes) -> tuple[Any, bool]:
    """The value of a file, and whether it has a value in each line."""
    try:
        return json.loads(content), False
    except (ValueError, RecursionError) as error:
        rows = [line for line in content.splitlines() if line.strip()]
        try:
            if len(rows) > 1:
                return [json.loads(row) for row in rows], True
        except (ValueError, RecursionError):
            pass
        raise ValueError(
            f"{source.path} is no JSON ({reason(error)}): {_WANTED}, or rows of text"
        ) from None


def _found(source: Source, held: Any) -> _Found:
    """Where the edges of a value are."""
    path = source.path
    if isinstance(held, list):
        return _in_list(held)
    keys = held.keys() if isinstance(held, dict) else set()
    if held and {"links", "edges"} <= keys:
        raise ValueError(f"{path} has the keys links and edges: leave out one of the two")
    key = next((key for key in ("links", "edges") if key in keys), None)
    if key is not None and isinstance(held[key], list):
        nodes = held.get("nodes")
        if isinstance(nodes, dict):
            nodes = [{"id": name} for name in nodes]
        return _Found(held[key], nodes, lambda kept: {**held, key: kept}, held)
    if {"nodes", "adjacency"} <= keys:
        return _of_adjacency(held)
    elements = held.get("elements") if isinstance(held, dict) else None
    if isinstance(elements, dict) and isinstance(elements.get("nodes"), list):
        elements = {"edges": [], **elements}
        return _Found(
            elements["edges"],
            elements["nodes"],
            lambda kept: {**held, "elements": {**elements, "edges": kept}},
            held,
        )
    if isinstance(elements, list):
        inner = _in_list(elements)
        return inner._replace(put=lambda kept: {**held, "elements": inner.put(kept)}, holder=held)
    if isinstance(held, dict) and isinstance(held.get("graph"), dict):
        inner = _found(source, held["graph"])
        return inner._replace(put=lambda kept: {**held, "graph": inner.put(kept)})
    if keys and all(isinstance(value, list) for value in held.values()):
        return _of_neighbors(source, held)
    what = f"keys {', '.join(map(str, list(keys)[:9]))}" if keys else f"a {type(held).__name__}"
    raise ValueError(f"{path} holds {what}: {_WANTED}")


def _in_list(held: list) -> _Found:
    """Edges in a list: all of its items, or Cytoscape's that have two ends."""
    inner = [item.get("data") if isinstance(item, dict) else None for item in held]
    if not held or not all(isinstance(data, dict) for data in inner):
        return _Found(held, None, lambda kept: kept, {})
    edges = [item for item in held if {"source", "target"} <= item["data"].keys()]
    nodes = [item for item in held if not {"source", "target"} <= item["data"].keys()]
    return _Found(edges, nodes, lambda kept: [*nodes, *kept], {})


def _of_adjacency(held: dict) -> _Found:
    """Edges of networkx.adjacency_data: for each node, a list of its neighbors."""
    names = [node["id"] for node in held["nodes"]]
    rows = list(zip(names, held["adjacency"], strict=True))
    edges = [
        {"source": name, "target": near["id"], "near": near} for name, row in rows for near in row
    ]

    def put(kept: list) -> dict:
        near: dict = {str(name): [] for name in names}
        for edge in kept:
            near[str(edge["source"])].append(edge["near"])
        return {**held, "adjacency": list(near.values())}

    return _Found(edges, held["nodes"], put, held)


def _of_neighbors(source: Source, held: dict[str, list]) -> _Found:
    """Edges of an object that has a list of neighbors for each vertex."""
    flat = [item for row in held.values() for item in row]
    if any(isinstance(item, (dict, list)) for item in flat) or not flat:
        raise ValueError(f"{source.path} holds keys {', '.join(list(held)[:9])}: {_WANTED}")
    edges = [[name, str(item)] for name, row in held.items() for item in row]
    if len(set(map(len, held.values()))) == 1 and not set(map(str, flat)) & held.keys():
        raise ValueError(
            f"{source.path} has columns, or lists of neighbors that have none themselves: write a"
            " record for each edge, as pandas does by to_json(orient='records')"
        )
    text = {str(item): item for item in flat}

    def put(kept: list) -> dict:
        near: dict = {name: [] for name in held}
        for name, item in kept:
            near[name].append(text[item])
        return near

    names = dict.fromkeys([*held, *(edge[1] for edge in edges)])
    return _Found(edges, [{"id": name} for name in names], put, {})


def _weights(edges: Edges) -> np.ndarray | None:
    """The weights of edges, float64[M]; None if not all of them have one that is a number."""
    for name in ("weight", "value"):
        weights = [attributes.get(name) for attributes in edges.attributes]
        try:
            found = np.array(weights).astype(np.float64)
        except (TypeError, ValueError):
            continue
        if len(found) and np.isfinite(found).all():
            return found
    return None
