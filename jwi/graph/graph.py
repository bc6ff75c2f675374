"""Graphs: `jraph.GraphsTuple` with an id and a mask for every edge.

A graph has n vertices and A arcs. An undirected edge is two arcs that share one id, a directed
edge is one arc. Removing an edge clears the mask of its arcs: every graph of a sparsity sweep has
the same shapes, and the sweep compiles once. `compact` drops the removed edges. A plain jraph model
does not know the mask: pass it `jwi.to_jraph(graph)`, which compacts.

The theory's adjacency matrix has self-loops and the edge list has none: the functions that need
self-loops add them and say so.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.sparse import BCOO
from jaxtyping import Bool, Int32, PyTree
from jraph import GraphsTuple
from numpy.typing import ArrayLike

from jwi.graph.building import build_host_graph
from jwi.graph.host import host_graph, num_present_edges
from jwi.graph.info import Graph, GraphInfo, HostGraph, info_of

jax.tree_util.register_static(GraphInfo)


class Edges(NamedTuple):
    """The arcs of a graph; the `edges` field of a `GraphsTuple`.

    Attributes:
        id: int32[A], the arc's edge: a row of `edge_list`, shared by both arcs of an undirected
            edge, −1 for padding.
        mask: bool[A], whether the arc is there: False for removed edges and for padding.
        features: None, or arrays with leading axis A.
    """

    id: jax.Array
    mask: jax.Array
    features: PyTree = None


def from_edges(
    senders: ArrayLike,
    receivers: ArrayLike,
    num_vertices: int | np.integer,
    *,
    nodes: ArrayLike | BCOO | None = None,
    undirected: bool = True,
) -> GraphsTuple:
    """Builds a graph from the two ends of its edges.

    Duplicate edges are merged and self-loops dropped; in an undirected graph (u, v) and (v, u) are
    the same edge. Edges are numbered in order of first appearance. Arcs are sorted by receiver
    and then by sender, whatever the order of the input.

    Args:
        senders: int[M], where each edge starts.
        receivers: int[M], where it ends.
        num_vertices: n; vertices are 0, …, n − 1.
        nodes: Features with leading axis n, or a BCOO matrix of n rows, most of them zeros; None
            for no features, stored as zeros (n, 0).
        undirected: Whether an edge can be walked both ways.

    Returns:
        A graph of E edges: A = 2E arcs if undirected, else A = E; all edges are there.

    Raises:
        ValueError: For ends that are not integers, not of one length, or not vertices; for a
            `num_vertices` that is not a positive integer; for `nodes` of another leading axis.

    Example:
        >>> graph = from_edges([0, 1, 2, 2], [1, 0, 1, 2], num_vertices=3)
        >>> edge_list(graph).tolist()
        [[0, 1], [1, 2]]
        >>> graph.edges.id.tolist(), graph.senders.tolist(), graph.receivers.tolist()
        ([0, 0, 1, 1], [1, 0, 2, 1], [0, 1, 1, 2])
    """
    return graph_of(
        build_host_graph(senders, receivers, num_vertices, undirected=undirected), nodes
    )


def graph_of(host: HostGraph, nodes: ArrayLike | BCOO | None = None) -> GraphsTuple:
    """The same graph for JAX.

    Args:
        host: A graph as NumPy arrays, masked or not.
        nodes: As for `from_edges`.

    Returns:
        A graph of the same edges and mask.

    Raises:
        ValueError: For `nodes` of another leading axis than n.
    """
    num_arcs = len(host.ids)
    return GraphsTuple(
        nodes=_node_features(nodes, host.num_vertices),
        edges=Edges(id=jnp.asarray(host.ids), mask=jnp.asarray(host.on)),
        senders=jnp.asarray(host.senders),
        receivers=jnp.asarray(host.receivers),
        globals=host.info,
        n_node=jnp.asarray([host.num_vertices], jnp.int32),
        n_edge=jnp.asarray([num_arcs], jnp.int32),
    )


def with_edge_mask(graph: GraphsTuple, keep: ArrayLike) -> GraphsTuple:
    """Sets which edges of a graph are there.

    The mask is replaced, not narrowed. Padding stays off. Works under jit, and under vmap over
    `keep` for a sweep over sparsified graphs.

    Args:
        graph: A graph of E edges.
        keep: bool[E], by edge id. On a padded graph, booleans for its padding may follow.

    Returns:
        A graph with the same arrays, except `edges.mask`.

    Raises:
        ValueError: If `keep` is not a vector of booleans; if its length is wrong, which under jit
            is noticed on a padded graph only if there is no room for so many edges.

    Example:
        >>> graph = from_edges([0, 1], [1, 2], num_vertices=3)
        >>> with_edge_mask(graph, [False, True]).edges.mask.tolist()
        [False, False, True, True]
    """
    keep = jnp.asarray(keep)
    if keep.shape == (0,):
        keep = keep.astype(bool)  # an empty list has no dtype
    if keep.dtype != bool or keep.ndim != 1:
        raise ValueError(
            f"keep is {keep.dtype}{list(keep.shape)}: pass one boolean an edge, bool[E]"
        )
    # `n_node` counts vertices, and, in a padded graph, padding. Under jit it is not known how many
    # edges of a padded graph are padding.
    room, is_padded = info_of(graph).num_edges, graph.n_node.shape[0] > 1
    if is_padded and isinstance(graph.n_edge, jax.core.Tracer):
        fits, num_edges = len(keep) <= room, room
    else:
        num_edges = num_present_edges(graph) if is_padded else room
        fits = len(keep) in (num_edges, room)
    if not fits:
        raise ValueError(
            f"keep has {len(keep)} entries and the graph has {num_edges} edges:"
            " pass one boolean an edge, removed edges too"
        )
    # Padding has id −1, the place after the last edge.
    mask = jnp.append(keep, False).at[graph.edges.id].get(mode="fill", fill_value=False)
    return graph._replace(edges=graph.edges._replace(mask=mask))


def compact(graph: GraphsTuple) -> GraphsTuple:
    """Drops removed edges and padding: a smaller graph, of a new shape. Runs on the host.

    All vertices stay, except padding. The k-th kept edge by id gets the id k, so
    `numpy.flatnonzero(edge_mask(graph))` maps new ids to old ones.

    Args:
        graph: A graph, masked or not.

    Returns:
        The graph of the kept edges alone, with the order of its arcs unchanged.

    Raises:
        ValueError: If `graph` is not of the form that `from_edges` builds.

    Example:
        >>> graph = from_edges([0, 1], [1, 2], num_vertices=3)
        >>> smaller = compact(with_edge_mask(graph, [False, True]))
        >>> edge_list(smaller).tolist(), smaller.edges.id.tolist()
        ([[1, 2]], [0, 0])
    """
    new_id = np.cumsum(edge_mask(graph)) - 1
    arcs = np.flatnonzero(graph.edges.mask)
    ids = new_id[np.asarray(graph.edges.id)[arcs]]
    n, info = int(graph.n_node[0]), info_of(graph)
    edges = Edges(
        id=jnp.asarray(ids, jnp.int32),
        mask=jnp.ones(len(arcs), bool),
        features=jax.tree.map(lambda feature: feature[arcs], graph.edges.features),
    )
    return graph._replace(
        nodes=graph.nodes[:n],
        senders=graph.senders[arcs],
        receivers=graph.receivers[arcs],
        edges=edges,
        globals=GraphInfo(n, len(arcs) // info.arcs_per_edge, info.undirected),
        n_node=graph.n_node[:1],
        n_edge=jnp.asarray([len(arcs)], jnp.int32),
    )


def edge_list(graph: Graph) -> Int32[np.ndarray, "E 2"]:
    """The edges by id, removed ones too.

    Args:
        graph: A graph, masked or not.

    Returns:
        int32[E, 2]. Undirected: the smaller vertex first. Directed: sender, receiver.

    Raises:
        ValueError: If `graph` is not of the form that `from_edges` builds.

    Example:
        >>> edge_list(from_edges([2, 0], [1, 1], num_vertices=3)).tolist()
        [[1, 2], [0, 1]]
        >>> edge_list(from_edges([2, 0], [1, 1], num_vertices=3, undirected=False)).tolist()
        [[2, 1], [0, 1]]
    """
    return host_graph(graph).edges


def edge_mask(graph: Graph) -> Bool[np.ndarray, " E"]:
    """Which edges are there, by id; `with_edge_mask` sets it.

    Args:
        graph: A graph, masked or not.

    Returns:
        bool[E].

    Raises:
        ValueError: If one arc of an undirected edge is on and the other off.

    Example:
        >>> graph = from_edges([0, 1], [1, 2], num_vertices=3)
        >>> edge_mask(with_edge_mask(graph, [False, True])).tolist()
        [False, True]
    """
    return host_graph(graph).mask


def is_undirected(graph: Graph) -> bool:
    """Whether every edge is two arcs of opposite direction. Works under jit.

    Args:
        graph: A graph, masked or not.

    Returns:
        True if undirected, False if every edge is one arc.

    Raises:
        ValueError: If `graph` has no `GraphInfo`.

    Example:
        >>> is_undirected(from_edges([0], [1], num_vertices=2, undirected=False))
        False
    """
    return info_of(graph).undirected


def _node_features(nodes: ArrayLike | BCOO | None, n: int) -> jax.Array | BCOO:
    if nodes is None:
        return jnp.zeros((n, 0))
    features = nodes if isinstance(nodes, BCOO) else jnp.asarray(nodes)
    if features.ndim == 0 or features.shape[0] != n:
        raise ValueError(
            f"nodes has shape {list(features.shape)}: its leading axis is num_vertices = {n}"
        )
    return features
