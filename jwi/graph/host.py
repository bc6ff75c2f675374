"""A graph read on the host, in one pass that checks every arc: compiled code checks no bounds."""

from typing import TYPE_CHECKING, Any, no_type_check

import numpy as np
from numba import njit

from jwi.graph.info import Graph, GraphInfo, HostGraph, info_of

if TYPE_CHECKING:
    import jax

_FINE, _SENDER, _RECEIVER, _ID, _PADDING_ON, _SELF_LOOP, _NOT_AN_EDGE, _HALF_ON = range(8)


def host_graph(graph: Graph) -> HostGraph:
    """Reads a graph on the host.

    Args:
        graph: A graph of `jwi.from_edges` and its kin, masked or not, padded or not. A `HostGraph`
            was checked before, and is returned as it is.

    Returns:
        Its edges and arcs.

    Raises:
        ValueError: If `graph` is traced, a batch, or no graph of ours; if an array has a wrong
            dtype or length, an arc has an end outside, or the ids do not number edges.

    Example:
        >>> import jwi
        >>> read = host_graph(jwi.from_edges([1], [0], num_vertices=2))
        >>> read.edges.tolist(), read.senders.tolist()
        ([[0, 1]], [1, 0])
    """
    info = info_of(graph)
    if isinstance(graph, HostGraph):
        return graph
    ids, senders, receivers, on = _host_arrays(graph)
    _check_vertices(graph, info)
    # There is an arc for every edge, so that a wrong count takes no memory and is found below.
    num_edges = min(max(num_present_edges(graph), 0), len(ids))
    edges, mask, fault, arc = _read_edges(
        (ids, senders, receivers, on), info.num_vertices, num_edges, info.undirected
    )
    if fault != _FINE:
        raise ValueError(_reason(fault, arc, ids, senders, receivers, info.num_vertices))
    return HostGraph(info, edges, mask, ids, senders, receivers)


def num_present_edges(graph: Any) -> int:
    """E, without padding, removed edges included."""
    # NumPy: indexing a JAX array while something is traced would make a tracer of it.
    return int(np.asarray(graph.n_edge)[0]) // info_of(graph).arcs_per_edge


def check_undirected(
    graph: Graph, method: str, instead: str = "build it with undirected=True"
) -> None:
    """Refuses a directed graph.

    Args:
        graph: A graph of ours; it may be traced.
        method: The method that needs an undirected graph.
        instead: The remedy.

    Raises:
        ValueError: If the graph is directed.

    Example:
        >>> import jwi
        >>> check_undirected(jwi.from_edges([0], [1], 2, undirected=False), "local degree")
        Traceback (most recent call last):
        ValueError: graph is directed and local degree needs an undirected one: build it with \
undirected=True
    """
    if not info_of(graph).undirected:
        raise ValueError(f"graph is directed and {method} needs an undirected one: {instead}")


def _host_arrays(graph: Any) -> tuple[np.ndarray, ...]:
    """Ids, senders, receivers and mask of the arcs, of the right dtypes and of one length."""
    arrays = {
        "edges.id": graph.edges.id,
        "senders": graph.senders,
        "receivers": graph.receivers,
        "edges.mask": graph.edges.mask,
    }
    import jax

    if any(isinstance(array, jax.core.Tracer) for array in arrays.values()):
        raise ValueError(
            "graph is traced by jax.jit or jax.vmap and this function runs on the host: call it"
            " outside, or use one for jit, such as jwi.count_walks_with_overflow or"
            " jwi.one_walk_index_order_with_rounds"
        )
    for name, array in arrays.items():
        _check_array(name, array, len(graph.edges.id))
    return tuple(map(np.asarray, arrays.values()))


def _check_array(name: str, array: "jax.Array | np.ndarray", num_arcs: int) -> None:
    kind = "boolean" if name == "edges.mask" else "integer"
    if array.ndim > 1:
        raise ValueError(
            f"graph.{name} has shape {list(array.shape)}: host functions take one graph at a time,"
            " index the batch first"
        )
    fits = array.dtype == bool if kind == "boolean" else np.issubdtype(array.dtype, np.integer)
    if not fits or array.shape != (num_arcs,):
        raise ValueError(
            f"graph.{name} is {array.dtype}{list(array.shape)}: pass one {kind} an arc, of which"
            f" graph.edges.id has {num_arcs}"
        )


def _check_vertices(graph: Any, info: GraphInfo) -> None:
    n = info.num_vertices
    present = int(np.sum(np.asarray(graph.n_node)))
    if present != n:
        raise ValueError(
            f"graph.n_node adds up to {present} and graph.globals counts {n}"
            " vertices: for jraph.pad_with_graphs use jwi.pad; for jraph.batch pad the graphs to"
            " one size with jwi.pad and stack them with jax.tree.map(lambda *x: jnp.stack(x), …)"
        )
    if np.shape(graph.nodes)[:1] != (n,):
        raise ValueError(
            f"graph.nodes has shape {list(np.shape(graph.nodes))}: pass one row a vertex, of which"
            f" graph.globals counts {n}, and jnp.zeros(({n}, 0)) for no features"
        )


def _reason(
    fault: int,
    arc: int,
    ids: np.ndarray,
    senders: np.ndarray,
    receivers: np.ndarray,
    num_vertices: int,
) -> str:
    """Names the fault of an arc."""
    if fault in (_SENDER, _RECEIVER):
        name, ends = ("senders", senders) if fault == _SENDER else ("receivers", receivers)
        return f"graph.{name}[{arc}] is {ends[arc]}: vertices are 0 to {num_vertices - 1}"
    if fault == _ID:
        return f"graph.edges.id[{arc}] is {ids[arc]}: ids are 0, 1, …, or −1 for padding"
    if fault == _PADDING_ON:
        return f"graph.edges.mask[{arc}] is True and the arc is padding: make it False"
    if fault == _SELF_LOOP:
        return (
            f"graph has an arc from vertex {senders[arc]} to itself: self-loops are always there"
            " and no edges, build graphs with jwi.from_edges"
        )
    if fault == _HALF_ON:
        return (
            f"graph.edges.mask has one arc of edge {ids[arc]} on and the other off: set masks"
            " with jwi.with_edge_mask"
        )
    return (
        "graph.edges.id does not number edges 0, 1, … with one arc each (directed) or two"
        " opposite arcs each (undirected): build graphs with jwi.from_edges"
    )


@njit(cache=True)
@no_type_check
def _read_edges(arcs, num_vertices, num_edges, undirected):
    """Reads edges from their arcs, and checks the arcs on the way.

    Returns:
        int32[E, 2], the ends by edge id; bool[E], the mask; the first fault, and its arc.
    """
    ids, senders, receivers, on = arcs
    edges = np.full((num_edges, 2), -1, np.int32)
    mask = np.zeros(num_edges, np.bool_)
    num_arcs = np.zeros(num_edges, np.int8)
    for arc in range(len(ids)):
        sender, receiver, edge = senders[arc], receivers[arc], ids[arc]
        # Ends come first: everything after may use them as an index.
        if not 0 <= sender < num_vertices:
            return edges, mask, _SENDER, arc
        if not 0 <= receiver < num_vertices:
            return edges, mask, _RECEIVER, arc
        if edge < 0:
            if edge < -1:
                return edges, mask, _ID, arc
            if on[arc]:
                return edges, mask, _PADDING_ON, arc
            continue
        if sender == receiver:
            return edges, mask, _SELF_LOOP, arc
        if edge >= num_edges:
            return edges, mask, _NOT_AN_EDGE, arc
        # An undirected edge reads the same from both arcs, so the second one is compared at once.
        low = min(sender, receiver) if undirected else sender
        high = max(sender, receiver) if undirected else receiver
        if num_arcs[edge] == 0:
            # The first arc is remembered by its sender until the opposite one has come.
            edges[edge, 0], edges[edge, 1] = low, high
            mask[edge] = on[arc]
            num_arcs[edge] = 1 if sender == low else 2
        elif not undirected or num_arcs[edge] == 3:
            return edges, mask, _NOT_AN_EDGE, arc
        else:
            same = edges[edge, 0] == low and edges[edge, 1] == high
            # 1 after an arc low → high, 2 after high → low, 3 after both.
            direction = 1 if sender == low else 2
            if not same or num_arcs[edge] == direction:
                return edges, mask, _NOT_AN_EDGE, arc
            if mask[edge] != on[arc]:
                return edges, mask, _HALF_ON, arc
            num_arcs[edge] = 3
    complete = 3 if undirected else 1
    for edge in range(num_edges):
        if num_arcs[edge] != complete:
            return edges, mask, _NOT_AN_EDGE, 0
    return edges, mask, _FINE, 0
