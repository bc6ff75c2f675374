"""What networkx reads without a word as something else than the file says."""

import io
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from jwi.io.refusals import check_num_vertices

_PAJEK_EDGES = ("*arcs", "*edges", "*matrix")


def check_sparse6(path: Path, content: bytes) -> None:
    """Raises ValueError for numbers of vertices that would fill the memory.

    Args:
        path: the file, for the message.
        content: what is in it, a graph a line.
    """
    # Numbers up to 258,047 are written otherwise.
    for match in re.finditer(rb"^\s*(?:>>sparse6<<)?:~~([?-~]{6})", content, re.MULTILINE):
        num_vertices = 0
        for unit in match[1]:
            num_vertices = 64 * num_vertices + unit - 63
        check_num_vertices(path, "its header", num_vertices, len(content))


def difference_of_xml(content: bytes, graph: Any) -> str | None:
    """What networkx has of GraphML or GEXF: the first graph alone, and vertices it has made up.

    Args:
        content: of the file.
        graph: what networkx has read.

    Returns:
        What is wrong and what to do; None if nothing.
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


def difference_of_pajek(content: bytes, graph: Any) -> str | None:
    """What networkx has of Pajek's format: all edges in one section, and vertices by their labels.

    Args:
        content: of the file.
        graph: what networkx has read.

    Returns:
        What is wrong and what to do; None if nothing.
    """
    section, first, declared, listed = "", "", 0, 0
    for line in content.lower().decode("utf-8", "replace").splitlines():
        words = line.split()
        if line.startswith("*"):
            section = words[0]
            if section == "*vertices":
                declared += int(words[1])
            elif section != "*network":
                first = first or section
        elif words and section == "*vertices":
            listed += 1
        elif words and section not in ("*network", first):
            return (
                f"has rows in {section} after {first}, and networkx reads all of them as the"
                f" latter: pass one section of edges, {', '.join(_PAJEK_EDGES)}"
            )
    if first and first not in _PAJEK_EDGES:
        return f"has a section {first}: networkx reads {', '.join(_PAJEK_EDGES)}"
    if not declared == listed == len(graph):
        return (
            f"declares {declared:,} vertices, lists {listed:,}, and networkx makes {len(graph):,}:"
            " pass each a row and a label of its own, and name no others in edges"
        )
    return None
