"""The separation rank together with its bounds."""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Array, PyTree
from numpy.typing import ArrayLike

from jwi.graph.graph import GraphsTuple
from jwi.separation.bounds import NetworkShape, separation_bounds
from jwi.separation.rank import DEFAULT_SAMPLING, RankSampling, separation_rank

# Logarithms of equal numbers may differ by rounding.
_ROUNDING = 1e-9


class BoundedSeparationRank(NamedTuple):
    """The exact separation rank and its bounds; logarithms are natural.

    Attributes:
        rank: sep(f; I).
        walk_index: WI_{L−1}(I), or WI_{L−1, t}(I).
        log_rank: log sep(f; I), −inf for rank 0.
        log_lower: The paper's lower bound, for almost all weights.
        log_multiset: The sharper lower bound [derived], for almost all weights.
        log_upper: The upper bound, for all weights.
    """

    rank: int
    walk_index: int
    log_rank: float
    log_lower: float
    log_multiset: float
    log_upper: float

    @property
    def is_bounded(self) -> bool:
        """Whether the rank lies within all its bounds, up to rounding of the logarithms."""
        lower = max(self.log_lower, self.log_multiset)
        return lower - _ROUNDING <= self.log_rank <= self.log_upper + _ROUNDING


def bounded_separation_rank(
    key: Array,
    graph: GraphsTuple,
    subset: ArrayLike,
    shape: NetworkShape,
    *,
    target: int | np.integer | None = None,
    params: PyTree | None = None,
    sampling: RankSampling = DEFAULT_SAMPLING,
) -> BoundedSeparationRank:
    """`separation_rank` and `separation_bounds` together.

    Args:
        key: Random key for the assignments and, without `params`, for the weights.
        graph: Graph of n vertices, masked or not.
        subset: The set I, bool[n].
        shape: Depth and widths of the network.
        target: The vertex t whose prediction is meant; None for the prediction over the graph.
        params: Integer weights as in `separation_rank`; None for random ones.
        sampling: How the rank is computed, see `separation_rank`.

    Returns:
        The rank and its bounds.

    Raises:
        ValueError: For arguments out of range, as in the two functions.
        OverflowError: For too many walks, as in the two functions.

    Example:
        >>> import jax, jwi
        >>> path = jwi.from_edges([0, 1], [1, 2], num_vertices=3)
        >>> row = bounded_separation_rank(
        ...     jax.random.key(0), path, [True, False, False], NetworkShape(2, 2, 2)
        ... )
        >>> row.rank, row.walk_index, row.is_bounded
        (6, 5, True)
    """
    bounds = separation_bounds(graph, subset, shape, target=target)
    rank = separation_rank(
        key, graph, subset, shape, target=target, params=params, sampling=sampling
    ).rank
    return BoundedSeparationRank(
        rank=rank,
        walk_index=bounds.walk_index,
        log_rank=math.log(rank) if rank else -math.inf,
        log_lower=bounds.log_lower,
        log_multiset=bounds.log_multiset,
        log_upper=bounds.log_upper,
    )
