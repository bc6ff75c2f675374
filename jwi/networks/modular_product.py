"""Product aggregation of integers modulo a prime, which is exact."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, UInt32

from jwi.graph.graph import GraphsTuple
from jwi.messages.layout import Multiply
from jwi.messages.message_passing import neighbor_product
from jwi.networks.product import ProductAggregation

# The largest prime whose residues have products below 2^32.
LARGEST_PRIME = 65521


class ModularDense(nn.Module):
    """Linear map without bias over the integers modulo a prime.

    Attributes:
        features: Width of the output.
        prime: The modulus.
    """

    features: int
    prime: int

    @nn.compact
    def __call__(self, values: UInt32[Array, "*batch d_in"]) -> UInt32[Array, "*batch features"]:
        """Apply the map along the last axis.

        Args:
            values: Residues, from 0 to prime − 1.
        """
        *batch, width = values.shape
        if width * self.prime > 2**32:
            raise ValueError(
                f"values have {width} features and a sum of so many residues modulo {self.prime}"
                f" overflows uint32: pass at most {2**32 // self.prime} features"
            )
        shape = (width, self.features)

        def init(key: Array) -> Array:
            return jax.random.randint(key, shape, 0, self.prime, jnp.uint32)

        kernel = self.param("kernel", init) % self.prime
        # A sum of `width` residues is below width · prime ≤ 2^32.
        terms = values.reshape(-1, width, 1) * kernel[None] % self.prime
        return (terms.sum(axis=1, dtype=jnp.uint32) % self.prime).reshape(*batch, self.features)


class ModularProductNetwork(ProductAggregation):
    """Product aggregation of integers modulo a prime: exact, also in JAX's default 32-bit mode.

    Features are integers of any type. `init` draws weights uniformly modulo the prime. Predictions
    are uint32, from 0 to prime − 1.

    Attributes:
        width: Width Dh of every layer.
        depth: Number of layers L.
        num_outputs: Number of outputs; the theory has one.
        prime: The modulus, at most 65521.

    Raises:
        ValueError: When called, if `prime` is not a prime up to 65521, or a feature is no integer.

    Example:
        >>> import jax, jax.numpy as jnp, jwi.graph.graph
        >>> path = jwi.graph.from_edges([0], [1], 2, nodes=jnp.array([[2], [-3]]))
        >>> network = ModularProductNetwork(width=1, depth=1, prime=7)
        >>> ones = jax.tree.map(jnp.ones_like, network.init(jax.random.key(0), path))
        >>> network.apply(ones, path).tolist()  # 2 · (−3) modulo 7
        [[1], [1]]
    """

    prime: int = LARGEST_PRIME

    @nn.nowrap
    def numbers(self, graph: GraphsTuple) -> UInt32[Array, "n d"]:
        """The features modulo the prime."""
        nodes = graph.nodes
        if not _is_prime(self.prime) or self.prime > LARGEST_PRIME:
            raise ValueError(f"prime is {self.prime}: pass a prime number up to {LARGEST_PRIME}")
        if not jnp.issubdtype(nodes.dtype, jnp.integer):
            raise ValueError(
                f"graph.nodes is {nodes.dtype}: pass integer features, or use ProductNetwork"
            )
        # The remainder is computed in a type that holds the prime, and negative features.
        signed = jnp.issubdtype(nodes.dtype, jnp.signedinteger)
        wide = jnp.promote_types(nodes.dtype, jnp.int32 if signed else jnp.uint32)
        return (nodes.astype(wide) % self.prime).astype(jnp.uint32)

    @nn.nowrap
    def linear(self, features: int) -> nn.Module:
        """A modular linear map."""
        return ModularDense(features, self.prime)

    @nn.nowrap
    def neighborhood_product(
        self, graph: GraphsTuple, values: UInt32[Array, "n d"]
    ) -> UInt32[Array, "n d"]:
        """Product over each vertex's neighbors and the vertex itself."""
        multiply = modular_multiply(self.prime)
        return multiply(values, neighbor_product(graph, values, multiply))

    @nn.nowrap
    def vertex_product(self, values: UInt32[Array, "n d"]) -> UInt32[Array, " d"]:
        """Product over all vertices."""
        return jax.lax.reduce(values, jnp.uint32(1), modular_multiply(self.prime), (0,))


@functools.cache
def modular_multiply(prime: int) -> Multiply:
    """The product of uint32 residues modulo a prime; cached, so that jit sees the same function.

    Example:
        >>> int(modular_multiply(7)(jnp.uint32(3), jnp.uint32(5)))
        1
    """

    def multiply(left: UInt32[Array, "..."], right: UInt32[Array, "..."]) -> UInt32[Array, "..."]:
        return left * right % jnp.uint32(prime)

    return multiply


def _is_prime(number: int) -> bool:
    return number > 1 and all(number % divisor for divisor in range(2, int(number**0.5) + 1))
