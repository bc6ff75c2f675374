"""Connected components, and spanning forests by a ranking of the edges.

SciPy has both, but importing `scipy.sparse.csgraph` takes as long as a command on a small graph.
"""

from typing import NamedTuple, no_type_check

import numpy as np
from jaxtyping import Bool, Int, Int32
from numba import njit


class Forest(NamedTuple):
    """A spanning forest of a graph of n vertices and E edges.

    Attributes:
        mask: bool[E], which edges are in the forest.
        component: int64[n], the lowest vertex that each vertex is connected to.
    """

    mask: Bool[np.ndarray, " E"]
    component: Int[np.ndarray, " n"]

    @property
    def num_components(self) -> int:
        """How many connected components the graph has; a vertex without edges is one."""
        return len(self.component) - int(self.mask.sum())


def spanning_forest(edges: Int32[np.ndarray, "E 2"], num_vertices: int) -> Forest:
    """The spanning forest that Kruskal's algorithm finds when it takes edges as they come.

    The first edges are preferred. So edges in falling order of a weight give a forest of maximum
    weight. The direction of edges does not count.

    Args:
        edges: int32[E, 2], the ends of the edges.
        num_vertices: n.

    Returns:
        The forest and the components.

    References:
        Kruskal, 1956, On the shortest spanning subtree of a graph.

    Example:
        >>> triangle = np.array([[0, 1], [1, 2], [0, 2]], np.int32)
        >>> forest = spanning_forest(triangle, num_vertices=4)
        >>> forest.mask.tolist(), forest.component.tolist(), forest.num_components
        ([True, True, False], [0, 0, 0, 3], 2)
    """
    return Forest(*_grow(edges, num_vertices))


@njit(cache=True)
@no_type_check
def _grow(edges, num_vertices):
    parent = np.arange(num_vertices)
    mask = np.zeros(len(edges), np.bool_)
    for edge in range(len(edges)):
        u, v = _root(parent, edges[edge, 0]), _root(parent, edges[edge, 1])
        # An edge within a component would close a cycle.
        if u != v:
            mask[edge] = True
            # Parents are lower than children, so that a root is the lowest vertex below it.
            parent[max(u, v)] = min(u, v)
    # Parents come first: theirs is the root by the time that a child asks.
    for vertex in range(num_vertices):
        parent[vertex] = parent[parent[vertex]]
    return mask, parent


@njit(cache=True)
@no_type_check
def _root(parent, vertex):
    while parent[vertex] != vertex:
        # Each step halves the path for whoever comes next (Tarjan, van Leeuwen, 1984).
        parent[vertex] = parent[parent[vertex]]
        vertex = parent[vertex]
    return vertex
