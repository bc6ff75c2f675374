"""The configuration of the study of SFT before RFT."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """RFT after n steps of SFT on m labeled prompts."""

    sft_steps: tuple[int, ...] = (10, 20, 40, 80)
    """n, multiples of the first."""
    num_labelled: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    """m, the last being all prompts."""
    num_random: int = 1
    """Random orders of prompts to label, for each model."""
    rft_steps: int = 200
    matched_rewards: tuple[float, ...] = (-0.9, -0.75, -0.5)
    """Mean rewards of the changed inputs at which SFT on right and on half right labels stops."""
    vocab_size: int = 4
    length: int = 2
    num_changed_marks: int = 2
    """How many of the vocabulary's tokens, as a prompt's last, change its target."""
    width: int = 16
    """Of the transformer, of one layer."""
    pretrain_steps: int = 600
    pretrain_rate: float = 3e-3
    """Adam's, in pretraining."""
    learning_rate: float = 2e-3
    """Adam's, in SFT and in RFT."""
    num_seeds: int = 3
    """Pretrained models."""


SMOKE = Config(
    sft_steps=(10, 20),
    num_labelled=(2, 27),
    num_random=1,
    rft_steps=40,
    matched_rewards=(-0.75,),
    vocab_size=3,
    num_changed_marks=1,
    width=8,
    pretrain_steps=300,
    num_seeds=1,
)
