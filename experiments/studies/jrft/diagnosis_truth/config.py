"""The configuration of the study of the diagnosis against exact values."""

from dataclasses import dataclass

from experiments.studies.jrft.diagnosis_truth.policies import Population


@dataclass(frozen=True)
class Config(Population):
    """Small policies, prompts from dead to learnable, and groups sampled from them."""

    group_sizes: tuple[int, ...] = (4, 8, 16, 32)
    """A smaller group is the beginning of the largest one."""
    num_repetitions: int = 48
    """Draws of policies, prompts and groups, from seeds that follow each other."""
    threshold: float = 0.1
    level: float = 0.9
    confidence: float = 0.9


SMOKE = Config(
    num_prompts=48, group_sizes=(8,), num_repetitions=1, transformer_steps=4, tabular_steps=4
)
