"""Product aggregation by signs and logarithms, which neither overflows nor underflows."""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from jwi.graph.graph import GraphsTuple
from jwi.messages.layout import arcs_of
from jwi.messages.message_passing import neighbor_product
from jwi.networks.features import dense_vertex_features
from jwi.networks.product import ProductAggregation, check_factors


class SignedLog(NamedTuple):
    """Real numbers as sign · exp(log_magnitude).

    Attributes:
        sign: Float array of −1, 0 and 1.
        log_magnitude: Float array of the same shape; −inf where the sign is 0.
    """

    sign: Float[Array, "..."]
    log_magnitude: Float[Array, "..."]


def signed_log(values: Float[Array, "..."]) -> SignedLog:
    """Sign and logarithm of real numbers; the gradient at 0 is defined as 0.

    Example:
        >>> signed_log(jnp.array([-1.0, 0.0])).sign.tolist()
        [-1.0, 0.0]
    """
    zero = values == 0
    # Zeros are replaced before the logarithm: its infinite slope at 0 would make gradients NaN.
    log = jnp.log(jnp.where(zero, 1, jnp.abs(values)))
    return SignedLog(jnp.sign(values), jnp.where(zero, -jnp.inf, log))


class LogDense(nn.Module):
    """Linear map without bias, of signs and logarithms to signs and logarithms.

    Attributes:
        features: Width of the output.
    """

    features: int

    @nn.compact
    def __call__(self, values: SignedLog) -> SignedLog:
        """Apply the map along the last axis."""
        largest = values.log_magnitude.max(axis=-1, keepdims=True)
        # Inputs are divided by their largest before the product and the result is multiplied by it:
        # the result does not depend on it, so it has no gradient. If all are 0, 1 will do.
        largest = jax.lax.stop_gradient(jnp.where(jnp.isfinite(largest), largest, 0))
        scaled = values.sign * jnp.exp(values.log_magnitude - largest)
        sign, log = signed_log(nn.Dense(self.features, use_bias=False, name="dense")(scaled))
        return SignedLog(sign, log + largest)


class LogProductNetwork(ProductAggregation):
    """`ProductNetwork` computed by signs and logarithms of magnitudes.

    Predictions are `SignedLog`. A logarithm is a sum over walks, so its absolute error grows with
    the number of walks times ε.

    Attributes:
        width: Width Dh of every layer.
        depth: Number of layers L.
        num_outputs: Number of outputs; the theory has one.

    Raises:
        ValueError: When called on so many vertices that rounding could change the second digit of
            a product over them: about 1e5 in float32.

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
        """Signs and logarithms of the features."""
        return signed_log(dense_vertex_features(graph))

    @nn.nowrap
    def linear(self, features: int) -> nn.Module:
        """A dense layer of signs and logarithms."""
        return LogDense(features)

    @nn.nowrap
    def neighborhood_product(self, graph: GraphsTuple, values: SignedLog) -> SignedLog:
        """Product over each vertex's neighbors and the vertex itself."""
        sign, log = values
        check_factors(len(log), log.dtype)
        arcs = arcs_of(graph, len(log))
        # `arcs.sum` skips removed arcs. `neighbor_sum` multiplies them by 0, and 0 · (−inf) is NaN.
        return SignedLog(
            sign * neighbor_product(graph, sign), log + arcs.sum(arcs.from_senders(log))
        )

    @nn.nowrap
    def vertex_product(self, values: SignedLog) -> SignedLog:
        """Product over all vertices."""
        return SignedLog(values.sign.prod(axis=0), values.log_magnitude.sum(axis=0))
