"""What GCN, GAT and GIN share: a stack of convolutions, then a readout and a linear head."""

from collections.abc import Callable

import flax.linen as nn
from jaxtyping import Array, Float

from jwi.graph import GraphsTuple
from jwi.networks.norms import layer_norm


def vertex_readout(hidden: Float[Array, "n d"]) -> Float[Array, "n d"]:
    """Vertex prediction: the head sees each vertex for itself.

    Examples:
        >>> import jax.numpy as jnp
        >>> vertex_readout(jnp.ones((3, 2))).shape
        (3, 2)
    """
    return hidden


def mean_readout(hidden: Float[Array, "n d"]) -> Float[Array, " d"]:
    """Graph prediction: the head sees the mean over all vertices.

    Examples:
        >>> import jax.numpy as jnp
        >>> mean_readout(jnp.array([[1.0], [3.0]])).tolist()
        [2.0]
    """
    return hidden.mean(axis=0)


class ConvNetwork(nn.Module):
    """(Convolution → ReLU → LayerNorm) × depth, readout, linear head.

    Abstract: a subclass names its convolution in `conv`.

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
    def conv(self, *, train: bool) -> nn.Module:
        """One convolution: a module called with (graph, x, weight)."""
        raise NotImplementedError

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
            graph: Graph of n vertices with `nodes` Float[n, d_in]. Arcs whose mask is False are
                treated as absent.
            weight: Multiplies the message of each arc in every layer; 1 if not given.
            train: Whether batch statistics (where the network has any) are those of this call.

        Returns:
            Float[n, num_outputs] with `vertex_readout`, Float[num_outputs] with `mean_readout`.
        """
        hidden = graph.nodes
        for _ in range(self.depth):
            hidden = nn.relu(self.conv(train=train)(graph, hidden, weight))
            hidden = layer_norm(train=train)(hidden)
        return nn.Dense(self.num_outputs, name="head")(self.readout(hidden))
