"""The networks of the controlled experiments."""

from typing import Any

import flax.linen as nn
import jax
from jax.typing import ArrayLike

from experiments.studies.jrft.perfect_exploration.bert import Bert
from experiments.studies.jrft.perfect_exploration.resnet import ResNet18
from experiments.studies.jrft.perfect_exploration.settings import NetworkName, Settings


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


def make_network(name: NetworkName, settings: Settings, num_classes: int) -> Any:
    """The Flax module of that name, from a batch of inputs to logits float[n, C]."""
    match name:
        case "mlp":
            return MLP((*settings.hidden_widths, num_classes))
        case "resnet18":
            return ResNet18(num_classes, settings.width)
        case "bert-mini":
            return Bert(num_classes, settings.vocab_size, settings.num_tokens, settings.width)
