"""The controlled task: a pretrained model's habits, and labels that finetuning changes."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

import jrft.environments
from experiments.data.mnist import ImageClassification, mnist, mnist_embedded, stratified

ImageSet = Literal["mnist", "mnist-embedded"]
IMAGE_SETS: dict[ImageSet, Callable[[], ImageClassification]] = {
    "mnist": mnist,
    "mnist-embedded": mnist_embedded,
}


class Task(NamedTuple):
    """Inputs and what they are rewarded for, as arrays over n inputs; or the same of one input.

    Attributes:
        inputs: What the model reads, with a leading axis n.
        habits: bool[n, C], the labels that pretraining makes equally likely.
        targets: int32[n], the label to learn in finetuning.
        changed: bool[n], whether that label is outside the habits.
        rewards: float32[n, C], the reward of each label.
    """

    inputs: Any
    habits: jax.Array
    targets: jax.Array
    changed: jax.Array
    rewards: jax.Array


def image_task(
    data: ImageClassification, num_images: int, num_habits: int, share_changed: float, seed: int
) -> Task:
    """Draws the task of Razin et al. (ICLR 2024, Section 4.2) over images, flattened.

    Args:
        data: The images to draw from, by class equally many.
        num_images: n.
        num_habits: Labels that pretraining makes equally likely for each class.
        share_changed: Share of the images whose label changes.
        seed: Of the images, the habits and the changed labels.

    Returns:
        The task, with reward 1 for the target and −1 for every other label.
    """
    images = stratified(data.train, num_images, seed)
    drawn = jrft.environments.changed_labels(
        jax.random.fold_in(jax.random.key(seed), 1),
        jnp.asarray(images.labels),
        int(data.train.labels.max()) + 1,
        num_habits=num_habits,
        share_changed=share_changed,
    )
    habits = drawn.habits[images.labels]
    return Task(
        jnp.asarray(images.pixels.reshape(num_images, -1)),
        habits,
        drawn.targets,
        drawn.changed,
        jax.nn.one_hot(drawn.targets, habits.shape[1]) * 2 - 1,
    )


def with_high_initial_reward(task: Task, wrong: float) -> Task:
    """The same task, where a wrong label earns ``wrong`` for the inputs of changed label.

    Their reward then starts near ``wrong`` instead of −1, its std as small as before.
    """
    num_classes = task.rewards.shape[-1]
    right = jax.nn.one_hot(task.targets, num_classes, dtype=bool)
    high = task.changed[..., None] & ~right
    return task._replace(rewards=jnp.where(high, wrong, task.rewards))
