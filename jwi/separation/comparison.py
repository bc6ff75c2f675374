"""The separation rank between its bounds."""

import math
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Array
from numpy.typing import ArrayLike

from jwi.graph.graph import GraphsTuple
from jwi.separation.bounds import separation_bounds
from jwi.separation.rank import separation_rank

# Logarithms of equal numbers may differ by rounding.
_ROUNDING = 1e-9


class BoundedSeparationRank(NamedTuple):
    """A row of a table: the exact separation rank and its bounds; logarithms are natural.

    Attributes:
        rank: sep(f; I).
        walk_index: WI_{L−1}(I), or WI_{L−1, t}(I).
        log_rank: log sep(f; I), −inf for rank 0.
        log_lower: the paper's lower bound, for almost all weights.
        log_multiset: the sharper lower bound [derived], for almost all weights.
        log_upper: the upper bound, for all weights.
    """

    rank: int
    walk_index: int
    log_rank: float
    log_lower: float
    log_multiset: float
    log_upper: float

    @property
    def is_bounded(self) -> bool:
        """Whether the rank is within all its bounds, up to rounding of the logarithms."""
        lower = max(self.log_lower, self.log_multiset)
        return lower - _ROUNDING <= self.log_rank <= self.log_upper + _ROUNDING


def bounded_separation_rank(
    key: Array,
    graph: GraphsTuple,
    subset: ArrayLike,
    *,
    depth: int | np.integer,
    input_width: int | np.integer,
    hidden_width: int | np.integer,
    target: int | np.integer | None = None,
    **settings: Any,
) -> BoundedSeparationRank:
    """`separation_rank` and `separation_bounds` together.

    Args:
        key: as for `separation_rank`.
        graph: of n vertices, masked or not.
        subset: bool[n], the set I.
        depth: L, the number of layers.
        input_width: Dx, the number of features a vertex.
        hidden_width: Dh, the width of the layers.
        target: the vertex t whose prediction is meant; None for the prediction over the graph.
        settings: what else `separation_rank` takes: params, primes, and so on.

    Returns:
        The rank and its bounds.

    Raises:
        ValueError: as the two functions do.
        OverflowError: as the two functions do.

    Example:
        >>> import jax, jwi
        >>> path = jwi.from_edges([0, 1], [1, 2], num_vertices=3)
        >>> row = bounded_separation_rank(
        ...     jax.random.key(0), path, [True, False, False],
        ...     depth=2, input_width=2, hidden_width=2,
        ... )
        >>> row.rank, row.walk_index, row.is_bounded
        (6, 5, True)
    """
    bounds = separation_bounds(
        graph,
        subset,
        depth=depth,
        input_width=input_width,
        hidden_width=hidden_width,
        target=target,
    )
    found = separation_rank(
        key,
        graph,
        subset,
        depth=depth,
        input_width=input_width,
        hidden_width=hidden_width,
        target=target,
        **settings,
    )
    return BoundedSeparationRank(
        rank=found.rank,
        walk_index=bounds.walk_index,
        log_rank=math.log(found.rank) if found.rank else -math.inf,
        log_lower=bounds.log_lower,
        log_multiset=bounds.log_multiset,
        log_upper=bounds.log_upper,
    )
