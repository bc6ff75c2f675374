"""Samples completions of one prompt; `jax.lax.scan` steps the policy's cache."""

import functools
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from jrft._checks import check_at_least, check_prompt
from jrft._numerics import LARGE_VOCABULARY, draw
from jrft.completions import PAD, log_softmax
from jrft.policies.devices import over_samples, own_copies
from jrft.policies.policy import Cache, Params, Policy, Prompt

FirstTokens: TypeAlias = Callable[[PRNGKeyArray, Float[Array, " K"], int], Int[Array, " n"]]
"""(key, log-probabilities of the first token, n) → n first tokens."""


class Samples(NamedTuple):
    """Completions of one prompt, and their log-probabilities when drawn.

    Attributes:
        completions: Int32[n, length], −1 after the end of sequence.
        log_probs: Float[n, length], log-probability of each token when it was drawn, 0 after the
            end of sequence.

    Example:
        >>> import jax.numpy as jnp, jrft
        >>> samples = jrft.Samples(jnp.array([[1, 0, -1]]), jnp.log(jnp.array([[0.5, 0.5, 1.0]])))
        >>> round(float(jnp.exp(samples.log_probs.sum())), 4)
        0.25
    """

    completions: Int[Array, "n length"]
    log_probs: Float[Array, "n length"]


def independent_tokens(
    key: PRNGKeyArray, log_probs: Float[Array, " K"], n: int
) -> Int[Array, " n"]:
    """Draws n first tokens independently of each other.

    Args:
        key: A JAX random key.
        log_probs: Float[K], of the first token.
        n: The number of tokens; static.

    Returns:
        Int32[n].

    Example:
        >>> import jax, jax.numpy as jnp, jrft
        >>> jrft.independent_tokens(jax.random.key(0), jnp.log(jnp.array([0.0, 1.0])), 3).tolist()
        [1, 1, 1]
    """
    if log_probs.size < LARGE_VOCABULARY:
        return jax.random.categorical(key, log_probs, shape=(n,)).astype(jnp.int32)
    return jax.vmap(draw, (0, None))(jax.random.split(key, n), log_probs)


def stratified_tokens(key: PRNGKeyArray, log_probs: Float[Array, " K"], n: int) -> Int[Array, " n"]:
    """Draws one first token from each of n equally likely ranges of the distribution.

    The share of each token equals its probability, up to one sample. Each single draw has the
    policy's distribution. See `independent_tokens` for the arguments.

    Example:
        >>> import jax, jax.numpy as jnp, jrft
        >>> drawn = jrft.stratified_tokens(jax.random.key(0), jnp.log(jnp.array([0.5, 0.5])), 8)
        >>> int((drawn == 0).sum())
        4
    """
    within_key, order_key = jax.random.split(key)
    within = jax.random.uniform(within_key, (n,), log_probs.dtype)
    # In random order: otherwise the index of a sample would determine its token.
    return _quantiles(log_probs, jax.random.permutation(order_key, jnp.arange(n) + within) / n)


def antithetic_tokens(key: PRNGKeyArray, log_probs: Float[Array, " K"], n: int) -> Int[Array, " n"]:
    """Draws first tokens in pairs from opposite ends of the distribution.

    Each single draw has the policy's distribution. See `independent_tokens` for the arguments.

    Example:
        >>> import jax, jax.numpy as jnp, jrft
        >>> drawn = jrft.antithetic_tokens(jax.random.key(0), jnp.log(jnp.array([0.5, 0.5])), 8)
        >>> int((drawn == 0).sum())
        4
    """
    half = jax.random.uniform(key, (-(-n // 2),), log_probs.dtype)
    return _quantiles(log_probs, jnp.concatenate([half, 1 - half])[:n])


def sample(
    key: PRNGKeyArray,
    policy: Policy,
    params: Params,
    prompt: Prompt,
    n: int,
    *,
    first_tokens: FirstTokens = independent_tokens,
) -> Samples:
    """Draws n completions of one prompt from the policy.

    For a temperature, top-k, top-p or a minimal length, sample from `jrft.warped_policy`. An axis
    "samples" of the mesh of `jax.set_mesh` divides the completions.

    Args:
        key: A JAX random key.
        policy: The model.
        params: Its parameters.
        prompt: Int[P], −1 pads on the left; may be empty.
        n: The number of completions; static under `jax.jit`.
        first_tokens: Draws the n first tokens: `jrft.independent_tokens`, `jrft.stratified_tokens`
            or `jrft.antithetic_tokens`; static. With all three each single first token has the
            policy's distribution, so a mean over the samples (`jrft.reinforce_gradient_from`) stays
            unbiased. The latter two reduce its variance if much depends on the first token.
            Baselines and stds of a group assume independent samples.

    Returns:
        `Samples`, with log-probabilities under the distribution that was sampled from.

    Raises:
        ValueError: If `n` is below 1, or no multiple of such an axis, or the prompt malformed.

    Example:
        >>> import jax, jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=3, eos=0)
        >>> always_stop = jnp.tile(jnp.array([[100.0, 0.0]]), (7, 1))
        >>> jrft.sample(jax.random.key(0), policy, always_stop, [], 2).completions.tolist()
        [[0, -1, -1], [0, -1, -1]]
    """
    check_at_least(1, n=n)
    return _sample(key, policy, params, check_prompt(policy, prompt), n, first_tokens)


@functools.partial(jax.jit, static_argnames=("n", "first_tokens"))
def _sample(
    key: PRNGKeyArray,
    policy: Policy,
    params: Params,
    prompt: Int[Array, " prompt"],
    n: int,
    first_tokens: FirstTokens,
) -> Samples:
    # The prompt is read once; its cache serves all n completions.
    logits, cache = policy.prefill(params, prompt)
    log_probs = log_softmax(logits)
    first_key, key = jax.random.split(key)
    tokens = first_tokens(first_key, log_probs, n)
    first = Samples(tokens, log_probs[tokens])
    by_key = jax.vmap(functools.partial(_continue, policy, params, cache))
    return by_key(*over_samples((first, jax.random.split(key, n))))


def _continue(
    policy: Policy, params: Params, cache: Cache, first: Samples, key: PRNGKeyArray
) -> Samples:
    """Draws the rest of one completion from its first token."""

    def advance(
        carry: tuple[Cache, Int[Array, ""], Bool[Array, ""]], key: PRNGKeyArray
    ) -> tuple[tuple[Cache, Int[Array, ""], Bool[Array, ""]], Samples]:
        cache, token, ended = carry
        # Completions that have ended go on with token 0, so that all run one program.
        logits, cache = policy.step(params, cache, jnp.maximum(token, 0))
        log_probs = log_softmax(logits)
        token = draw(key, log_probs)
        drawn = Samples(jnp.where(ended, PAD, token), jnp.where(ended, 0, log_probs[token]))
        return (cache, drawn.completions, _has_ended(policy, drawn, ended)), drawn

    carry = cache, first.completions, _has_ended(policy, first, jnp.bool_(False))
    carry = own_copies(carry, params, first, key)
    _, later = jax.lax.scan(advance, carry, jax.random.split(key, policy.length - 1))
    return jax.tree.map(lambda x, xs: jnp.concatenate([x[None], xs]), first, later)


def _has_ended(policy: Policy, drawn: Samples, ended: Bool[Array, ""]) -> Bool[Array, ""]:
    return ended if policy.eos is None else ended | (drawn.completions == policy.eos)


def _quantiles(log_probs: Float[Array, " K"], levels: Float[Array, " n"]) -> Int[Array, " n"]:
    cumulative = jnp.cumsum(jnp.exp(log_probs))
    # Scaled to end at 1 exactly, and searched from the right: no token of probability 0 is drawn.
    tokens = jnp.searchsorted(cumulative / cumulative[-1], levels, side="right")
    last = jnp.max(jnp.where(jnp.isneginf(log_probs), 0, jnp.arange(log_probs.size)))
    return jnp.minimum(tokens, last).astype(jnp.int32)
