"""The configuration of the study of over-squashing."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """Interactions that small GCNs model, beside properties of the graph."""

    num_graphs: int = 48
    """Connected graphs; six families take turns."""
    num_vertices: int = 16
    num_partitions: int = 40
    """Of each graph into halves; every other one has a connected half."""
    depth: int = 3
    width: int = 16
    input_width: int = 2
    num_steps: int = 2000
    """Of training; 0 leaves the initial weights."""
    batch_size: int = 64
    """Inputs a step, drawn anew."""
    learning_rate: float = 3e-3
    """Adam's."""
    num_inputs: int = 32
    """Over which interactions are averaged."""
    seed: int = 0
    """Of graphs, partitions, targets, weights and inputs."""


SMOKE = Config(
    num_graphs=6, num_vertices=8, num_partitions=6, depth=2, width=4, num_steps=4, batch_size=4,
    num_inputs=2,
)  # fmt: skip
