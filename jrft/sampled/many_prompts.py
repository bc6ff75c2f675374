"""Samples completions for many prompts: in batches of prompts of like length."""

import functools
from collections.abc import Iterator, Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, PRNGKeyArray

from jrft._checks import check_at_least, check_prompt
from jrft.completions import PAD
from jrft.policies.policy import Params, Policy, Prompt
from jrft.sampled.sampling import Samples, sample

MULTIPLE = 32
"""Prompts are padded to a multiple of so many tokens."""


def sample_many(
    key: PRNGKeyArray,
    policy: Policy,
    params: Params,
    prompts: Mapping[int, Prompt],
    n: int,
    *,
    batch_size: int = 8,
    multiple: int = MULTIPLE,
) -> Iterator[tuple[int, Samples]]:
    """Draws n completions of each of many prompts, and yields them batch by batch.

    A prompt's completions depend on the key and on its number, and on no other prompt: a run that
    stops can go on with the prompts that are left. Prompts are padded to a multiple of
    some length, so few shapes are compiled, and batches hold prompts of one length. A stream of
    prompts is sampled by one call for each part of it: all calls share the compiled programs.

    Args:
        key: A JAX random key.
        policy: The model.
        params: Its parameters.
        prompts: The prompts, int[P] of any lengths, by number, 0 … 2^31 − 1.
        n: Completions of each.
        batch_size: Prompts at a time.
        multiple: Padded lengths are multiples of it.

    Yields:
        (number, `Samples` of NumPy arrays), shortest prompts first.

    Raises:
        ValueError: If a number is below 1 or a prompt malformed.

    Example:
        >>> import jax, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=3)
        >>> params = policy.init(jax.random.key(0))
        >>> drawn = jrft.sample_many(jax.random.key(1), policy, params, {0: [1], 7: [0, 1]}, 4)
        >>> [(number, samples.completions.shape) for number, samples in drawn]
        [(0, (4, 3)), (7, (4, 3))]
    """
    check_at_least(1, n=n, batch_size=batch_size, multiple=multiple)
    checked = {
        number: np.asarray(check_prompt(policy, prompt)) for number, prompt in prompts.items()
    }
    buckets: dict[int, list[int]] = {}
    for number, tokens in checked.items():
        buckets.setdefault(padded_length(tokens.size, multiple), []).append(number)

    for length in sorted(buckets):
        numbers = buckets[length]
        for first in range(0, len(numbers), batch_size):
            batch = numbers[first : first + batch_size]
            # The last batch is filled up by its own first prompt, whose repeats are dropped.
            filled = (batch + batch[:1] * batch_size)[:batch_size]
            rows = np.stack([_padded(checked[number], length) for number in filled])
            drawn = jax.device_get(_draw(key, policy, params, jnp.array(filled), rows, n))
            for i, number in enumerate(batch):
                yield number, jax.tree.map(lambda x, i=i: x[i], drawn)


def padded_length(size: int, multiple: int = MULTIPLE) -> int:
    """The length to which a prompt of so many tokens is padded."""
    return -(-size // multiple) * multiple


@functools.partial(jax.jit, static_argnames="n")
def _draw(
    key: PRNGKeyArray,
    policy: Policy,
    params: Params,
    numbers: Int[Array, " B"],
    rows: Int[Array, "B P"],
    n: int,
) -> Samples:
    keys = jax.vmap(jax.random.fold_in, (None, 0))(key, numbers)
    return jax.vmap(lambda key, row: sample(key, policy, params, row, n))(keys, rows)


def _padded(tokens: Int[np.ndarray, " P"], length: int) -> Int[np.ndarray, " length"]:
    return np.concatenate([np.full(length - tokens.size, PAD, np.int32), tokens])
