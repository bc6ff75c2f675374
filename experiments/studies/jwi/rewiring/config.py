"""The configurations of the study of rewiring."""

from dataclasses import dataclass

from experiments.studies.jwi.rewiring.methods import METHODS


@dataclass(frozen=True)
class Config:
    """Accuracy of a GCN by data set, method and share of added edges, over splits."""

    datasets: tuple[str, ...] = ("mutag", "cora", "proteins", "chameleon")
    """Of vertices: cora, chameleon, squirrel; of graphs: mutag, proteins; made up: communities,
    rings."""
    methods: tuple[str, ...] = tuple(METHODS)
    added: tuple[float, ...] = (0.02, 0.1, 0.25)
    """Shares of each graph's edges to add, rounded up, ascending: the tuning budget of every
    method, beside adding none."""
    num_splits: int = 6
    """Random splits 0, 1, …, each with its own initial weights, and its own random choices."""
    train_share: float = 0.6
    validation_share: float = 0.2
    """Shares of the vertices or graphs; the rest is for testing."""
    width: int = 16
    depth: int = 3
    learning_rate: float = 1e-2
    """Adam's."""
    weight_decay: float = 1e-3
    """Of the gradient (an L2 penalty), not decoupled."""
    max_steps: int = 150
    patience: int = 30
    """Steps without better validation accuracy after which a run stops."""
    log_every: int = 5
    """Steps between two looks at the validation accuracy."""


SMOKE = Config(
    datasets=("communities", "rings"),
    methods=("random", "walk-index", "digl"),
    added=(0.1, 0.5),
    num_splits=2,
    width=4,
    depth=2,
    max_steps=10,
    patience=10,
)
