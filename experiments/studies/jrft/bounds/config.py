"""The configuration of the study of bounds."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """Exact gradients and bounds of random and trained policies."""

    families: tuple[str, ...] = ("unigram", "table with end", "transformer", "transformer with end")
    """Tables and transformers; "transformer" is the one whose batch is looked at."""
    vocab_size: int = 4
    length: int = 3
    width: int = 16
    num_random: int = 96
    """Random policies, prompts and rewards of each family."""
    num_seeds: int = 4
    """Training runs of each transformer, and a quarter of those that try to attain the bound."""
    num_prompts: int = 8
    """Prompts of a training run; every other one rewards what pretraining never shows."""
    num_habits: int = 4
    """Completions that pretraining makes equally likely for each prompt."""
    num_stages: int = 5
    """Times a run is looked at, in pretraining and in finetuning each."""
    pretrain_steps: int = 60
    """Of each stage; Adam."""
    finetune_steps: int = 40
    """Of each stage; gradient ascent on the exact expected reward."""
    pretrain_rate: float = 0.01
    finetune_rate: float = 0.3
    adversarial_steps: int = 150
    """Of each stage; Adam."""
    seed: int = 0
    language_model: bool = False
    """Look at SmolLM2 on multiple-choice prompts instead; downloads 93 MB once."""


SMOKE = Config(
    families=("unigram", "transformer"),
    vocab_size=3, length=2, width=4, num_random=6, num_seeds=1, num_prompts=4, num_habits=2,
    num_stages=2, pretrain_steps=10, finetune_steps=5, adversarial_steps=40,
)  # fmt: skip
