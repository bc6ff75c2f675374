"""A reward learned from preferences, and RFT on it.

The reward model is the speller with a linear head on the state after its last token. It learns from
pairs of the pretrained speller's samples, of which one is preferred with the probability of Bradley
and Terry, σ(scale · (closeness − closeness)).
"""

import functools
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jrft
from experiments.engine.batches import Batch, epochs
from experiments.engine.loop import Host, fit
from experiments.engine.phases import GradientFn, Phase, from_loss
from experiments.studies.jrft.controlled_task.losses import weighted_mean
from experiments.studies.jrft.grue_speller.config import Config
from experiments.studies.jrft.grue_speller.data import Split, Study
from experiments.studies.jrft.grue_speller.finetuning import Finetuning, Method, Runs, repeated
from experiments.studies.jrft.grue_speller.gradients import policy_gradient_loss
from experiments.studies.jrft.grue_speller.rewards import closeness, sampled_moments
from experiments.studies.jrft.grue_speller.words import Words

_MEASURING_SAMPLES = 32


def learned(
    config: Config, study: Study, finetuning: Finetuning, rate: float, directory: Path
) -> dict[str, np.ndarray]:
    """Learns a reward a seed, and finetunes by RLOO on it.

    Args:
        config: The configuration.
        study: The speller and its words.
        finetuning: It makes the runs of RLOO.
        rate: RLOO's learning rate.
        directory: Where checkpoints go.

    Returns:
        `accuracy`, float[seeds], the share of held-out pairs that are ordered as their closeness
        is; and of the training words, float[seeds, words]: means and stds of closeness and of the
        learned reward before, their means after, and the probability of being right at both times.
    """
    policy, seeds = study.policy, config.num_learned_seeds
    words = jax.tree.map(lambda leaf: leaf[:seeds], study.splits)
    models = _reward_models(config, study, words, directory / "reward-model")
    method = Method("RLOO, learned reward", _learned_rft(policy, config.num_samples))
    runs = finetuning.run(
        "learned", method, Runs([rate] * seeds, words, state=models),
        config.num_steps, config.log_every,
    )  # fmt: skip

    @jax.jit
    def moments(key: jax.Array, params: Any, words: Words, model: Any) -> list[Any]:
        scores = functools.partial(score, policy, model)
        return [
            sampled_moments(key, policy, params, words, reward, _MEASURING_SAMPLES)
            for reward in (closeness, scores)
        ]

    found: dict[str, list[Any]] = {}
    for seed in range(seeds):
        train, model, after = (
            jax.tree.map(lambda leaf, seed=seed: leaf[seed], tree)
            for tree in (words.train, models, runs.params)
        )
        first, second = jax.random.split(jax.random.key(seed))
        (true, true_std), (learned, learned_std) = moments(first, study.params, train, model)
        (true_after, _), (learned_after, _) = moments(second, after, train, model)
        of_seed = {
            "true": true, "true_std": true_std, "true_after": true_after,
            "learned": learned, "learned_std": learned_std, "learned_after": learned_after,
        }  # fmt: skip
        for name, values in of_seed.items():
            found.setdefault(name, []).append(values)
    history = runs.history["train"]
    return {name: np.stack(rows).round(4) for name, rows in found.items()} | {
        "accuracy": _accuracy(policy, study.params, words.test, models),
        "right_before": history[0],
        "right_after": history[-1].round(4),
    }


def score(policy: jrft.Policy, model: Any, word: Words, sample: jrft.Samples) -> jax.Array:
    """The learned reward of a completion, float[]."""

    def read(state: jax.Array, token: jax.Array) -> tuple[jax.Array, None]:
        _, after = policy.step(model["speller"], state, jnp.maximum(token, 0))
        return jnp.where(token < 0, state, after), None

    _, state = policy.prefill(model["speller"], word.prompts)
    state, _ = jax.lax.scan(read, state, sample.completions)
    return state @ model["head"]


def _reward_models(config: Config, study: Study, words: Split, directory: Path) -> Any:
    """A reward model a seed, learned on its training words."""
    policy, seeds = study.policy, config.num_learned_seeds
    width = study.params["dec_w_hh"].shape[1]
    start = {"speller": study.params, "head": jnp.zeros(width)}
    batches, _ = epochs(config.batch_size, words.train.prompts.shape[1])

    def loss(key: jax.Array, model: Any, state: None, batch: Batch) -> Any:
        pair_key, choice_key = jax.random.split(key)
        scores, truth = _pairs(pair_key, policy, study.params, batch.data, model)
        margin = config.preference_scale * (truth[:, 0] - truth[:, 1])
        first_wins = jax.random.bernoulli(choice_key, jax.nn.sigmoid(margin))
        logit = scores[:, 0] - scores[:, 1]
        each = -jax.nn.log_sigmoid(jnp.where(first_wins, logit, -logit))
        return weighted_mean(each, batch.weights), (state, {})

    phase = Phase(
        "reward model", from_loss(loss), optax.adam(config.preference_rate),
        config.preference_steps, batch_fn=batches,
    )  # fmt: skip
    keys = jax.vmap(jax.random.key)(jnp.arange(seeds))
    trained = fit(
        keys, repeated(start, seeds), phase, words.train, run_axes=0, host=Host(directory)
    )
    return trained.params


def _pairs(
    key: jax.Array, policy: jrft.Policy, params: Any, words: Words, model: Any
) -> tuple[jax.Array, jax.Array]:
    """Learned rewards and closeness of two samples of each word, float[n, 2] each."""

    def of_word(key: jax.Array, word: Words) -> tuple[jax.Array, jax.Array]:
        samples = jrft.sample(key, policy, params, word.prompts, 2)
        learned = jax.vmap(functools.partial(score, policy, model), (None, 0))(word, samples)
        return learned, jax.vmap(closeness, (None, 0))(word, samples)

    return jax.vmap(of_word)(jax.random.split(key, len(words.prompts)), words)


def _learned_rft(policy: jrft.Policy, num_samples: int) -> GradientFn:
    """RLOO on a learned reward, which is the model state."""

    def loss(key: jax.Array, params: Any, model: Any, batch: Batch) -> Any:
        reward = functools.partial(score, policy, jax.lax.stop_gradient(model))
        rloo = jrft.ESTIMATORS["rloo"]
        value = policy_gradient_loss(key, policy, params, batch, rloo, num_samples, reward)
        return value, (model, {})

    return from_loss(loss)


def _accuracy(policy: jrft.Policy, params: Any, words: Words, models: Any) -> np.ndarray:
    """Share of pairs of different closeness that the learned reward orders alike, float[seeds]."""

    @jax.jit
    def of_seed(key: jax.Array, words: Words, model: Any) -> jax.Array:
        keys = jax.random.split(key, 8)
        learned, truth = jax.vmap(lambda k: _pairs(k, policy, params, words, model))(keys)
        ahead, truly = (rows[..., 0] - rows[..., 1] for rows in (learned, truth))
        return jnp.mean(ahead * truly > 0, where=truly != 0)

    keys = jax.vmap(jax.random.key)(jnp.arange(len(words.prompts)))
    return np.asarray(jax.vmap(of_seed)(keys, words, models))
