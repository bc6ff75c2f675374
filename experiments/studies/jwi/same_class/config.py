"""The configuration of the study of same-class pairs."""

from dataclasses import dataclass, fields
from typing import Literal

NETWORKS: tuple[Literal["gcn", "gat", "gin"], ...] = ("gcn", "gat", "gin")

PARTITIONS = ("low", "high")

SPLITS = ("train", "test")


@dataclass(frozen=True)
class Config:
    """Accuracy of GCN, GAT and GIN on pairs of Fashion-MNIST images, laid out in two ways."""

    networks: tuple[Literal["gcn", "gat", "gin"], ...] = NETWORKS
    source: Literal["train-and-test", "test-only", "digits"] = "train-and-test"
    """Train pairs from the train images and test pairs from the test images; both from the test
    images, from one half and from the other; or both from 5 000 MNIST digits, which are at hand."""
    num_train_pairs: int = 10_000
    num_test_pairs: int = 2_000
    pairs_seed: int = 0
    """Seed of the pairs, which all runs share."""
    width: int = 16
    depth: int = 3
    learning_rate: float = 5e-3
    """Adam's, for GCN and GAT."""
    gin_learning_rate: float = 1e-2
    max_epochs: int = 10_000
    """Epochs are steps: every batch is the whole data."""
    patience: int = 1_000
    """Epochs without better train accuracy after which a run stops."""
    log_every: int = 50
    """Epochs between two looks at the accuracies."""
    chunk_size: int = 50
    """Train pairs whose arrays are in memory at a time, so that they stay in a CPU's cache; it must
    divide `num_train_pairs`. GIN, whose batch statistics are over all of them, has one chunk."""
    num_seeds: int = 5
    """Seeds 0, 1, … of the initial weights, the same for both partitions."""


SMOKE = Config(
    source="digits",
    num_train_pairs=40,
    num_test_pairs=20,
    width=4,
    depth=1,
    gin_learning_rate=5e-2,
    max_epochs=30,
    patience=30,
    log_every=10,
    chunk_size=20,
    num_seeds=2,
)


def deviations(config: Config) -> list[str]:
    """Changes that a configuration makes to the paper's protocol."""
    # These are no part of the protocol.
    free = {"networks", "pairs_seed", "log_every", "chunk_size"}
    paper = Config()
    return [
        f"{field.name} {getattr(config, field.name)} instead of {getattr(paper, field.name)}"
        for field in fields(Config)
        if field.name not in free and getattr(config, field.name) != getattr(paper, field.name)
    ]
