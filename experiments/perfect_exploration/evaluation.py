"""The exact quantities that the controlled experiments log."""

from typing import Any

import jax
import jax.numpy as jnp
import optax

import jrft.objectives
from experiments.perfect_exploration.losses import InputLoss, rft, weighted_mean
from experiments.perfect_exploration.task import Task

SPLITS = ("changed", "unchanged", "total")


def evaluate(
    model: Any, loss: InputLoss, params: Any, model_state: Any, task: Task
) -> dict[str, jax.Array]:
    """Exact quantities over all inputs, and by changed and unchanged label.

    Named ``<split>/<quantity>``. Per input, then averaged over the split: ``reward``,
    ``reward_std`` (over the labels of one input, whole distribution) and ``accuracy``. Per split:
    ``gradient_norm`` of its mean reward, which is the quantity the theorem is about;
    ``relative_gradient_norm``, that over the norm of the parameters; and ``loss_gradient_norm`` of
    its mean loss.

    Args:
        model: A Flax module without state, from inputs to logits.
        loss: What finetuning minimises.
        params: Parameters of the model.
        model_state: None.
        task: Of n inputs.
    """
    del model_state
    logits = model.apply(params, task.inputs)
    per_input = {
        "reward": jax.vmap(jrft.objectives.expected_reward)(logits, task.rewards),
        "reward_std": jax.vmap(jrft.objectives.reward_std)(logits, task.rewards),
        "accuracy": logits.argmax(1) == task.targets,
    }

    def gradient_norm(loss: InputLoss, members: jax.Array) -> jax.Array:
        def mean_loss(params: Any) -> jax.Array:
            losses = jax.vmap(loss)(model.apply(params, task.inputs), task)
            return weighted_mean(losses, members)

        return optax.tree.norm(jax.grad(mean_loss)(params))

    metrics: dict[str, jax.Array] = {}
    splits = (task.changed, ~task.changed, jnp.ones_like(task.changed))
    for split, members in zip(SPLITS, splits, strict=True):
        of_reward = gradient_norm(rft, members)
        metrics |= {
            f"{split}/{name}": weighted_mean(values, members) for name, values in per_input.items()
        } | {
            f"{split}/gradient_norm": of_reward,
            f"{split}/relative_gradient_norm": of_reward / optax.tree.norm(params),
            f"{split}/loss_gradient_norm": gradient_norm(loss, members),
        }
    return metrics
