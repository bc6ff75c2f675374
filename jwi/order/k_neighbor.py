"""K-neighbor: every vertex keeps k random edges; k falls from its degree to one, at random."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int32, Int64, Key

from jwi.graph.host import check_undirected
from jwi.graph.info import Graph
from jwi.order.entry import Order
from jwi.order.selection import kept_edges


def k_neighbor_order(key: Key[Array, ""], graph: Graph) -> Int32[np.ndarray, " N"]:
    """The edges by the smaller of their random positions at their ends, the largest first.

    Each vertex lists its edges in a uniformly random order. The edges that are among the first k
    of an end are k-neighbor sparsification, for every k. Ties are broken at random.

    Args:
        key: A JAX random key.
        graph: An undirected graph; on a masked graph only the N kept edges count.

    Returns:
        int32[N], edge ids, first removed first.

    Raises:
        ValueError: For a directed graph.

    References:
        Sadhanala, Wang, Tibshirani, 2016, Graph sparsification approaches for Laplacian smoothing.

    Example:
        >>> import jwi
        >>> star_and_edge = jwi.from_edges([0, 0, 0, 0, 0], [1, 2, 3, 4, 5], num_vertices=6)
        >>> sorted(k_neighbor_order(jax.random.key(0), star_and_edge).tolist())
        [0, 1, 2, 3, 4]
    """
    check_undirected(graph, "k-neighbor sparsification")
    kept, edges = kept_edges(graph)
    # Three columns: one for each end, one for ties. In float32 a million would be equal too often.
    with jax.enable_x64(True):
        noise = np.asarray(jax.random.uniform(key, (len(edges), 3), jnp.float64))
    best = random_positions(edges, noise[:, :2]).min(axis=1)
    return kept[np.lexsort((noise[:, 2], -best))]


def random_positions(edges: np.ndarray, noise: np.ndarray) -> Int64[np.ndarray, "E 2"]:
    """The positions 1, 2, … of edges int32[E, 2] in the lists of their ends, by rising noise."""
    at = edges.ravel()
    listed = np.lexsort((noise.ravel(), at))
    # Places in the concatenation of all lists, less the place where a vertex's list starts.
    starts = np.cumsum(np.bincount(at)) - np.bincount(at)
    positions = np.empty(len(at), np.int64)
    positions[listed] = np.arange(1, len(at) + 1)
    return (positions - starts[at]).reshape(-1, 2)


ORDER = Order(
    "k-neighbor",
    lambda graph, options: k_neighbor_order(options.required_key(), graph),
    is_random=True,
)
