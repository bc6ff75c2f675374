"""Graphs of different sizes in one shape, so that they are compiled once and vmapped together."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.sparse import BCOO

from jwi._checks import checked_integer
from jwi.graph.graph import Edges, GraphsTuple
from jwi.graph.host import host_graph
from jwi.graph.info import GraphInfo, info_of


def pad(
    graph: GraphsTuple,
    *,
    num_vertices: int | np.integer | None = None,
    num_edges: int | np.integer | None = None,
) -> GraphsTuple:
    """The same graph in larger arrays: graphs padded to one size share one trace. On the host.

    Padding arcs have the id −1, the mask False and features 0, and come last: they change no edge
    id, mask, order, walk count or message. Padding vertices come last, too: they are isolated, and
    their features are zero. A mean over vertices counts them, and so does batch normalization;
    `jnp.arange(num_vertices) < graph.n_node[0]` is False for them. A sparse matrix of features
    keeps its entries. Graphs of one size are stacked for vmap by
    `jax.tree.map(lambda *arrays: jnp.stack(arrays), *graphs)`.

    Args:
        graph: A graph of n vertices and E edges, masked or not, padded or not.
        num_vertices: How many vertices there are with padding, ≥ n; None for n.
        num_edges: How many edges there is room for, ≥ E; None for E. Removed edges take room, too.

    Returns:
        A graph with `nodes` of leading axis `num_vertices` and 2 · `num_edges` arcs, or
        `num_edges` arcs if directed. `n_node` and `n_edge` give two sizes, as jraph does for a
        graph and its padding.

    Raises:
        ValueError: For a size that is smaller than the graph; if `graph` is not of the form that
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
    present, info = int(graph.n_node[0]), info_of(graph)
    edges = len(host_graph(graph).edges)
    if num_vertices is None:
        num_vertices = info.num_vertices
    meaning = f"room for the graph's {present} vertices"
    vertices = checked_integer("num_vertices", num_vertices, meaning, low=present)
    if num_edges is None:
        num_edges = info.num_edges
    meaning = f"room for the graph's {edges} edges, removed ones too"
    room = checked_integer("num_edges", num_edges, meaning, low=edges)
    arcs = info.arcs_per_edge * room
    # Padding of before is laid out anew.
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
        globals=GraphInfo(vertices, room, info.undirected),
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
