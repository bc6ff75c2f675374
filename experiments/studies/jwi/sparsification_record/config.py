"""The configurations of the table of record."""

from dataclasses import dataclass

from experiments.studies.jwi.sparsification.networks import NetworkName

GRAPHS = (
    "cora", "citeseer", "dblp", "chameleon", "squirrel", "computers", "tolokers", "digits",
    "chameleon-without-twins", "squirrel-without-twins",
)  # fmt: skip
METHODS = (
    "random", "spectral", "local-degree", "local-similarity", "dspar", "inverse-degree", "teddy",
    "k-neighbor", "forman", "jaccard", "adamic-adar", "spanning-forest", "t-spanner",
    "rank-degree", "disparity", "proxy-delete", "two-walk-index", "one-walk-index", "log-share",
)  # fmt: skip


@dataclass(frozen=True)
class Config:
    """Accuracy by graph, network, order and share of removed edges, over splits."""

    datasets: tuple[str, ...] = GRAPHS
    """Public graphs; digits needs no network."""
    networks: tuple[NetworkName, ...] = ("gcn", "gin")
    methods: tuple[str, ...] = METHODS
    """Orders: two-walk-index, or methods of jwi prune that need no features."""
    removed: tuple[float, ...] = (0.3, 0.5, 0.7, 0.8, 0.9, 0.95)
    """Shares of the edges to remove."""
    num_splits: int = 10
    """Random splits 0, 1, …, each with its own initial weights, and its own random orders."""
    train_share: float = 0.6
    validation_share: float = 0.2
    """Shares of the vertices; the rest is for testing."""
    learning_rates: tuple[float, ...] = (1e-2, 2e-3)
    """The tuning budget of each cell: of all rates, the best mean validation accuracy counts."""
    weight_decay: float = 1e-3
    """Of the gradient (an L2 penalty), not decoupled."""
    width: int | None = None
    depth: int | None = None
    """None: the paper's."""
    max_steps: int = 500
    patience: int = 100
    """Steps without better validation accuracy after which a run stops."""
    log_every: int = 5
    """Steps between two looks at the validation accuracy."""


SMOKE = Config(
    datasets=("digits",),
    networks=("gcn",),
    methods=("random", "dspar", "one-walk-index"),
    removed=(0.5, 0.9),
    num_splits=3,
    learning_rates=(1e-2,),
    width=8,
    depth=2,
    max_steps=20,
    patience=10,
)
