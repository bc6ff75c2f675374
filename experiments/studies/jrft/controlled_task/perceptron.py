"""The perceptron of the controlled task over images."""

import flax.linen as nn
import jax
from jax.typing import ArrayLike


class MLP(nn.Module):
    """Perceptron with ReLU between its layers, whose widths end with the number of classes."""

    widths: tuple[int, ...]

    @nn.compact
    def __call__(self, x: jax.Array, temperature: ArrayLike = 1.0) -> jax.Array:
        """Logits of a batch of inputs, divided by the temperature."""
        *hidden, outputs = self.widths
        x = x.reshape(len(x), -1)
        for width in hidden:
            x = nn.relu(nn.Dense(width)(x))
        return nn.Dense(outputs)(x) / temperature
