"""Rewards: functions (prompt, completion) → float, or tables of numbers.

A reward function takes one prompt and one completion, both int arrays with their −1 padding. JAX
traces it, so it is written in `jax.numpy`. For a function that needs plain Python (ROUGE, a parser,
a compiler) use `reward_table`, or pass its numbers to a `*_gradient_from`.
"""

from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int

from jrft._checks import as_floats, check_prompt, check_rewards
from jrft.completions import all_completions, num_completions
from jrft.policies.policy import Policy, Prompt

Reward: TypeAlias = Callable[[Array, Array], ArrayLike]
"""A traceable function (prompt int[P], completion int[length]) → float[]."""

_NEEDS_PYTHON = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
)

__all__ = ["reward_table"]


def reward_table(
    fn: Callable[[np.ndarray, np.ndarray], Any], policy: Policy, prompt: Prompt
) -> Float[Array, " completions"]:
    """Rewards of all completions of one prompt by an ordinary Python function, for `exact_*`.

    Runs on the host, one call for each distinct completion.

    Args:
        fn: (prompt int32[P], completion int32[length]) → a number; NumPy arrays with −1 padding.
        policy: Gives the completions: its vocab_size, length and eos.
        prompt: Int[P], known token ids.

    Returns:
        Float[K^length] in the order of `jrft.all_completions`; completions that repeat, because
        they ended, repeat their reward.

    Raises:
        ValueError: If the prompt is malformed or traced, or `fn` returns NaN or no number.

    Example:
        >>> import jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=2)
        >>> jrft.reward_table(lambda prompt, y: float(y[0] == y[1]), policy, []).tolist()
        [1.0, 0.0, 0.0, 1.0]
    """
    tokens = check_prompt(policy, prompt)
    if isinstance(tokens, jax.core.Tracer):
        raise ValueError(
            "prompt is traced: pass a known prompt, and make the table outside jax.jit and jax.vmap"
        )
    known_prompt = np.asarray(tokens)
    rows = np.asarray(all_completions(policy.vocab_size, policy.length, policy.eos))
    distinct, index = np.unique(rows, axis=0, return_inverse=True)
    rewards = np.array([_number(fn(known_prompt, row), row) for row in distinct])
    return check_rewards(rewards[index.reshape(-1)], len(rows))


def all_rewards(
    policy: Policy, prompt: Int[Array, " prompt"], reward: Reward | ArrayLike
) -> Float[Array, " completions"]:
    """The reward of every completion, float[K^length], from a function or a table of them.

    Raises:
        ValueError: If the function does not return one number, the table has another shape, or a
            known reward is NaN.
    """
    count = num_completions(policy.vocab_size, policy.length)
    if not callable(reward):
        return check_rewards(reward, count)
    completions = all_completions(policy.vocab_size, policy.length, policy.eos)
    return map_reward(reward, prompt, completions)


def map_reward(
    reward: Reward, prompt: Int[Array, " prompt"], completions: Int[Array, "n length"]
) -> Float[Array, " n"]:
    """The reward of each of n completions of one prompt.

    Raises:
        ValueError: If the function cannot be traced, does not return one number, or returns NaN
            where its value is known.
    """
    try:
        rewards = jax.vmap(lambda completion: as_floats(reward(prompt, completion), "reward"))(
            completions
        )
    except _NEEDS_PYTHON as error:
        raise ValueError(
            "reward needs the values of its arguments, which JAX traces: pass a function in "
            "jax.numpy, the numbers of jrft.reward_table (to exact_*), or the samples' rewards (to "
            "*_gradient_from)"
        ) from error
    if rewards.ndim != 1:
        raise ValueError(
            f"reward returned shape {list(rewards.shape[1:])} for one completion: pass a function "
            "that returns one number"
        )
    return check_rewards(rewards, completions.shape[0])


def _number(value: Any, completion: np.ndarray) -> float:
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"fn returned {value!r} for the completion {completion.tolist()}: pass a function "
            "that returns a number"
        ) from error
