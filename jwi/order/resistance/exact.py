"""Effective resistances of the edges of an undirected graph: exact, or estimated for large graphs.

An edge of weight w is a resistor of conductance w; its effective resistance is the voltage between
its ends when a unit current enters at one and leaves at the other. A bridge has 1 / w, and does not
change the resistance of another edge: both functions leave bridges out first.
"""

from typing import NamedTuple

import numpy as np
import scipy.sparse
from jaxtyping import Array, Float64, Key
from numpy.typing import ArrayLike
from scipy.sparse.csgraph import connected_components

from jwi._checks import checked_integer
from jwi.graph.host import check_undirected, host_graph
from jwi.graph.info import Graph
from jwi.order.resistance.bridges import bridges
from jwi.order.resistance.projection import projected_resistances, resistance_bounds
from jwi.order.selection import checked_weights

# A dense matrix of 134 MB, inverted in seconds; time grows with the cube.
_MAX_EXACT = 4096
_MAX_FAST = 1024  # Inverted within a second.
_MOST_ERROR = 1e-6


def effective_resistances(
    graph: Graph, *, weights: ArrayLike | None = None
) -> Float64[np.ndarray, " E"]:
    """The effective resistances of all edges, by dense inverses.

    Over the edges of a connected component of k vertices, weight times resistance sums to k − 1.
    Weights of very different size cost digits: of 16, about as many as lie between the weights.

    Args:
        graph: An undirected graph of E edges; on a masked graph only the kept edges conduct.
        weights: float[E] > 0, conductances by edge id; None for 1.

    Returns:
        float64[E], by edge id, NaN for removed edges.

    Raises:
        ValueError: For a directed graph; for weights that are not one positive number an edge; if
            more than 4096 vertices hang together without a bridge.
        ArithmeticError: If fewer than six digits would be right, as with weights of very different
            size.

    References:
        Spielman, Srivastava, 2011, Graph sparsification by effective resistances.

    Example:
        >>> import jwi
        >>> triangle_with_tail = jwi.from_edges([2, 0, 0, 1], [3, 1, 2, 2], num_vertices=4)
        >>> effective_resistances(triangle_with_tail).round(6).tolist()
        [1.0, 0.666667, 0.666667, 0.666667]
    """
    network = _network(graph, weights)
    if network.largest > _MAX_EXACT:
        raise ValueError(
            f"graph has {network.largest} vertices that hang together without a bridge: at most"
            f" {_MAX_EXACT} are solved exactly, use jwi.effective_resistances_estimate"
        )
    return _solved(network)


def effective_resistances_estimate(
    key: Key[Array, ""],
    graph: Graph,
    *,
    weights: ArrayLike | None = None,
    num_probes: int | np.integer = 64,
) -> Float64[np.ndarray, " E"]:
    """The effective resistances of all edges of a large graph, by random projection.

    This is the projection of Spielman and Srivastava with less noise: the share of the resistors
    next to an edge is computed, and only the rest is estimated. Bridges are exact.

    The error falls as 1 / √num_probes. With 64 probes and equal weights it is a few per cent of the
    resistance. It is larger with weights of very different size.

    Args:
        key: A JAX random key.
        graph: An undirected graph of E edges; on a masked graph only the kept edges conduct.
        weights: float[E] > 0, conductances by edge id; None for 1.
        num_probes: k, how many random vectors.

    Returns:
        float64[E], by edge id, NaN for removed edges.

    Raises:
        ValueError: For a directed graph; for weights that are not one positive number an edge; for
            fewer than 1 probe.
        ArithmeticError: If conjugate gradients do not converge, as with weights of very different
            size.

    References:
        Spielman, Srivastava, 2011, Graph sparsification by effective resistances.

    Example:
        >>> import jax, jwi
        >>> triangle_with_tail = jwi.from_edges([2, 0, 0, 1], [3, 1, 2, 2], num_vertices=4)
        >>> effective_resistances_estimate(jax.random.key(0), triangle_with_tail).round(1).tolist()
        [1.0, 0.7, 0.7, 0.7]
    """
    meaning = "how many random vectors to project on"
    num_probes = checked_integer("num_probes", num_probes, meaning, low=1)
    return _estimated(key, _network(graph, weights), num_probes)


def resistances_or_estimate(
    key: Key[Array, ""], graph: Graph, *, weights: ArrayLike | None, num_probes: int
) -> Float64[np.ndarray, " E"]:
    """`effective_resistances` where that takes a second at most, else the estimate."""
    network = _network(graph, weights)
    if network.largest <= _MAX_FAST:
        return _solved(network)
    return _estimated(key, network, num_probes)


class _Network(NamedTuple):
    """The M edges of a graph that are in cycles.

    Attributes:
        resistances: float64[E], by id; bridges have theirs, the M edges not yet.
        ids: int32[M], the ids of the edges.
        edges: int32[M, 2], their ends, numbered anew.
        conductance: float64[M], of mean 1.
        unit: The mean by which conductances were divided.
        part: int[M], the connected component of each edge, without bridges.
        largest: How many vertices the largest component has.
    """

    resistances: np.ndarray
    ids: np.ndarray
    edges: np.ndarray
    conductance: np.ndarray
    unit: float
    part: np.ndarray
    largest: int


def _network(graph: Graph, weights: ArrayLike | None) -> _Network:
    check_undirected(graph, "effective resistance")
    read = host_graph(graph)
    conductance = checked_weights(weights, read.mask)
    kept = np.flatnonzero(read.mask).astype(np.int32)
    edges = read.edges[kept]
    bridge = bridges(edges, read.num_vertices)
    resistances = np.full(len(read.mask), np.nan)
    resistances[kept[bridge]] = 1 / conductance[kept[bridge]]
    ids = kept[~bridge]
    vertices, edges = np.unique(edges[~bridge], return_inverse=True)
    edges = edges.reshape(-1, 2).astype(np.int32)
    joined = (np.ones(len(edges), bool), (edges[:, 0], edges[:, 1]))
    adjacency = scipy.sparse.coo_array(joined, shape=(len(vertices), len(vertices)))
    _, part = connected_components(adjacency, directed=False)
    largest = int(np.bincount(part).max(initial=0))
    unit = float(conductance[ids].mean()) if len(ids) else 1.0
    return _Network(
        resistances, ids, edges, conductance[ids] / unit, unit, part[edges[:, 0]], largest
    )


def _solved(network: _Network) -> np.ndarray:
    """Completes the resistances, component by component."""
    by_part = np.argsort(network.part, kind="stable")
    for of_part in np.split(by_part, np.cumsum(np.bincount(network.part)))[:-1]:
        edges, conductance = network.edges[of_part], network.conductance[of_part]
        network.resistances[network.ids[of_part]] = _dense(edges, conductance) / network.unit
    return network.resistances


def _dense(edges: np.ndarray, conductance: np.ndarray) -> np.ndarray:
    """The resistances of the edges of a connected graph, by the inverse of its Laplacian."""
    vertices, edges = np.unique(edges, return_inverse=True)
    low, high = np.sort(edges.reshape(-1, 2)).T
    degree = np.bincount(low, conductance, len(vertices))
    degree += np.bincount(high, conductance, len(vertices))
    # A Laplacian is singular. The constant makes it regular, and adds to the inverse a constant
    # that cancels in resistances.
    laplacian = np.full((len(vertices), len(vertices)), degree.mean() / len(vertices))
    laplacian[low, high] -= conductance
    laplacian[high, low] -= conductance
    laplacian[np.diag_indices(len(vertices))] += degree
    # A Cholesky factor would be half the work, but SciPy's is slower on a busy machine.
    try:
        inverse = np.linalg.inv(laplacian)
    except np.linalg.LinAlgError:
        inverse = np.full_like(laplacian, np.nan)
    voltage = inverse.diagonal()
    resistances = voltage[low] + voltage[high] - 2 * inverse[low, high]
    least, most = resistance_bounds(degree[low], degree[high], conductance)
    inside = resistances.clip(least, most)
    error = np.abs(resistances - inside) / inside
    sum_error = np.abs(conductance @ resistances - (len(vertices) - 1))
    if not (error.max() < _MOST_ERROR and sum_error < _MOST_ERROR):
        raise ArithmeticError(
            f"effective_resistances: weights from {conductance.min():.3g} to"
            f" {conductance.max():.3g} times their mean leave less than six digits: take weights of"
            " more similar size"
        )
    return inside


def _estimated(key: Key[Array, ""], network: _Network, num_probes: int) -> np.ndarray:
    """Completes the resistances by random projection."""
    estimate = projected_resistances(key, network.edges, network.conductance, num_probes)
    network.resistances[network.ids] = estimate / network.unit
    return network.resistances
