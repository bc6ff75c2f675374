"""Pajek's networks through networkx, with all spelled out that Pajek allows to leave out.

References:
    Batagelj and Mrvar, *Pajek: reference manual*, section 5.3.
"""

import io
import re
from pathlib import Path
from typing import Any

from jwi.io.content import Content, Source
from jwi.io.networkx_files import network_content, opened, refusing
from jwi.io.refusals import check_num_vertices

_EDGES = ("*arcs", "*edges", "*matrix")
_LISTS = {"*arcslist": "*Arcs", "*edgeslist": "*Edges"}
# What a project holds besides its network.
_OTHER_PARTS = ("*partition", "*vector", "*permutation", "*cluster", "*hierarchy")
_TWO_MODES = re.compile(r"^[ \t]*\*vertices[ \t]+\d+[ \t]+\d", re.IGNORECASE | re.MULTILINE)
# A section of edges, and the number of its relation; a row, which may begin with that number.
_SECTION = re.compile(r"(\*arcs|\*edges)\s*(?::?\s*(\d+).*)?$", re.IGNORECASE)
_RELATION = re.compile(r"\s*(?:(\d+):\s*(?=\S))?(.*)")
_REMEDY = (
    "pass *Vertices and their number, and after *Edges a row of two such numbers for each edge"
)


def read(source: Source) -> Content:
    """Reads a network; vertices without a row are called by their number.

    Args:
        source: The file and the user's options.

    Raises:
        ValueError: If networkx is not installed, or cannot read it.
    """
    path = source.path
    nx, text = opened(source)
    try:
        content = text.content.decode()
    except UnicodeDecodeError:
        raise ValueError(
            f"{path} is not UTF-8: pass its encoding, for instance --encoding latin-1"
        ) from None
    notes = text.notes
    if _TWO_MODES.search(content):
        notes = (*notes, "a network of two modes: it is written as one of one mode")
    with refusing(path, source.format, _REMEDY):
        lines, said = _in_one_section(_spelled_out(path, content.splitlines()))
        graph = nx.parse_pajek("\n".join(lines))
        difference = _difference(lines, graph)
    if difference is not None:
        raise ValueError(f"{path} {difference}")
    notes = (*notes, *said)

    def write(pruned: Any, file: io.BufferedIOBase) -> None:
        nx.write_pajek(pruned, file)

    return network_content(path, graph, write, graph.is_directed(), notes=notes)


def _spelled_out(path: Path, lines: list[str]) -> list[str]:
    """The lines with a row for each vertex and each edge, without comments."""
    found: list[str] = []
    section, missing = "", dict[int, str]()
    for line in lines:
        words = line.split()
        # Comments, and the rows of *Network that have no other sign.
        if not words or words[0].startswith("%"):
            continue
        if words[0].startswith("*"):
            found += missing.values()
            section, missing = words[0].lower(), {}
            if section in _OTHER_PARTS:
                raise ValueError(f"a part {words[0]} besides the network, which goes by itself")
            if section == "*vertices":
                count = int(words[1])
                check_num_vertices(path, "*Vertices", count, len(lines))
                # The second number is of the vertices of the first mode.
                line = " ".join(words[:2])
                missing = {vertex: f'{vertex} "{vertex}"' for vertex in range(1, count + 1)}
            found.append(_LISTS.get(section, line))
        elif section == "*vertices":
            missing.pop(int(words[0]), None)
            found.append(line if len(words) > 1 else f'{words[0]} "{words[0]}"')
        elif section in _LISTS:
            found += [f"{words[0]} {end}" for end in words[1:]]
        else:
            found.append(line)
    return [*found, *missing.values()]


def _in_one_section(lines: list[str]) -> tuple[list[str], list[str]]:
    """The lines with all edges in one section, and sentences about what was brought together.

    networkx takes a second section for edges at a vertex `*Edges`, or turns the first one's edges.
    Where both are there, edges become two arcs each. Relations become one graph.
    """
    first = next((i for i, line in enumerate(lines) if _SECTION.match(line)), len(lines))
    rows: dict[str, list[str]] = {"*arcs": [], "*edges": []}
    section, relations = "", set[str]()
    for line in lines[first:]:
        head = _SECTION.match(line)
        if head:
            section, relation = head[1].lower(), head[2]
        elif line.startswith("*"):
            # Refused below.
            return lines, []
        else:
            of_row, row = _RELATION.fullmatch(line).groups()  # type: ignore[union-attr]
            rows[section].append(row)
            relations.add(of_row or relation or "")
    both = all(rows.values())
    notes = []
    if len(relations) > 1:
        notes.append(f"{len(relations)} relations, read as one graph")
    if both:
        notes.append("*Arcs and *Edges: directed, an edge is two arcs")
        backward = [row.split(maxsplit=2) for row in rows["*edges"]]
        turned = [" ".join((v, u, *rest)) for u, v, *rest in backward if u != v]
        return [*lines[:first], "*Arcs", *rows["*arcs"], *rows["*edges"], *turned], notes
    section = next((name for name in rows if rows[name]), section)
    head_line = [{"*arcs": "*Arcs", "*edges": "*Edges"}[section]] if section else []
    return [*lines[:first], *head_line, *rows["*arcs"], *rows["*edges"]], notes


def _difference(lines: list[str], graph: Any) -> str | None:
    """What networkx has otherwise: all edges in one section, and vertices by their labels.

    Args:
        lines: That it has read.
        graph: The graph that it has read.

    Returns:
        The mistake and a remedy; None if there is none.
    """
    section, first, declared, listed = "", "", 0, 0
    for line in lines:
        words = line.lower().split()
        if line.startswith("*"):
            section = words[0]
            declared += int(words[1]) if section == "*vertices" else 0
            if section not in ("*vertices", "*network"):
                first = first or section
        elif section == "*vertices":
            listed += 1
        elif section not in ("*network", first):
            return (
                f"has rows in {section} after {first}, and networkx reads all of them as the"
                f" latter: pass one section of edges, {', '.join(_EDGES)}; an edge is two arcs"
            )
    if first and re.split(r"\W", first[1:])[0] not in {name[1:] for name in _EDGES}:
        return f"has a section {first}: networkx reads {', '.join(_EDGES)}"
    if not declared == listed == len(graph):
        return (
            f"declares {declared:,} vertices, lists {listed:,}, and networkx makes {len(graph):,}:"
            " pass each a row and a label of its own, and name no others in edges"
        )
    return None
