"""Environments whose expected reward and gradient are exact: perfect exploration."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray


class ChangedLabels(NamedTuple):
    """A classification task where a pretrained model's habits hold for most inputs only.

    Attributes:
        habits: Bool[C, C], row c says which labels the model is pretrained to give inputs of class
            c, all equally likely; c is among them.
        targets: Int32[n], the label to be rewarded in finetuning.
        changed: Bool[n], the inputs whose target is outside their class's habits, so that a
            pretrained model seldom earns a reward for them, with a tiny standard deviation.
    """

    habits: Bool[Array, "C C"]
    targets: Int[Array, " n"]
    changed: Bool[Array, " n"]


def changed_labels(
    key: PRNGKeyArray,
    labels: Int[Array, " n"],
    num_classes: int,
    *,
    num_habits: int = 5,
    share_changed: float = 0.1,
) -> ChangedLabels:
    """Draws the controlled task of Razin et al. (ICLR 2024, Section 4.2).

    Each class has a fixed set of labels that pretraining makes equally likely: itself and
    `num_habits - 1` others at random. Finetuning rewards the original label, except for a random
    share of the inputs, where it rewards a random label outside the set.

    Args:
        key: Source of the sets, of the inputs to change and of their targets.
        labels: Int[n], the original labels of 0 … C − 1.
        num_classes: C.
        num_habits: Size m of each class's set, between 1 and C − 1 (the paper: 5 of 10, 3 of 6).
        share_changed: Share of inputs to change, rounded to a whole number of inputs.

    Returns:
        The task, a `ChangedLabels`.

    Raises:
        ValueError: `num_habits` or `share_changed` is out of range.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> labels = jnp.arange(20) % 10
        >>> task = changed_labels(jax.random.key(0), labels, 10)
        >>> int(task.changed.sum()), task.habits.sum(axis=1).tolist()
        (2, [5, 5, 5, 5, 5, 5, 5, 5, 5, 5])
        >>> bool((task.targets == labels).sum() == 18)
        True
    """
    if not 1 <= num_habits < num_classes:
        raise ValueError(
            f"num_habits is {num_habits}: pass a number between 1 and {num_classes - 1}, so that a "
            "label is left to change to"
        )
    if not 0 <= share_changed <= 1:
        raise ValueError(f"share_changed is {share_changed}: pass a share in [0, 1]")
    habits_key, changed_key, targets_key = jax.random.split(key, 3)
    # The m largest of random scores are a random set; a class's own score is the largest.
    scores = jax.random.uniform(habits_key, (num_classes, num_classes))
    scores = jnp.where(jnp.eye(num_classes, dtype=bool), 2.0, scores)
    ranks = jnp.argsort(jnp.argsort(-scores, axis=1), axis=1)
    habits = ranks < num_habits
    (num_inputs,) = labels.shape
    num_changed = round(share_changed * num_inputs)
    changed = jax.random.permutation(changed_key, jnp.arange(num_inputs) < num_changed)
    outside = jnp.where(habits[labels], -jnp.inf, 0.0)
    new_targets = jax.random.categorical(targets_key, outside, axis=1)
    targets = jnp.where(changed, new_targets, labels).astype(jnp.int32)
    return ChangedLabels(habits, targets, changed)


def correct_label_rewards(
    target: Int[Array, ""], num_classes: int, *, wrong: float = -1.0
) -> Float[Array, " C"]:
    """Reward of each label of one input: 1 for `target`, `wrong` for the others.

    Args:
        target: Int[], the label to be rewarded.
        num_classes: C.
        wrong: Reward of every other label.

    Example:
        >>> import jax.numpy as jnp
        >>> correct_label_rewards(jnp.int32(1), 3).tolist()
        [-1.0, 1.0, -1.0]
    """
    return jnp.where(jnp.arange(num_classes) == target, 1.0, wrong)
