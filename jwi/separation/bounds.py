"""Bounds on the separation rank of networks with product aggregation, by counting walks.

The lower bounds are maximal over admissible sets of vertices. A set C is admissible for I if
C = N(I′) ∩ N(J′) for some I′ ⊆ I and J′ ⊆ I^c such that each vertex of C has one neighbor in I′ and
one in J′. In a directed graph [derived]: N(I′) are the vertices with an arc from I′, and each
vertex of C has one arc from I′ and one from J′. Self-loops count. C is a part of the boundary of I,
and I′ and J′ need no vertices other than those where arcs into the boundary start.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int64
from numpy.typing import ArrayLike

from jwi._checks import checked_integer
from jwi.graph.graph import GraphsTuple
from jwi.graph.host import host_graph
from jwi.graph.info import info_of
from jwi.separation.partition import checked_subset
from jwi.walks.counts import count_walks, walk_index
from jwi.walks.traced import boundary

# Up to this many vertices, brute force tries all 2^16 sets I′ ∪ J′.
LARGEST_EXHAUSTIVE = 16


class NetworkShape(NamedTuple):
    """Depth and widths of a network with product aggregation.

    Attributes:
        depth: Number L of layers.
        input_width: Number Dx of features a vertex.
        hidden_width: Width Dh of the layers.

    Example:
        >>> NetworkShape(depth=2, input_width=3, hidden_width=4)
        NetworkShape(depth=2, input_width=3, hidden_width=4)
    """

    depth: int | np.integer
    input_width: int | np.integer
    hidden_width: int | np.integer


class SeparationBounds(NamedTuple):
    """Bounds on a separation rank; logarithms are natural.

    Attributes:
        walk_index: WI_{L−1}(I), or WI_{L−1, t}(I).
        log_upper: The upper bound, for all weights.
        admissible_walks: ρ, the largest number of walks of length L − 1 that start in an admissible
            set of vertices and, if a target is given, end there.
        is_largest: Whether ρ is known to be that maximum. The lower bounds hold for any ρ.
        log_lower: The paper's lower bound, for almost all weights.
        log_multiset: A sharper lower bound [derived], for almost all weights.
    """

    walk_index: int
    log_upper: float
    admissible_walks: int
    is_largest: bool
    log_lower: float
    log_multiset: float


def separation_bounds(
    graph: GraphsTuple,
    subset: ArrayLike,
    shape: NetworkShape,
    *,
    target: int | np.integer | None = None,
) -> SeparationBounds:
    """Bounds on log sep(f; I) for a network with product aggregation; on the host.

    With D = min(Dx, Dh), for the prediction over the graph and for the prediction of a vertex t:

        upper      log(Dh) · (4 WI_{L−1}(I) + 1)             log(Dh) · 4 WI_{L−1, t}(I)
        lower      ρ · log((D − 1)/ρ + 1), and log D if L = 1
        multiset   log C(D + ρ − 1, ρ),    and log D if L = 1

    The lower bounds are 0 if ρ = 0. ρ is exact if arcs into the boundary, self-loops counted, start
    at 16 vertices or fewer. Otherwise ρ counts the walks of one admissible set, found greedily.

    Directed graphs: an arc i → j makes i a neighbor of j, and walks follow the arcs. The study
    `jwi_separation` compares the bounds with exact ranks on such graphs, too, and finds no
    violation. Several types of edges are not covered.

    Args:
        graph: Graph of n vertices, masked or not.
        subset: The set I, bool[n].
        shape: Depth and widths of the network.
        target: The vertex t whose prediction is meant; None for the prediction over the graph.

    Returns:
        The bounds and the numbers of walks that they are computed from.

    Raises:
        ValueError: For arguments out of range.
        OverflowError: For more than 2^63 − 1 walks of length L − 1 from one vertex.

    References:
        Razin, Verbin and Cohen, "On the ability of graph neural networks to model interactions
        between vertices", NeurIPS 2023: the upper and lower bounds by walk indices.

    Example:
        >>> import jwi
        >>> path = jwi.from_edges([0, 1], [1, 2], num_vertices=3)
        >>> bounds = separation_bounds(path, [True, False, False], NetworkShape(2, 3, 3))
        >>> bounds.walk_index, bounds.admissible_walks, round(math.exp(bounds.log_multiset))
        (5, 5, 21)
    """
    inside = checked_subset(subset, info_of(graph).num_vertices)
    depth, input_width, hidden_width = checked_shape(shape)
    index = walk_index(graph, inside, depth - 1, target)
    walks, is_largest = most_walks(graph, inside, count_walks(graph, depth - 1, target))
    exponent = 4 * index + 1 if target is None else 4 * index
    # With one walk both formulas give D, the bound for a network of one layer.
    factors = min(walks, 1) if depth == 1 else walks
    smaller = min(input_width, hidden_width)
    return SeparationBounds(
        walk_index=index,
        log_upper=exponent * math.log(hidden_width),
        admissible_walks=walks,
        is_largest=is_largest,
        log_lower=factors * math.log1p((smaller - 1) / max(factors, 1)),
        log_multiset=math.log(math.comb(smaller + factors - 1, smaller - 1)),
    )


def checked_shape(shape: NetworkShape) -> tuple[int, int, int]:
    """Depth, input width and hidden width as Python integers.

    Raises:
        ValueError: If one of them is no integer ≥ 1.
    """
    depth, width, hidden = shape
    return (
        checked_integer("depth", depth, "the number of layers", low=1),
        checked_integer("input_width", width, "the number of features a vertex", low=1),
        checked_integer("hidden_width", hidden, "the width of the layers", low=1),
    )


def most_walks(
    graph: GraphsTuple, inside: Bool[np.ndarray, " n"], walks: Int64[np.ndarray, " n"]
) -> tuple[int, bool]:
    """The largest number of walks that start in an admissible set.

    Args:
        graph: A graph, masked or not.
        inside: The set I.
        walks: Number of walks that start at each vertex.

    Returns:
        The number, and whether it is the maximum. It is if arcs into the boundary start at 16
        vertices or fewer, since then all their subsets are tried. Otherwise I′ and J′ grow by one
        crossing arc after the other, those with most walks first, as long as the set is admissible.

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
    """The maximum over all I′ and J′; `arcs` is 1 where an arc or a self-loop leads."""
    # The bits of a number choose the vertices of I′ ∪ J′, and `inside` divides them.
    chosen = np.arange(2 ** len(arcs))[:, None] >> np.arange(len(arcs)) & 1
    from_inside, from_outside = (chosen @ (arcs * side[:, None]) for side in (inside, ~inside))
    both = (from_inside > 0) & (from_outside > 0)
    admissible = np.all(~both | (from_inside == 1) & (from_outside == 1), axis=1)
    sets = np.unique(both[admissible], axis=0)
    # Sums of Python's integers: a sum of counts may exceed int64.
    return max(sum(walks[members].tolist()) for members in sets)


def _greedy(
    leads: dict[int, set[int]], inside: Bool[np.ndarray, " n"], walks: Int64[np.ndarray, " n"]
) -> int:
    """Walks from one admissible set; `leads[u]` are the boundary's vertices with an arc from u."""
    crossing = [(u, v) for u in leads for v in leads[u] if inside[u] != inside[v]]

    def gain(arc: tuple[int, int]) -> int:
        return sum(int(walks[end]) for end in leads[arc[0]] & leads[arc[1]])

    chosen: set[int] = set()
    # Number of arcs that each vertex has from I′ (row 1) and from J′ (row 0).
    received = np.zeros((2, len(inside)), np.int64)
    for arc in sorted(crossing, key=gain, reverse=True):
        added = set(arc) - chosen
        for start in added:
            received[int(inside[start]), list(leads[start])] += 1
        touched = received[:, list(leads[arc[0]] | leads[arc[1]])]
        # A vertex with arcs from both sides and two from one side: the set is not admissible.
        if np.any((touched.min(axis=0) > 0) & (touched.max(axis=0) > 1)):
            for start in added:
                received[int(inside[start]), list(leads[start])] -= 1
        else:
            chosen |= added
    return sum(walks[received.min(axis=0) > 0].tolist())
