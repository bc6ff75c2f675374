"""The protocol of the controlled experiment for each of its networks, whole and reduced."""

from typing import Any, Literal, NamedTuple

from experiments.studies.jrft.controlled_task.task import DatasetName

NetworkName = Literal["mlp", "resnet18", "bert-mini"]
Scale = Literal["paper", "reduced"]


class Settings(NamedTuple):
    """Data, sizes and training of a network.

    Attributes:
        dataset: Name of the data set.
        num_train: Inputs to train on.
        num_habits: Labels that pretraining makes equally likely for each class.
        sgd_learning_rate: Of SGD without momentum, in finetuning.
        learning_rate: Adam's, in finetuning.
        pretrain_learning_rate: Adam's, in pretraining.
        batch_size: In pretraining and finetuning.
        pretrain_epochs: Of Adam.
        finetune_epochs: In every variant.
        log_every_epochs: Epochs of finetuning between two logged points.
        hidden_widths: Of the perceptron's layers.
        pooling: Side of the squares whose mean makes one pixel of the inputs.
        width: Of the residual network's first stage, or of the encoder's hidden states.
        vocab_size: The encoder's tokens.
        num_tokens: The encoder's tokens of a pair.
    """

    dataset: DatasetName
    num_train: int
    num_habits: int
    sgd_learning_rate: float
    learning_rate: float = 1e-4
    pretrain_learning_rate: float = 1e-4
    batch_size: int = 512
    pretrain_epochs: int = 1000
    finetune_epochs: int = 5000
    log_every_epochs: int = 100
    hidden_widths: tuple[int, ...] = ()
    pooling: int = 1
    width: int = 0
    vocab_size: int = 0
    num_tokens: int = 0


_PAPER: dict[NetworkName, Settings] = {
    "mlp": Settings("mnist", 1000, 5, 1e-2, hidden_widths=(250, 100)),
    "resnet18": Settings("cifar10", 10_000, 5, 1e-2, width=64),
    # All pairs there are. The sizes of the vocabulary and of the pairs are those usual of BERT.
    "bert-mini": Settings("stsb", 5749, 3, 1e-3, width=256, vocab_size=30_522, num_tokens=128),
}
# Minutes to half an hour of one core: fewer inputs, narrower networks, and fewer epochs, of
# smaller batches and larger steps. Pretraining lasts until the reward std is large on unchanged
# inputs and near 0 on changed ones, finetuning until SFT has learned the labels.
_REDUCED: dict[NetworkName, Settings] = {
    "mlp": _PAPER["mlp"],
    "resnet18": _PAPER["resnet18"]._replace(
        dataset="cifar10-subset",
        num_train=500,
        pretrain_epochs=60,
        finetune_epochs=50,
        batch_size=64,
        learning_rate=3e-4,
        pretrain_learning_rate=1e-3,
        sgd_learning_rate=5e-2,
        log_every_epochs=10,
        pooling=2,
        width=8,
    ),
    "bert-mini": _PAPER["bert-mini"]._replace(
        num_train=512,
        pretrain_epochs=100,
        finetune_epochs=40,
        batch_size=64,
        learning_rate=5e-4,
        pretrain_learning_rate=1e-3,
        sgd_learning_rate=3e-2,
        log_every_epochs=10,
        width=64,
        vocab_size=4000,
        num_tokens=32,
    ),
}


def settings(network: NetworkName, scale: Scale, **others: Any) -> Settings:
    """The paper's protocol, or the one reduced to half an hour.

    Args:
        network: Name of the network.
        scale: Which of the two. The perceptron's is the paper's in both, which takes as long.
        **others: Fields of `Settings` to use instead; None leaves the protocol's.
    """
    protocol = {"paper": _PAPER, "reduced": _REDUCED}[scale][network]
    asked = {name: value for name, value in others.items() if value is not None}
    return protocol._replace(**asked)
