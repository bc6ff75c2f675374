"""Small environments to try things on."""

from jrft.tasks import formal_languages, linear
from jrft.tasks.relabeling import ChangedLabels, changed_labels, correct_label_rewards

__all__ = [
    "ChangedLabels",
    "changed_labels",
    "correct_label_rewards",
    "formal_languages",
    "linear",
]
