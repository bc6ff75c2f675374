"""Greedy total resistance: edges that lower the sum of all effective resistances the most.

Let L⁺ be the pseudoinverse of a connected graph's Laplacian and b = 1_u − 1_v. The resistance of
{u, v} is R = bᵀ L⁺ b, its squared biharmonic distance is B² = bᵀ L⁺ L⁺ b, and the edge lowers the
sum over all pairs of vertices by n B² / (1 + R). Each step adds the edge of the largest value, and
L⁺ follows by the formula of Sherman and Morrison. A graph of several components is treated one by
one: edges between them are not considered.

References:
    Black, Wan, Nayyeri, Wang, 2023, Understanding oversquashing in GNNs through the lens of
    effective resistance (arXiv 2302.06835).
"""

from typing import no_type_check

import numpy as np
from numba import njit
from scipy.sparse.csgraph import connected_components

from experiments.studies.jwi.rewiring.methods.graph import Graph

# A value that is larger by less is equal, but for rounding: the first pair wins.
_MARGIN = 1e-9


def additions(graph: Graph, count: int, rng: np.random.Generator | None = None) -> np.ndarray:
    """The pairs that GTR adds.

    Args:
        graph: The graph.
        count: K.
        rng: Ignored.

    Returns:
        int32[≤ K, 2], first added first; fewer where there are fewer.
    """
    del rng
    adjacent = graph.adjacency()
    num_components, component = connected_components(adjacent)
    size = np.bincount(component, minlength=num_components)[component].astype(float)
    inverse = laplacian_pseudoinverse(adjacent, component)
    pairs = np.zeros((count, 2), np.int32)
    found = _add(inverse, inverse @ inverse, adjacent, component, size, pairs)
    return pairs[:found]


def laplacian_pseudoinverse(adjacent: np.ndarray, component: np.ndarray) -> np.ndarray:
    """L⁺ as float64[n, n], by dense inverses of the components.

    Args:
        adjacent: bool[n, n].
        component: int[n], in which each vertex lies.
    """
    inverse = np.zeros(adjacent.shape)
    for place in range(component.max(initial=-1) + 1):
        inside = np.flatnonzero(component == place)
        own = adjacent[np.ix_(inside, inside)]
        # With a constant added, which the pseudoinverse takes away again, L can be inverted.
        mean = 1 / len(inside)
        inverse[np.ix_(inside, inside)] = (
            np.linalg.inv(np.diag(own.sum(axis=1)) - own.astype(float) + mean) - mean
        )
    return inverse


@njit(cache=True)
@no_type_check
def _add(inverse, square, adjacent, component, size, pairs):
    """Fills `pairs`; returns how many there are. Both matrices are kept below the diagonal."""
    n = len(inverse)
    current, beyond = np.zeros(n), np.zeros(n)
    scale, length = 0.0, 0.0
    for step in range(len(pairs)):
        # The update of the last step and the search of this one share their way through memory.
        # b is 0 in sums over a component, so that L⁺ − g gᵀ / (1 + R) with g = L⁺ b is the new
        # pseudoinverse, and its square is N − (g hᵀ + h gᵀ) / (1 + R) + |g|² g gᵀ / (1 + R)².
        for u in range(n):
            inverse[u, u] -= scale * current[u] ** 2
            square[u, u] += _change_of_square(current, beyond, scale, length, u, u)
        least, first, second = 0.0, -1, -1
        for u in range(n):
            for v in range(u):
                inverse[u, v] -= scale * current[u] * current[v]
                square[u, v] += _change_of_square(current, beyond, scale, length, u, v)
                resistance = inverse[u, u] + inverse[v, v] - 2 * inverse[u, v]
                biharmonic = square[u, u] + square[v, v] - 2 * square[u, v]
                # The value is compared before it is divided, and pairs are looked up last: both
                # take longer than the sums.
                is_larger = size[u] * biharmonic > least * (1 + resistance)
                if is_larger and component[u] == component[v] and not adjacent[u, v]:
                    least = (1 + _MARGIN) * size[u] * biharmonic / (1 + resistance)
                    first, second = v, u
        if first < 0:
            return step
        pairs[step, 0], pairs[step, 1] = first, second
        adjacent[first, second] = adjacent[second, first] = True
        for w in range(n):
            current[w] = _entry(inverse, w, first) - _entry(inverse, w, second)
            beyond[w] = _entry(square, w, first) - _entry(square, w, second)
        scale = 1 / (1 + current[first] - current[second])
        length = np.sum(current**2)
    return len(pairs)


@njit(cache=True)
@no_type_check
def _change_of_square(current, beyond, scale, length, u, v):
    crossed = current[u] * beyond[v] + beyond[u] * current[v]
    return scale * (scale * length * current[u] * current[v] - crossed)


@njit(cache=True)
@no_type_check
def _entry(lower, u, v):
    return lower[max(u, v), min(u, v)]
