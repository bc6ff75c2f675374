"""DOT of Graphviz, through pydot and networkx.

References:
    https://graphviz.org/doc/info/lang.html.
"""

import io
import re
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

from jwi.io.content import Content, Source
from jwi.io.networkx_files import network_content, opened, refusing

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
# What holds no keyword: strings, comments, and lines for the preprocessor.
_ASIDE = re.compile(r'"(?:[^"\\]|\\.)*"|/\*.*?\*/|//[^\n]*|^#[^\n]*', re.DOTALL | re.MULTILINE)
_GRAPH = re.compile(r'\b(?:di)?graph\b\s*(?:[\w.]+|"")?\s*\{', re.IGNORECASE)
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
    bare = _ASIDE.sub('""', text.content.decode("utf-8", "replace"))
    num_graphs = len(_GRAPH.findall(bare))
    if num_graphs > 1:
        raise ValueError(
            f"{path} holds {num_graphs} graphs, nested ones too: pass a file of one graph, and"
            " write subgraph for a part of it"
        )
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
        _check(graphs[0])
        for edge in graphs[0].get_edge_list():
            edge.obj_dict["points"] = tuple(map(_without_port, edge.obj_dict["points"]))
        graph = nx.nx_pydot.from_pydot(graphs[0])

    def write(pruned: Any, file: io.BufferedIOBase) -> None:
        file.write(text.encode(nx.nx_pydot.to_pydot(pruned).to_string().encode()))

    return network_content(path, graph, write, graph.is_directed(), notes=text.notes)


def _subgraphs(graph: Any) -> Iterator[Any]:
    """All subgraphs, nested ones too."""
    for subgraph in graph.get_subgraph_list():
        yield subgraph
        yield from _subgraphs(subgraph)


def _check(graph: Any) -> None:
    """Raises ValueError for ends of edges that are subgraphs as pydot does not read them."""
    ends = [end for edge in graph.get_edge_list() for end in edge.obj_dict["points"]]
    nested = [end for end in ends if not isinstance(end, str)]
    names = {node.get_name() for node in graph.get_node_list()}.union(
        *(end["nodes"] for end in nested), (end for end in ends if isinstance(end, str))
    )
    if "subgraph" in names:
        raise ValueError("an end of an edge is a subgraph by its name alone")
    if any(end["edges"] or end["subgraphs"] or not end["nodes"] for end in nested):
        raise ValueError("an end of an edge is a subgraph that has more in it than vertices")


def _without_port(end: Any) -> Any:
    """The name of a vertex without the place where the edge touches it."""
    if not isinstance(end, str):
        return end
    quoted = _QUOTED.match(end)
    return quoted[0] if quoted else end.partition(":")[0]
