"""Removal by magnitude: the ranking step of unified GNN sparsification (UGS)."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Int32
from numpy.typing import ArrayLike

from jwi.graph.graph import Graph, edge_mask


def magnitude_order(graph: Graph, mask_values: ArrayLike) -> Int32[np.ndarray, " N"]:
    """The edges by the magnitude of their mask values, the smallest first, ties by edge id.

    UGS trains one factor of an edge's messages with the network. In each round it removes a few
    edges, whose factors came out smallest. This is the ranking of one round.

    Args:
        graph: A graph of E edges; on a masked graph only the N kept edges count.
        mask_values: float[E], by edge id; values of removed edges are not read.

    Returns:
        int32[N], edge ids, first removed first.

    Raises:
        ValueError: If `mask_values` is not one float an edge, or is NaN for a kept edge.

    References:
        Chen, Sui, Chen, Zhang, Wang, 2021, A Unified Lottery Ticket Hypothesis for Graph Neural
        Networks; for edges alone as in Razin, Verbin, Cohen, 2023.

    Example:
        >>> import jwi
        >>> graph = jwi.from_edges([0, 1, 2], [1, 2, 3], num_vertices=4)
        >>> magnitude_order(graph, [0.5, -0.1, 0.2]).tolist()
        [1, 2, 0]
    """
    mask = edge_mask(graph)
    values = np.asarray(mask_values)
    if values.shape != mask.shape:
        raise ValueError(
            f"mask_values has shape {list(values.shape)} and the graph has {len(mask)} edges:"
            " pass one float an edge, by edge id, removed edges too"
        )
    # JAX's subtypes, since bfloat16 is no float to NumPy.
    if values.size and not jnp.issubdtype(values.dtype, jnp.floating):
        raise ValueError(f"mask_values is {values.dtype}: pass one float an edge")
    kept = np.flatnonzero(mask).astype(np.int32)
    undefined = kept[np.isnan(values[kept])]
    if undefined.size:
        raise ValueError(
            f"mask_values[{undefined[0]}] is nan: a mask that diverged ranks nothing;"
            " train it with a smaller learning rate"
        )
    return kept[np.argsort(np.abs(values[kept]), kind="stable")]
