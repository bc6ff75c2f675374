"""Gradients that finetune the speller, for the one loop.

Each is `(key, params, model_state, batch) → (gradient, model_state, info)` on a `Batch` of
words, and every word counts alike. There is one backward pass over all completions of a batch.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

import jrft
from experiments.engine.batches import Batch
from experiments.engine.phases import GradientFn, from_loss
from experiments.studies.jrft.controlled_task.losses import weighted_mean
from experiments.studies.jrft.grue_speller.rewards import (
    SampleReward,
    answer_log_probs,
    is_right,
    success,
)
from experiments.studies.jrft.grue_speller.words import Words
from jrft.advantages import Advantages
from jrft.completions import after_end


class Drawn(NamedTuple):
    """Samples of a batch: PPO's model state, which it makes several updates from.

    Attributes:
        step: int32[], updates made.
        samples: `jrft.Samples` with leading axes [batch, num_samples].
        advantages: float[batch, num_samples].
    """

    step: jax.Array
    samples: jrft.Samples
    advantages: jax.Array


def sft(policy: jrft.Policy) -> GradientFn:
    """Maximum likelihood of the right answers, all equally likely."""

    def loss(key: jax.Array, params: Any, state: None, batch: Batch) -> Any:
        del key
        log_probs = answer_log_probs(policy, params, batch.data)
        each = -jnp.mean(log_probs, axis=1, where=batch.data.exists)
        return weighted_mean(each, batch.weights), (state, {})

    return from_loss(loss)


def exact_rft(policy: jrft.Policy) -> GradientFn:
    """The exact gradient of the expected reward of being right: perfect exploration."""

    def loss(key: jax.Array, params: Any, state: None, batch: Batch) -> Any:
        del key
        values = success(policy, params, batch.data)
        return -weighted_mean(values, batch.weights), (state, {})

    return from_loss(loss)


def sampled_rft(
    policy: jrft.Policy, advantages: Advantages, num_samples: int, reward: SampleReward = is_right
) -> GradientFn:
    """A policy gradient from samples of every word.

    Args:
        policy: The model.
        advantages: From the rewards of a group, as in `jrft.ESTIMATORS`.
        num_samples: Completions of each word.
        reward: Of a sample.
    """

    def loss(key: jax.Array, params: Any, state: None, batch: Batch) -> Any:
        value = policy_gradient_loss(key, policy, params, batch, advantages, num_samples, reward)
        return value, (state, {})

    return from_loss(loss)


def policy_gradient_loss(
    key: jax.Array, policy: jrft.Policy, params: Any, batch: Batch, advantages: Advantages,
    num_samples: int, reward: SampleReward,
) -> jax.Array:  # fmt: skip
    """A number whose gradient is minus the policy gradient from samples of every word."""
    drawn = draw(key, policy, params, batch.data, advantages, num_samples, reward)
    scores = _log_probs(policy, params, batch.data, drawn.samples).sum(axis=-1)
    return weighted_mean(-(drawn.advantages * scores).mean(axis=1), batch.weights)


def ppo_rft(
    policy: jrft.Policy, num_samples: int, updates_per_draw: int, clip: float
) -> GradientFn:
    """PPO's clipped surrogate; needs `before_ppo` as model state, and its batches repeated.

    Advantages are rewards minus the mean of the word's group. There is neither a value function
    nor a KL penalty.

    Args:
        policy: The model.
        num_samples: Completions of each word.
        updates_per_draw: Updates made from the same completions.
        clip: How far from 1 a token's ratio may go.
    """

    def gradient_fn(key: jax.Array, params: Any, state: Drawn, batch: Batch) -> Any:
        words = batch.data

        def fresh() -> Drawn:
            mean_advantages = jrft.ESTIMATORS["mean"]
            return draw(key, policy, params, words, mean_advantages, num_samples, is_right)

        drawn = jax.lax.cond(state.step % updates_per_draw == 0, fresh, lambda: state)

        def loss(params: Any) -> jax.Array:
            samples = drawn.samples
            ratios = jnp.exp(_log_probs(policy, params, words, samples) - samples.log_probs)
            advantages = drawn.advantages[..., None]
            terms = jnp.minimum(
                ratios * advantages, jnp.clip(ratios, 1 - clip, 1 + clip) * advantages
            )
            present = ~after_end(samples.completions, policy.eos)
            each = -jnp.where(present, terms, 0).sum(axis=-1).mean(axis=1)
            return weighted_mean(each, batch.weights)

        value, gradient = jax.value_and_grad(loss)(params)
        info = {"loss": value, "gradient_norm": optax.tree.norm(gradient)}
        return gradient, drawn._replace(step=state.step + 1), info

    return gradient_fn


def before_ppo(policy: jrft.Policy, batch_size: int, num_samples: int) -> Drawn:
    """The model state before PPO has drawn anything."""
    shape = batch_size, num_samples
    samples = jrft.Samples(
        jnp.zeros((*shape, policy.length), jnp.int32), jnp.zeros((*shape, policy.length))
    )
    return Drawn(jnp.int32(0), samples, jnp.zeros(shape))


def draw(
    key: jax.Array, policy: jrft.Policy, params: Any, words: Words, advantages: Advantages,
    num_samples: int, reward: SampleReward,
) -> Drawn:  # fmt: skip
    """Samples of every word and their advantages; no gradient flows through them."""
    params = jax.lax.stop_gradient(params)

    def of_word(key: jax.Array, word: Words) -> tuple[jrft.Samples, jax.Array]:
        samples = jrft.sample(key, policy, params, word.prompts, num_samples)
        return samples, advantages(jax.vmap(reward, (None, 0))(word, samples))

    return Drawn(jnp.int32(0), *jax.vmap(of_word)(jax.random.split(key, len(words.prompts)), words))


def _log_probs(policy: jrft.Policy, params: Any, words: Words, samples: jrft.Samples) -> jax.Array:
    """Log-probabilities of the tokens of samples, float[batch, num_samples, length]."""

    def of_word(word: Words, completions: jax.Array) -> jax.Array:
        return jax.vmap(policy.log_probs, (None, None, 0))(params, word.prompts, completions)

    return jax.vmap(of_word)(words, samples.completions)
