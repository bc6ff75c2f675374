"""The controlled task: a pretrained model's habits, and labels that finetuning changes."""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import jrft.tasks.relabeling
from experiments.data.cifar10 import cifar10, cifar10_subset
from experiments.data.mnist import ImageClassification, mnist, mnist_embedded, stratified
from experiments.data.stsb import SentenceSimilarity, stsb
from experiments.data.tokens import encode_pairs, vocabulary

ImageSet = Literal["mnist", "mnist-embedded", "cifar10", "cifar10-subset"]
PairSet = Literal["stsb"]
DatasetName = ImageSet | PairSet
IMAGE_SETS: dict[str, Callable[[], ImageClassification]] = {
    "mnist": mnist,
    "mnist-embedded": mnist_embedded,
    "cifar10": cifar10,
    "cifar10-subset": cifar10_subset,
}
PAIR_SETS: dict[str, Callable[[], SentenceSimilarity]] = {"stsb": stsb}


class Task(NamedTuple):
    """Inputs and their rewards, as arrays over n inputs; or one input of such a task.

    Attributes:
        inputs: The model's inputs, with a leading axis n.
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
    data: ImageClassification,
    num_images: int,
    num_habits: int,
    share_changed: float,
    seed: int,
    *,
    pooling: int = 1,
) -> Task:
    """Draws the task of Razin et al. (ICLR 2024, Section 4.2) over images.

    Args:
        data: The images to draw from, by class equally many.
        num_images: n.
        num_habits: Labels that pretraining makes equally likely for each class.
        share_changed: Share of the images whose label changes.
        seed: Of the images, the habits and the changed labels.
        pooling: Side of the squares whose mean makes one pixel of the inputs.

    Returns:
        The task, with reward 1 for the target and −1 for every other label.

    Raises:
        ValueError: There are fewer images, or `pooling` does not divide their sides.
    """
    images = stratified(data.train, num_images, seed)
    num_classes = int(data.train.labels.max()) + 1
    return _task(
        jnp.asarray(_pooled(images.pixels, pooling)),
        images.labels,
        num_classes,
        num_habits,
        share_changed,
        seed,
    )


def _pooled(pixels: np.ndarray, pooling: int) -> np.ndarray:
    num_images, height, width, *colors = pixels.shape
    if pooling < 1 or height % pooling or width % pooling:
        raise ValueError(
            f"pooling={pooling}: pass a divisor of the images' sides, {height} and {width}"
        )
    if pooling == 1:
        return pixels
    squares = (height // pooling, pooling, width // pooling, pooling)
    return pixels.reshape(num_images, *squares, *colors).mean(axis=(2, 4))


def pair_task(
    data: SentenceSimilarity,
    num_pairs: int,
    num_habits: int,
    share_changed: float,
    seed: int,
    *,
    vocab_size: int,
    num_tokens: int,
) -> Task:
    """The same over pairs of sentences, whose class is their score rounded (halves to even).

    Deviation from the paper: tokens are the most frequent words of the training pairs, not the
    pieces of words of BERT's vocabulary.

    Args:
        data: The pairs to draw from, at random.
        num_pairs: n.
        num_habits: Labels that pretraining makes equally likely for each class.
        share_changed: Share of the pairs whose label changes.
        seed: Of the pairs, the habits and the changed labels.
        vocab_size: Number of tokens.
        num_tokens: Tokens of a pair, padding included.

    Returns:
        The task, its inputs `TokenPairs`.

    Raises:
        ValueError: There are fewer pairs, or no room for a word.
    """
    pairs, scores = data.train
    if not 1 <= num_pairs <= len(pairs):
        raise ValueError(
            f"num_pairs={num_pairs}: pass 1 to {len(pairs)}, the number of training pairs"
        )
    tokens = vocabulary((sentence for pair in pairs for sentence in pair), vocab_size)
    chosen = np.random.default_rng(seed).choice(len(pairs), num_pairs, replace=False)
    encoded = encode_pairs([pairs[row] for row in chosen], tokens, num_tokens)
    labels = np.rint(scores).astype(np.int32)
    return _task(
        jax.tree.map(jnp.asarray, encoded),
        labels[chosen],
        int(labels.max()) + 1,
        num_habits,
        share_changed,
        seed,
    )


def _task(
    inputs: Any,
    labels: np.ndarray,
    num_classes: int,
    num_habits: int,
    share_changed: float,
    seed: int,
) -> Task:
    drawn = jrft.changed_labels(
        jax.random.fold_in(jax.random.key(seed), 1),
        jnp.asarray(labels),
        num_classes,
        num_habits=num_habits,
        share_changed=share_changed,
    )
    return Task(
        inputs,
        drawn.habits[labels],
        drawn.targets,
        drawn.changed,
        jax.nn.one_hot(drawn.targets, num_classes) * 2 - 1,
    )


def with_high_initial_reward(task: Task, wrong: float) -> Task:
    """The same task, where a wrong label earns `wrong` for the inputs of changed label.

    Their reward then starts near `wrong` instead of −1, its std as small as before.
    """
    num_classes = task.rewards.shape[-1]
    right = jax.nn.one_hot(task.targets, num_classes, dtype=bool)
    high = task.changed[..., None] & ~right
    return task._replace(rewards=jnp.where(high, wrong, task.rewards))
