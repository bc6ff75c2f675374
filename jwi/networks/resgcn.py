"""Residual deep graph network (DeeperGCN, Li et al., 2020)."""

import functools
from collections.abc import Callable

import flax.linen as nn
from jaxtyping import Array, Float

from jwi.graph.graph import GraphsTuple
from jwi.messages.layout import arcs_of
from jwi.networks.base import vertex_features, vertex_readout
from jwi.networks.linear import Linear
from jwi.networks.norms import batch_norm


class GENConv(nn.Module):
    """Generalised convolution with softmax aggregation: MLP(x[i] + Σ_j softmax_j(t m[j]) ⊙ m[j]).

    The message of neighbor j is m[j] = ReLU(x[j]) + 1e-7, times the weight of its arc; the softmax
    goes over the neighbors j of i, in each feature for itself. At t = 0 it is their mean, for
    large t their maximum. The input has the width of the messages: `features`.

    Source: Li et al., "DeeperGCN: all you need to train deeper GCNs", section 3.

    Attributes:
        features: Width of input and output.
        norm: Makes a normalization layer of the MLP, without arguments; unused for one layer.
        temperature: The number t, which multiplies messages in the softmax.
        mlp_depth: Number of linear layers of the MLP; those between are twice as wide and followed
            by normalization and ReLU.

    Example:
        >>> import jax, jax.numpy as jnp, jwi.graph.graph
        >>> path = jwi.graph.from_edges([0, 1], [1, 2], 3, nodes=jnp.eye(3))
        >>> layer = GENConv(3, functools.partial(batch_norm, train=True))
        >>> params = layer.init(jax.random.key(0), path, path.nodes)
        >>> layer.apply(params, path, path.nodes).shape
        (3, 3)
    """

    features: int
    norm: Callable[[], nn.Module]
    temperature: float = 0.1
    mlp_depth: int = 1

    @nn.compact
    def __call__(
        self,
        graph: GraphsTuple,
        x: Float[Array, "n features"],
        weight: Float[Array, " arcs"] | None = None,
    ) -> Float[Array, "n features"]:
        """Apply the layer.

        Args:
            graph: Graph of n vertices, without self-loops.
            x: Features of the vertices.
            weight: Multiplies the message of each arc, in the softmax too; 1 if not given.

        Returns:
            Float[n, features].
        """
        arcs = arcs_of(graph, len(x))
        weights = arcs.ones((), x.dtype) if weight is None else arcs.arrange(weight)
        x = x + arcs.softmax_sum(self.temperature, nn.relu(x) + 1e-7, weights)
        for _ in range(self.mlp_depth - 1):
            x = nn.relu(self.norm()(nn.Dense(2 * self.features)(x)))
        return nn.Dense(self.features)(x)


class ResGCN(nn.Module):
    """Residual deep graph network: linear encoder, GENConv, res+ blocks, readout, linear head.

    A res+ block is x + GENConv(Dropout(ReLU(Norm(x)))). The first convolution has no block around
    it; Norm, ReLU and Dropout follow the last one. `init` returns `batch_stats` too; training needs
    a key for dropout.

    Source: Li et al., "DeeperGCN: all you need to train deeper GCNs", section 4.

    Attributes:
        width: Width of every layer.
        depth: Number of convolutions.
        num_outputs: Width of the head, for instance the number of classes.
        readout: `vertex_readout` or `mean_readout`.
        norm: `batch_norm` or `layer_norm`. Where samples are vmapped:
            `functools.partial(batch_norm, axis_name=...)`.
        dropout: Share of features dropped in training.
        temperature: The number t of every `GENConv`.
        mlp_depth: Number of linear layers in every `GENConv`.

    Example:
        >>> import jax, jax.numpy as jnp, jwi.graph.graph
        >>> path = jwi.graph.from_edges([0, 1], [1, 2], 3, nodes=jnp.eye(3))
        >>> model = ResGCN(width=8, depth=2, num_outputs=4)
        >>> variables = model.init(jax.random.key(0), path)
        >>> predictions, updated = model.apply(
        ...     variables, path, train=True, mutable=["batch_stats"],
        ...     rngs={"dropout": jax.random.key(1)},
        ... )
        >>> predictions.shape, sorted(updated)
        ((3, 4), ['batch_stats'])
    """

    width: int
    depth: int
    num_outputs: int
    readout: Callable[[Array], Array] = vertex_readout
    norm: Callable[..., nn.Module] = batch_norm
    dropout: float = 0.5
    temperature: float = 0.1
    mlp_depth: int = 1

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
            train: Whether batch statistics are those of this call and features are dropped.

        Returns:
            Float[n, num_outputs] with `vertex_readout`, Float[num_outputs] with `mean_readout`.

        Raises:
            ValueError: If `graph.nodes` is not a floating-point row for each vertex.
        """
        norm = functools.partial(self.norm, train=train)

        def conv() -> GENConv:
            return GENConv(self.width, norm, self.temperature, self.mlp_depth)

        def activate(hidden: Array) -> Array:
            return nn.Dropout(self.dropout, deterministic=not train)(nn.relu(norm()(hidden)))

        hidden = Linear(self.width, name="encoder")(vertex_features(graph))
        hidden = conv()(graph, hidden, weight)
        for _ in range(self.depth - 1):
            hidden = hidden + conv()(graph, activate(hidden), weight)
        return nn.Dense(self.num_outputs, name="head")(self.readout(activate(hidden)))
