"""Bounds on the separation rank of networks with product aggregation, by counting walks."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from jwi._checks import checked_integer
from jwi.graph.graph import GraphsTuple
from jwi.graph.info import info_of
from jwi.separation.admissible import most_walks
from jwi.separation.partition import checked_subset
from jwi.walks.counts import count_walks, walk_index


class SeparationBounds(NamedTuple):
    """Bounds on a separation rank; logarithms are natural.

    Attributes:
        walk_index: WI_{L−1}(I), or WI_{L−1, t}(I).
        log_upper: the upper bound, for all weights.
        admissible_walks: ρ, the most walks of length L − 1 that start in an admissible set of
            vertices and, where a target is given, end there.
        is_largest: whether ρ is known to be that maximum; the lower bounds hold anyhow.
        log_lower: the paper's lower bound, for almost all weights.
        log_multiset: a sharper lower bound [derived], for almost all weights.
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
    *,
    depth: int | np.integer,
    input_width: int | np.integer,
    hidden_width: int | np.integer,
    target: int | np.integer | None = None,
) -> SeparationBounds:
    """Bounds on log sep(f; I) for a network with product aggregation; on the host.

    With D = min(Dx, Dh), for the prediction over the graph and for that of a vertex t:

        upper      log(Dh) · (4 WI_{L−1}(I) + 1)             log(Dh) · 4 WI_{L−1, t}(I)
        lower      ρ · log((D − 1)/ρ + 1), and log D if L = 1
        multiset   log C(D + ρ − 1, ρ),    and log D if L = 1

    The lower bounds are 0 where ρ = 0. ρ is exact where at most 16 vertices have an arc into the
    boundary, self-loops counted; beyond, it is that of one admissible set, found greedily.

    Directed graphs: an arc i → j makes i a neighbor of j, and walks follow the arcs. The bounds
    have been compared with exact ranks, without violation. Not covered: several types of edges.

    Args:
        graph: of n vertices, masked or not.
        subset: bool[n], the set I.
        depth: L, the number of layers.
        input_width: Dx, the number of features a vertex.
        hidden_width: Dh, the width of the layers.
        target: the vertex t whose prediction is meant; None for the prediction over the graph.

    Returns:
        The bounds and the numbers of walks they stand on.

    Raises:
        ValueError: for arguments out of range.
        OverflowError: for more than 2^63 − 1 walks of length L − 1 from one vertex.

    References:
        Razin, Verbin, Cohen, "On the Ability of Graph Neural Networks to Model Interactions Between
        Vertices", 2023: the upper and lower bounds by walk indices.

    Example:
        >>> import jwi
        >>> path = jwi.from_edges([0, 1], [1, 2], num_vertices=3)
        >>> bounds = separation_bounds(
        ...     path, [True, False, False], depth=2, input_width=3, hidden_width=3
        ... )
        >>> bounds.walk_index, bounds.admissible_walks, round(math.exp(bounds.log_multiset))
        (5, 5, 21)
    """
    inside = checked_subset(subset, info_of(graph).num_vertices)
    layers = checked_integer("depth", depth, "the number of layers", low=1)
    width = checked_integer("input_width", input_width, "the number of features a vertex", low=1)
    hidden = checked_integer("hidden_width", hidden_width, "the width of the layers", low=1)
    index = walk_index(graph, inside, layers - 1, target)
    walks, is_largest = most_walks(graph, inside, count_walks(graph, layers - 1, target))
    exponent = 4 * index + 1 if target is None else 4 * index
    # One walk gives D in both formulas, as the only layer of a network of depth 1 does.
    factors = min(walks, 1) if layers == 1 else walks
    smaller = min(width, hidden)
    return SeparationBounds(
        walk_index=index,
        log_upper=exponent * math.log(hidden),
        admissible_walks=walks,
        is_largest=is_largest,
        log_lower=factors * math.log1p((smaller - 1) / max(factors, 1)),
        log_multiset=math.log(math.comb(smaller + factors - 1, smaller - 1)),
    )
