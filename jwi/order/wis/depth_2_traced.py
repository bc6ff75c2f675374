"""1-WIS on the accelerator: removes many edges at a time, in the order of one at a time."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Int32

from jwi.graph.graph import GraphsTuple
from jwi.graph.host import check_undirected
from jwi.graph.info import info_of, info_of_whole


def one_walk_index_order_with_rounds(
    graph: GraphsTuple,
) -> tuple[Int32[Array, " E"], Int32[Array, ""]]:
    """`one_walk_index_order` for use under a caller's jit and vmap, and its number of rounds.

    Compiled once for all masks of one shape; no integer is wider than 32 bits. In each round all
    edges go at once whose key (smaller end degree, larger end degree, −id) is the largest at both
    their ends. Rounds are at most E, and in real graphs few hundred; one takes time in proportion
    to the number of arcs, on or off. On a CPU the host's order is faster.

    Args:
        graph: An undirected graph with room for E edges; on a masked graph the kept edges count.

    Returns:
        int32[E], the ids of the kept edges, first removed first, and −1 in the places after them;
        and int32[], the number of rounds.

    Raises:
        ValueError: For a directed graph, under jit too.

    References:
        Razin, Verbin, Cohen, 2023, Algorithm 2.

    Example:
        >>> import jwi
        >>> triangle_with_tail = jwi.from_edges([2, 0, 0, 1], [3, 1, 2, 2], num_vertices=4)
        >>> order, num_rounds = one_walk_index_order_with_rounds(triangle_with_tail)
        >>> order.tolist(), int(num_rounds)
        ([2, 3, 0, 1], 3)
    """
    check_undirected(graph, "1-WIS by degrees", "pass depth=2 to jwi.walk_index_order")
    return _remove(graph)


class _State(NamedTuple):
    """The arrays that a round changes.

    Attributes:
        num_rounds: int32[], how many there were.
        degree: int32[n].
        on: bool[A], which arcs are left.
        smaller: int32[A], the smaller end degree of a removed arc when it went, −1 if it is left.
        larger: int32[A], the larger one.
    """

    num_rounds: jax.Array
    degree: jax.Array
    on: jax.Array
    smaller: jax.Array
    larger: jax.Array


@jax.jit
def _remove(graph: GraphsTuple) -> tuple[Int32[Array, " E"], Int32[Array, ""]]:
    """The order, and the number of rounds.

    A removal lowers the keys of the adjacent edges and of no others. So an edge whose key is the
    largest at both ends stays so until it goes. Edges that go elsewhere in the meantime change
    neither its key nor the keys around it: edges go in rounds with the keys with which they go one
    by one. Then keys fall from each removal to the next, and sorting by them restores the order.
    """
    n, num_arcs = info_of_whole(graph).num_vertices, len(graph.senders)
    kept = graph.edges.mask
    nothing = jnp.full(num_arcs, -1, jnp.int32)
    start = _State(
        num_rounds=jnp.int32(0),
        degree=jax.ops.segment_sum(kept.astype(jnp.int32), graph.receivers, n),
        on=kept,
        smaller=nothing,
        larger=nothing,
    )
    end = jax.lax.while_loop(
        lambda state: state.on.any(), lambda state: _remove_first(graph, state), start
    )
    return _sorted_by_key(graph, end), end.num_rounds


def _remove_first(graph: GraphsTuple, state: _State) -> _State:
    """Removes the edges that are first at both ends."""
    here, there = state.degree[graph.receivers], state.degree[graph.senders]
    first = _first_edges(graph, state.on, there)
    ids = graph.edges.id
    goes = state.on & (first[graph.receivers] == ids) & (first[graph.senders] == ids)
    lost = jax.ops.segment_sum(
        goes.astype(jnp.int32), graph.receivers, len(first), indices_are_sorted=True
    )
    return _State(
        num_rounds=state.num_rounds + 1,
        degree=state.degree - lost,
        on=state.on & ~goes,
        smaller=jnp.where(goes, jnp.minimum(here, there), state.smaller),
        larger=jnp.where(goes, jnp.maximum(here, there), state.larger),
    )


def _first_edges(
    graph: GraphsTuple, on: Bool[Array, " A"], there: Int32[Array, " A"]
) -> Int32[Array, " n"]:
    """The edge of the largest key at each vertex; E at isolated ones.

    Of edges at one vertex, the one to the neighbor of larger degree has the larger pair of smaller
    and larger end degree: it is this degree, or else the vertex's own, that makes the pair.
    """
    n, none = info_of(graph).num_vertices, info_of(graph).num_edges
    most = jax.ops.segment_max(jnp.where(on, there, 0), graph.receivers, n, indices_are_sorted=True)
    is_most = on & (there == most[graph.receivers])
    return jax.ops.segment_min(
        jnp.where(is_most, graph.edges.id, none), graph.receivers, n, indices_are_sorted=True
    )


def _sorted_by_key(graph: GraphsTuple, end: _State) -> Int32[Array, " E"]:
    """The edges by falling key, then −1 for the edges that were not there."""
    num_edges = info_of(graph).num_edges
    # Padding has id −1, which would be the last edge.
    edge = jnp.where(graph.edges.id < 0, num_edges, graph.edges.id)
    absent = jnp.full(num_edges, -1, jnp.int32)
    smaller = absent.at[edge].max(end.smaller, mode="drop")
    larger = absent.at[edge].max(end.larger, mode="drop")
    # The sort is stable, so equal pairs stay by rising id.
    order = jnp.lexsort((-larger, -smaller)).astype(jnp.int32)
    return jnp.where(smaller[order] >= 0, order, -1)
