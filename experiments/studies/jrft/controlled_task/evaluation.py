"""The exact quantities that the controlled experiments log."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

import jrft
from experiments.engine.batches import Batch
from experiments.studies.jrft.controlled_task.losses import InputLoss, rft
from experiments.studies.jrft.controlled_task.task import Task

SPLITS = ("changed", "unchanged", "total")


def evaluate(
    model: Any,
    loss: InputLoss,
    params: Any,
    model_state: Any,
    task: Task,
    *,
    block_size: int = 1024,
) -> dict[str, jax.Array]:
    """Exact quantities over all inputs, and by changed and unchanged label.

    Named `<split>/<quantity>`. Per input, then averaged over the split: `reward`,
    `reward_std` (over the labels of one input, whole distribution) and `accuracy`. Per split:
    `gradient_norm` of its mean reward, which is the quantity the theorem is about;
    `relative_gradient_norm`, that over the norm of the parameters; and `loss_gradient_norm` of
    its mean loss.

    Inputs are evaluated in blocks, whose activations are all that is in memory at a time.

    Args:
        model: A Flax module without state, from inputs to logits.
        loss: What finetuning minimizes.
        params: Parameters of the model.
        model_state: None.
        task: Of n inputs.
        block_size: Inputs of a block.
    """
    del model_state
    splits = (task.changed, ~task.changed, jnp.ones_like(task.changed))
    members = dict(zip(SPLITS, splits, strict=True))
    counts = {split: jnp.maximum(jnp.sum(rows), 1) for split, rows in members.items()}
    losses = (rft,) if loss is rft else (rft, loss)
    part = partial(_part_of_means, model, losses, params, counts)
    means = _sum_over_blocks(part, _blocks((task, members), block_size))
    norms = jax.vmap(optax.tree.norm)(means.gradients).reshape(len(losses), len(SPLITS))
    metrics = dict(means.per_input)
    # The last loss is the one that finetuning minimizes, be it the reward or another.
    for split, of_reward, of_loss in zip(SPLITS, norms[0], norms[-1], strict=True):
        metrics |= {
            f"{split}/gradient_norm": of_reward,
            f"{split}/relative_gradient_norm": of_reward / optax.tree.norm(params),
            f"{split}/loss_gradient_norm": of_loss,
        }
    return metrics


class _Means(NamedTuple):
    """Means over the splits, or a block's part of them.

    Attributes:
        per_input: By split and quantity.
        gradients: Of each loss's mean over each split, in the parameters, along a leading axis.
    """

    per_input: dict[str, jax.Array]
    gradients: Any


def _part_of_means(
    model: Any,
    losses: tuple[InputLoss, ...],
    params: Any,
    counts: dict[str, jax.Array],
    block: Batch,
) -> _Means:
    """A block's part of the means over each split, and of their gradients."""
    some, members = block.data
    shares = {split: rows * block.weights / counts[split] for split, rows in members.items()}
    logits, pull_back = jax.vjp(lambda params: model.apply(params, some.inputs), params)
    per_input = {
        "reward": jax.vmap(jrft.expected_reward)(logits, some.rewards),
        "reward_std": jax.vmap(jrft.reward_std)(logits, some.rewards),
        "accuracy": logits.argmax(1) == some.targets,
    }

    def slopes(loss: InputLoss, split: str) -> jax.Array:
        """Of the mean loss over the split, in the logits."""
        return jax.vmap(jax.grad(loss))(logits, some) * shares[split][:, None]

    cotangents = jnp.stack([slopes(each, split) for each in losses for split in SPLITS])
    return _Means(
        {
            f"{split}/{name}": jnp.sum(values * members[split] * block.weights) / counts[split]
            for split in SPLITS
            for name, values in per_input.items()
        },
        # One after the other, so that a small program does for all.
        jax.lax.map(lambda slope: pull_back(slope)[0], cotangents),
    )


def _sum_over_blocks(part: Callable[[Batch], _Means], blocks: Batch) -> _Means:
    first = jax.tree.map(lambda rows: rows[0], blocks)
    means = part(first)
    if len(blocks.weights) > 1:
        others = jax.tree.map(lambda rows: rows[1:], blocks)
        means, _ = jax.lax.scan(
            lambda sums, block: (jax.tree.map(jnp.add, sums, part(block)), None), means, others
        )
    return means


def _blocks(data: Any, size: int) -> Batch:
    """Blocks of examples along a leading axis, the last one padded with weight 0."""
    num_examples = len(jax.tree.leaves(data)[0])
    size = min(size, num_examples)
    padding = -num_examples % size

    def split(array: jax.Array) -> jax.Array:
        # With copies of the last example, which is a valid one.
        widths = [(0, padding)] + [(0, 0)] * (array.ndim - 1)
        return jnp.pad(array, widths, mode="edge").reshape(-1, size, *array.shape[1:])

    positions = jnp.arange(num_examples + padding).reshape(-1, size)
    return Batch(jax.tree.map(split, data), (positions < num_examples).astype(jnp.float32))
