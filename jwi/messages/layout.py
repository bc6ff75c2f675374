"""Two layouts for the arcs of a masked graph: a list, or a dense table if the graph is small.

A layer is written once for both. It works on arrays of arcs, which hold a number for each arc and
head: `[arc, *heads]` in the list, `[receiver, *heads, sender]` in the table. A layer may combine
such arrays elementwise only, and all of them must have the same heads axes.

The table needs no gathers and no scatters, so small graphs are faster with it, most of all under
vmap. It has a place for every pair of vertices, so sparse graphs are faster with the list.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Shaped

from jwi.graph.graph import GraphsTuple
from jwi.graph.info import info_of_whole
from jwi.messages import softmax as arc_softmax
from jwi.messages import sums as arc_sums
from jwi.messages.one_type import of_one_type

# The table is used up to this number of places per arc, and takes at most so much more memory.
# Gradients of vmapped layers of 32 and 64 vertices, on 2 CPU cores: sums are faster with the table
# up to 16 places per arc, products and softmaxes up to 4.
_MAX_ENTRIES_PER_ARC = 8

# An associative and commutative product with unit 1: lax.mul, for instance, which has a gradient.
Multiply = Callable[[Array, Array], Array]


@dataclass(frozen=True)
class ArcList:
    """Arcs as a list; arcs whose mask is False are treated as absent."""

    senders: Int[Array, " arcs"]
    receivers: Int[Array, " arcs"]
    mask: Bool[Array, " arcs"]
    num_vertices: int
    # The arcs may lie in so many equal parts on different devices.
    shards: int = 1

    def ones(self, heads: tuple[int, ...], dtype: jnp.dtype) -> Shaped[Array, "arcs *heads"]:
        """An array of arcs, all 1."""
        return jnp.ones((*self.mask.shape, *heads), dtype)

    def arrange(self, by_arc: Shaped[Array, "arcs *heads"]) -> Shaped[Array, "arcs *heads"]:
        """An array in the graph's order of arcs, as an array of arcs."""
        return by_arc

    def from_senders(self, values: Shaped[Array, "n *heads"]) -> Shaped[Array, "arcs *heads"]:
        """The value of the vertex where each arc starts."""
        return values[self.senders]

    def from_receivers(self, values: Shaped[Array, "n *heads"]) -> Shaped[Array, "arcs *heads"]:
        """The value of the vertex where each arc ends."""
        return values[self.receivers]

    def where_kept(
        self, on_arcs: Shaped[Array, "arcs *heads"], otherwise: int | float
    ) -> Shaped[Array, "arcs *heads"]:
        """The array, with a constant in place of the arcs that are not kept."""
        mask = self.mask.reshape(self.mask.shape + (1,) * (on_arcs.ndim - 1))
        return jnp.where(mask, on_arcs, jnp.asarray(otherwise, on_arcs.dtype))

    def sum(self, on_arcs: Shaped[Array, "arcs *heads"]) -> Shaped[Array, "n *heads"]:
        """Sum over the kept arcs into each vertex."""
        kept = self.where_kept(on_arcs, 0)
        return jax.ops.segment_sum(kept, self.receivers, self.num_vertices)

    def max(self, on_arcs: Float[Array, "arcs *heads"]) -> Float[Array, "n *heads"]:
        """Maximum over the kept arcs into each vertex, −inf where there are none."""
        kept = self.where_kept(on_arcs, -jnp.inf)
        return jax.ops.segment_max(kept, self.receivers, self.num_vertices)

    def product(self, on_arcs: Shaped[Array, "arcs d"], multiply: Multiply) -> Shaped[Array, "n d"]:
        """Product over the kept arcs into each vertex, 1 where there are none."""
        kept = self.where_kept(on_arcs, 1)
        product = partial(_segment_product, num_vertices=self.num_vertices, multiply=multiply)
        if self.shards == 1:
            return product(kept, self.mask, self.receivers)
        # Each part by itself: a scan over all arcs would gather them.
        parts = jax.tree.map(
            lambda by_arc: by_arc.reshape(self.shards, -1, *by_arc.shape[1:]),
            (kept, self.mask, self.receivers),
        )
        return _product_of_parts(jax.vmap(product)(*parts), multiply)

    def weighted_sum(
        self,
        values: Float[Array, "n *heads d"],
        weight: Float[Array, "arcs *heads"],
        loops: Float[Array, "n *heads"] | None = None,
        bias: Float[Array, "*heads d"] | None = None,
    ) -> Float[Array, "n *heads d"]:
        """Weighted sum of the senders' values over the kept arcs into each vertex.

        Args:
            values: One row a vertex and head.
            weight: Array of arcs.
            loops: Weights of self-loops: loops[i] · values[i] is added to row i.
            bias: Added to every row.
        """
        n, *heads, _ = values.shape
        kept = jnp.broadcast_to(self.where_kept(weight, 0), (*self.mask.shape, *heads))
        if loops is not None:
            loops = jnp.broadcast_to(loops, (n, *heads))
        ends = self.senders, self.receivers
        values, kept, loops, bias = of_one_type(values, kept, loops, bias, others=ends)
        return arc_sums.weighted_sum(values, kept, *ends, n, loops, bias)

    def softmax_sum(
        self, temperature: int | float, values: Float[Array, "n d"], weight: Float[Array, " arcs"]
    ) -> Float[Array, "n d"]:
        """Average of messages weight · value by the softmax of temperature · message."""
        arcs = self.mask, self.senders, self.receivers
        values, weight = of_one_type(values, weight, others=arcs)
        return arc_softmax.softmax_sum(temperature, values, weight, *arcs)


@dataclass(frozen=True)
class ArcTable:
    """Arcs as a table [receiver, sender], with the methods of `ArcList`."""

    graph: GraphsTuple
    mask: Bool[Array, "n n"]

    def ones(self, heads: tuple[int, ...], dtype: jnp.dtype) -> Shaped[Array, "n *heads n"]:
        """An array of arcs, all 1."""
        return jnp.ones((len(self.mask), *heads, len(self.mask)), dtype)

    def arrange(self, by_arc: Shaped[Array, "arcs *heads"]) -> Shaped[Array, "n *heads n"]:
        """An array in the graph's order of arcs, as an array of arcs; 0 where no arc is kept."""
        return jnp.moveaxis(_table(self.graph, by_arc, len(self.mask)), 1, -1)

    def from_senders(self, values: Shaped[Array, "n *heads"]) -> Shaped[Array, "n *heads n"]:
        """The value of the vertex where each arc starts."""
        row = jnp.moveaxis(values, 0, -1)
        return jnp.broadcast_to(row[None], (len(values), *row.shape))

    def from_receivers(self, values: Shaped[Array, "n *heads"]) -> Shaped[Array, "n *heads n"]:
        """The value of the vertex where each arc ends."""
        return jnp.broadcast_to(values[..., None], (*values.shape, len(values)))

    def where_kept(
        self, on_arcs: Shaped[Array, "n *heads n"], otherwise: int | float
    ) -> Shaped[Array, "n *heads n"]:
        """The array, with a constant in place of the arcs that are not kept."""
        n = len(self.mask)
        mask = self.mask.reshape(n, *(1,) * (on_arcs.ndim - 2), n)
        return jnp.where(mask, on_arcs, jnp.asarray(otherwise, on_arcs.dtype))

    def sum(self, on_arcs: Shaped[Array, "n *heads n"]) -> Shaped[Array, "n *heads"]:
        """Sum over the kept arcs into each vertex."""
        return self.where_kept(on_arcs, 0).sum(axis=-1)

    def max(self, on_arcs: Float[Array, "n *heads n"]) -> Float[Array, "n *heads"]:
        """Maximum over the kept arcs into each vertex, −inf where there are none."""
        return self.where_kept(on_arcs, -jnp.inf).max(axis=-1)

    def product(self, on_arcs: Shaped[Array, "n d n"], multiply: Multiply) -> Shaped[Array, "n d"]:
        """Product over the kept arcs into each vertex, 1 where there are none."""
        one = jnp.ones((), on_arcs.dtype)
        return jax.lax.reduce(self.where_kept(on_arcs, 1), one, multiply, (2,))

    def weighted_sum(
        self,
        values: Float[Array, "n *heads d"],
        weight: Float[Array, "n *heads n"],
        loops: Float[Array, "n *heads"] | None = None,
        bias: Float[Array, "*heads d"] | None = None,
    ) -> Float[Array, "n *heads d"]:
        """As `ArcList.weighted_sum`."""
        kept = self.where_kept(weight, 0)
        # Full precision, as in the list: the layout must not change a result.
        highest = jax.lax.Precision.HIGHEST
        total = jnp.einsum("i...j,j...d->i...d", kept, values, precision=highest)
        if loops is not None:
            total = total + loops[..., None] * values
        return total if bias is None else total + bias[None]

    def softmax_sum(
        self, temperature: int | float, values: Float[Array, "n d"], weight: Float[Array, "n n"]
    ) -> Float[Array, "n d"]:
        """Average of messages weight · value by the softmax of temperature · message."""
        messages = self.from_senders(values) * weight[:, None]
        no_loops = jnp.full_like(values, -jnp.inf)
        powers, _ = softmax_powers(self, temperature * messages, no_loops)
        total = powers.sum(axis=-1)
        return (powers * messages).sum(axis=-1) / jnp.where(total > 0, total, 1)


Arcs = ArcList | ArcTable


def arcs_of(graph: GraphsTuple, num_vertices: int) -> Arcs:
    """The kept arcs of a graph in the layout that suits its static shapes.

    Args:
        graph: Graph with at most one arc from a vertex to another, as `from_edges` makes it.
        num_vertices: Its number of vertices.

    Example:
        >>> import jwi.graph.graph
        >>> path = jwi.graph.from_edges([0, 1], [1, 2], 3)
        >>> arcs_of(path, 3).mask.tolist()
        [[False, True, False], [True, False, True], [False, True, False]]
    """
    if num_vertices**2 <= _MAX_ENTRIES_PER_ARC * len(graph.senders):
        kept = graph.edges.mask.astype(jnp.int32)
        return ArcTable(graph, _table(graph, kept, num_vertices) > 0)
    shards = info_of_whole(graph).arc_shards
    return ArcList(graph.senders, graph.receivers, graph.edges.mask, num_vertices, shards)


def softmax_powers(
    arcs: Arcs, scores: Float[Array, "..."], loop_scores: Float[Array, "n *heads"]
) -> tuple[Float[Array, "..."], Float[Array, "n *heads"]]:
    """The numerators of a softmax over the kept arcs into each vertex and its self-loop.

    Args:
        arcs: Arcs of a graph of n vertices.
        scores: Array of arcs.
        loop_scores: Scores of the self-loops; −inf for a vertex without one.

    Returns:
        exp(score − largest score into the vertex) for arcs, with 0 where no arc is kept, and for
        self-loops. The caller sums messages first and divides by the sum of these numbers after,
        since there are fewer vertices than arcs.
    """
    # The result of a softmax does not depend on the number that is subtracted: no gradient.
    constant, loop_constant = jax.lax.stop_gradient((scores, loop_scores))
    largest = jnp.maximum(arcs.max(constant), loop_constant)
    # A vertex without scores has the maximum −inf, and −inf − (−inf) is NaN.
    largest = jnp.where(jnp.isfinite(largest), largest, 0)
    # Scores of arcs that are not kept may exceed the largest, and infinite powers would make the
    # gradient NaN: both scores and powers are replaced.
    shifted = arcs.where_kept(scores - arcs.from_receivers(largest), 0)
    return arcs.where_kept(jnp.exp(shifted), 0), jnp.exp(loop_scores - largest)


# Jitted, since outside jit each operation of the scan would be compiled on its own, for seconds.
@partial(jax.jit, static_argnames=("num_vertices", "multiply"), inline=True)
def _segment_product(
    on_arcs: Array, mask: Array, receivers: Array, num_vertices: int, multiply: Multiply
) -> Array:
    """Product of the rows of each receiver, 1 where no arc is kept.

    Arcs are sorted by receiver. A segmented scan multiplies the rows of a receiver, and the product
    is read at its last arc.
    """
    starts = (receivers != jnp.roll(receivers, 1))[:, None]

    def combine(left: tuple[Array, Array], right: tuple[Array, Array]) -> tuple[Array, Array]:
        # If the right part starts a receiver, the left part belongs to another one.
        before = jnp.where(right[0], jnp.ones_like(left[1]), left[1])
        return left[0] | right[0], multiply(before, right[1])

    _, products = jax.lax.associative_scan(combine, (starts, on_arcs))
    # Removed arcs have factor 1, so the product at the last kept arc has all kept factors.
    last = jax.ops.segment_max(jnp.where(mask, jnp.arange(len(mask)), -1), receivers, num_vertices)
    none = jnp.ones_like(products, shape=(1, products.shape[1]))
    return jnp.append(products, none, axis=0)[jnp.where(last < 0, len(mask), last)]


def _product_of_parts(products: Array, multiply: Multiply) -> Array:
    """Product along the first axis, in halves: between devices XLA reduces by no other products."""
    while len(products) > 1:
        half = len(products) // 2
        pairs = multiply(products[:half], products[half : 2 * half])
        products = jnp.concatenate([pairs, products[2 * half :]])
    return products[0]


def _table(graph: GraphsTuple, by_arc: Array, num_vertices: int) -> Array:
    """Numbers of the kept arcs as a table [receiver, sender, *heads], 0 elsewhere."""
    mask = graph.edges.mask.reshape((-1,) + (1,) * (by_arc.ndim - 1))
    empty = jnp.zeros((num_vertices, num_vertices, *by_arc.shape[1:]), by_arc.dtype)
    # Added, not set: padding may have the ends of an arc, and its 0 must not replace that arc.
    kept = jnp.where(mask, by_arc, jnp.zeros_like(by_arc))
    return empty.at[graph.receivers, graph.senders].add(kept)
