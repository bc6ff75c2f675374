"""Residual deep graph network (DeeperGCN, Li et al., 2020)."""

from collections.abc import Callable

import flax.linen as nn
from jaxtyping import Array, Float

from jwi.graph.graph import GraphsTuple
from jwi.messages.layout import arcs_of
from jwi.networks.features import vertex_features, vertex_readout
from jwi.networks.linear import Linear
from jwi.networks.norms import batch_norm, normalize


class GENConv(nn.Module):
    """Generalized convolution with softmax aggregation: MLP(x[i] + Σ_j softmax_j(t m[j]) ⊙ m[j]).

    The message of neighbor j is m[j] = ReLU(x[j]) + 1e-7, times the weight of its arc. The softmax
    runs over the neighbors j of i, separately in each feature. The sum is the messages' mean at
    t = 0 and their maximum for large t. Input and messages have the width `features`.

    References:
        Li et al., "DeeperGCN: all you need to train deeper GCNs", 2020: section 3.

    Attributes:
        features: Width of input and output.
        norm: Makes the normalization layers of the MLP, `batch_norm` or `LayerNorm`; an MLP of one
            layer has none.
        temperature: The number t, which multiplies messages in the softmax.
        mlp_depth: Number of linear layers of the MLP. All except the last have the width
            2 · `features`, and normalization and ReLU follow each of them.
        train: Whether batch normalization computes its statistics from the call.

    Example:
        >>> import jax, jax.numpy as jnp, jwi.graph.graph
        >>> path = jwi.graph.from_edges([0, 1], [1, 2], 3, nodes=jnp.eye(3))
        >>> layer = GENConv(3, batch_norm)
        >>> params = layer.init(jax.random.key(0), path, path.nodes)
        >>> layer.apply(params, path, path.nodes).shape
        (3, 3)
    """

    features: int
    norm: Callable[[], nn.Module]
    temperature: float = 0.1
    mlp_depth: int = 1
    train: bool = False

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
            x = nn.Dense(2 * self.features)(x)
            x = nn.relu(normalize(self.norm(), x, train=self.train))
        return nn.Dense(self.features)(x)


class ResGCN(nn.Module):
    """Residual deep graph network: linear encoder, GENConv, res+ blocks, readout, linear head.

    A res+ block is x + GENConv(Dropout(ReLU(Norm(x)))). The first convolution stands alone, without
    a block. Norm, ReLU and Dropout follow the last block. With batch normalization `init` returns
    `batch_stats` too. Training needs a key for dropout.

    References:
        Li et al., "DeeperGCN: all you need to train deeper GCNs", 2020: section 4.

    Attributes:
        width: Width of every layer.
        depth: Number of convolutions.
        num_outputs: Width of the head, for instance the number of classes.
        readout: `vertex_readout` or `mean_readout`.
        norm: Makes normalization layers: `batch_norm` or `LayerNorm`. If samples are vmapped:
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
    norm: Callable[[], nn.Module] = batch_norm
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
                (see `Linear`), which is cheaper if most features are zero. Arcs whose mask is
                False are treated as absent.
            weight: Multiplies the message of each arc in every layer; 1 if not given.
            train: Whether features are dropped and batch normalization computes its statistics
                from this call.

        Returns:
            Float[n, num_outputs] with `vertex_readout`, Float[num_outputs] with `mean_readout`.

        Raises:
            ValueError: If `graph.nodes` is not a floating-point row for each vertex.
        """

        def conv() -> GENConv:
            return GENConv(self.width, self.norm, self.temperature, self.mlp_depth, train)

        def activate(hidden: Array) -> Array:
            hidden = nn.relu(normalize(self.norm(), hidden, train=train))
            return nn.Dropout(self.dropout, deterministic=not train)(hidden)

        hidden = Linear(self.width, name="encoder")(vertex_features(graph))
        hidden = conv()(graph, hidden, weight)
        for _ in range(self.depth - 1):
            hidden = hidden + conv()(graph, activate(hidden), weight)
        return nn.Dense(self.num_outputs, name="head")(self.readout(activate(hidden)))
