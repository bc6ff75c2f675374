"""The graph that methods of rewiring take: small enough for a dense matrix."""

from typing import NamedTuple

import numpy as np


class Graph(NamedTuple):
    """An undirected graph without loops.

    Attributes:
        edges: int32[E, 2], distinct, the smaller vertex first.
        num_vertices: n.
    """

    edges: np.ndarray
    num_vertices: int

    def adjacency(self) -> np.ndarray:
        """The symmetric bool[n, n] matrix, False on the diagonal."""
        adjacent = np.zeros((self.num_vertices, self.num_vertices), bool)
        adjacent[self.edges[:, 0], self.edges[:, 1]] = True
        return adjacent | adjacent.T

    def absent_pairs(self) -> np.ndarray:
        """int32[M, 2]: the pairs that are no edges, the smaller vertex first, in order."""
        rows, columns = np.nonzero(np.triu(~self.adjacency(), 1))
        return np.stack([rows, columns], axis=1).astype(np.int32)
