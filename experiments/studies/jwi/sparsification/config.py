"""The configurations of the sparsification study."""

from dataclasses import dataclass, replace
from typing import Literal

from experiments.studies.jwi.sparsification.networks import (
    NetworkName,
)


@dataclass(frozen=True)
class Config:
    """Test accuracy of a graph network against the share of removed edges."""

    dataset: Literal[
        "cora", "citeseer", "dblp", "computers", "chameleon", "chameleon-without-twins",
        "squirrel", "squirrel-without-twins", "tolokers", "ogbn-arxiv", "digits",
    ] = "cora"  # fmt: skip
    """A public graph; or the embedded graph of scikit-learn's digits, which needs no network."""
    network: NetworkName = "gcn"
    methods: tuple[str, ...] = (
        "random", "spectral", "ugs", "two-walk-index", "one-walk-index"
    )  # fmt: skip
    """How edges are chosen, in the figure's order: ugs, two-walk-index, or methods of jwi prune."""
    removed: tuple[float, ...] = tuple(i / 20 for i in range(21))
    """Shares of the edges to remove."""
    num_seeds: int = 10
    """Seeds 0, 1, …: of the initial weights, and of an order that is random or trained."""
    train_share: float = 0.8
    validation_share: float = 0.1
    """Shares of the vertices; the rest is for testing. All runs have the same split."""
    split_seed: int = 0
    width: int | None = None
    depth: int | None = None
    learning_rate: float | None = None
    weight_decay: float | None = None
    """Of the gradient (an L2 penalty), not decoupled. None in these and in `ugs_penalty`: the
    paper's for this data set and network."""
    max_steps: int = 10_000
    patience: int = 1_000
    """Steps without better validation accuracy after which a run stops."""
    log_every: int = 10
    """Steps between two looks at the validation accuracy."""
    ugs_rounds: int = 20
    """Rounds of UGS, each of which removes an equal share of the edges."""
    ugs_penalty: float | None = None


SMOKE = Config(
    dataset="digits",
    removed=(0.0, 0.5, 0.9),
    num_seeds=2,
    train_share=0.1,
    width=16,
    learning_rate=1e-2,
    max_steps=60,
    patience=20,
    ugs_rounds=2,
)

DEMO = Config(
    dataset="digits",
    methods=("random", "one-walk-index"),
    removed=(0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9),
    num_seeds=6,
    train_share=0.1,
    learning_rate=1e-2,
    weight_decay=1e-3,
    max_steps=200,
    patience=50,
)

# Cora in minutes: the paper's split and widths, fewer ratios and seeds, a larger learning rate.
DEMO_CORA = replace(
    Config(),
    methods=("random", "one-walk-index"),
    removed=(0.0, 0.3, 0.5, 0.7, 0.9, 1.0),
    num_seeds=3,
    learning_rate=5e-3,
    max_steps=200,
    patience=100,
)
