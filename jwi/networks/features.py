"""Features that a network starts from, and readouts that its linear head predicts from."""

import jax.numpy as jnp
from jax.experimental.sparse import BCOO
from jaxtyping import Array, Float

from jwi.graph.graph import GraphsTuple

# One row per vertex. A BCOO matrix suits rows that are mostly zero, such as bags of words.
Features = Float[Array, "n d_in"] | BCOO


def vertex_features(graph: GraphsTuple) -> Features:
    """The features in `graph.nodes`, dense or sparse.

    Args:
        graph: Graph of n vertices.

    Returns:
        Float[n, d_in], or a BCOO matrix of that shape.

    Raises:
        ValueError: If `graph.nodes` is not a floating-point row for each vertex.

    Example:
        >>> import jax.numpy as jnp, jwi.graph.graph
        >>> vertex_features(jwi.graph.from_edges([0], [1], 2, nodes=jnp.ones((2, 3)))).shape
        (2, 3)
    """
    nodes = graph.nodes
    if nodes.ndim != 2 or nodes.shape[1] == 0 or not jnp.issubdtype(nodes.dtype, jnp.floating):
        raise ValueError(
            f"graph.nodes is {nodes.dtype}{list(nodes.shape)}: pass at least one floating-point"
            " feature a vertex, for instance with from_edges(..., nodes=...)"
        )
    return nodes


def dense_vertex_features(graph: GraphsTuple) -> Float[Array, "n d_in"]:
    """The features in `graph.nodes` as a dense array, for networks that cannot skip zeros.

    Example:
        >>> import jax.numpy as jnp, jwi.graph.graph
        >>> nodes = BCOO.fromdense(jnp.eye(2))
        >>> dense_vertex_features(jwi.graph.from_edges([0], [1], 2, nodes=nodes)).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    nodes = vertex_features(graph)
    return nodes.todense() if isinstance(nodes, BCOO) else nodes


def vertex_readout(hidden: Float[Array, "n d"]) -> Float[Array, "n d"]:
    """Vertex prediction: the head predicts from each vertex on its own.

    Example:
        >>> import jax.numpy as jnp
        >>> vertex_readout(jnp.ones((3, 2))).shape
        (3, 2)
    """
    return hidden


def mean_readout(hidden: Float[Array, "n d"]) -> Float[Array, " d"]:
    """Graph prediction: the head predicts from the mean over all vertices.

    Example:
        >>> import jax.numpy as jnp
        >>> mean_readout(jnp.array([[1.0], [3.0]])).tolist()
        [2.0]
    """
    return hidden.mean(axis=0)
