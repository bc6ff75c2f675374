"""A graph in a file, for the tests of the command line."""

from pathlib import Path

import numpy as np

import jwi

# Two 4-cliques joined by a path, a self-loop, and one edge twice.
CLIQUE = [(u, v) for u in range(4) for v in range(u)]
EDGES = [*CLIQUE, *((u + 6, v + 6) for u, v in CLIQUE), (3, 4), (4, 5), (5, 6), (0, 0), (0, 1)]
TEXT = "# two cliques\n" + "".join(f"{10 * u}\t{10 * v}\tw{u}{v}\n" for u, v in EDGES)
PRUNE = ["prune", "graph.txt", "-o", "out.txt"]


def write_graph(tmp_path, monkeypatch):
    """Makes graph.txt in a folder of its own and goes there; returns the graph."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    Path("graph.txt").write_text(TEXT)
    return jwi.from_edges(*np.transpose(EDGES), num_vertices=10)


def kept_by(graph, order, **amount):
    """The text without the rows of the edges that go."""
    removed = jwi.edge_list(jwi.prune(graph, order, **amount).graph)[
        ~jwi.edge_mask(jwi.prune(graph, order, **amount).graph)
    ]
    gone = {frozenset(edge) for edge in removed.tolist()}
    lines = TEXT.splitlines(keepends=True)
    kept = [row for row, edge in zip(lines[1:], EDGES, strict=True) if frozenset(edge) not in gone]
    return "".join([lines[0], *kept])
