"""The sizes of a graph, and whether its edges have a direction."""

from dataclasses import dataclass

import jax
from jraph import GraphsTuple


@jax.tree_util.register_static
@dataclass(frozen=True)
class GraphInfo:
    """What a graph is; the `globals` field of a `GraphsTuple`, static under jit.

    Graphs that are padded to one size have one info, hence one trace. How many vertices and edges
    are there without padding stands in the arrays `n_node` and `n_edge`.

    Attributes:
        num_vertices: n, padding included: rows of `nodes`.
        num_edges: E, removed edges and padding included.
        undirected: Whether an edge can be walked both ways, and so is two arcs.

    Example:
        >>> import jwi
        >>> jwi.from_edges([0, 1], [1, 2], num_vertices=3).globals
        GraphInfo(num_vertices=3, num_edges=2, undirected=True)
    """

    num_vertices: int
    num_edges: int
    undirected: bool

    @property
    def arcs_per_edge(self) -> int:
        """2 if undirected, else 1."""
        return 2 if self.undirected else 1


def info_of(graph: GraphsTuple) -> GraphInfo:
    """What a graph is; under jit, too.

    Args:
        graph: A graph of `jwi.from_edges` and its kin.

    Returns:
        Its info.

    Raises:
        ValueError: If it is no graph of ours.
    """
    if not isinstance(graph, GraphsTuple) or not isinstance(graph.globals, GraphInfo):
        raise ValueError(
            f"graph is a {type(graph).__name__} without a jwi.GraphInfo in its globals: build"
            " graphs with jwi.from_edges, or jwi.from_networkx, jwi.from_scipy, jwi.from_pyg or"
            " jwi.from_jraph"
        )
    if graph.edges is None:
        raise ValueError(
            "graph is a GraphsTuple without edges.id: build graphs with jwi.from_edges, and set"
            " features of arcs with graph._replace(edges=graph.edges._replace(features=…))"
        )
    return graph.globals
