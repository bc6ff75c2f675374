"""The configuration of the study of heuristics."""

from dataclasses import dataclass

from experiments.studies.jrft.controlled_task.task import ImageSet


@dataclass(frozen=True)
class Config:
    """Grids of the three heuristics; the first entry of each is the default."""

    learning_rates: tuple[float, ...] = (1e-3, 3e-3, 1e-2, 3e-2)
    """Adam's, in finetuning."""
    temperatures: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0)
    """Divide the logits of the policy in finetuning; it is evaluated at temperature 1."""
    entropy_bonuses: tuple[float, ...] = (0.0, 0.03, 0.3)
    """Factors of the entropy of the policy, in nats, added to the expected reward."""
    num_steps: int = 300
    """Full-batch updates of finetuning."""
    dataset: ImageSet = "mnist-embedded"
    num_images: int = 200
    hidden_widths: tuple[int, ...] = (64,)
    num_habits: int = 5
    share_changed: float = 0.1
    image_pretrain_steps: int = 400
    vocab_size: int = 4
    length: int = 2
    """Tokens of a completion."""
    width: int = 16
    """Of the transformer, of one layer."""
    sequence_pretrain_steps: int = 600
    pretrain_rate: float = 3e-3
    """Adam's, in pretraining."""
    num_seeds: int = 2


SMOKE = Config(
    learning_rates=(1e-3, 1e-2),
    temperatures=(1.0, 4.0),
    entropy_bonuses=(0.0,),
    num_steps=50,
    num_images=100,
    hidden_widths=(16,),
    image_pretrain_steps=200,
    vocab_size=3,
    length=1,
    width=8,
    sequence_pretrain_steps=200,
    num_seeds=1,
)
