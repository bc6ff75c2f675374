"""Spectral removal: sampling by effective resistance, the baseline of spectral sparsification."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int32, Key
from numpy.typing import ArrayLike

from jwi._checks import checked_integer
from jwi.graph.info import Graph
from jwi.order.entry import Order
from jwi.order.resistance.exact import resistances_or_estimate
from jwi.order.selection import kept_ids


def spectral_order(
    key: Key[Array, ""],
    graph: Graph,
    *,
    weights: ArrayLike | None = None,
    num_probes: int | np.integer = 64,
) -> Int32[np.ndarray, " N"]:
    """A random order in which edges of large weight times effective resistance tend to stay.

    All edges are sampled one by one without replacement. Among the edges that are left, the
    probability is in proportion to weight times effective resistance. The edge sampled first is
    removed last.

    Resistances are exact if every component without bridges has at most 1024 vertices. Otherwise
    `jwi.effective_resistances_estimate` estimates them.

    Args:
        key: A JAX random key.
        graph: An undirected graph of E edges; on a masked graph only the N kept edges count.
        weights: float[E] > 0, conductances by edge id; None for 1.
        num_probes: How many random vectors an estimate takes.

    Returns:
        int32[N], edge ids, first removed first.

    Raises:
        ValueError: For a directed graph; for weights that are not one positive number an edge; for
            fewer than 1 probe.
        ArithmeticError: If an estimate does not converge.

    References:
        Spielman, Srivastava, 2011, Graph sparsification by effective resistances; as a removal
        order in Razin, Verbin, Cohen, 2023.

    Example:
        >>> import jwi
        >>> graph = jwi.from_edges([0, 1, 2], [1, 2, 3], num_vertices=4)
        >>> sorted(spectral_order(jax.random.key(0), graph).tolist())
        [0, 1, 2]
    """
    meaning = "how many random vectors to project on"
    num_probes = checked_integer("num_probes", num_probes, meaning, low=1)
    for_probes, for_sample = jax.random.split(key)
    resistances = resistances_or_estimate(for_probes, graph, weights=weights, num_probes=num_probes)
    kept = kept_ids(graph)
    shares = resistances[kept]
    if weights is not None:
        shares = shares * np.asarray(weights, np.float64)[kept]
    # Sorting by log-probability plus Gumbel noise is such a sample (Yellott, 1977). In float32 a
    # million edges would tie at the top.
    with jax.enable_x64(True):
        noise = np.asarray(jax.random.gumbel(for_sample, shares.shape, jnp.float64))
    return kept[np.argsort(np.log(shares) + noise, kind="stable")]


ORDER = Order(
    "spectral",
    lambda graph, options: spectral_order(options.required_key(), graph, weights=options.weights),
    is_random=True,
    weighted=True,
)
