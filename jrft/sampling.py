"""Sampling completions of one prompt, with the policy's cache stepped by `jax.lax.scan`."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from jrft.completions import PAD, log_softmax
from jrft.policy import Cache, Params, Policy, Prompt, check_at_least, check_prompt


class Samples(NamedTuple):
    """Completions of one prompt, and how likely they were when drawn.

    Attributes:
        completions: int32[n, length], −1 after the end of sequence.
        log_probs: float[n, length], log-probability of each token when it was drawn, 0 after the
            end of sequence.
    """

    completions: Int[Array, "n length"]
    log_probs: Float[Array, "n length"]


def sample(key: PRNGKeyArray, policy: Policy, params: Params, prompt: Prompt, n: int) -> Samples:
    """Draw n independent completions of one prompt from the policy.

    Args:
        key: a JAX random key.
        policy: the model.
        params: its parameters.
        prompt: int[P], −1 pads on the left; may be empty.
        n: how many; static under `jax.jit`.

    Returns:
        `Samples`.

    Raises:
        ValueError: if `n` is below 1 or the prompt malformed.

    Examples:
        >>> import jax, jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=3, eos=0)
        >>> always_stop = jnp.tile(jnp.array([[100.0, 0.0]]), (7, 1))
        >>> jrft.sample(jax.random.key(0), policy, always_stop, [], 2).completions.tolist()
        [[0, -1, -1], [0, -1, -1]]
    """
    check_at_least(1, n=n)
    return _sample(key, policy, params, check_prompt(policy, prompt), n)


@functools.partial(jax.jit, static_argnames="n")
def _sample(
    key: PRNGKeyArray, policy: Policy, params: Params, prompt: Int[Array, " prompt"], n: int
) -> Samples:
    logits, cache = policy.prefill(params, prompt)
    by_key = jax.vmap(lambda key: _sample_one(key, policy, params, logits, cache))
    return by_key(jax.random.split(key, n))


def _sample_one(
    key: PRNGKeyArray, policy: Policy, params: Params, logits: Float[Array, " K"], cache: Cache
) -> Samples:
    keys = jax.random.split(key, policy.length)
    first = _draw(keys[0], logits, jnp.bool_(False))

    def advance(
        carry: tuple[Cache, Int[Array, ""], Bool[Array, ""]], key: PRNGKeyArray
    ) -> tuple[tuple[Cache, Int[Array, ""], Bool[Array, ""]], Samples]:
        cache, token, ended = carry
        logits, cache = policy.step(params, cache, jnp.maximum(token, 0))
        drawn = _draw(key, logits, ended)
        return (cache, drawn.completions, _has_ended(policy, drawn, ended)), drawn

    carry = cache, first.completions, _has_ended(policy, first, jnp.bool_(False))
    _, later = jax.lax.scan(advance, carry, keys[1:])
    return jax.tree.map(lambda x, xs: jnp.concatenate([x[None], xs]), first, later)


def _draw(key: PRNGKeyArray, logits: Float[Array, " K"], ended: Bool[Array, ""]) -> Samples:
    log_probs = log_softmax(logits)
    token = jax.random.categorical(key, log_probs).astype(jnp.int32)
    return Samples(jnp.where(ended, PAD, token), jnp.where(ended, 0, log_probs[token]))


def _has_ended(policy: Policy, drawn: Samples, ended: Bool[Array, ""]) -> Bool[Array, ""]:
    return ended if policy.eos is None else ended | (drawn.completions == policy.eos)
