"""Walk Index Sparsification for any list of partitions: the general scheme."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int, Int32
from numpy.typing import ArrayLike

from jwi._checks import checked_depth
from jwi.graph.graph import GraphsTuple, edge_mask, with_edge_mask
from jwi.graph.info import info_of
from jwi.order.selection import checked_num_removed
from jwi.walks.traced import walk_index_with_overflow

_CELLS = 2**22  # Numbers that are held at a time, about.


def partition_walk_index_order(
    graph: GraphsTuple,
    partitions: ArrayLike,
    depth: int | np.integer,
    *,
    targets: ArrayLike | None = None,
    num_removed: int | np.integer | None = None,
) -> Int32[np.ndarray, " N"]:
    """The order in which edges go that keeps the walk indices of given partitions high.

    At each step, for every edge that is left, take the walk indices of all partitions, WI_{L−1}(I)
    or WI_{L−1, t}(I), in the graph without it and sort them, the smallest first. The edge whose
    sorted tuple is lexicographically largest is removed; ties go to the lowest id. The self-loops
    of the theory are always there. Directed graphs follow the same definition. With the partitions
    {t} and their targets t this is `walk_index_order`, which is far faster.

    Nothing is kept from step to step: each of the N steps counts the walks of length L − 1 in all E
    graphs without one edge, and of each target apart: time N · E · L · A for A arcs, and M times
    that if there are targets. For predictions over the graph that is for some hundred edges on a
    CPU, or for a few removals from some thousand. Compiled once for all masks and depths of one
    shape.

    Args:
        graph: A graph of n vertices; on a masked graph only the kept edges count.
        partitions: bool[M, n], in each row the vertices on one side, the set I.
        depth: L, the depth of the network: walks have length L − 1.
        targets: int[M], the vertex whose prediction each partition is for; None for predictions
            over the graph.
        num_removed: N, how many edges are ranked; None for all.

    Returns:
        int32[N], edge ids, first removed first.

    Raises:
        ValueError: For partitions or targets that do not fit the graph or one another, a depth
            below 1, or more edges to remove than there are.
        OverflowError: If the walk index of a partition exceeds 2^63 − 1.

    References:
        Razin, Verbin, Cohen, 2023, the general form of Walk Index Sparsification.

    Example:
        >>> import jwi
        >>> triangle_with_tail = jwi.from_edges([0, 0, 1, 2], [1, 2, 2, 3], num_vertices=4)
        >>> halves = [[True, True, False, False]]
        >>> partition_walk_index_order(triangle_with_tail, halves, depth=2).tolist()
        [3, 0, 1, 2]
    """
    n = info_of(graph).num_vertices
    sides = _checked_partitions(partitions, n)
    ends = None if targets is None else _checked_targets(targets, len(sides), n)
    depth = checked_depth(depth)
    kept = edge_mask(graph)
    count = checked_num_removed(num_removed, int(kept.sum()))
    with jax.enable_x64(True):
        # Edges that go make no walk index larger: if these fit, so do all.
        _, overflowed = jax.device_get(_walk_indices(graph, sides, ends, depth - 1))
        if overflowed.any():
            raise OverflowError(
                f"partitions[{np.argmax(overflowed)}] has a walk index above 2^63 − 1: take a"
                " smaller depth or a sparser graph"
            )
        order = _remove(graph, sides, ends, depth - 1, kept, count)
        return np.asarray(order)[:count]


def _checked_partitions(partitions: ArrayLike, n: int) -> Bool[np.ndarray, "M n"]:
    sides = np.asarray(partitions)
    if sides.dtype != bool or sides.ndim != 2 or sides.shape[1] != n or len(sides) == 0:
        raise ValueError(
            f"partitions is {sides.dtype}{list(sides.shape)}: pass a row of one boolean a vertex"
            f" for each partition, bool[M, {n}]"
        )
    return sides


def _checked_targets(targets: ArrayLike, num_partitions: int, n: int) -> Int32[np.ndarray, " M"]:
    ends = np.asarray(targets)
    if not np.issubdtype(ends.dtype, np.integer) or ends.shape != (num_partitions,):
        raise ValueError(
            f"targets is {ends.dtype}{list(ends.shape)}: pass one vertex a partition,"
            f" int[{num_partitions}], or None"
        )
    outside = np.flatnonzero((ends < 0) | (ends >= n))
    if outside.size:
        raise ValueError(f"targets[{outside[0]}] is {ends[outside[0]]}: vertices are 0 to {n - 1}")
    return ends.astype(np.int32)


@jax.jit
def _walk_indices(
    graph: GraphsTuple,
    partitions: Bool[Array, "M n"],
    targets: Int[Array, " M"] | None,
    length: int | Int[Array, ""],
) -> tuple[Int[Array, " M"], Bool[Array, " M"]]:
    """The walk index of each partition, and whether it is too large."""
    by_target = None if targets is None else 0
    of_all = jax.vmap(walk_index_with_overflow, (None, 0, None, by_target))
    return of_all(graph, partitions, length, targets)


@jax.jit
def _remove(
    graph: GraphsTuple,
    partitions: Bool[Array, "M n"],
    targets: Int[Array, " M"] | None,
    length: int | Int[Array, ""],
    kept: Bool[Array, " E"],
    num_removed: int | Int[Array, ""],
) -> Int32[Array, " E"]:
    """The first `num_removed` of the kept edges to go, and anything after them."""
    num_edges, num_partitions = len(kept), len(partitions)
    counts = len(graph.senders) * (1 if targets is None else num_partitions)
    batch = max(1, _CELLS // (counts + partitions.size + 1))

    def remove_next(step: Array, state: tuple[Array, Array]) -> tuple[Array, Array]:
        left, order = state

        def sorted_indices_without(edge: Array) -> Array:
            smaller = with_edge_mask(graph, left.at[edge].set(False))
            return _walk_indices(smaller, partitions, targets, length)[0].sort()

        edges = jnp.arange(num_edges, dtype=jnp.int32)
        scores = jax.lax.map(sorted_indices_without, edges, batch_size=min(batch, num_edges))
        best = _lexicographically_largest(scores, left)
        return left.at[best].set(False), order.at[step].set(best)

    order = jnp.zeros(num_edges, jnp.int32)
    if num_edges == 0:
        return order
    return jax.lax.fori_loop(0, num_removed, remove_next, (kept, order))[1]


def _lexicographically_largest(
    rows: Int[Array, "E M"], among: Bool[Array, " E"]
) -> Int32[Array, ""]:
    """The first of the largest rows among the selected ones; rows are not negative."""

    def narrow(among: Array, column: Array) -> tuple[Array, None]:
        most = jnp.where(among, column, -1).max()
        return among & (column == most), None

    among, _ = jax.lax.scan(narrow, among, rows.T)
    return among.argmax().astype(jnp.int32)
