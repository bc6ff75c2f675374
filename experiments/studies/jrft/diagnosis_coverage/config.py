"""The configuration of the study of the diagnosis's coverage."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """Simulated logs: prompts of a regime, a group of completions each."""

    num_prompts: int = 500
    group_sizes: tuple[int, ...] = (4, 8, 16, 32)
    num_repetitions: int = 10
    """Logs a regime and group size, seeds 0, 1, …"""
    threshold: float = 0.1
    """A std below this share of the reward range is low."""
    level: float = 0.9
    """Probability of the intervals."""
    confidence: float = 0.9
    """See `jrft.diagnosis.verdict.classes.required_probability`."""


SMOKE = Config(num_prompts=100, group_sizes=(8,), num_repetitions=1)
