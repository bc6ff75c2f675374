"""The configuration of the study of GRUE's reward statistics."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """Sampling a language model on the tasks of GRUE."""

    model: str = "smollm2"
    """SmolLM2-135M-Instruct by pip; or a folder, a GGUF file or a name on the hub, as t5-base is;
    or "tiny": random weights."""
    tasks: tuple[str, ...] = ("narrativeqa", "commongen", "iwslt2017", "dailydialog", "imdb")
    data: str = "public"
    """Files of DATA_DIR, or else the hub; or "made-up": a few rows, for trials."""
    num_inputs: int = 256
    """Of each task, at random; 5000 in the paper."""
    num_samples: int = 10
    """Completions of each input."""
    batch_size: int = 8
    """Inputs sampled at a time."""
    max_prompt: int = 512
    """Tokens of a prompt at the most, where the task allows more."""
    length: int = 128
    """Tokens of a completion at the most, where the task allows more."""
    low_std: float = 0.05
    low_mean: float = 0.2
    """An input of smaller std and mean is one that RFT is expected to leave."""
    seed: int = 0
    """Of inputs and samples."""


SMOKE = Config(
    model="tiny",
    tasks=("iwslt2017", "imdb"),
    data="made-up",
    num_inputs=4,
    num_samples=3,
    batch_size=4,
    max_prompt=24,
    length=4,
)
