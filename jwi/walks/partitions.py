"""Walk indices of many sets of vertices at once: all parts of a partition, or all single vertices.

One pass over the arcs serves all parts, where `jwi.walk_index` makes a pass for each set.
"""

import numpy as np
from jaxtyping import Int64
from numpy.typing import ArrayLike

from jwi._checks import checked_length
from jwi.graph.host import host_graph
from jwi.graph.info import Graph
from jwi.progress import Progress
from jwi.walks.closed import closed_walks
from jwi.walks.counts import held_counts, refuse_overflow


def walk_indices(
    graph: Graph,
    parts: ArrayLike,
    length: int | np.integer,
    target: int | np.integer | None = None,
) -> list[int]:
    """Walk indices of disjoint sets of vertices, exact; on the host.

    Args:
        graph: A graph of n vertices, masked or not.
        parts: int[n], the part 0, 1, … that each vertex belongs to; −1 for a vertex in no part.
        length: Number of steps, ≥ 0; a network of depth L takes L − 1.
        target: The vertex t whose prediction is meant; None for a prediction over the graph.

    Returns:
        `jwi.walk_index` of each part, as Python integers: the sums have no upper limit.

    Raises:
        ValueError: If `parts` is not one integer ≥ −1 a vertex, or for a length or target out of
            range.
        OverflowError: If more than 2^63 − 1 walks start at one boundary vertex.

    References:
        Razin, Verbin, Cohen, 2023, Definition 2.

    Example:
        >>> import jwi
        >>> path = jwi.from_edges([0, 1, 2], [1, 2, 3], num_vertices=4)
        >>> walk_indices(path, [0, 0, 1, 1], length=1)
        [6, 6]
        >>> walk_indices(path, [0, 1, -1, -1], length=1)
        [5, 8]
    """
    read, steps = host_graph(graph), checked_length(length)
    n = read.num_vertices
    parts = _checked_parts(parts, n)
    counts = held_counts(read, steps, target)
    senders, receivers = read.arcs()
    crossing = parts[senders] != parts[receivers]
    senders, receivers = senders[crossing], receivers[crossing]
    # The head of a crossing arc is on the boundary of both parts that the arc joins.
    of_part = np.concatenate([parts[senders], parts[receivers]])
    pairs = of_part * n + np.tile(receivers, 2)
    # Several arcs may lead to one vertex, which counts once.
    part, vertex = np.divmod(np.unique(pairs[of_part >= 0]), n)
    refuse_overflow("walk_indices", counts, vertex, steps)
    # Counts are added in halves of 32 bits: fewer than 2^31 of them stay within int64.
    of_vertex = counts[vertex].astype(np.int64)
    halves = np.zeros((2, parts.max() + 1), np.int64)
    np.add.at(halves[0], part, of_vertex & (2**32 - 1))
    np.add.at(halves[1], part, of_vertex >> 32)
    return [(high << 32) + low for low, high in halves.T.tolist()]


def own_walk_indices(
    graph: Graph, length: int | np.integer, *, progress: Progress | None = None
) -> Int64[np.ndarray, " n"]:
    """Walk index of every vertex t alone, for its own prediction: WI_{length, t}({t}).

    These are the numbers that the walk index sparsification algorithm compares. Each is the number
    of closed walks of `length` + 1 steps (derived), or 0 for a vertex without an edge into it.

    Args:
        graph: A graph of n vertices, masked or not.
        length: Number of steps, ≥ 0; a network of depth L takes L − 1.
        progress: Called now and then with the share of the vertices that is done, in [0, 1]; None
            for no call.

    Returns:
        int64[n].

    Raises:
        ValueError: For a length out of range.
        OverflowError: If a count exceeds 2^63 − 1.

    References:
        Razin, Verbin, Cohen, 2023, Definition 2 and Algorithm 1.

    Example:
        >>> import jwi
        >>> path = jwi.from_edges([0, 1], [1, 2], num_vertices=4)
        >>> own_walk_indices(path, length=1).tolist()
        [2, 3, 2, 0]
    """
    walks = closed_walks(graph, checked_length(length) + 1, progress=progress)
    _, receivers = host_graph(graph).arcs()
    entered = np.zeros(len(walks), bool)
    entered[receivers] = True
    return np.where(entered, walks, 0)


def _checked_parts(parts: ArrayLike, num_vertices: int) -> Int64[np.ndarray, " n"]:
    checked = np.asarray(parts)
    is_integer = np.issubdtype(checked.dtype, np.integer)
    if not is_integer or checked.shape != (num_vertices,) or checked.min() < -1:
        raise ValueError(
            f"parts is {checked.dtype}{list(checked.shape)}: pass one integer ≥ −1 a vertex,"
            f" int[{num_vertices}]"
        )
    if checked.max() >= num_vertices:
        raise ValueError(
            f"parts has the part {checked.max()} and the graph has {num_vertices} vertices: pass"
            " parts numbered 0, 1, … without gaps"
        )
    return checked.astype(np.int64)
