"""The configuration of the study of a pretrained speller."""

from dataclasses import dataclass

PARTS = ("gradients", "alone", "sft_first", "heuristics", "graded", "learned")


@dataclass(frozen=True)
class Config:
    """Finetuning a pretrained speller to spell words right, by RFT and SFT."""

    model: str = "g2p-en"
    """The pretrained speller, or "made-up": a tiny one, trained here on words that are made up."""
    parts: tuple[str, ...] = PARTS
    """What to measure beside the comparison of methods."""
    num_train: int = 192
    """Words to finetune on, for each seed."""
    num_test: int = 96
    """Words that no run sees."""
    max_letters: int = 10
    """Of a word; longer words are left out."""
    max_phonemes: int = 9
    """Of every right answer."""
    max_answers: int = 2
    """Right answers of a word; words with more are left out."""
    batch_size: int = 32
    num_steps: int = 60
    """Of finetuning."""
    log_every: int = 20
    num_samples: int = 8
    """Completions of a word in an update of GRPO, RLOO and PPO."""
    updates_per_draw: int = 4
    """Of PPO."""
    clip: float = 0.2
    """Of PPO."""
    methods: tuple[str, ...] = ("sft", "exact", "grpo", "rloo", "ppo", "sft-sgd", "exact-sgd")
    adam_rates: tuple[float, ...] = (3e-4, 1e-3, 3e-3)
    """Learning rates to choose from, the same for every method."""
    sgd_rates: tuple[float, ...] = (0.03, 0.1, 0.3)
    tuning_steps: int = 30
    hopeless: float = 0.02
    """Words of an expected reward below it are called hopeless."""
    hard: float = 0.2
    """Words of an expected reward between the two are called hard."""
    sft_steps: tuple[int, ...] = (6, 24, 60)
    """Steps of SFT before RFT; multiples of the first."""
    label_shares: tuple[float, ...] = (0.01, 0.1, 0.4, 1.0)
    """Shares of the words that SFT sees, chosen at random."""
    rft_steps_after: int = 30
    num_sft_first_seeds: int = 2
    temperatures: tuple[float, ...] = (2.0, 4.0)
    rate_factors: tuple[float, ...] = (3.0, 10.0)
    """Multiples of the chosen learning rate."""
    entropy_bonuses: tuple[float, ...] = (0.05,)
    num_heuristic_seeds: int = 2
    num_graded_seeds: int = 2
    num_learned_seeds: int = 2
    preference_scale: float = 5.0
    """Of differences of closeness, in the log-odds of a preference."""
    preference_steps: int = 120
    """Of learning a reward, with a pair of samples of every word of a batch."""
    preference_rate: float = 3e-4
    """Adam's, for the learned reward."""
    num_measured: int = 96
    """Words whose gradient is measured before finetuning."""
    num_bounded: int = 8
    """Words whose bounds are measured."""
    num_alone: int = 24
    """Words that are finetuned alone, for the time until they are learned."""
    num_seeds: int = 5
    """Of words, batches and samples."""

    def rates_of(self, optimizer: str) -> tuple[float, ...]:
        """The learning rates to choose from, by the optimizer's name."""
        return self.sgd_rates if optimizer == "sgd" else self.adam_rates


SMOKE = Config(
    model="made-up",
    num_train=24,
    num_test=8,
    max_letters=3,
    max_phonemes=3,
    max_answers=1,
    batch_size=12,
    num_steps=20,
    log_every=20,
    num_samples=4,
    methods=("sft", "exact", "rloo"),
    adam_rates=(1e-3, 1e-2),
    tuning_steps=20,
    sft_steps=(10, 20),
    label_shares=(1.0,),
    rft_steps_after=20,
    num_sft_first_seeds=1,
    temperatures=(2.0,),
    rate_factors=(2.0,),
    entropy_bonuses=(),
    num_heuristic_seeds=2,
    num_graded_seeds=2,
    num_learned_seeds=2,
    preference_steps=40,
    preference_rate=1e-2,
    num_measured=12,
    num_bounded=2,
    num_alone=3,
    num_seeds=2,
)
