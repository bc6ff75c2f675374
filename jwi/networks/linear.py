"""Linear layer for dense or sparse rows of features."""

from collections.abc import Callable
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jax.experimental.sparse import BCOO
from jaxtyping import Array, Float

from jwi.messages.one_type import of_one_type
from jwi.messages.sums import weighted_sum
from jwi.networks.features import Features


class Linear(nn.Module):
    """`flax.linen.Dense` for rows that may be sparse: x W + b.

    The cost of a sparse input is proportional to its non-zero entries, forward and in the gradient
    of W.

    Attributes:
        features: Width of the output.
        use_bias: Whether b is added.
        kernel_init: Initializes W.

    Raises:
        ValueError: When called, if a sparse input has batch or dense dimensions.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> words = jnp.eye(3)[:, :2]
        >>> layer = Linear(4)
        >>> params = layer.init(jax.random.key(0), words)
        >>> sparse = layer.apply(params, BCOO.fromdense(words))
        >>> jnp.allclose(sparse, layer.apply(params, words)).item()
        True
    """

    features: int
    use_bias: bool = True
    kernel_init: Callable[..., Any] = nn.initializers.lecun_normal()

    @nn.compact
    def __call__(
        self, x: Features, mix: Callable[[Array], Array] | None = None
    ) -> Float[Array, "n features"]:
        """Apply the layer.

        Args:
            x: Float[n, d] or a BCOO matrix of that shape.
            mix: A linear map of the rows, such as a sum over neighbors, applied before the bias:
                mix(x W) + b, which equals mix(x) W + b.

        Returns:
            Float[n, features].
        """
        kernel = self.param("kernel", self.kernel_init, (x.shape[-1], self.features), jnp.float32)
        out = _sparse_product(x, kernel) if isinstance(x, BCOO) else x @ kernel
        if mix is not None:
            out = mix(out)
        if not self.use_bias:
            return out
        bias = self.param("bias", nn.initializers.zeros, (self.features,), jnp.float32)
        return out + bias[None]


def _sparse_product(x: BCOO, kernel: Float[Array, "d_in features"]) -> Float[Array, "n features"]:
    if x.ndim != 2 or x.n_batch or x.n_dense:
        raise ValueError(
            f"x is BCOO{list(x.shape)} with n_batch={x.n_batch} and n_dense={x.n_dense}: pass a"
            " matrix with n_batch=0 and n_dense=0, one index pair an entry"
        )
    # An entry (i, k) is an arc from the row k of W to the row i of the result.
    rows, columns = x.indices[:, 0], x.indices[:, 1]
    values, weight = of_one_type(kernel, x.data, others=(columns, rows))
    return weighted_sum(values, weight, columns, rows, x.shape[0])
