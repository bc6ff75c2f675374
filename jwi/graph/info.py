"""The sizes of a graph, whether its edges have a direction, and its form on the host.

Nothing here imports JAX, so that commands on files start at once.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Int, Int32


# `jwi.graph.graph`, which makes the graphs that JAX sees, registers it as static.
@dataclass(frozen=True)
class GraphInfo:
    """The sizes of a graph and its direction: `globals` of a `GraphsTuple`, static under jit.

    Graphs that are padded to one size have one info, hence one trace. How many vertices and edges
    are there without padding stands in the arrays `n_node` and `n_edge`.

    Attributes:
        num_vertices: n, padding included: rows of `nodes`.
        num_edges: E, removed edges and padding included.
        undirected: Whether an edge can be walked both ways, and so is two arcs.
        arc_shards: Number of equal parts that the arcs are divided into; see `jwi.shard_arcs`.

    Example:
        >>> import jwi
        >>> jwi.from_edges([0, 1], [1, 2], num_vertices=3).globals
        GraphInfo(num_vertices=3, num_edges=2, undirected=True, arc_shards=1)
    """

    num_vertices: int
    num_edges: int
    undirected: bool
    arc_shards: int = 1

    @property
    def arcs_per_edge(self) -> int:
        """2 if undirected, else 1."""
        return 2 if self.undirected else 1


@runtime_checkable
class Graph(Protocol):
    """A graph on the host: a `GraphsTuple` of `jwi.from_edges`, or a `HostGraph`.

    It is a protocol, since `GraphsTuple` cannot be named without importing JAX.
    """

    @property
    def edges(self) -> Any:
        """The edges of a `HostGraph`, or the arcs of a `GraphsTuple`."""

    @property
    def senders(self) -> Any:
        """int[A], where each arc starts."""

    @property
    def receivers(self) -> Any:
        """int[A], where each arc ends."""


class HostGraph(NamedTuple):
    """A graph of n vertices, E edges and A arcs as NumPy arrays, each of them checked.

    Attributes:
        info: n with padding, and whether each edge is two arcs.
        edges: int32[E, 2], the ends by edge id: the smaller vertex first if undirected, else sender
            and receiver.
        mask: bool[E], which edges are there.
        ids: int[A], the edge of each arc, −1 for padding.
        senders: int[A], where each arc starts.
        receivers: int[A], where it ends.
    """

    info: GraphInfo
    edges: Int32[np.ndarray, "E 2"]
    mask: Bool[np.ndarray, " E"]
    ids: Int[np.ndarray, " A"]
    senders: Int[np.ndarray, " A"]
    receivers: Int[np.ndarray, " A"]

    @property
    def num_vertices(self) -> int:
        """The number n of vertices, padding included."""
        return self.info.num_vertices

    @property
    def undirected(self) -> bool:
        """Whether each edge is two arcs."""
        return self.info.undirected

    @property
    def on(self) -> Bool[np.ndarray, " A"]:
        """Which arcs are there."""
        # Padding has id −1, the place after the last edge.
        return np.append(self.mask, False)[self.ids]

    def arcs(self) -> tuple[Int[np.ndarray, " K"], Int[np.ndarray, " K"]]:
        """Senders and receivers of the arcs that are there."""
        on = self.on
        return self.senders[on], self.receivers[on]


def info_of(graph: Any) -> GraphInfo:
    """The sizes of a graph and its direction; under jit, too.

    Args:
        graph: A graph of `jwi.from_edges` and its kin, or a `HostGraph`.

    Returns:
        Its info.

    Raises:
        ValueError: If it is no graph of ours.
    """
    if isinstance(graph, HostGraph):
        return graph.info
    info = getattr(graph, "globals", None)
    if not isinstance(info, GraphInfo):
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
    return info


def info_of_whole(graph: Any) -> GraphInfo:
    """As `info_of`, for functions that sum over the arcs of a traced graph.

    Raises:
        ValueError: If it is no graph of ours, or only a part of its arcs is here.
    """
    info = info_of(graph)
    arcs, all_arcs = len(graph.senders), info.num_edges * info.arcs_per_edge
    if arcs < all_arcs:
        raise ValueError(
            f"graph has {arcs} of its {all_arcs} arcs, as within jax.shard_map: a sum over them"
            " would not be the graph's. Under shard_map give every device the whole graph, with"
            " PartitionSpec() among in_specs; jax.jit divides the arcs of jwi.shard_arcs by itself"
        )
    return info
