"""What GCN, GAT and GIN share: a stack of convolutions, then a readout and a linear head."""

import abc
from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
from jax.experimental.sparse import BCOO
from jaxtyping import Array, Float

from jwi.graph.graph import GraphsTuple
from jwi.networks.layer_normalization import LayerNorm
from jwi.networks.linear import Features


def vertex_readout(hidden: Float[Array, "n d"]) -> Float[Array, "n d"]:
    """Vertex prediction: the head sees each vertex for itself.

    Example:
        >>> import jax.numpy as jnp
        >>> vertex_readout(jnp.ones((3, 2))).shape
        (3, 2)
    """
    return hidden


def mean_readout(hidden: Float[Array, "n d"]) -> Float[Array, " d"]:
    """Graph prediction: the head sees the mean over all vertices.

    Example:
        >>> import jax.numpy as jnp
        >>> mean_readout(jnp.array([[1.0], [3.0]])).tolist()
        [2.0]
    """
    return hidden.mean(axis=0)


def vertex_features(graph: GraphsTuple) -> Features:
    """The features of the vertices that a network starts from, dense or a BCOO matrix.

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


def dense_vertex_features(graph: GraphsTuple) -> Float[Array, "n d"]:
    """`vertex_features` as an array, for networks that have use for every zero.

    Example:
        >>> import jax.numpy as jnp, jwi.graph.graph
        >>> nodes = BCOO.fromdense(jnp.eye(2))
        >>> dense_vertex_features(jwi.graph.from_edges([0], [1], 2, nodes=nodes)).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    nodes = vertex_features(graph)
    return nodes.todense() if isinstance(nodes, BCOO) else nodes


class ConvNetwork(nn.Module, abc.ABC):
    """(Convolution → ReLU → LayerNorm) × depth, readout, linear head.

    Abstract: a subclass names its convolution in `conv`. For one graph; vmap over several.

    Attributes:
        width: Width of every layer.
        depth: Number of layers.
        num_outputs: Width of the head, for instance the number of classes.
        readout: `vertex_readout` or `mean_readout`, or any function of Float[n, width].
    """

    width: int
    depth: int
    num_outputs: int
    readout: Callable[[Array], Array] = vertex_readout

    @nn.nowrap
    @abc.abstractmethod
    def conv(self, *, train: bool) -> nn.Module:
        """One convolution: a module called with (graph, x, weight)."""

    @nn.compact
    def __call__(
        self,
        graph: GraphsTuple,
        weight: Float[Array, " arcs"] | None = None,
        *,
        train: bool = False,
    ) -> Float[Array, "*vertices num_outputs"]:
        """Predict from the features in `graph.nodes`.

        Args:
            graph: Graph of n vertices with `nodes` Float[n, d_in], or a BCOO matrix of that shape
                (see `Linear`), which is cheaper where most features are zero. Arcs whose mask is
                False are treated as absent.
            weight: Multiplies the message of each arc in every layer; 1 if not given.
            train: Whether batch statistics (where the network has any) are those of this call.

        Returns:
            Float[n, num_outputs] with `vertex_readout`, Float[num_outputs] with `mean_readout`.

        Raises:
            ValueError: If `graph.nodes` is not a floating-point row for each vertex.
        """
        hidden = self.conv(train=train)(graph, vertex_features(graph), weight)
        for _ in range(self.depth - 1):
            # Of relu(hidden), in one pass over memory.
            hidden = LayerNorm(floor=0.0)(hidden)
            hidden = self.conv(train=train)(graph, hidden, weight)
        hidden = LayerNorm(floor=0.0)(hidden)
        return nn.Dense(self.num_outputs, name="head")(self.readout(hidden))
