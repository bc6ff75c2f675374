"""Networks with product aggregation: the networks whose interactions the theory bounds.

h^(0)[i] = x[i];  h^(l)[i] = Π_{j ∈ N(i)} W^(l) h^(l−1)[j] elementwise, with i itself in N(i);
vertex prediction f_t = W^(o) h^(L)[t], graph prediction f = W^(o) Π_i h^(L)[i].

References:
    Razin, Verbin and Cohen, "On the ability of graph neural networks to model interactions between
    vertices", NeurIPS 2023: section 3.
"""

import abc
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float
from numpy.typing import DTypeLike

from jwi.graph.graph import GraphsTuple
from jwi.messages.message_passing import neighbor_product
from jwi.networks.features import dense_vertex_features


class ProductAggregation(nn.Module, abc.ABC):
    """The network over any kind of numbers; a subclass defines their linear map and products.

    Attributes:
        width: Width Dh of every layer.
        depth: Number of layers L.
        num_outputs: Number of outputs; the theory has one.
    """

    width: int
    depth: int
    num_outputs: int = 1

    @nn.nowrap
    @abc.abstractmethod
    def numbers(self, graph: GraphsTuple) -> Any:
        """Features of the vertices in the subclass's representation of numbers, leading axis n."""

    @nn.nowrap
    @abc.abstractmethod
    def linear(self, features: int) -> nn.Module:
        """A linear map without bias along the last axis."""

    @nn.nowrap
    @abc.abstractmethod
    def neighborhood_product(self, graph: GraphsTuple, values: Any) -> Any:
        """Product over each vertex's neighbors and the vertex itself."""

    @nn.nowrap
    @abc.abstractmethod
    def vertex_product(self, values: Any) -> Any:
        """Product over all vertices."""

    def setup(self) -> None:
        """Creates the linear maps."""
        self.layers = [self.linear(self.width) for _ in range(self.depth)]
        self.head = self.linear(self.num_outputs)

    def hidden(self, graph: GraphsTuple) -> Any:
        """h^(L) of every vertex."""
        values = self.numbers(graph)
        for layer in self.layers:
            values = self.neighborhood_product(graph, layer(values))
        return values

    def __call__(self, graph: GraphsTuple) -> Any:
        """Vertex predictions f_t of every t, leading axis n; `graph` has no self-loops."""
        return self.head(self.hidden(graph))

    def graph_prediction(self, graph: GraphsTuple) -> Any:
        """Graph prediction f, `num_outputs` numbers; `graph` has no self-loops.

        Call it as `network.apply(params, graph, method="graph_prediction")`.
        """
        return self.head(self.vertex_product(self.hidden(graph)))


class ProductNetwork(ProductAggregation):
    """Product aggregation in floating point.

    A vertex's product has one factor for each neighbor, so its logarithm grows exponentially with
    depth and the product soon overflows. `LogProductNetwork` does not.

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
        >>> network = ProductNetwork(width=4, depth=2)
        >>> params = network.init(jax.random.key(0), path)
        >>> network.apply(params, path).shape
        (3, 1)
        >>> network.apply(params, path, method="graph_prediction").shape
        (1,)
    """

    @nn.nowrap
    def numbers(self, graph: GraphsTuple) -> Float[Array, "n d"]:
        """The features as they are."""
        return dense_vertex_features(graph)

    @nn.nowrap
    def linear(self, features: int) -> nn.Module:
        """A dense layer."""
        return nn.Dense(features, use_bias=False)

    @nn.nowrap
    def neighborhood_product(
        self, graph: GraphsTuple, values: Float[Array, "n d"]
    ) -> Float[Array, "n d"]:
        """Product over each vertex's neighbors and the vertex itself."""
        check_factors(len(values), values.dtype)
        return values * neighbor_product(graph, values)

    @nn.nowrap
    def vertex_product(self, values: Float[Array, "n d"]) -> Float[Array, " d"]:
        """Product over all vertices."""
        return jax.lax.reduce(values, jnp.ones((), values.dtype), jax.lax.mul, (0,))


def check_factors(count: int, dtype: DTypeLike) -> None:
    """Refuses a product with so many factors that rounding could change its second digit.

    Each factor adds a relative error of up to ε/2. In a network the errors of one layer add up in
    the next layer's products.

    Args:
        count: Upper bound on the number of factors; a vertex has at most n neighbors.
        dtype: Floating-point type of the factors.

    Raises:
        ValueError: If `count` is above 0.0125/ε: 104 857 in float32.

    Example:
        >>> check_factors(200_000, jnp.float64)
    """
    limit = int(0.0125 / float(jnp.finfo(dtype).eps))
    if count > limit:
        raise ValueError(
            f"graph.nodes has {count} vertices and a product in {jnp.dtype(dtype).name} has two"
            f" correct digits for at most {limit} factors: use ModularProductNetwork, which is"
            " exact, or 64-bit mode"
        )
