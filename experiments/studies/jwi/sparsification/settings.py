"""Hyper-parameters of the networks by data set: the paper's, or others."""

from typing import Any, Literal, NamedTuple

NetworkName = Literal["gcn", "gin", "resgcn"]


class Settings(NamedTuple):
    """Hyper-parameters of a network on a data set.

    Attributes:
        width: Of every layer.
        depth: Number of layers.
        learning_rate: Adam's.
        weight_decay: Of the gradient (an L2 penalty), not decoupled.
        ugs_penalty: UGS's weight of the masks' absolute values.
    """

    width: int
    depth: int
    learning_rate: float
    weight_decay: float
    ugs_penalty: float


_SIZES = {"gcn": (64, 3), "gin": (64, 3), "resgcn": (128, 10)}

# The paper's learning rate, weight decay and UGS penalty.
_PAPER = {
    ("cora", "gcn"): (5e-4, 1e-3, 1e-2),
    ("cora", "gin"): (1e-3, 1e-3, 1e-2),
    ("cora", "resgcn"): (5e-4, 1e-3, 1e-4),
    ("dblp", "gcn"): (1e-3, 1e-4, 1e-2),
    ("dblp", "gin"): (1e-3, 1e-3, 1e-2),
    ("dblp", "resgcn"): (5e-4, 1e-4, 1e-4),
    ("ogbn-arxiv", "gcn"): (1e-3, 0.0, 1e-2),
    ("ogbn-arxiv", "gin"): (1e-3, 0.0, 1e-2),
    ("ogbn-arxiv", "resgcn"): (1e-3, 0.0, 1e-2),
    ("chameleon", "gcn"): (1e-3, 1e-4, 1e-2),
    ("squirrel", "gcn"): (5e-4, 0.0, 1e-4),
    ("computers", "gcn"): (1e-3, 1e-4, 1e-2),
}

_ELSEWHERE = (1e-3, 1e-4, 1e-2)


def settings_of(dataset: str, network: NetworkName, **others: Any) -> Settings:
    """The paper's settings, or plausible ones where it has none.

    Args:
        dataset: Name of the data set.
        network: Name of the network.
        **others: Fields of `Settings` to use instead; None leaves the paper's.
    """
    rates = _PAPER.get((dataset, network), _ELSEWHERE)
    asked = {name: value for name, value in others.items() if value is not None}
    return Settings(*_SIZES[network], *rates)._replace(**asked)
