"""Walk counts and walk indices on the host: exact, or refused.

A count is summed in uint64 and held at 2^63 once it exceeds 2^63 − 1, so no sum of two counts wraps
unseen. `jwi.walks.traced` has the same counts for a caller's jit and vmap; these functions compile
nothing and are faster.

The theory's adjacency matrix has a self-loop at every vertex; these functions add the self-loops.
"""

from typing import no_type_check

import numpy as np
from jaxtyping import Int64, UInt64
from numba import njit
from numpy.typing import ArrayLike

from jwi._checks import check_subset, checked_integer, checked_length
from jwi.graph.host import host_graph
from jwi.graph.info import Graph, HostGraph
from jwi.progress import DONE, STOP, run_with_progress

# A loop of fewer steps along arcs is too quick for a progress bar.
_QUICK = 10**7


def count_walks(
    graph: Graph, length: int | np.integer, target: int | np.integer | None = None
) -> Int64[np.ndarray, " n"]:
    """Counts the walks of a length that start at each vertex, exactly; on the host.

    Args:
        graph: A graph of n vertices, masked or not.
        length: Number of steps, ≥ 0.
        target: Vertex where the walks end; None for any vertex.

    Returns:
        int64[n], row sums of A^length, or its column `target`; A[i, j] = 1 iff i → j or i = j.

    Raises:
        ValueError: For a length or target out of range.
        OverflowError: If a count exceeds 2^63 − 1.

    Example:
        >>> import jwi
        >>> graph = jwi.from_edges([0, 1], [1, 2], num_vertices=3)
        >>> count_walks(graph, 2).tolist(), count_walks(graph, 2, target=0).tolist()
        ([5, 7, 5], [2, 2, 1])
    """
    steps = checked_length(length)
    counts = held_counts(host_graph(graph), steps, target)
    refuse_overflow("count_walks", counts, np.arange(len(counts)), steps)
    return counts.astype(np.int64)


def walk_index(
    graph: Graph,
    subset: ArrayLike,
    length: int | np.integer,
    target: int | np.integer | None = None,
) -> int:
    """Walk index of a set of vertices, exact; on the host.

    It counts the walks that start on the boundary of the set. For a prediction over the graph
    WI_length(I) = Σ_{i ∈ C_I} Σ_j (A^length)_ij; for the prediction of a vertex t
    WI_{length, t}(I) = Σ_{i ∈ C_I} (A^length)_it. A network of depth L takes length = L − 1.

    Args:
        graph: A graph of n vertices, masked or not.
        subset: bool[n], the set I.
        length: Number of steps, ≥ 0.
        target: The vertex t whose prediction is meant; None for a prediction over the graph.

    Returns:
        The walk index, as a Python integer: the sum over the boundary has no upper limit.

    Raises:
        ValueError: For a subset, length or target that does not fit the graph.
        OverflowError: If more than 2^63 − 1 walks start at one boundary vertex.

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
    read, steps, inside = host_graph(graph), checked_length(length), np.asarray(subset)
    check_subset(inside, read.num_vertices)
    counts = held_counts(read, steps, target)
    senders, receivers = read.arcs()
    starts = np.unique(receivers[inside[senders] != inside[receivers]])
    refuse_overflow("walk_index", counts, starts, steps)
    return sum(counts[starts].tolist())


def held_counts(
    graph: HostGraph, length: int, target: int | np.integer | None
) -> UInt64[np.ndarray, " n"]:
    """Row sums of A^length, or its column `target`; 2^63 where they exceed 2^63 − 1."""
    n = graph.num_vertices
    counts = np.ones(n, np.uint64)
    if target is not None:
        counts[:] = 0
        counts[checked_integer("target", target, "a vertex or None", low=0, high=n - 1)] = 1
    quick = length * len(graph.on) < _QUICK
    arguments = graph.senders, graph.receivers, graph.on, counts, length
    return run_with_progress(_walk, arguments, length, quick=quick)


def refuse_overflow(
    name: str, counts: UInt64[np.ndarray, " n"], vertices: np.ndarray, length: int
) -> None:
    """Raises OverflowError if the count of one of some vertices is held at 2^63."""
    overflowed = vertices[counts[vertices] == 2**63]
    if overflowed.size:
        raise OverflowError(
            f"{name}: more than 2^63 − 1 walks of length {length} at vertex {overflowed[0]}: pass a"
            " shorter length or a sparser graph, or use jwi.log_count_walks and jwi.log_walk_index"
        )


@njit(cache=True, nogil=True)
@no_type_check
def _walk(senders, receivers, mask, counts, length, status):
    """Multiplies the counts by A, `length` times; a count above 2^63 − 1 is held at 2^63."""
    limit = np.uint64(2**63)
    for step in range(length):
        status[DONE] = step
        if status[STOP]:
            break
        # Each walk of the self-loop stays where it is: the copy counts it.
        longer = counts.copy()
        for arc in range(len(mask)):
            if mask[arc]:
                count = longer[senders[arc]] + counts[receivers[arc]]
                # Both terms are at most 2^63. Only 2^63 + 2^63 wraps, and gives 0, less than both.
                if count >= limit or count < counts[receivers[arc]]:
                    count = limit
                longer[senders[arc]] = count
        # Counts that one step leaves alone stay for ever: they are at the limit, or lead nowhere.
        if np.array_equal(counts, longer):
            break
        counts = longer
    return counts
