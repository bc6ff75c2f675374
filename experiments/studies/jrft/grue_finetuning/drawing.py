"""Samples of inputs and their rewards; a reward is a program of the host."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import jrft
from experiments.engine.batches import epochs
from experiments.studies.jrft.grue.metrics import scored
from experiments.studies.jrft.grue.tasks import Sampling
from experiments.studies.jrft.grue_finetuning.gradients import Texts
from experiments.studies.jrft.grue_finetuning.inputs import Inputs
from experiments.studies.jrft.grue_finetuning.predictions import predictions
from jrft.completions import PAD


class Rewards(NamedTuple):
    """Rewards of completions.

    Attributes:
        values: float[inputs, samples], NaN where one is missing.
        failures: Why, for each that is missing.
        completion: The first one, to read.
    """

    values: np.ndarray
    failures: list[str]
    completion: str


class Sampler(NamedTuple):
    """Samples completions of a task's inputs.

    Attributes:
        tokenizer: The model's.
        inputs: The inputs.
        sampling: The task's settings.
        batch_size: Inputs at a time.
    """

    tokenizer: Any
    inputs: Inputs
    sampling: Sampling
    batch_size: int

    def draw(
        self, key: jax.Array, policy: Any, params: Any, chosen: np.ndarray, settings: "Draw"
    ) -> jrft.Samples:
        """Completions of the chosen inputs, under the task's top-k and minimal length.

        An input's completions depend on the key and its number, and on no other input.
        """
        top_k = self.sampling.top_k and min(self.sampling.top_k, policy.vocab_size)
        min_length = min(self.sampling.min_length, policy.length)
        warped = jrft.warped_policy(
            policy, temperature=settings.temperature, top_k=top_k, min_length=min_length
        )
        prompts = self.inputs.prompts[chosen]
        return _draw(key, warped, params, prompts, jnp.asarray(chosen), settings.num_samples)

    def rewards(self, chosen: np.ndarray, samples: jrft.Samples, eos: int | None) -> Rewards:
        """Rewards of the chosen inputs' samples."""
        values, failures, first = [], [], ""
        for i, completions in zip(chosen, np.asarray(samples.completions), strict=True):
            texts = [
                self.tokenizer.decode([token for token in row if token not in (PAD, eos)])
                for row in completions.tolist()
            ]
            found = scored(self.inputs.reward, self.inputs.examples[i], texts)
            values.append(found.values)
            failures += found.failures
            first = first or texts[0]
        return Rewards(np.stack(values), failures, first)

    def measure(self, key: jax.Array, policy: Any, params: Any, num_samples: int) -> Rewards:
        """Rewards of all inputs at temperature 1."""
        found, number = [], len(self.inputs.prompts)
        for first in range(0, number, self.batch_size):
            # The last batch is filled up, so that all run one program; the fill is dropped.
            chosen = np.minimum(np.arange(first, first + self.batch_size), number - 1)
            samples = self.draw(key, policy, params, chosen, Draw(num_samples))
            kept = min(self.batch_size, number - first)
            samples = jax.tree.map(lambda leaf, kept=kept: leaf[:kept], samples)
            found.append(self.rewards(chosen[:kept], samples, policy.eos))
        return Rewards(
            np.concatenate([each.values for each in found]),
            [failure for each in found for failure in each.failures],
            found[0].completion,
        )


class Draw(NamedTuple):
    """How a batch is drawn.

    Attributes:
        num_samples: Completions of an input.
        temperature: Of the policy.
    """

    num_samples: int
    temperature: float = 1.0


class Refresh(NamedTuple):
    """Draws a batch and its rewards before every chunk of the loop.

    Attributes:
        sampler: It samples.
        draw: How a batch is drawn.
        advantages: From the rewards of a group; None for PPO, which gets log-probabilities and
            values of tokens instead.
        reference: Parameters at the start, as the loop trains them.
        updates_per_draw: Updates of a chunk.
        failures: Why rewards are missing, as far as this process has seen it.
    """

    sampler: Sampler
    draw: Draw
    advantages: Any
    reference: Any
    updates_per_draw: int
    failures: list[str]

    def empty(self, policy: Any) -> Texts:
        """A batch of the right shapes, before anything is drawn."""
        size = min(self.sampler.batch_size, len(self.sampler.inputs.prompts))
        rows = size, self.draw.num_samples
        tokens = jnp.zeros((*rows, policy.length))
        prompts = jnp.asarray(self.sampler.inputs.prompts[:size])
        completions = jnp.zeros(tokens.shape, jnp.int32)
        ones, zeros = jnp.ones(size), jnp.zeros(rows)
        return Texts(policy, prompts, completions, ones, zeros, zeros, tokens, tokens, tokens)

    def next_batch(self, key: jax.Array, step: int, params: Any, batch: Texts) -> Texts:
        """The batch from a step on: a function of key, step and parameters."""
        draw = step // self.updates_per_draw
        sample_key = jax.random.fold_in(key, draw)
        chosen, weights = self._chosen(key, draw)
        policy = batch.policy
        samples = self.sampler.draw(sample_key, policy, params["policy"], chosen, self.draw)
        rewards = self.sampler.rewards(chosen, samples, policy.eos)
        self.failures.extend(rewards.failures)
        values = jnp.asarray(rewards.values, jnp.float32)
        batch = batch._replace(
            prompts=jnp.asarray(self.sampler.inputs.prompts[chosen]),
            completions=samples.completions,
            weights=weights,
            rewards=values,
        )
        if self.advantages is not None:
            return batch._replace(advantages=jax.vmap(self.advantages)(values))
        texts = policy, batch.prompts, samples.completions, self.draw.temperature
        now, reference = (_look(each, *texts) for each in (params, self.reference))
        return batch._replace(
            log_probs=now.log_probs, values=now.values, reference=reference.log_probs
        )

    def _chosen(self, key: jax.Array, draw: int) -> tuple[np.ndarray, jax.Array]:
        """Inputs of a draw, by shuffled passes, and their weights."""
        number = len(self.sampler.inputs.prompts)
        batches, _ = epochs(self.sampler.batch_size, number)
        batch = batches(key, jnp.int32(draw), jnp.arange(number))
        return np.asarray(batch.data), batch.weights


@partial(jax.jit, static_argnames="num_samples")
def _draw(
    key: jax.Array,
    policy: Any,
    params: Any,
    prompts: jax.Array,
    numbers: jax.Array,
    num_samples: int,
) -> jrft.Samples:
    def of_prompt(number: jax.Array, prompt: jax.Array) -> jrft.Samples:
        return jrft.sample(jax.random.fold_in(key, number), policy, params, prompt, num_samples)

    return jax.vmap(of_prompt)(numbers, prompts)


@partial(jax.jit, static_argnames="temperature")
def _look(
    params: Any, policy: Any, prompts: jax.Array, completions: jax.Array, temperature: float
) -> Any:
    return predictions(policy, params, prompts, completions, temperature)
