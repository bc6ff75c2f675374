"""Admissible sets of vertices, over which the lower bounds on the separation rank are maximal.

A set C is admissible for I if C = N(I′) ∩ N(J′) for some I′ ⊆ I and J′ ⊆ I^c such that each vertex
of C has one neighbor in I′ and one in J′. In a directed graph [derived]: N(I′) are the vertices
that an arc from I′ leads to, and each vertex of C has one arc from I′ and one from J′. Self-loops
count. C lies in the boundary of I, and I′ and J′ may be taken from where arcs into it start.
"""

import numpy as np
from jaxtyping import Bool, Int64

from jwi.graph.graph import GraphsTuple
from jwi.graph.host import host_graph
from jwi.walks.traced import boundary

# Brute force tries 2^16 sets I′ ∪ J′.
LARGEST_EXHAUSTIVE = 16


def most_walks(
    graph: GraphsTuple, inside: Bool[np.ndarray, " n"], walks: Int64[np.ndarray, " n"]
) -> tuple[int, bool]:
    """The most walks that start in an admissible set.

    Args:
        graph: a graph, masked or not.
        inside: the set I.
        walks: how many walks start at each vertex.

    Returns:
        How many, and whether that is the maximum. It is if arcs into the boundary start at no more
        than 16 vertices, all of whose subsets are tried. Beyond, I′ and J′ are grown by one
        crossing arc after the other, those of most walks first, as long as their set is admissible.

    Example:
        >>> import jwi
        >>> star = jwi.from_edges([0, 0, 0], [1, 2, 3], num_vertices=4)
        >>> inside = np.array([True, False, False, False])
        >>> most_walks(star, inside, jwi.count_walks(star, 1))
        (6, True)
    """
    ends = np.flatnonzero(boundary(graph, inside))
    senders, receivers = host_graph(graph).arcs()
    into = np.isin(receivers, ends)
    starts = np.union1d(senders[into], ends)
    if len(starts) > LARGEST_EXHAUSTIVE:
        leads = {int(start): {int(start)} & set(ends.tolist()) for start in starts}
        for sender, receiver in zip(senders[into].tolist(), receivers[into].tolist(), strict=True):
            leads[sender].add(receiver)
        return _greedy(leads, inside, walks), False
    arcs = (starts[:, None] == ends).astype(np.int64)
    arcs[np.searchsorted(starts, senders[into]), np.searchsorted(ends, receivers[into])] = 1
    return _exhaustive(arcs, inside[starts], walks[ends]), True


def _exhaustive(
    arcs: Int64[np.ndarray, "starts ends"],
    inside: Bool[np.ndarray, " starts"],
    walks: Int64[np.ndarray, " ends"],
) -> int:
    """The maximum over all I′ and J′."""
    chosen = np.arange(2 ** len(arcs))[:, None] >> np.arange(len(arcs)) & 1
    from_inside, from_outside = (chosen @ (arcs * side[:, None]) for side in (inside, ~inside))
    both = (from_inside > 0) & (from_outside > 0)
    admissible = np.all(~both | (from_inside == 1) & (from_outside == 1), axis=1)
    sets = np.unique(both[admissible], axis=0)
    # Python's integers: a sum of counts may exceed int64.
    return max(sum(walks[members].tolist()) for members in sets)


def _greedy(
    leads: dict[int, set[int]], inside: Bool[np.ndarray, " n"], walks: Int64[np.ndarray, " n"]
) -> int:
    """The walks from one admissible set; `leads` has the boundary's vertices an arc leads to."""
    crossing = [(u, v) for u in leads for v in leads[u] if inside[u] != inside[v]]

    def gain(arc: tuple[int, int]) -> int:
        return sum(int(walks[end]) for end in leads[arc[0]] & leads[arc[1]])

    chosen: set[int] = set()
    # How many arcs from I′ (row 1) and from J′ (row 0) each vertex has.
    received = np.zeros((2, len(inside)), np.int64)
    for arc in sorted(crossing, key=gain, reverse=True):
        added = set(arc) - chosen
        for start in added:
            received[int(inside[start]), list(leads[start])] += 1
        touched = received[:, list(leads[arc[0]] | leads[arc[1]])]
        if np.any((touched.min(axis=0) > 0) & (touched.max(axis=0) > 1)):
            for start in added:
                received[int(inside[start]), list(leads[start])] -= 1
        else:
            chosen |= added
    return sum(walks[received.min(axis=0) > 0].tolist())
