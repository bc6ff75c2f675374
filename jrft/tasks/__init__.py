"""Small environments to try things on."""

from jrft.tasks import formal_languages, linear
from jrft.tasks.one_token import expected_reward, reward_std, sft_loss
from jrft.tasks.relabeling import ChangedLabels, changed_labels, correct_label_rewards

__all__ = [
    "ChangedLabels",
    "changed_labels",
    "correct_label_rewards",
    "expected_reward",
    "formal_languages",
    "linear",
    "reward_std",
    "sft_loss",
]
