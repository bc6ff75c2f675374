"""GML through networkx, also as other programs write it.

References:
    Himsolt, *GML: a portable graph file format*, University of Passau, 1997.
"""

import io
import re
from typing import Any

from jwi.io.content import Content, Source
from jwi.io.networkx_files import network_content, opened, refusing

_GRAPH = re.compile(r"^(\s*)graph(\s*)\[", re.MULTILINE)
_REMEDY = "correct it there, or save it from igraph or Gephi as GraphML"


def read(source: Source) -> Content:
    """Reads a graph; edges that are listed twice are two entries, as in every other format.

    Args:
        source: The file and the user's options.

    Raises:
        ValueError: If networkx is not installed, or cannot read it.
    """
    path = source.path
    nx, text = opened(source)
    notes = list(text.notes)

    def write(graph: Any, file: io.BufferedIOBase) -> None:
        nx.write_gml(graph, file, stringizer=str)

    with refusing(path, source.format, _REMEDY):
        try:
            content = text.content.decode()
        except UnicodeDecodeError:
            # What the format was before UTF-8.
            content = text.content.decode("latin-1")
            notes.append("encoding: iso8859-1, since the text is not UTF-8 (--encoding changes it)")
        graph = _parsed(nx, content, notes)
    # networkx's undirected graphs have lost where edges start.
    return network_content(path, graph, write, graph.is_directed(), notes=tuple(notes))


def _parsed(nx: Any, text: str, notes: list[str]) -> Any:
    """The graph, by its labels if each has one of its own, else by its ids."""
    label = "label"
    while True:
        try:
            return nx.parse_gml(text, label=label)
        except nx.NetworkXError as error:
            why = str(error)
            unnamed = re.search(r"no 'label' attribute|node label .* is duplicated", why)
            if unnamed and label == "label":
                label = "id"
                notes.append(f"vertices go by their ids ({why})")
            elif re.search(r"edge #\d+ .* is duplicated", why) and _GRAPH.search(text):
                text, found = _GRAPH.subn(r"\1graph\2[ multigraph 1 ", text, count=1)
                if "multigraph 1  multigraph 1" in text or not found:
                    raise
            else:
                raise
