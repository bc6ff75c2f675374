"""Random removal: the baseline of every sparsifier."""

import jax
import numpy as np
from jaxtyping import Array, Int32, Key

from jwi.graph.info import Graph
from jwi.order.entry import Order
from jwi.order.selection import kept_ids


def random_order(key: Key[Array, ""], graph: Graph) -> Int32[np.ndarray, " N"]:
    """A uniformly random order of the edges.

    Args:
        key: A JAX random key.
        graph: A graph; on a masked graph only the N kept edges count.

    Returns:
        int32[N], edge ids, first removed first.

    Raises:
        ValueError: If `graph` is not of the form that `jwi.from_edges` builds.

    Example:
        >>> import jwi
        >>> graph = jwi.from_edges([0, 1, 2], [1, 2, 3], num_vertices=4)
        >>> sorted(random_order(jax.random.key(0), graph).tolist())
        [0, 1, 2]
    """
    return np.asarray(jax.random.permutation(key, kept_ids(graph)))


ORDER = Order(
    "random",
    lambda graph, options: random_order(options.required_key(), graph),
    directed=True,
    is_random=True,
)
