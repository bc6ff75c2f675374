"""Masked message passing: sums and products along the kept arcs of a graph.

The functions read the arcs and the edge mask of a graph and take the values of the vertices as an
argument, so that one graph serves all layers. They work under jit, grad, and vmap over values,
weights and masks.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Shaped

from jwi.graph.graph import GraphsTuple
from jwi.graph.info import info_of_whole
from jwi.messages.layout import Multiply, arcs_of


def in_degree(graph: GraphsTuple) -> Int[Array, " n"]:
    """Number of kept arcs that end at each vertex; self-loops are not added.

    Args:
        graph: Graph of n vertices; arcs whose mask is False do not count.

    Returns:
        int32[n].

    Example:
        >>> import jwi.graph.graph
        >>> path = jwi.graph.from_edges([0, 1], [1, 2], 3)
        >>> in_degree(path).tolist()
        [1, 2, 1]
    """
    kept = graph.edges.mask.astype(jnp.int32)
    return jax.ops.segment_sum(kept, graph.receivers, info_of_whole(graph).num_vertices)


def neighbor_sum(
    graph: GraphsTuple,
    values: Float[Array, "n *heads d"],
    weight: Float[Array, "arcs *heads"] | None = None,
    loops: Float[Array, "n *heads"] | None = None,
) -> Float[Array, "n *heads d"]:
    """Weighted sum over incoming neighbors: out[i] = Σ_(kept arcs a: j→i) weight[a] · values[j].

    Args:
        graph: Graph of n vertices; arcs whose mask is False contribute nothing.
        values: One row a vertex, or one a vertex and head.
        weight: One number an arc, or one an arc and head; 1 if not given.
        loops: Weights of self-loops, one a vertex, or one a vertex and head: loops[i] · values[i]
            is added. No self-loops if not given.

    Returns:
        Sums with the shape of `values`; zero for a vertex without incoming arcs and loop. They are
        differentiable in `values`, `weight` and `loops`, in reverse mode (`jax.grad`) to any order.

    Example:
        >>> import jax.numpy as jnp, jwi.graph.graph
        >>> path = jwi.graph.from_edges([0, 1], [1, 2], 3)
        >>> neighbor_sum(path, jnp.array([[1.0], [10.0], [100.0]])).tolist()
        [[10.0], [101.0], [10.0]]
        >>> neighbor_sum(path, jnp.array([[1.0], [10.0], [100.0]]), loops=jnp.full(3, 2.0)).tolist()
        [[12.0], [121.0], [210.0]]
    """
    arcs = arcs_of(graph, len(values))
    if weight is None:
        on_arcs = arcs.ones(values.shape[1:-1], values.dtype)
    else:
        on_arcs = arcs.arrange(weight)
    return arcs.weighted_sum(values, on_arcs, loops)


def neighbor_product(
    graph: GraphsTuple, values: Shaped[Array, "n d"], multiply: Multiply = jax.lax.mul
) -> Shaped[Array, "n d"]:
    """Product over incoming neighbors: out[i] = Π_(kept arcs j→i) values[j], elementwise.

    Args:
        graph: Graph of n vertices; arcs whose mask is False contribute nothing.
        values: One row a vertex, of any number type.
        multiply: An associative and commutative product with unit 1, for instance modulo a prime.
            With `jax.lax.mul` gradients are exact, also if factors are zero; with another product
            they may be wrong.

    Returns:
        Products with the shape of `values`; ones for a vertex without incoming arcs. No self-loops
        are added.

    Example:
        >>> import jax.numpy as jnp, jwi.graph.graph
        >>> path = jwi.graph.from_edges([0, 1], [1, 2], 3)
        >>> neighbor_product(path, jnp.array([[2.0], [3.0], [5.0]])).tolist()
        [[3.0], [10.0], [3.0]]
    """
    arcs = arcs_of(graph, len(values))
    return arcs.product(arcs.from_senders(values), multiply)
