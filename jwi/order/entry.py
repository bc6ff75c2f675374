"""The one interface of orders: what tables, commands, studies and tests need to know of each."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float64

from jwi.graph.info import Graph
from jwi.progress import Progress


@dataclass(frozen=True)
class RankingOptions:
    """Everything that a ranking may depend on besides the graph. Each order takes what it needs.

    Attributes:
        depth: L, the depth of the network.
        num_removed: How many edges must be ranked; None for all.
        random_key: A JAX random key, which random orders need.
        weights: float[E], the weight of each edge, by edge id; None for no weights. An order that
            is not `weighted` ignores them.
        progress: Called now and then with the share that is ranked, in [0, 1]; None for nothing.
    """

    depth: int = 2
    num_removed: int | None = None
    random_key: Any = None
    weights: Float64[np.ndarray, " E"] | None = None
    progress: Progress | None = None

    def required_key(self) -> Any:
        """The random key.

        Raises:
            ValueError: If there is none.
        """
        if self.random_key is None:
            raise ValueError(
                "random_key is None and this order is random: pass"
                " jwi.RankingOptions(random_key=jax.random.key(0))"
            )
        return self.random_key


@dataclass(frozen=True)
class Order:
    """A way to rank the edges of a graph. Each method's file has one, called `ORDER`.

    Attributes:
        label: Its name in figures and tables.
        rank: (graph, options) → int32[N], edge ids, first removed first: the edges that are there,
            or at least `options.num_removed` of them.
        depths: The depths of the networks it is for, the default first; any if empty.
        directed: Whether it ranks the edges of directed graphs, too.
        is_random: Whether it needs `options.random_key`.
        weighted: Whether it heeds `options.weights`.
        needs_features: Whether it reads the features of the vertices.

    Example:
        >>> import jax, jwi
        >>> path = jwi.from_edges([0, 1, 2], [1, 2, 3], num_vertices=4)
        >>> jwi.ORDERS["one-walk-index"].rank(path, RankingOptions()).tolist()
        [1, 0, 2]
        >>> order = jwi.ORDERS["random"].rank(path, RankingOptions(random_key=jax.random.key(0)))
        >>> sorted(order.tolist())
        [0, 1, 2]
    """

    label: str
    rank: Callable[[Graph, RankingOptions], np.ndarray]
    depths: tuple[int, ...] = ()
    directed: bool = False
    is_random: bool = False
    weighted: bool = False
    needs_features: bool = False
