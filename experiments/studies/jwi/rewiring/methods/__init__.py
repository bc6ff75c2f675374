"""The methods of rewiring by name; each is a file.

All but DIGL rank edges to add, and take the first of them. DIGL chooses all edges anew.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from experiments.studies.jwi.rewiring.methods import digl, fosr, gtr, random_pairs, sdrf, walk_index
from experiments.studies.jwi.rewiring.methods.graph import Graph

Choice = Callable[[Graph, int, np.random.Generator], np.ndarray]


class Method(NamedTuple):
    """A method of rewiring.

    Attributes:
        label: Its name in figures and tables.
        choose: (graph of E edges, count K, rng) → int[≤ K, 2], the pairs to add in their order. A
            method that replaces edges returns all int[≤ E + K, 2] edges instead.
        is_random: Whether the choice depends on rng.
        replaces: Whether it replaces edges.
    """

    label: str
    choose: Choice
    is_random: bool = False
    replaces: bool = False

    def rewire(self, graph: Graph, counts: list[int], rng: np.random.Generator) -> list[np.ndarray]:
        """The edges after so many additions each.

        Args:
            graph: The graph, of E edges.
            counts: How many edges to add, ascending.
            rng: Of random choices.

        Returns:
            For each count int32[≤ E + count, 2], distinct edges.
        """
        if self.replaces:
            return [self.choose(graph, count, rng) for count in counts]
        added = self.choose(graph, counts[-1], rng)
        return [np.concatenate([graph.edges, added[:count]]) for count in counts]


METHODS = {
    "random": Method("random pairs", random_pairs.additions, is_random=True),
    "walk-index": Method("1-WIS forward", walk_index.additions, is_random=True),
    "walk-index-near": Method(
        "1-WIS forward, two steps apart", walk_index.near_additions, is_random=True
    ),
    "fosr": Method("FoSR", fosr.additions, is_random=True),
    "sdrf": Method("SDRF", sdrf.additions),
    "gtr": Method("GTR", gtr.additions),
    "digl": Method("DIGL", digl.largest_pairs, replaces=True),
}
"""By name, in the order of figures and tables."""
