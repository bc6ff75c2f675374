"""Finetuning over a grid of heuristics: a run for each product, all of them one program."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.engine.phases import GradientFn, from_loss
from experiments.studies.jrft.controlled_task import losses
from experiments.studies.jrft.controlled_task.evaluation import evaluate
from experiments.studies.jrft.controlled_task.task import Task
from experiments.studies.jrft.heuristics.config import Config

# The learning rate is part of its state, so that runs of many rates are one program.
ADAM = optax.inject_hyperparams(optax.adam, static_args=("b1", "b2", "eps", "eps_root"))(
    learning_rate=0.0
)


class Settings(NamedTuple):
    """The heuristics of one run, or of many along a leading axis."""

    learning_rate: jax.Array
    temperature: jax.Array
    entropy_bonus: jax.Array


def grid(config: Config) -> Settings:
    """Every product of the three grids, float32[R] each; the first is the default."""
    axes = (config.learning_rates, config.temperatures, config.entropy_bonuses)
    return Settings(*(jnp.asarray(axis.ravel()) for axis in np.meshgrid(*axes, indexing="ij")))


def heuristic_gradient(model: Any) -> GradientFn:
    """The gradient of minus (expected reward + bonus · entropy) of the tempered policy.

    Args:
        model: With `apply(params, inputs, temperature)` → logits float[n, C].

    Returns:
        For `loop.fit`, on batches (`Task`, one run's `Settings`).
    """

    def loss(key: jax.Array, params: Any, state: None, batch: tuple[Task, Settings]) -> Any:
        del key, state
        task, settings = batch
        log_probs = jax.nn.log_softmax(model.apply(params, task.inputs, settings.temperature))
        probs = jnp.exp(log_probs)
        objective = task.rewards - settings.entropy_bonus * log_probs
        return -jnp.mean(jnp.sum(probs * objective, axis=1)), (None, {})

    return from_loss(loss)


def sft_gradient(model: Any) -> GradientFn:
    """The gradient of the mean negative log-likelihood, for what `heuristic_gradient` takes."""

    def loss(key: jax.Array, params: Any, state: None, batch: tuple[Task, Settings]) -> Any:
        del key, state
        task, _ = batch
        each = jax.vmap(losses.sft)(model.apply(params, task.inputs), task)
        return jnp.mean(each), (None, {})

    return from_loss(loss)


def adam_states(params: Any, learning_rates: jax.Array) -> Any:
    """States of `ADAM` before its first step, each with its own learning rate.

    Args:
        params: Parameters of R runs, along a leading axis.
        learning_rates: float32[R].
    """
    states: Any = jax.vmap(ADAM.init)(params)
    return states._replace(hyperparams=states.hyperparams | {"learning_rate": learning_rates})


def repeated(params: Any, num_runs: int) -> Any:
    """The same parameters for every run."""
    return jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (num_runs, *leaf.shape)), params)


def evaluate_run(
    model: Any, params: Any, state: None, data: tuple[Task, Settings]
) -> dict[str, jax.Array]:
    """The exact quantities of the policy without its temperature."""
    task, _ = data
    return evaluate(model, losses.rft, params, state, task)
