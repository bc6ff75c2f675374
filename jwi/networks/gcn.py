"""Graph convolutional network: a degree-normalized sum over neighbors."""

from collections.abc import Callable

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jwi.graph.graph import GraphsTuple
from jwi.graph.info import info_of_whole
from jwi.messages.layout import arcs_of
from jwi.messages.message_passing import in_degree
from jwi.networks.base import ConvNetwork
from jwi.networks.features import Features
from jwi.networks.linear import Linear

Degrees = Callable[[GraphsTuple, Float[Array, " arcs"] | None], Array]


def plain_degrees(graph: GraphsTuple, weight: Float[Array, " arcs"] | None) -> Array:
    """Number of kept arcs that end at each vertex, whatever they weigh.

    Args:
        graph: Graph of n vertices.
        weight: Ignored.

    Returns:
        int32[n].
    """
    return in_degree(graph)


def weighted_degrees(graph: GraphsTuple, weight: Float[Array, " arcs"] | None) -> Array:
    """Sum of the weights of the kept arcs that end at each vertex.

    Args:
        graph: Graph of n vertices.
        weight: One number an arc; 1 if not given.

    Returns:
        Float[n]; int32[n] without weights.

    Example:
        >>> import jax.numpy as jnp, jwi
        >>> path = jwi.from_edges([0, 1], [1, 2], 3)
        >>> weighted_degrees(path, jnp.array([0.5, 1.5, 2.0, 3.0])).tolist()
        [0.5, 3.5, 3.0]
    """
    if weight is None:
        return in_degree(graph)
    kept = jnp.where(graph.edges.mask, weight, 0)
    return jax.ops.segment_sum(kept, graph.receivers, info_of_whole(graph).num_vertices)


class GCNConv(nn.Module):
    """Graph convolution with symmetric normalization: D^(−1/2) (A + I) D^(−1/2) X W + b.

    A is the adjacency matrix of the kept arcs, and D has the in-degrees of A + I. Both follow the
    edge mask, so a masked graph and its compacted copy give the same result. An arc weight
    multiplies the message along the arc and leaves D unchanged. With `degrees=weighted_degrees`, D
    has the sums of the weights, 1 for each self-loop, as in PyTorch Geometric. There, and here, the
    factor of a vertex whose sum is 0 is 0, and a negative sum gives NaN. DGL's `EdgeWeightNorm`, on
    a graph with self-loops of weight 1, is the same for undirected graphs. For directed ones it
    divides by the root of the sum out of the sender, and not into it.

    References:
        Kipf and Welling, "Semi-supervised classification with graph convolutional networks", ICLR
        2017: equation 2.

    Attributes:
        features: Width of the output.
        degrees: Gives the degrees without self-loops: `plain_degrees` or `weighted_degrees`.

    Example:
        >>> import jax, jax.numpy as jnp, jwi.graph.graph
        >>> path = jwi.graph.from_edges([0, 1], [1, 2], 3, nodes=jnp.eye(3))
        >>> layer = GCNConv(features=4)
        >>> params = layer.init(jax.random.key(0), path, path.nodes)
        >>> layer.apply(params, path, path.nodes).shape
        (3, 4)
    """

    features: int
    degrees: Degrees = plain_degrees

    @nn.compact
    def __call__(
        self,
        graph: GraphsTuple,
        x: Features,
        weight: Float[Array, " arcs"] | None = None,
    ) -> Float[Array, "n features"]:
        """Apply the layer.

        Args:
            graph: Graph of n vertices; self-loops are added here.
            x: Features of the vertices.
            weight: Multiplies the message of each arc; 1 if not given.

        Returns:
            Float[n, features].
        """
        # Multiply by W first: layers are usually narrower than their input, so messages are short.
        glorot = nn.initializers.glorot_uniform()
        linear = Linear(self.features, use_bias=False, kernel_init=glorot, name="linear")
        hidden = linear(x)
        # D^(−1/2), and the weight D^(−1/2) A D^(−1/2) of each arc and D^(−1) of each self-loop.
        degree = self.degrees(graph, weight).astype(hidden.dtype) + 1
        # Weights may cancel the self-loop. The inner choice keeps gradients finite there.
        alone = degree == 0
        scale = jnp.where(alone, 0, jax.lax.rsqrt(jnp.where(alone, 1, degree)))
        arcs = arcs_of(graph, len(hidden))
        on_arcs = arcs.from_senders(scale) * arcs.from_receivers(scale)
        if weight is not None:
            on_arcs = on_arcs * arcs.arrange(weight)
        bias = self.param("bias", nn.initializers.zeros, (self.features,), jnp.float32)
        return arcs.weighted_sum(hidden, on_arcs, scale * scale, bias)


class GCN(ConvNetwork):
    """Graph convolutional network: (convolution → ReLU → LayerNorm) × depth, linear head.

    Attributes:
        width: Width of every layer.
        depth: Number of layers.
        num_outputs: Width of the head, for instance the number of classes.
        readout: `vertex_readout` or `mean_readout`.
        degrees: As for `GCNConv`.

    Example:
        >>> import jax, jax.numpy as jnp, jwi.graph.graph
        >>> path = jwi.graph.from_edges([0, 1], [1, 2], 3, nodes=jnp.eye(3))
        >>> model = GCN(width=8, depth=2, num_outputs=4)
        >>> params = model.init(jax.random.key(0), path)
        >>> model.apply(params, path).shape
        (3, 4)
    """

    degrees: Degrees = plain_degrees

    @nn.nowrap
    def conv(self, *, train: bool) -> nn.Module:
        """One graph convolution."""
        return GCNConv(self.width, self.degrees)
