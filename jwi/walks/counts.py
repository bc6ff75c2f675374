"""Walk counts and walk indices on the host, exact or refused.

Counts are summed in uint64 and held at 2^63 once they exceed 2^63 − 1, so that no sum of two wraps
unseen. `jwi.walks.traced` has the same counts for a caller's jit and vmap; this form takes no
compilation and a third of the time.

Self-loops: the theory's adjacency matrix has one at every vertex; they are added here.
"""

from typing import no_type_check

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int64, UInt64
from numba import njit
from numpy.typing import ArrayLike

from jwi._checks import MOST_STEPS, checked_integer
from jwi.graph.graph import GraphsTuple
from jwi.graph.host import host_graph
from jwi.graph.info import info_of
from jwi.progress import DONE, STOP, run_watched


def boundary(graph: GraphsTuple, subset: ArrayLike) -> Bool[Array, " n"]:
    """The boundary C_I of a set I of vertices: those on both sides that an edge across leads to.

    C_I = {v ∈ I : u → v for some u ∉ I} ∪ {v ∉ I : u → v for some u ∈ I}. Works under jit and vmap.

    Args:
        graph: a graph, masked or not.
        subset: bool[n], the set I.

    Returns:
        bool[n], the set C_I.

    Raises:
        ValueError: if `subset` is not one boolean a vertex.

    References:
        Razin, Verbin, Cohen, "On the Ability of Graph Neural Networks to Model Interactions Between
        Vertices", 2023, definition of C_I before Definition 2.

    Example:
        >>> import jwi
        >>> graph = jwi.from_edges([0, 1, 2], [1, 2, 3], num_vertices=4)
        >>> boundary(graph, [True, True, False, False]).tolist()
        [False, True, True, False]
    """
    return _boundary(graph, _subset(graph, subset))


def count_walks(
    graph: GraphsTuple, length: int | np.integer, target: int | np.integer | None = None
) -> Int64[np.ndarray, " n"]:
    """How many walks of a length start at each vertex, self-loops added; on the host, exact.

    Args:
        graph: a graph, masked or not.
        length: how many steps, ≥ 0.
        target: count only walks that end at this vertex.

    Returns:
        int64[n], row sums of A^length, or its column `target`; A[i, j] = 1 iff i → j or i = j.

    Raises:
        ValueError: for a length or target out of range.
        OverflowError: if a count exceeds 2^63 − 1.

    Example:
        >>> import jwi
        >>> graph = jwi.from_edges([0, 1], [1, 2], num_vertices=3)
        >>> count_walks(graph, 2).tolist(), count_walks(graph, 2, target=0).tolist()
        ([5, 7, 5], [2, 2, 1])
    """
    steps, end = _checked(graph, length, target)
    counts = _count_walks(graph, steps, end)
    _refuse_overflow("count_walks", counts, np.arange(len(counts)), steps)
    return counts.astype(np.int64)


def walk_index(
    graph: GraphsTuple,
    subset: ArrayLike,
    length: int | np.integer,
    target: int | np.integer | None = None,
) -> int:
    """The walk index of a set of vertices: walks that start on its boundary; on the host, exact.

    For the prediction of a graph WI_length(I) = Σ_{i ∈ C_I} Σ_j (A^length)_ij, for that of a vertex
    t WI_{length, t}(I) = Σ_{i ∈ C_I} (A^length)_it. Networks of depth L take length = L − 1.

    Args:
        graph: a graph, masked or not.
        subset: bool[n], the set I.
        length: how many steps, ≥ 0.
        target: the vertex t whose prediction is meant; None for a prediction over the graph.

    Returns:
        The walk index as a Python integer: the sum over the boundary has no upper limit.

    Raises:
        ValueError: for a subset, length or target that does not fit the graph.
        OverflowError: if the walks from one boundary vertex exceed 2^63 − 1.

    References:
        Razin, Verbin, Cohen, 2023, Definition 2.

    Example:
        >>> import jwi
        >>> graph = jwi.from_edges([0, 1], [1, 2], num_vertices=3)
        >>> walk_index(graph, [True, False, False], length=2)
        12
        >>> walk_index(graph, [True, False, False], length=2, target=0)
        4
    """
    steps, end = _checked(graph, length, target)
    counts = _count_walks(graph, steps, end)
    ends = np.flatnonzero(boundary(graph, subset))
    _refuse_overflow("walk_index", counts, ends, steps)
    return sum(counts[ends].tolist())


# Steps along arcs, of a nanosecond each.
_QUICK = 10**7


@jax.jit
def _boundary(graph: GraphsTuple, inside: Bool[Array, " n"]) -> Bool[Array, " n"]:
    crossing = graph.edges.mask & (inside[graph.senders] != inside[graph.receivers])
    return jnp.zeros(len(inside), bool).at[graph.receivers].max(crossing)


def _count_walks(graph: GraphsTuple, length: int, target: int | None) -> UInt64[np.ndarray, " n"]:
    """Row sums of A^length, or its column `target`; 2^63 where they exceed 2^63 − 1."""
    n = info_of(graph).num_vertices
    counts = np.ones(n, np.uint64)
    if target is not None:
        counts[:] = 0
        counts[target] = 1
    *_, senders, receivers, mask = host_graph(graph)
    quick = length * len(mask) < _QUICK
    return run_watched(_walk, (senders, receivers, mask, counts, length), length, quick=quick)


@njit(cache=True, nogil=True)
@no_type_check
def _walk(senders, receivers, mask, counts, length, watch):
    """A^length times the counts, held at 2^63."""
    limit = np.uint64(2**63)
    for step in range(length):
        watch[DONE] = step
        if watch[STOP]:
            break
        longer = counts.copy()
        for arc in range(len(mask)):
            if mask[arc]:
                count = longer[senders[arc]] + counts[receivers[arc]]
                # Neither exceeds 2^63: a sum that wraps is 0, which is less than both.
                if count >= limit or count < counts[receivers[arc]]:
                    count = limit
                longer[senders[arc]] = count
        if np.array_equal(counts, longer):
            # So they will stay: they are at the limit, or lead nowhere.
            break
        counts = longer
    return counts


def _refuse_overflow(name: str, counts: np.ndarray, vertices: np.ndarray, length: int) -> None:
    overflowed = vertices[counts[vertices] == 2**63]
    if overflowed.size:
        raise OverflowError(
            f"{name}: more than 2^63 − 1 walks of length {length} at vertex {overflowed[0]}: take a"
            " shorter length or a sparser graph, or jwi.log_count_walks and jwi.log_walk_index"
        )


def _subset(graph: GraphsTuple, subset: ArrayLike) -> Bool[Array, " n"]:
    inside = jnp.asarray(subset)
    n = info_of(graph).num_vertices
    if inside.dtype != bool or inside.shape != (n,):
        raise ValueError(
            f"subset is {inside.dtype}{list(inside.shape)}: pass one boolean a vertex, bool[{n}]"
        )
    return inside


def _checked(
    graph: GraphsTuple, length: int | np.integer, target: int | np.integer | None
) -> tuple[int, int | None]:
    """Length and target as Python integers."""
    steps = checked_integer("length", length, "how many steps a walk has", low=0, high=MOST_STEPS)
    if target is None:
        return steps, None
    last = info_of(graph).num_vertices - 1
    return steps, checked_integer("target", target, "a vertex or None", low=0, high=last)
