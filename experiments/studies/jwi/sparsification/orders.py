"""The orders of removal that need no training, by the study's names of the methods."""

from typing import Any, Literal

import jax
import numpy as np

import jwi

Method = Literal["random", "spectral", "ugs", "two-walk-index", "one-walk-index"]
LABELS: dict[str, str] = {
    "random": "random",
    "spectral": "spectral",
    "ugs": "UGS",
    "two-walk-index": "2-WIS",
    "one-walk-index": "1-WIS",
}


def untrained_orders(method: Method, graph: Any, keys: jax.Array) -> np.ndarray:
    """Removal orders of R runs.

    Random and spectral orders are new for each run, those of the walk index are one for all.

    Args:
        method: Any but UGS, which trains its order.
        graph: The whole graph, of E edges.
        keys: R keys.

    Returns:
        int32[R, E], edge ids, first removed first.
    """
    match method:
        case "random":
            return np.stack([jwi.random_order(key, graph) for key in keys])
        case "spectral":
            return np.stack([jwi.spectral_order(key, graph) for key in keys])
        case "one-walk-index":
            order = jwi.one_walk_index_order(graph)
        case "two-walk-index":
            order = jwi.walk_index_order(graph, depth=3)
        case _:
            raise ValueError(f"method is {method!r}: it has no order without training.")
    return np.broadcast_to(order, (len(keys), len(order)))
