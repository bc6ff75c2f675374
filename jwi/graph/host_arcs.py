"""The arcs of a graph on the host, checked: compiled code looks at no bounds."""

from typing import TYPE_CHECKING, NamedTuple, no_type_check

import jax
import numpy as np
from jaxtyping import Bool, Int
from numba import njit

if TYPE_CHECKING:
    from jwi.graph.graph import GraphsTuple


class HostArcs(NamedTuple):
    """The arcs of one graph.

    Attributes:
        ids: int[A], the edge of each arc, −1 for padding.
        senders: int[A], where it starts, a vertex.
        receivers: int[A], where it ends, another vertex, but for padding.
        mask: bool[A], whether it is there.
    """

    ids: Int[np.ndarray, " A"]
    senders: Int[np.ndarray, " A"]
    receivers: Int[np.ndarray, " A"]
    mask: Bool[np.ndarray, " A"]


def host_arcs(graph: "GraphsTuple") -> HostArcs:
    """The arcs of a graph, on the host.

    Raises:
        ValueError: if `graph` is traced, or a batch, or something else than a graph of
            `jwi.from_edges` with another mask: if its arrays are not of the dtypes and lengths
            that they should be, if an arc leads to no vertex, or an edge from a vertex to itself.

    Example:
        >>> import jwi
        >>> host_arcs(jwi.from_edges([0], [1], num_vertices=2)).senders.tolist()
        [1, 0]
    """
    for field in ("id", "mask"):
        if not hasattr(getattr(graph, "edges", None), field):
            raise ValueError(
                f"graph is a {type(graph).__name__} without edges.{field}: build graphs with"
                " jwi.from_edges, or jwi.from_networkx, jwi.from_scipy or jwi.from_pyg"
            )
    arrays = {
        "edges.id": graph.edges.id,
        "senders": graph.senders,
        "receivers": graph.receivers,
        "edges.mask": graph.edges.mask,
    }
    if any(isinstance(array, jax.core.Tracer) for array in arrays.values()):
        raise ValueError(
            "graph is traced by jax.jit or jax.vmap and this function runs on the host: call it"
            " outside, or use one for jit, such as jwi.count_walks_with_overflow or"
            " jwi.one_walk_index_order_with_rounds"
        )
    num_arcs = np.size(graph.edges.id)
    for name, value in arrays.items():
        _check_array(name, np.asarray(value), num_arcs)
    arcs = HostArcs(*map(np.asarray, arrays.values()))
    _check_ends(arcs, np.shape(graph.nodes)[0] if np.ndim(graph.nodes) else 0)
    return arcs


def _check_array(name: str, array: np.ndarray, num_arcs: int) -> None:
    kind = "boolean" if name == "edges.mask" else "integer"
    if array.ndim > 1:
        raise ValueError(
            f"graph.{name} has shape {list(array.shape)}: host functions take one graph at a time,"
            " index the batch first"
        )
    fits = array.dtype == bool if kind == "boolean" else np.issubdtype(array.dtype, np.integer)
    if not fits or array.shape != (num_arcs,):
        raise ValueError(
            f"graph.{name} is {array.dtype}{list(array.shape)}: give one {kind} an arc, of which"
            f" graph.edges.id has {num_arcs}"
        )


def _check_ends(arcs: HostArcs, num_vertices: int) -> None:
    arc = _first_wrong(arcs.ids, arcs.senders, arcs.receivers, arcs.mask, num_vertices)
    if arc < 0:
        return
    identity = arcs.ids[arc]
    for name, ends in (("senders", arcs.senders), ("receivers", arcs.receivers)):
        if not 0 <= ends[arc] < num_vertices:
            raise ValueError(
                f"graph.{name}[{arc}] is {ends[arc]}: vertices are 0 to {num_vertices - 1}, one a"
                " row of graph.nodes"
            )
    if identity < -1:
        raise ValueError(f"graph.edges.id[{arc}] is {identity}: ids are 0, 1, …, or −1 for padding")
    if identity < 0:
        raise ValueError(f"graph.edges.mask[{arc}] is True and the arc is padding: make it False")
    raise ValueError(
        f"graph has an arc from vertex {arcs.senders[arc]} to itself: self-loops are always there"
        " and no edges, build graphs with jwi.from_edges"
    )


@njit(cache=True)
@no_type_check
def _first_wrong(ids, senders, receivers, mask, num_vertices):
    """The first arc that is none, −1 if there is none; in one pass, since every order asks."""
    for arc in range(len(ids)):
        sender, receiver = senders[arc], receivers[arc]
        inside = 0 <= sender < num_vertices and 0 <= receiver < num_vertices
        real = sender != receiver if ids[arc] >= 0 else ids[arc] == -1 and not mask[arc]
        if not (inside and real):
            return arc
    return -1
