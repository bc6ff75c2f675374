"""Logarithms of walk counts and walk indices, for counts that exceed every integer type.

A count after L steps grows like the L-th power of the degrees, so the counts of deep networks soon
exceed int64. Here each count is a mantissa in [½, 1) and an integer exponent of its own: nothing
overflows, and small counts survive beside large ones. A step rounds the mantissa alone, so L steps
add a relative error of about L units in the last place to a count. `jwi.count_walks` is exact where
counts fit.

The theory's adjacency matrix has a self-loop at every vertex; these functions add the self-loops.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jwi.graph.graph import GraphsTuple
from jwi.graph.info import info_of_whole
from jwi.walks.traced import boundary

# The exponent of the count 0: lower than the exponent of any other count.
_NONE = -(2**30)


class _Scaled(NamedTuple):
    """Counts mantissa · 2^exponent; 0 is 0 · 2^_NONE."""

    mantissa: Float[Array, " n"]
    exponent: Int[Array, " n"]


@jax.jit
def log_count_walks(
    graph: GraphsTuple, length: int | Int[Array, ""], target: int | Int[Array, ""] | None = None
) -> Float[Array, " n"]:
    """Natural logarithm of `jwi.count_walks`, for any length; works under jit and vmap.

    One compilation serves all lengths, targets and masks.

    Args:
        graph: A graph of n vertices, masked or not.
        length: Number of steps, ≥ 0; a negative one counts as 0.
        target: Vertex where the walks end; None for any vertex.

    Returns:
        float[n], float64 in 64-bit mode, else float32; −inf where there is no walk.

    Example:
        >>> import jwi
        >>> graph = jwi.from_edges([0, 1], [1, 2], num_vertices=3)
        >>> [round(x, 3) for x in log_count_walks(graph, 1000).tolist()]
        [881.215, 881.562, 881.215]
    """
    vertices = jnp.arange(info_of_whole(graph).num_vertices)
    ends_here = jnp.ones(vertices.shape, bool) if target is None else vertices == target
    start = _scaled(ends_here.astype(float), jnp.zeros(vertices.shape, jnp.int32))
    counts = jax.lax.fori_loop(0, length, lambda _, counts: _one_step_longer(graph, counts), start)
    return jnp.log(counts.mantissa) + counts.exponent * jnp.log(2.0)


@jax.jit
def log_walk_index(
    graph: GraphsTuple,
    subset: Bool[Array, " n"],
    length: int | Int[Array, ""],
    target: int | Int[Array, ""] | None = None,
) -> Float[Array, ""]:
    """Natural logarithm of `jwi.walk_index`, for any length; works under jit and vmap.

    One compilation serves all subsets, lengths, targets and masks.

    Args:
        graph: A graph of n vertices, masked or not.
        subset: bool[n], the set I.
        length: Number of steps, ≥ 0; a negative one counts as 0.
        target: The vertex t whose prediction is meant; None for a prediction over the graph.

    Returns:
        A scalar, float64 in 64-bit mode, else float32; −inf where the walk index is 0.

    Raises:
        ValueError: If `subset` is not one boolean a vertex.

    References:
        Razin, Verbin, Cohen, 2023, Definition 2.

    Example:
        >>> import jwi
        >>> graph = jwi.from_edges([0, 1], [1, 2], num_vertices=3)
        >>> index = jax.numpy.exp(log_walk_index(graph, jax.numpy.array([True, False, False]), 2))
        >>> round(float(index), 3)
        12.0
    """
    logs = jnp.where(boundary(graph, subset), log_count_walks(graph, length, target), -jnp.inf)
    return jax.nn.logsumexp(logs)


def _one_step_longer(graph: GraphsTuple, counts: _Scaled) -> _Scaled:
    """Multiplies the counts by A: adds to each vertex the counts at the heads of its arcs."""
    mantissa, exponent = counts
    exponents = jnp.where(graph.edges.mask, exponent[graph.receivers], _NONE)
    # All terms of a sum are scaled to its largest exponent, so the largest term loses no digit.
    largest = exponent.at[graph.senders].max(exponents)
    ahead = jnp.where(graph.edges.mask, mantissa[graph.receivers], 0)
    ahead = jnp.ldexp(ahead, exponents - largest[graph.senders])
    return _scaled(jnp.ldexp(mantissa, exponent - largest).at[graph.senders].add(ahead), largest)


def _scaled(counts: Float[Array, " n"], exponent: Int[Array, " n"]) -> _Scaled:
    """Counts · 2^exponent with mantissas in [½, 1)."""
    mantissa, more = jnp.frexp(counts)
    return _Scaled(mantissa, jnp.where(counts > 0, exponent + more, _NONE))
