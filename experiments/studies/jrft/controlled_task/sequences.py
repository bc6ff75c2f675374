"""The controlled task over sequences: a small transformer that copies, shifted by its habits.

Every completion of a prompt counts as a label, so losses and evaluation are shared with
classification, exact over all completions.
"""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

import jrft
from experiments.studies.jrft.controlled_task.task import Task


@dataclass(frozen=True)
class Completions:
    """A policy as a classifier: from prompts to the log-probabilities of all completions."""

    policy: jrft.Policy

    def init(self, key: jax.Array, prompts: jax.Array) -> Any:
        """Random parameters."""
        del prompts
        return self.policy.init(key)

    def apply(self, params: Any, prompts: jax.Array, temperature: ArrayLike = 1.0) -> jax.Array:
        """Log-probabilities float[n, K^length] of all completions of prompts int[n, P].

        Args:
            params: Parameters of the policy.
            prompts: One a row.
            temperature: Divides the logits of every token.
        """

        def of_one(prompt: jax.Array) -> jax.Array:
            total = jnp.zeros(1)
            for level in self.policy.tree_log_probs(params, prompt):
                tempered = jax.nn.log_softmax(level / temperature)
                total = (total[:, None] + tempered).reshape(-1)
            return total

        return jax.vmap(of_one)(prompts)


def small_transformer(vocab_size: int, length: int, width: int) -> jrft.Policy:
    """A transformer of one layer and two heads, for the prompts of `shift_task`."""
    return jrft.transformer(
        vocab_size, length, max_prompt=length + 1, width=width, depth=1, heads=2
    )


def shift_task(
    vocab_size: int, length: int, num_habits: int, num_changed_marks: int, *, graded: bool
) -> Task:
    """Copy a prompt's first tokens, each raised by a shift modulo the size of the vocabulary.

    Prompts are all sequences of `length` tokens and a mark. Pretraining makes the shifts
    0, 1, …, `num_habits` − 1 equally likely. Finetuning rewards shift 0, except after the last
    marks, where it rewards the shift vocab_size − 1, which pretraining never shows. Unlike random
    labels, the changed targets follow a rule, so that a few labeled prompts can teach the others.

    Args:
        vocab_size: K, of prompts and completions.
        length: Tokens of a completion.
        num_habits: Shifts seen in pretraining, fewer than K.
        num_changed_marks: How many of the K marks change the target.
        graded: Whether the reward is 2 · (share of tokens right) − 1, not −1 unless all are right.

    Returns:
        A task of n = K^(length + 1) prompts and K^length labels, inputs int32[n, length + 1].

    Raises:
        ValueError: No shift or no mark is left.
    """
    if not 1 <= num_habits < vocab_size:
        raise ValueError(
            f"num_habits={num_habits}: pass at least 1 and less than vocab_size={vocab_size}"
        )
    if not 0 <= num_changed_marks <= vocab_size:
        raise ValueError(
            f"num_changed_marks={num_changed_marks}: pass 0 to vocab_size={vocab_size}"
        )
    prompts = np.asarray(jrft.all_completions(vocab_size, length + 1))
    completions = np.asarray(jrft.all_completions(vocab_size, length))
    places = vocab_size ** np.arange(length - 1, -1, -1)
    shifts = np.arange(vocab_size)
    # int[n, K]: the completion that each shift makes of each prompt.
    shifted = (prompts[:, None, :length] + shifts[:, None]) % vocab_size @ places
    changed = prompts[:, -1] >= vocab_size - num_changed_marks
    targets = np.where(changed, shifted[:, -1], shifted[:, 0])
    habits = np.zeros((len(prompts), len(completions)), bool)
    np.put_along_axis(habits, shifted[:, :num_habits], True, axis=1)
    right = completions[None] == completions[targets][:, None]
    share = right.mean(axis=2) if graded else right.all(axis=2)
    return Task(
        jnp.asarray(prompts),
        jnp.asarray(habits),
        jnp.asarray(targets, jnp.int32),
        jnp.asarray(changed),
        jnp.asarray(2 * share - 1, jnp.float32),
    )
