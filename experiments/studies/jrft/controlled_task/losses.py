"""Losses of the controlled experiments: of one input, and their mean over a batch."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

import jrft
from experiments.engine.batches import Batch
from experiments.engine.phases import LossFn
from experiments.studies.jrft.controlled_task.task import Task

InputLoss = Callable[[jax.Array, Task], jax.Array]
"""(logits float[C], one input's `Task`) → float[]."""


def pretraining(logits: jax.Array, one: Task) -> jax.Array:
    """Cross-entropy to the uniform distribution over the input's habits."""
    return -jnp.mean(jax.nn.log_softmax(logits), where=one.habits)


def rft(logits: jax.Array, one: Task) -> jax.Array:
    """Minus the exact expected reward: nothing is sampled."""
    return -jrft.expected_reward(logits, one.rewards)


def sft(logits: jax.Array, one: Task) -> jax.Array:
    """Negative log-likelihood of the target."""
    return jrft.sft_loss(logits, one.targets)


FINETUNING: dict[str, InputLoss] = {"rft": rft, "sft": sft}


def batch_loss(loss: InputLoss, model: Any) -> LossFn:
    """The mean of a loss over the inputs of a `Batch` that count, for `loop.from_loss`.

    Args:
        loss: Of one input.
        model: A Flax module without state, from inputs to logits.
    """
    return partial(_batch_loss, loss, model)


def weighted_mean(values: jax.Array, weights: jax.Array) -> jax.Array:
    """Mean of `values` where `weights` is 1; 0 where it is 1 nowhere."""
    return jnp.sum(values * weights) / jnp.maximum(jnp.sum(weights), 1)


def _batch_loss(
    loss: InputLoss, model: Any, key: jax.Array, params: Any, model_state: None, batch: Batch
) -> tuple[jax.Array, tuple[None, dict[str, jax.Array]]]:
    del key, model_state
    losses = jax.vmap(loss)(model.apply(params, batch.data.inputs), batch.data)
    return weighted_mean(losses, batch.weights), (None, {})
