"""The networks of the controlled experiment."""

from typing import Any

from experiments.studies.jrft.controlled_task.perceptron import MLP
from experiments.studies.jrft.perfect_exploration.bert import Bert
from experiments.studies.jrft.perfect_exploration.resnet import ResNet18
from experiments.studies.jrft.perfect_exploration.settings import NetworkName, Settings


def make_network(name: NetworkName, settings: Settings, num_classes: int) -> Any:
    """The Flax module of that name, from a batch of inputs to logits float[n, C]."""
    match name:
        case "mlp":
            return MLP((*settings.hidden_widths, num_classes))
        case "resnet18":
            return ResNet18(num_classes, settings.width)
        case "bert-mini":
            return Bert(num_classes, settings.vocab_size, settings.num_tokens, settings.width)
