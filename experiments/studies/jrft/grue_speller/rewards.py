"""Rewards of spellings: exact expectations for right or wrong, and rewards of samples."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

import jrft
from experiments.studies.jrft.grue_speller.words import Words

SampleReward = Callable[[Words, jrft.Samples], jax.Array]
"""(one word, one of its samples) → float[]."""


def answer_log_probs(policy: jrft.Policy, params: Any, words: Words) -> jax.Array:
    """Log-probabilities of all right answers, float[n, A]; −∞ for repeats."""

    def of_word(word: Words) -> jax.Array:
        by_answer = jax.vmap(policy.log_probs, (None, None, 0))
        total = by_answer(params, word.prompts, word.answers).sum(axis=1)
        return jnp.where(word.exists, total, -jnp.inf)

    return jax.vmap(of_word)(words)


def success(policy: jrft.Policy, params: Any, words: Words) -> jax.Array:
    """The exact probability that a completion is right, float[n].

    It is the expected reward of being right. The std of this reward is √(p (1 − p)), and the
    gradient of the probability is the exact policy gradient: a completion that is not right earns
    nothing, so no other completion counts.
    """
    return jnp.exp(answer_log_probs(policy, params, words)).sum(axis=1)


def std_of(probability: jax.Array) -> jax.Array:
    """The std of a reward that is 1 with this probability, else 0."""
    return jnp.sqrt(probability * (1 - probability))


def is_right(word: Words, sample: jrft.Samples) -> jax.Array:
    """1 if the completion is one of the right ones, else 0."""
    same = (word.answers == sample.completions[None]).all(axis=1)
    return (same & word.exists).any().astype(float)


def closeness(word: Words, sample: jrft.Samples) -> jax.Array:
    """1 minus the phoneme error rate, at least 0; of the answer where it is largest.

    The phoneme error rate is the edit distance to the answer, divided by the answer's phonemes. The
    ends of sequences are no phonemes.
    """

    def of_answer(answer: jax.Array, exists: jax.Array) -> jax.Array:
        phonemes = (answer >= 0).sum() - 1
        rate = edit_distance(sample.completions, answer) / phonemes
        return jnp.where(exists, jnp.maximum(1 - rate, 0), 0)

    return jax.vmap(of_answer)(word.answers, word.exists).max()


def edit_distance(one: jax.Array, other: jax.Array) -> jax.Array:
    """Levenshtein's distance of two completions, whose ends are where −1 begins.

    A completion and an answer that both end in the end of sequence have it in common, which adds
    nothing. One that does not end, because it is too long, lacks it: that is an error more.

    Args:
        one: int[length].
        other: int[length].
    """
    columns = jnp.arange(len(other) + 1)

    def read(row: jax.Array, token: jax.Array) -> tuple[jax.Array, None]:
        changed = row[:-1] + (other != token)
        best = jnp.concatenate([row[:1] + 1, jnp.minimum(changed, row[1:] + 1)])
        # Insertions run along the row: the least of all entries to the left and their distances.
        inserted = jax.lax.cummin(best - columns) + columns
        return jnp.where(token < 0, row, inserted), None

    row, _ = jax.lax.scan(read, columns, one)
    return row[(other >= 0).sum()]


def with_entropy(bonus: float) -> SampleReward:
    """Being right, and a bonus for every nat of surprise: its expectation has bonus · entropy."""

    def reward(word: Words, sample: jrft.Samples) -> jax.Array:
        return is_right(word, sample) - bonus * sample.log_probs.sum()

    return reward


def sampled_moments(
    key: jax.Array, policy: jrft.Policy, params: Any, words: Words, reward: SampleReward,
    num_samples: int,
) -> tuple[jax.Array, jax.Array]:  # fmt: skip
    """Mean and std (ddof 1) of a reward over samples of each word, float[n] each."""

    def of_word(key: jax.Array, word: Words) -> tuple[jax.Array, jax.Array]:
        samples = jrft.sample(key, policy, params, word.prompts, num_samples)
        values = jax.vmap(reward, (None, 0))(word, samples)
        return values.mean(), values.std(ddof=1)

    keys = jax.random.split(key, len(words.prompts))
    return jax.vmap(of_word)(keys, words)
