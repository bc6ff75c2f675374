"""Formal languages as tasks: the reward is 1 for a right completion and 0 for any other.

All prompts of a task have one length, and so have its completions, except in Dyck, which end
in an end-of-sequence token. The tasks are small enough for exact values and gradients.
"""

import dataclasses
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int, PRNGKeyArray

from jrft._checks import check_at_least
from jrft.completions import PAD, all_completions
from jrft.rewards import Reward, map_reward

_Answer = Callable[[Array], Array]
"""The one right completion of a prompt."""


@dataclasses.dataclass(frozen=True, eq=False)
class FormalLanguage:
    """Prompts, a right completion of each, and the reward.

    Attributes:
        vocab_size: K, tokens of prompts and completions.
        length: Tokens of a completion, end of sequence counted.
        eos: The token that ends a completion; None if all have `length` tokens.
        prompts: Int32[n, P].
        answers: Int32[n, length], one right completion of each prompt, −1 after its end.
        reward: (prompt, completion) → 1.0 if the completion is right, 0.0 if not; traceable.
    """

    vocab_size: int
    length: int
    eos: int | None
    prompts: Int[Array, "n P"]
    answers: Int[Array, "n length"]
    reward: Reward


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Demonstrations:
    """Completions to pretrain a policy on, before it is finetuned on a formal language.

    Attributes:
        completions: Int32[n, m, length], the completions that pretraining makes equally likely.
        changed: Bool[n], the prompts with wrong completions alone: a pretrained policy seldom earns
            a reward for them, with a tiny std.
    """

    completions: Int[Array, "n m length"]
    changed: Bool[Array, " n"]


def copy(vocab_size: int, num_tokens: int) -> FormalLanguage:
    """Repeat the prompt.

    Args:
        vocab_size: K.
        num_tokens: P, tokens of a prompt and of a completion; there are K^P prompts.

    Raises:
        ValueError: If a size is too small, or there are too many prompts to enumerate.

    Example:
        >>> language = copy(2, 2)
        >>> language.prompts.tolist() == language.answers.tolist()
        True
    """
    check_at_least(1, vocab_size=vocab_size, num_tokens=num_tokens)
    prompts = all_completions(vocab_size, num_tokens)
    return _with_one_answer(vocab_size, prompts, lambda prompt: prompt)


def parity(num_bits: int) -> FormalLanguage:
    """Running parities of bits: token t says whether the first t + 1 bits hold an odd number of 1s.

    Args:
        num_bits: P, bits of a prompt and tokens of a completion; there are 2^P prompts.

    Raises:
        ValueError: If a size is too small, or there are too many prompts to enumerate.

    Example:
        >>> language = parity(3)
        >>> language.prompts[6].tolist(), language.answers[6].tolist()
        ([1, 1, 0], [1, 0, 0])
    """
    check_at_least(1, num_bits=num_bits)
    prompts = all_completions(2, num_bits)
    return _with_one_answer(2, prompts, lambda prompt: jnp.cumsum(prompt) % 2)


def addition(base: int, num_digits: int) -> FormalLanguage:
    """The sum of two numbers, digit by digit, most significant first.

    Args:
        base: K, of the digits.
        num_digits: Of each number; prompts are the digits of one and then of the other, completions
            have one digit more. There are base^(2 · num_digits) prompts.

    Raises:
        ValueError: If a size is too small, or there are too many prompts to enumerate.

    Example:
        >>> language = addition(10, 1)
        >>> language.prompts[75].tolist(), language.answers[75].tolist()
        ([7, 5], [1, 2])
    """
    check_at_least(2, base=base)
    check_at_least(1, num_digits=num_digits)
    place_values = jnp.asarray(base ** np.arange(num_digits, -1, -1, dtype=np.int32))

    def total(prompt: Int[Array, " P"]) -> Int[Array, " length"]:
        numbers = prompt.reshape(2, num_digits) @ place_values[1:]
        return numbers.sum() // place_values % base

    return _with_one_answer(base, all_completions(base, 2 * num_digits), total)


def dyck(prompt_length: int, length: int) -> FormalLanguage:
    """Close the brackets: 0 opens, 1 closes, 2 ends the completion.

    A completion is right if it ends, closes no bracket before it is opened and leaves none open. A
    prompt has many right completions.

    Args:
        prompt_length: P, brackets of a prompt. The prompts are all beginnings of balanced words
            that can still be closed.
        length: Tokens of a completion at most, its end counted.

    Raises:
        ValueError: If a size is below 1, there are too many prompts to enumerate, or none can be
            closed.

    Example:
        >>> language = dyck(2, 3)
        >>> language.prompts.tolist(), language.answers.tolist()
        ([[0, 0], [0, 1]], [[1, 1, 2], [2, -1, -1]])
    """
    check_at_least(1, prompt_length=prompt_length, length=length)
    words = np.asarray(all_completions(2, prompt_length))
    depths = np.cumsum(1 - 2 * words, axis=1)
    prompts = words[(depths >= 0).all(axis=1) & (depths[:, -1] < length)]
    if not len(prompts):
        raise ValueError(
            f"prompt_length {prompt_length} and length {length} leave no prompt that can be "
            "closed: pass a larger length"
        )
    still_open = np.sum(1 - 2 * prompts, axis=1)
    place = np.arange(length)
    answers = np.where(
        place < still_open[:, None], 1, np.where(place == still_open[:, None], 2, PAD)
    )

    def reward(prompt: Int[Array, " P"], completion: Int[Array, " length"]) -> Array:
        word = jnp.concatenate([prompt, completion])
        depth = jnp.cumsum(jnp.where(word == 0, 1, jnp.where(word == 1, -1, 0)))
        has_ended = (completion == 2).any()
        return (has_ended & (depth >= 0).all() & (depth[-1] == 0)).astype(float)

    return FormalLanguage(
        3, length, 2, jnp.asarray(prompts), jnp.asarray(answers, jnp.int32), reward
    )


def demonstrations(
    key: PRNGKeyArray, language: FormalLanguage, *, num_shown: int, share_changed: float
) -> Demonstrations:
    """Draws completions to pretrain on: the right answer among wrong ones, or wrong ones alone.

    The sequence form of `jrft.changed_labels` (Razin et al., ICLR 2024, Section 4.2). A policy that
    has learned the demonstrations earns 1 / m with std √(m − 1) / m on unchanged prompts, and 0
    with std 0 on changed ones.

    Args:
        key: Source of the changed prompts and of the wrong completions.
        language: The task.
        num_shown: M, completions shown of each prompt.
        share_changed: Of the prompts, rounded to a whole number of them.

    Raises:
        ValueError: If `num_shown` is below 1, `share_changed` not in [0, 1], or a prompt has fewer
            than m wrong completions.

    Example:
        >>> import jax
        >>> shown = demonstrations(
        ...     jax.random.key(0), copy(2, 2), num_shown=2, share_changed=0.25
        ... )
        >>> shown.completions.shape, int(shown.changed.sum())
        ((4, 2, 2), 1)
    """
    check_at_least(1, num_shown=num_shown)
    if not 0 <= share_changed <= 1:
        raise ValueError(f"share_changed is {share_changed}: pass a share in [0, 1]")
    completions = all_completions(language.vocab_size, language.length, language.eos)
    repeats = (completions[1:] == completions[:-1]).all(axis=1)
    wrong = jax.vmap(lambda prompt: map_reward(language.reward, prompt, completions) == 0)(
        language.prompts
    )
    wrong = wrong & jnp.concatenate([jnp.ones(1, bool), ~repeats])[None]
    fewest = int(wrong.sum(axis=1).min())
    if fewest < num_shown:
        raise ValueError(
            f"num_shown is {num_shown}, but a prompt has only {fewest} wrong completions: pass "
            "a smaller number, or a language with longer completions"
        )
    wrong_key, changed_key = jax.random.split(key)
    scores = jnp.where(wrong, jax.random.uniform(wrong_key, wrong.shape), -1)
    shown = completions[jax.lax.top_k(scores, num_shown)[1]]
    num_prompts = len(language.prompts)
    num_changed = round(share_changed * num_prompts)
    changed = jax.random.permutation(changed_key, jnp.arange(num_prompts) < num_changed)
    first = jnp.where(changed[:, None], shown[:, 0], language.answers)
    return Demonstrations(shown.at[:, 0].set(first), changed)


def _with_one_answer(
    vocab_size: int, prompts: Int[Array, "n P"], answer: _Answer
) -> FormalLanguage:
    answers = jax.vmap(answer)(prompts).astype(jnp.int32)

    def reward(prompt: Int[Array, " P"], completion: Int[Array, " length"]) -> Array:
        return (completion == answer(prompt)).all().astype(float)

    return FormalLanguage(vocab_size, answers.shape[1], None, prompts, answers, reward)
