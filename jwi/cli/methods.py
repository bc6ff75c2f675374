"""The methods of `jwi prune`: how each ranks edges."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import numpy as np

import jwi.order as order
from jwi.graph.graph import GraphsTuple


class Options(NamedTuple):
    """What a ranking may depend on besides the graph.

    Attributes:
        depth: L, the depth of the network.
        num_removed: how many edges must be ranked.
        seed: of the random methods.
        progress: to be told the share of the edges that is ranked.
    """

    depth: int
    num_removed: int
    seed: int
    progress: Callable[[float], None]

    def key(self) -> jax.Array:
        """The random key."""
        return jax.random.key(self.seed)


class Method(NamedTuple):
    """A way to rank edges.

    Attributes:
        rank: (graph, options) → edge ids int32[N], first removed first, N ≥ `num_removed`.
        depths: the depths of the networks it is for: any if empty. The first one is the default.
        directed: whether it ranks the edges of directed graphs, too.
    """

    rank: Callable[[GraphsTuple, Options], np.ndarray]
    depths: tuple[int, ...] = ()
    directed: bool = False


# Their descriptions are in `arguments`, which imports nothing.
METHODS = {
    "one-walk-index": Method(
        lambda graph, given: order.one_walk_index_order(graph, progress=given.progress),
        depths=(2,),
    ),
    "walk-index": Method(
        lambda graph, given: order.walk_index_order(
            graph, given.depth, num_removed=given.num_removed, progress=given.progress
        ),
        directed=True,
    ),
    "random": Method(lambda graph, given: order.random_order(given.key(), graph), directed=True),
    "spectral": Method(lambda graph, given: order.spectral_order(given.key(), graph)),
    "local-degree": Method(lambda graph, _: order.local_degree_order(graph)),
    "local-similarity": Method(lambda graph, _: order.local_similarity_order(graph)),
}
