"""Supervised finetuning, and reinforcement finetuning from any point of its way."""

from pathlib import Path
from typing import Any, NamedTuple, final

import jax
import jax.flatten_util
import jax.numpy as jnp
import numpy as np
import optax

import jrft
from experiments.engine.loop import Host, fit
from experiments.engine.phases import Phase, from_loss
from experiments.studies.jrft.controlled_task import losses
from experiments.studies.jrft.controlled_task.task import Task


class Labeled(NamedTuple):
    """The labels of one run of SFT, or of many along a leading axis.

    Attributes:
        labels: int32[n], the label to learn for each input.
        weights: float32[n], 1 for the inputs that are labeled.
    """

    labels: jax.Array
    weights: jax.Array


@final
class SftThenRft:
    """Many runs from one pretrained model; parameters are flat, float32[..., parameters].

    Args:
        model: From parameters and inputs to logits.
        task: What RFT maximizes the exact expected reward of.
        start: The pretrained parameters.
        learning_rate: Adam's, in both phases; its moments start anew with each.
        directory: Where checkpoints go.
    """

    def __init__(
        self, model: Any, task: Task, start: Any, learning_rate: float, directory: Path
    ) -> None:
        self._model, self._task, self._directory = model, task, directory
        # In float32, like histories.
        start = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), start)
        self._start, self._unravel = jax.flatten_util.ravel_pytree(start)
        # Made once, so that calls share compiled programs.
        self._adam = optax.adam(learning_rate)
        self._sft_gradient = from_loss(self._labeled_loss)
        self._rft_gradient = from_loss(self._negative_reward)
        self._look_at_many = jax.jit(lambda flat: jax.lax.map(self._look, flat))

    def sft(self, name: str, labeled: Labeled, num_steps: int, every: int) -> np.ndarray:
        """The way of R runs of SFT from the start, float32[1 + num_steps / every, R, parameters].

        Args:
            name: Of the checkpoints.
            labeled: With a leading axis R.
            num_steps: Full-batch updates.
            every: Updates between two points.
        """
        num_runs = len(labeled.weights)
        phase = Phase(
            f"SFT ({name})", self._sft_gradient, self._adam, num_steps, every, evaluate=_parameters
        )
        trained = fit(
            jax.random.split(jax.random.key(0), num_runs),
            jnp.broadcast_to(self._start, (num_runs, self._start.size)),
            phase,
            (self._task, labeled),
            run_axes=(None, 0),
            host=Host(self._directory / f"sft-{name}"),
        )
        return trained.history["parameters"]

    def rft(self, name: str, flat: np.ndarray, num_steps: int) -> np.ndarray:
        """The parameters after RFT from float32[R, parameters]."""
        trained = fit(
            jax.random.split(jax.random.key(0), len(flat)),
            jnp.asarray(flat),
            Phase(f"RFT ({name})", self._rft_gradient, self._adam, num_steps),
            (self._task,),
            run_axes=(None,),
            host=Host(self._directory / f"rft-{name}"),
        )
        return np.asarray(trained.params)

    def look(self, flat: np.ndarray) -> dict[str, np.ndarray]:
        """Exact quantities of every input: `reward`, its `std`, `target_prob`.

        Args:
            flat: float32[..., parameters].

        Returns:
            float32[..., n] each.
        """
        seen = self._look_at_many(jnp.asarray(flat.reshape(-1, flat.shape[-1])))
        shape = (*flat.shape[:-1], -1)
        return {name: np.asarray(values).reshape(shape) for name, values in seen.items()}

    def _look(self, flat: jax.Array) -> dict[str, jax.Array]:
        logits = self._logits(flat)
        rewards, targets = self._task.rewards, self._task.targets
        return {
            "reward": jax.vmap(jrft.expected_reward)(logits, rewards),
            "std": jax.vmap(jrft.reward_std)(logits, rewards),
            "target_prob": jnp.exp(-jax.vmap(jrft.sft_loss)(logits, targets)),
        }

    def _logits(self, flat: jax.Array) -> jax.Array:
        return self._model.apply(self._unravel(flat), self._task.inputs)

    def _labeled_loss(self, key: jax.Array, flat: jax.Array, state: None, batch: Any) -> Any:
        del key, state
        _, labeled = batch
        each = jax.vmap(jrft.sft_loss)(self._logits(flat), labeled.labels)
        return losses.weighted_mean(each, labeled.weights), (None, {})

    def _negative_reward(self, key: jax.Array, flat: jax.Array, state: None, batch: Any) -> Any:
        del key, state
        (task,) = batch
        values = jax.vmap(jrft.expected_reward)(self._logits(flat), task.rewards)
        return -jnp.mean(values), (None, {})


def _parameters(flat: jax.Array, state: None, data: Any) -> dict[str, jax.Array]:
    del state, data
    return {"parameters": flat}
