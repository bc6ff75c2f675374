"""DOT of Graphviz, through pydot and networkx.

References:
    https://graphviz.org/doc/info/lang.html.
"""

import io
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

from jwi.io.content import Content, Source
from jwi.io.networkx_files import network_content, opened, refusing

_REMEDY = "let Graphviz write it plainly, by dot -Tcanon"


def read(source: Source) -> Content:
    """Reads one graph or digraph, with the edges of its subgraphs.

    Args:
        source: The file and the user's options.

    Raises:
        ValueError: If networkx or pydot is not installed, or cannot read it.
    """
    path = source.path
    nx, text = opened(source)
    try:
        import pydot
    except ModuleNotFoundError:
        raise ValueError(f"{path}: DOT files need pydot: pip install pydot") from None
    with refusing(path, source.format, _REMEDY):
        # It prints the mistake, and returns None.
        said = io.StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            graphs = pydot.graph_from_dot_data(text.content.decode()) or []
        if not graphs:
            lines = said.getvalue().strip().splitlines()
            raise ValueError(lines[-1] if lines else "pydot finds no graph in it")
        for subgraph in list(_subgraphs(graphs[0])):
            for node in subgraph.get_node_list():
                graphs[0].add_node(node)
            for edge in subgraph.get_edge_list():
                graphs[0].add_edge(edge)
        for edge in graphs[0].get_edge_list():
            edge.obj_dict["points"] = tuple(map(_without_port, edge.obj_dict["points"]))
        graph = nx.nx_pydot.from_pydot(graphs[0])
    if len(graphs) > 1:
        raise ValueError(f"{path} holds {len(graphs)} graphs: pass a file of one graph")

    def write(pruned: Any, file: io.BufferedIOBase) -> None:
        file.write(text.encode(nx.nx_pydot.to_pydot(pruned).to_string().encode()))

    return network_content(path, graph, write, graph.is_directed(), notes=text.notes)


def _subgraphs(graph: Any) -> Iterator[Any]:
    """All subgraphs, nested ones too."""
    for subgraph in graph.get_subgraph_list():
        yield subgraph
        yield from _subgraphs(subgraph)


def _without_port(end: Any) -> Any:
    """The name of a vertex without the place where the edge touches it."""
    if not isinstance(end, str):
        return end
    if end.startswith('"'):
        return end[: end.find('"', 1) + 1]
    return end.partition(":")[0]
