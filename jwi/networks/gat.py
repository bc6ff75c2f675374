"""Graph attention network: a learned average over neighbors."""

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float

from jwi.graph.graph import GraphsTuple
from jwi.messages.layout import Arcs, arcs_of, softmax_powers
from jwi.networks.base import ConvNetwork
from jwi.networks.features import Features
from jwi.networks.linear import Linear


class GATConv(nn.Module):
    """Multi-head graph attention: each head averages its neighbors by learned attention.

    A head computes features h = x W. The score of an arc j → i is
    LeakyReLU(a_sender · h[j] + a_receiver · h[i]) with slope 0.2. The attention is the softmax of
    the scores over the neighbors of i and i itself. The outputs of the heads are concatenated. An
    arc weight multiplies the message along the arc, after the softmax.

    References:
        Veličković et al., "Graph attention networks", ICLR 2018: equations 3 to 5.

    Attributes:
        features: Width of the output, all heads together.
        heads: Number of heads; divides `features`.

    Raises:
        ValueError: When called, if `heads` does not divide `features`.

    Example:
        >>> import jax, jax.numpy as jnp, jwi.graph.graph
        >>> path = jwi.graph.from_edges([0, 1], [1, 2], 3, nodes=jnp.eye(3))
        >>> layer = GATConv(features=4, heads=2)
        >>> params = layer.init(jax.random.key(0), path, path.nodes)
        >>> layer.apply(params, path, path.nodes).shape
        (3, 4)
    """

    features: int
    heads: int = 1

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
        if self.features % self.heads:
            raise ValueError(
                f"heads is {self.heads} and features is {self.features}: pass a number of heads"
                " that divides the features"
            )
        shape = (self.heads, self.features // self.heads)
        glorot = nn.initializers.glorot_uniform()
        linear = Linear(self.features, use_bias=False, kernel_init=glorot, name="linear")
        hidden = linear(x).reshape(-1, *shape)
        init = nn.initializers.glorot_uniform(in_axis=-1, out_axis=0)
        sender = self.param("attention_sender", init, shape, jnp.float32)
        receiver = self.param("attention_receiver", init, shape, jnp.float32)
        bias = self.param("bias", nn.initializers.zeros, (self.features,), jnp.float32)

        # The score of an arc is linear in both ends, so each vertex computes its share once.
        arcs = arcs_of(graph, len(hidden))
        sender_scores = (hidden * sender[None]).sum(axis=-1)
        receiver_scores = (hidden * receiver[None]).sum(axis=-1)
        scores = arcs.from_senders(sender_scores) + arcs.from_receivers(receiver_scores)
        loop_scores = nn.leaky_relu(sender_scores + receiver_scores, 0.2)
        out = _attend(arcs, hidden, nn.leaky_relu(scores, 0.2), loop_scores, weight)
        return out.reshape(len(hidden), self.features) + bias[None]


def _attend(
    arcs: Arcs,
    values: Float[Array, "n heads d"],
    scores: Float[Array, "..."],
    loop_scores: Float[Array, "n heads"],
    weight: Float[Array, " arcs"] | None,
) -> Float[Array, "n heads d"]:
    """Average of the values at the neighbors and the vertex itself, by the softmax of scores."""
    powers, loop_powers = softmax_powers(arcs, scores, loop_scores)
    total = arcs.sum(powers) + loop_powers
    # The weights multiply messages only: the softmax's denominator is summed before.
    if weight is not None:
        powers = powers * arcs.arrange(weight[:, None])
    out = arcs.weighted_sum(values, powers, loop_powers)
    return out / total[..., None]


class GAT(ConvNetwork):
    """Graph attention network: (attention → ReLU → LayerNorm) × depth, readout, linear head.

    Attributes:
        width: Width of every layer, all heads together.
        depth: Number of layers.
        num_outputs: Width of the head, for instance the number of classes.
        readout: `vertex_readout` or `mean_readout`.
        heads: Number of attention heads; divides `width`.

    Example:
        >>> import jax, jax.numpy as jnp, jwi.graph.graph
        >>> path = jwi.graph.from_edges([0, 1], [1, 2], 3, nodes=jnp.eye(3))
        >>> model = GAT(width=8, depth=2, num_outputs=4, heads=2)
        >>> params = model.init(jax.random.key(0), path)
        >>> model.apply(params, path).shape
        (3, 4)
    """

    heads: int = 4

    @nn.nowrap
    def conv(self, *, train: bool) -> nn.Module:
        """One attention layer."""
        return GATConv(self.width, self.heads)
