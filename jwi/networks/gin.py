"""Graph isomorphism network: an MLP of the sum over neighbors."""

from collections.abc import Callable

import flax.linen as nn
import jax.numpy as jnp
from jax.experimental.sparse import BCOO
from jaxtyping import Array, Float

from jwi.graph.graph import GraphsTuple
from jwi.messages.message_passing import neighbor_sum
from jwi.networks.base import ConvNetwork
from jwi.networks.features import Features
from jwi.networks.linear import Linear
from jwi.networks.norms import batch_norm, normalize


class MLP(nn.Module):
    """(Linear → normalization → ReLU) × depth, every layer of one width.

    Attributes:
        features: Width of every layer.
        norm: Makes a normalization layer: `batch_norm` or `LayerNorm`, for instance.
        depth: Number of layers.
        train: Whether batch normalization computes its statistics from the call.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> mlp = MLP(4, batch_norm)
        >>> mlp.apply(mlp.init(jax.random.key(0), jnp.ones((3, 2))), jnp.ones((3, 2))).shape
        (3, 4)
    """

    features: int
    norm: Callable[[], nn.Module]
    depth: int = 2
    train: bool = False

    @nn.compact
    def __call__(
        self, x: Features, mix: Callable[[Array], Array] | None = None
    ) -> Float[Array, "n features"]:
        """Apply the layers to each vertex.

        Args:
            x: Float[n, d_in] or a BCOO matrix of that shape.
            mix: A linear map of the rows, such as a sum over neighbors, applied to the input. It
                commutes with x W, so it is applied after W if W makes rows shorter.

        Returns:
            Float[n, features].
        """
        if mix is not None and not isinstance(x, BCOO) and x.shape[1] <= self.features:
            x, mix = mix(x), None
        hidden = Linear(self.features)(x, mix)
        for _ in range(self.depth - 1):
            hidden = nn.relu(normalize(self.norm(), hidden, train=self.train))
            hidden = Linear(self.features)(hidden)
        return nn.relu(normalize(self.norm(), hidden, train=self.train))


class GINConv(nn.Module):
    """Graph isomorphism convolution: MLP((1 + ε) x[i] + Σ x[j] over neighbors j).

    References:
        Xu et al., "How powerful are graph neural networks?", ICLR 2019: equation 4.1.

    Attributes:
        mlp: Module Float[n, d_in] → Float[n, d]. An `MLP` passes messages after its first matrix
            product if that makes rows shorter.
        eps: The number ε, fixed; 0 is the paper's GIN-0.

    Example:
        >>> import jax, jax.numpy as jnp, jwi.graph.graph
        >>> path = jwi.graph.from_edges([0, 1], [1, 2], 3, nodes=jnp.eye(3))
        >>> layer = GINConv(nn.Dense(4), eps=0.5)
        >>> params = layer.init(jax.random.key(0), path, path.nodes)
        >>> layer.apply(params, path, path.nodes).shape
        (3, 4)
    """

    mlp: nn.Module
    eps: float = 0.0

    def __call__(
        self,
        graph: GraphsTuple,
        x: Features,
        weight: Float[Array, " arcs"] | None = None,
    ) -> Float[Array, "n d"]:
        """Apply the layer.

        Args:
            graph: Graph of n vertices, without self-loops.
            x: Features of the vertices.
            weight: Multiplies the message of each arc; 1 if not given.

        Returns:
            Float[n, d], where d is the MLP's width.
        """
        return _apply(self.mlp, self.eps, graph, x, weight)


class GINEpsConv(nn.Module):
    """`GINConv` with ε a trained parameter that starts at 0: the paper's GIN-ε.

    Attributes:
        mlp: Module Float[n, d_in] → Float[n, d].

    Example:
        >>> import jax, jax.numpy as jnp, jwi.graph.graph
        >>> path = jwi.graph.from_edges([0, 1], [1, 2], 3, nodes=jnp.eye(3))
        >>> GINEpsConv(nn.Dense(4)).init(jax.random.key(0), path, path.nodes)["params"]["eps"]
        Array(0., dtype=float32)
    """

    mlp: nn.Module

    @nn.compact
    def __call__(
        self,
        graph: GraphsTuple,
        x: Features,
        weight: Float[Array, " arcs"] | None = None,
    ) -> Float[Array, "n d"]:
        """Apply the layer; arguments and result as in `GINConv`."""
        eps = self.param("eps", nn.initializers.zeros, (), jnp.float32)
        return _apply(self.mlp, eps, graph, x, weight)


def _apply(
    mlp: nn.Module,
    eps: float | Array,
    graph: GraphsTuple,
    x: Features,
    weight: Float[Array, " arcs"] | None,
) -> Float[Array, "n d"]:
    def mix(values: Array) -> Array:
        dtype = jnp.result_type(values, 1 + eps)
        return neighbor_sum(graph, values, weight, jnp.full(len(values), 1 + eps, dtype))

    if isinstance(mlp, MLP):
        return mlp(x, mix)
    if isinstance(x, BCOO):
        raise ValueError(
            f"mlp is {type(mlp).__name__} and x a BCOO matrix: sparse features need a jwi.MLP, or"
            " pass x.todense()"
        )
    return mlp(mix(x))


class GIN(ConvNetwork):
    """Graph isomorphism network: (GIN-0 → ReLU → LayerNorm) × depth, readout, linear head.

    The MLP of a layer is (Linear → BatchNorm → ReLU) × 2, so `init` returns `batch_stats` too.

    Attributes:
        width: Width of every layer.
        depth: Number of layers.
        num_outputs: Width of the head, for instance the number of classes.
        readout: `vertex_readout` or `mean_readout`.
        mlp_norm: Makes the normalization layers of the MLPs: `batch_norm` or `LayerNorm`. If
            samples are vmapped: `functools.partial(batch_norm, axis_name=...)`.

    Example:
        >>> import jax, jax.numpy as jnp, jwi.graph.graph
        >>> path = jwi.graph.from_edges([0, 1], [1, 2], 3, nodes=jnp.eye(3))
        >>> model = GIN(width=8, depth=2, num_outputs=4)
        >>> variables = model.init(jax.random.key(0), path)
        >>> predictions, updated = model.apply(
        ...     variables, path, train=True, mutable=["batch_stats"]
        ... )
        >>> predictions.shape, sorted(updated)
        ((3, 4), ['batch_stats'])
    """

    mlp_norm: Callable[[], nn.Module] = batch_norm

    @nn.nowrap
    def conv(self, *, train: bool) -> nn.Module:
        """One convolution with ε = 0."""
        return GINConv(self.mlp(train=train))

    @nn.nowrap
    def mlp(self, *, train: bool) -> MLP:
        """The network that a convolution applies to each vertex."""
        # No parent yet: the convolution that takes this module becomes its parent.
        return MLP(self.width, self.mlp_norm, train=train, parent=None)


class GINEps(GIN):
    """`GIN` with a trained ε in every layer.

    Example:
        >>> import jax, jax.numpy as jnp, jwi.graph.graph
        >>> path = jwi.graph.from_edges([0, 1], [1, 2], 3, nodes=jnp.eye(3))
        >>> variables = GINEps(width=8, depth=1, num_outputs=4).init(jax.random.key(0), path)
        >>> float(variables["params"]["GINEpsConv_0"]["eps"])
        0.0
    """

    @nn.nowrap
    def conv(self, *, train: bool) -> nn.Module:
        """One convolution with ε trained."""
        return GINEpsConv(self.mlp(train=train))
