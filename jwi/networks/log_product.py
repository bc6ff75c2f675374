"""Product aggregation in sign and logarithm, which neither overflows nor underflows."""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jwi.graph.graph import GraphsTuple
from jwi.messages.layout import arcs_of
from jwi.messages.message_passing import neighbor_product
from jwi.networks.base import dense_vertex_features
from jwi.networks.product import ProductAggregation, check_factors


class SignedLog(NamedTuple):
    """Real numbers by sign and logarithm: sign · exp(log_magnitude).

    Attributes:
        sign: Float array of −1, 0 and 1.
        log_magnitude: Float array of the same shape; −inf where the sign is 0.
    """

    sign: Float[Array, "..."]
    log_magnitude: Float[Array, "..."]


def signed_log(values: Float[Array, "..."]) -> SignedLog:
    """Sign and logarithm of real numbers; the gradient at 0 is taken as 0.

    Example:
        >>> signed_log(jnp.array([-1.0, 0.0])).sign.tolist()
        [-1.0, 0.0]
    """
    zero = values == 0
    # The logarithm sees no zero, whose infinite slope would make a gradient NaN.
    log = jnp.log(jnp.where(zero, 1, jnp.abs(values)))
    return SignedLog(jnp.sign(values), jnp.where(zero, -jnp.inf, log))


class LogDense(nn.Module):
    """Linear map without bias of numbers given by sign and logarithm.

    Attributes:
        features: Width of the output.
    """

    features: int

    @nn.compact
    def __call__(self, values: SignedLog) -> SignedLog:
        """Apply the map along the last axis."""
        largest = values.log_magnitude.max(axis=-1, keepdims=True)
        # Only a reference point: the result does not depend on it. All zero: any will do.
        largest = jax.lax.stop_gradient(jnp.where(jnp.isfinite(largest), largest, 0))
        scaled = values.sign * jnp.exp(values.log_magnitude - largest)
        sign, log = signed_log(nn.Dense(self.features, use_bias=False, name="dense")(scaled))
        return SignedLog(sign, log + largest)


class LogProductNetwork(ProductAggregation):
    """Product aggregation by sign and logarithm of the magnitude; the same function.

    Predictions are `SignedLog`. A logarithm is a sum over walks, so its absolute error grows with
    their number times ε.

    Attributes:
        width: Width Dh of every layer.
        depth: Number of layers L.
        num_outputs: Number of outputs; the theory has one.

    Raises:
        ValueError: When called on more vertices than a product of this precision carries: about
            1e5 in float32.

    Example:
        >>> import jax, jax.numpy as jnp, jwi.graph.graph
        >>> path = jwi.graph.from_edges([0, 1], [1, 2], 3, nodes=jnp.eye(3))
        >>> network = LogProductNetwork(width=4, depth=2)
        >>> params = network.init(jax.random.key(0), path)
        >>> sign, log_magnitude = network.apply(params, path, method="graph_prediction")
        >>> sign.shape, log_magnitude.shape
        ((1,), (1,))
    """

    @nn.nowrap
    def numbers(self, graph: GraphsTuple) -> SignedLog:
        """The features by sign and logarithm."""
        return signed_log(dense_vertex_features(graph))

    @nn.nowrap
    def linear(self, features: int) -> nn.Module:
        """A dense layer around its largest input."""
        return LogDense(features)

    @nn.nowrap
    def neighborhood_product(self, graph: GraphsTuple, values: SignedLog) -> SignedLog:
        """Product over each vertex's neighbors and the vertex itself."""
        sign, log = values
        check_factors(len(log), log.dtype)
        arcs = arcs_of(graph, len(log))
        # Not `neighbor_sum`, whose weight 0 of a removed arc does not cancel a logarithm of −inf.
        return SignedLog(
            sign * neighbor_product(graph, sign), log + arcs.sum(arcs.from_senders(log))
        )

    @nn.nowrap
    def vertex_product(self, values: SignedLog) -> SignedLog:
        """Product over all vertices."""
        return SignedLog(values.sign.prod(axis=0), values.log_magnitude.sum(axis=0))
