"""Bridges: edges of an undirected graph that are in no cycle."""

from typing import no_type_check

import numpy as np
from jaxtyping import Bool
from numba import njit

from jwi.graph.adjacency import arcs_by_vertex


def bridges(edges: np.ndarray, num_vertices: int) -> Bool[np.ndarray, " E"]:
    """Which of the edges int32[E, 2] are bridges; in linear time (Tarjan, 1974)."""
    ids = np.repeat(np.arange(len(edges), dtype=np.int32), 2)
    opposite = np.ascontiguousarray(edges[:, ::-1]).ravel()
    return _bridges(*arcs_by_vertex(edges.ravel(), opposite, ids, num_vertices), len(edges))


@njit(cache=True)
@no_type_check
def _bridges(starts, to, ids, num_edges):
    """Searches depth first: an edge down the tree is a bridge if nothing below it leads above."""
    num_vertices = len(starts) - 1
    found = np.zeros(num_edges, np.bool_)
    number = np.full(num_vertices, -1)
    lowest = np.empty(num_vertices, np.int64)
    entry = np.empty(num_vertices, np.int32)
    place = starts[:-1].copy()
    stack = np.empty(num_vertices, np.int32)
    count = 0
    for root in range(num_vertices):
        if number[root] >= 0:
            continue
        stack[0], size, entry[root] = root, 1, -1
        number[root] = lowest[root] = count
        count += 1
        while size > 0:
            vertex = stack[size - 1]
            if place[vertex] < starts[vertex + 1]:
                other, edge = to[place[vertex]], ids[place[vertex]]
                place[vertex] += 1
                if edge == entry[vertex]:
                    continue
                if number[other] < 0:
                    number[other] = lowest[other] = count
                    count += 1
                    entry[other] = edge
                    stack[size] = other
                    size += 1
                else:
                    lowest[vertex] = min(lowest[vertex], number[other])
            else:
                size -= 1
                if size > 0:
                    above = stack[size - 1]
                    lowest[above] = min(lowest[above], lowest[vertex])
                    found[entry[vertex]] = lowest[vertex] == number[vertex]
    return found
