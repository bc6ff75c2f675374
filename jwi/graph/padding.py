"""Graphs of different sizes in one shape, so that they are compiled once and vmapped together."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.sparse import BCOO

from jwi._checks import checked_integer
from jwi.graph.graph import Edges, GraphsTuple, edge_list, is_undirected


def pad(
    graph: GraphsTuple,
    *,
    num_vertices: int | np.integer | None = None,
    num_edges: int | np.integer | None = None,
) -> GraphsTuple:
    """The same graph in larger arrays. On the host; graphs padded to one size have one shape.

    Padding arcs have the id −1, the mask False and features 0, and lie at the end: edge ids, masks,
    orders, walks and message passing are those of the graph without them. Padding vertices are the
    last ones: isolated, all their features zero. A mean over vertices counts them, as does batch
    normalisation; `jnp.arange(num_vertices) < graph.n_node[0]` tells the others. A sparse matrix of
    features keeps its entries.

    Args:
        graph: a graph of n vertices and E edges, masked or not, padded or not.
        num_vertices: how many vertices there are with padding, ≥ n; None for n.
        num_edges: how many edges there is room for, ≥ E; None for E. Removed edges have their room.

    Returns:
        A graph with `nodes` of leading axis `num_vertices` and 2 · `num_edges` arcs, or
        `num_edges` arcs if directed. `n_node` and `n_edge` give two sizes, as jraph does for a
        graph and its padding.

    Raises:
        ValueError: for a size that is smaller than the graph; if `graph` is not of the form that
            `jwi.from_edges` builds.

    Example:
        >>> import jwi
        >>> small = jwi.from_edges([0, 1], [1, 2], num_vertices=3)
        >>> large = jwi.from_edges([0, 1, 2, 3], [1, 2, 3, 0], num_vertices=5)
        >>> padded = pad(small, num_vertices=5, num_edges=4)
        >>> padded.senders.shape == large.senders.shape, padded.n_node.tolist()
        (True, [3, 2])
        >>> jwi.edge_list(padded).tolist()
        [[0, 1], [1, 2]]
    """
    present = int(graph.n_node[0])
    edges = len(edge_list(graph))
    arcs_per_edge = 2 if is_undirected(graph) else 1
    if num_vertices is None:
        num_vertices = graph.nodes.shape[0]
    meaning = f"room for the graph's {present} vertices"
    vertices = checked_integer("num_vertices", num_vertices, meaning, low=present)
    if num_edges is None:
        num_edges = len(graph.senders) // arcs_per_edge
    meaning = f"room for the graph's {edges} edges, removed ones too"
    arcs = arcs_per_edge * checked_integer("num_edges", num_edges, meaning, low=edges)
    # What was padding before is laid out anew.
    used = np.flatnonzero(np.asarray(graph.edges.id) >= 0)

    def laid_out(by_arc: jax.Array, fill: int = 0) -> jax.Array:
        return _extended(np.asarray(by_arc)[used], arcs, fill)

    # Arcs are sorted by receiver, and stay so.
    last = vertices - 1
    return graph._replace(
        nodes=_extended_features(graph.nodes, present, vertices),
        edges=Edges(
            id=laid_out(graph.edges.id, -1),
            mask=laid_out(graph.edges.mask),
            features=jax.tree.map(laid_out, graph.edges.features),
        ),
        senders=laid_out(graph.senders, last),
        receivers=laid_out(graph.receivers, last),
        n_node=jnp.asarray([present, vertices - present], jnp.int32),
        n_edge=jnp.asarray([len(used), arcs - len(used)], jnp.int32),
    )


def _extended_features(nodes: jax.Array | BCOO, present: int, length: int) -> jax.Array | BCOO:
    """The features of the vertices that are present, with zeros added up to a length."""
    if isinstance(nodes, BCOO):
        return BCOO((nodes.data, nodes.indices), shape=(length, *nodes.shape[1:]))
    return _extended(np.asarray(nodes)[:present], length, 0)


def _extended(array: np.ndarray, length: int, fill: int) -> jax.Array:
    """The array with `fill` added up to a length of its leading axis."""
    # NumPy: each size would be compiled anew.
    extra = np.full((length - len(array), *array.shape[1:]), fill, array.dtype)
    return jnp.asarray(np.concatenate([array, extra]))
