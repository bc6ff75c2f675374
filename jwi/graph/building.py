"""Graphs built from the two ends of their edges, on the host."""

import numpy as np
from numpy.typing import ArrayLike

from jwi._checks import checked_integer
from jwi.graph.adjacency import expand, sorted_arcs_by_vertex
from jwi.graph.info import GraphInfo, HostGraph

_MAX_INDEX = np.iinfo(np.int32).max


def build_host_graph(
    senders: ArrayLike,
    receivers: ArrayLike,
    num_vertices: int | np.integer,
    *,
    undirected: bool = True,
) -> HostGraph:
    """The graph of `jwi.from_edges`, without features and without JAX.

    Args:
        senders: int[M], where each edge starts.
        receivers: int[M], where it ends.
        num_vertices: n; vertices are 0, …, n − 1.
        undirected: Whether an edge can be walked both ways.

    Returns:
        A graph of E edges, all of which are there.

    Raises:
        ValueError: For ends that are not integers, not of one length, or not vertices; for a
            `num_vertices` that is not a positive integer.

    Example:
        >>> graph = build_host_graph([0, 1, 2, 2], [1, 0, 1, 2], num_vertices=3)
        >>> graph.edges.tolist(), graph.ids.tolist()
        ([[0, 1], [1, 2]], [0, 0, 1, 1])
    """
    n = checked_integer("num_vertices", num_vertices, "how many vertices", low=1, high=_MAX_INDEX)
    u = _vertices("senders", senders, n)
    v = _vertices("receivers", receivers, n)
    if len(u) != len(v):
        raise ValueError(
            f"senders has {len(u)} entries and receivers has {len(v)}: pass both ends of each edge"
        )
    u, v = u[u != v], v[u != v]
    if undirected:
        u, v = np.minimum(u, v), np.maximum(u, v)
    first = np.sort(np.unique(u * n + v, return_index=True)[1])
    return _assemble(np.stack([u[first], v[first]], axis=1).astype(np.int32), n, undirected)


def _assemble(edges: np.ndarray, n: int, undirected: bool) -> HostGraph:
    """The graph of distinct edges int32[E, 2], numbered by row."""
    ids = np.arange(len(edges), dtype=np.int32)
    senders, receivers = edges[:, 0], edges[:, 1]
    if undirected:
        ids = np.append(ids, ids)
        senders, receivers = np.append(senders, receivers), np.append(receivers, senders)
    if len(ids) > _MAX_INDEX:
        raise ValueError(f"senders and receivers make {len(ids)} arcs: at most {_MAX_INDEX} fit")
    starts, senders, ids = sorted_arcs_by_vertex(receivers, senders, ids, n)
    info = GraphInfo(n, len(edges), undirected)
    return HostGraph(info, edges, np.ones(len(edges), bool), ids, senders, expand(starts))


def _vertices(name: str, value: ArrayLike, n: int) -> np.ndarray:
    """One end of each edge as int64[M], each checked to be one of n vertices."""
    ends = np.asarray(value)
    if ends.ndim != 1:
        raise ValueError(f"{name} has shape {list(ends.shape)}: pass a vector, one entry an edge")
    if ends.size and not np.issubdtype(ends.dtype, np.integer):
        raise ValueError(f"{name} is {ends.dtype}: vertices are integers from 0 to {n - 1}")
    outside = np.flatnonzero((ends < 0) | (ends >= n))
    if outside.size:
        at = outside[0]
        raise ValueError(
            f"{name}[{at}] is {ends[at]}: vertices are 0 to num_vertices − 1 = {n - 1}"
        )
    return ends.astype(np.int64)
