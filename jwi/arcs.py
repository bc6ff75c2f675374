"""The arcs of a masked graph, laid out for the machine: a list, or a dense table when it is small.

A layer is written once over an array of arcs, that is an array whose leading axes are `[A]` in the
list and `[receiver, sender]` in the table. The table has no gathers and scatters: it wins up to
some 32 entries an arc (32 vertices, 474 arcs, 1000 feature arrays vmapped: 1.5 ms against 28 ms
for a gradient on 2 shared cores), and at worst it takes `_MAX_ENTRIES_PER_ARC` times the memory.
"""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Shaped

from jwi.arc_sums import weighted_sum
from jwi.graph import GraphsTuple

_MAX_ENTRIES_PER_ARC = 16

# Associative and commutative, with unit 1; lax.mul for the usual product, which has a gradient.
Multiply = Callable[[Array, Array], Array]


@dataclass(frozen=True)
class ArcList:
    """Arcs as a list; what is not in the mask is not there."""

    senders: Int[Array, " arcs"]
    receivers: Int[Array, " arcs"]
    mask: Bool[Array, " arcs"]
    num_vertices: int

    def arrange(self, arc_values: Shaped[Array, "arcs ..."]) -> Shaped[Array, "arcs ..."]:
        """An array by arcs of the graph, as an array of arcs."""
        return arc_values

    def from_senders(self, values: Shaped[Array, "n ..."]) -> Shaped[Array, "arcs ..."]:
        """The value of the vertex where each arc starts."""
        return values[self.senders]

    def from_receivers(self, values: Shaped[Array, "n ..."]) -> Shaped[Array, "arcs ..."]:
        """The value of the vertex where each arc ends."""
        return values[self.receivers]

    def sum(self, arc_values: Shaped[Array, "arcs ..."]) -> Shaped[Array, "n ..."]:
        """Sum over the kept arcs into each vertex."""
        kept = jnp.where(_expand(self.mask, arc_values), arc_values, 0)
        return jax.ops.segment_sum(kept, self.receivers, self.num_vertices)

    def max(self, arc_values: Float[Array, "arcs ..."]) -> Float[Array, "n ..."]:
        """Maximum over the kept arcs into each vertex, −inf where there are none."""
        kept = jnp.where(_expand(self.mask, arc_values), arc_values, -jnp.inf)
        return jax.ops.segment_max(kept, self.receivers, self.num_vertices)

    def product(
        self, arc_values: Shaped[Array, "arcs d"], multiply: Multiply
    ) -> Shaped[Array, "n d"]:
        """Product over the kept arcs into each vertex, 1 where there are none."""
        kept = jnp.where(self.mask[:, None], arc_values, jnp.ones_like(arc_values))
        # The arcs of one receiver are neighbours in the list: a scan that starts anew with each.
        starts = (self.receivers != jnp.roll(self.receivers, 1))[:, None]

        def combine(left: tuple[Array, Array], right: tuple[Array, Array]) -> tuple[Array, Array]:
            before = jnp.where(right[0], jnp.ones_like(left[1]), left[1])
            return left[0] | right[0], multiply(before, right[1])

        _, products = jax.lax.associative_scan(combine, (starts, kept))
        index = jnp.where(self.mask, jnp.arange(len(self.mask)), -1)
        last = jax.ops.segment_max(index, self.receivers, self.num_vertices)
        none = jnp.ones_like(products, shape=(1, products.shape[1]))
        return jnp.append(products, none, axis=0)[jnp.where(last < 0, len(index), last)]

    def weighted_sum(
        self, values: Float[Array, "n *heads d"], weight: Float[Array, "arcs *heads"]
    ) -> Float[Array, "n *heads d"]:
        """Sum of the senders' values, weighted, over the kept arcs into each vertex."""
        kept = jnp.where(_expand(self.mask, weight), weight, 0)
        return weighted_sum(values, kept, self.senders, self.receivers)


@dataclass(frozen=True)
class ArcTable:
    """Arcs as a table [receiver, sender], with the operations of `ArcList`."""

    graph: GraphsTuple
    mask: Bool[Array, "n n"]

    def arrange(self, arc_values: Shaped[Array, "arcs ..."]) -> Shaped[Array, "n n ..."]:
        """An array by arcs of the graph, as an array of arcs; zero where no arc is kept."""
        return _table(self.graph, arc_values, len(self.mask))

    def from_senders(self, values: Shaped[Array, "n ..."]) -> Shaped[Array, "n n ..."]:
        """The value of the vertex where each arc starts."""
        return jnp.broadcast_to(values[None], (len(values), *values.shape))

    def from_receivers(self, values: Shaped[Array, "n ..."]) -> Shaped[Array, "n n ..."]:
        """The value of the vertex where each arc ends."""
        return jnp.broadcast_to(values[:, None], (len(values), *values.shape))

    def sum(self, arc_values: Shaped[Array, "n n ..."]) -> Shaped[Array, "n ..."]:
        """Sum over the kept arcs into each vertex."""
        return jnp.where(_expand(self.mask, arc_values), arc_values, 0).sum(axis=1)

    def max(self, arc_values: Float[Array, "n n ..."]) -> Float[Array, "n ..."]:
        """Maximum over the kept arcs into each vertex, −inf where there are none."""
        return jnp.where(_expand(self.mask, arc_values), arc_values, -jnp.inf).max(axis=1)

    def product(
        self, arc_values: Shaped[Array, "n n d"], multiply: Multiply
    ) -> Shaped[Array, "n d"]:
        """Product over the kept arcs into each vertex, 1 where there are none."""
        kept = jnp.where(self.mask[..., None], arc_values, jnp.ones_like(arc_values))
        return jax.lax.reduce(kept, jnp.ones((), kept.dtype), multiply, (1,))

    def weighted_sum(
        self, values: Float[Array, "n *heads d"], weight: Float[Array, "n n *heads"]
    ) -> Float[Array, "n *heads d"]:
        """Sum of the senders' values, weighted, over the kept arcs into each vertex."""
        kept = jnp.where(_expand(self.mask, weight), weight, 0)
        # A sum, not a layer: it must not depend on the layout through a rounded product.
        return jnp.einsum("ij...,j...d->i...d", kept, values, precision=jax.lax.Precision.HIGHEST)


Arcs = ArcList | ArcTable


def arcs_of(graph: GraphsTuple, num_vertices: int) -> Arcs:
    """The kept arcs of a graph in the layout that suits its static shapes.

    There is at most one arc from a vertex to another, as in every graph of `from_edges`.
    """
    if num_vertices**2 <= _MAX_ENTRIES_PER_ARC * len(graph.senders):
        kept = graph.edges.mask.astype(jnp.int32)
        return ArcTable(graph, _table(graph, kept, num_vertices) > 0)
    return ArcList(graph.senders, graph.receivers, graph.edges.mask, num_vertices)


def softmax(arcs: Arcs, scores: Float[Array, "..."]) -> Float[Array, "..."]:
    """Softmax of an array of arcs over the kept arcs into each vertex; 0 where no arc is kept."""
    largest = arcs.max(jax.lax.stop_gradient(scores))
    # A vertex without arcs has the maximum −inf, which must not meet itself.
    powers = _powers(arcs, scores, jnp.where(jnp.isfinite(largest), largest, 0))
    total = arcs.sum(powers)
    return powers / arcs.from_receivers(jnp.where(total > 0, total, 1))


def softmax_with_loops(
    arcs: Arcs, scores: Float[Array, "..."], loop_scores: Float[Array, "n *heads"]
) -> tuple[Float[Array, "..."], Float[Array, "n *heads"]]:
    """Softmax over the kept arcs into each vertex and its self-loop, whose score is given apart.

    Returns:
        The softmax as an array of arcs, 0 where no arc is kept; and that of the self-loops.
    """
    constant, loop_constant = jax.lax.stop_gradient((scores, loop_scores))
    largest = jnp.maximum(arcs.max(constant), loop_constant)
    powers, loop_powers = _powers(arcs, scores, largest), jnp.exp(loop_scores - largest)
    total = arcs.sum(powers) + loop_powers
    return powers / arcs.from_receivers(total), loop_powers / total


def _powers(arcs: Arcs, scores: Array, largest: Array) -> Array:
    """Scores' exponentials relative to those of the largest into each vertex, 0 if not kept."""
    kept = _expand(arcs.mask, scores)
    # Scores that are not kept may be above the largest: their infinite powers would make the
    # gradient NaN, so they are replaced before and after.
    shifted = jnp.where(kept, scores - arcs.from_receivers(largest), 0)
    return jnp.where(kept, jnp.exp(shifted), 0)


def _table(graph: GraphsTuple, arc_values: Array, num_vertices: int) -> Array:
    """Values of the kept arcs as a table [receiver, sender]."""
    kept = jnp.where(_expand(graph.edges.mask, arc_values), arc_values, jnp.zeros_like(arc_values))
    empty = jnp.zeros((num_vertices, num_vertices, *arc_values.shape[1:]), arc_values.dtype)
    # Addition, since padding may share its place with an arc.
    return empty.at[graph.receivers, graph.senders].add(kept)


def _expand(mask: Array, like: Array) -> Array:
    """The mask with trailing axes of length 1, to the rank of another array."""
    return mask.reshape(mask.shape + (1,) * (like.ndim - mask.ndim))
