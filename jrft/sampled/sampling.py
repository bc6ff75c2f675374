"""Sampling completions of one prompt, with the policy's cache stepped by `jax.lax.scan`."""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from jrft.completions import PAD, log_softmax
from jrft.policies.policy import Cache, Params, Policy, Prompt, check_at_least, check_prompt
from jrft.policies.warped import warped_policy


class Samples(NamedTuple):
    """Completions of one prompt, and how likely they were when drawn.

    Attributes:
        completions: int32[n, length], −1 after the end of sequence.
        log_probs: float[n, length], log-probability of each token when it was drawn, 0 after the
            end of sequence.
    """

    completions: Int[Array, "n length"]
    log_probs: Float[Array, "n length"]


def sample(
    key: PRNGKeyArray,
    policy: Policy,
    params: Params,
    prompt: Prompt,
    n: int,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_length: int = 0,
    first_token: str = "independent",
) -> Samples:
    """Draw n completions of one prompt from the policy.

    Args:
        key: a JAX random key.
        policy: the model.
        params: its parameters.
        prompt: int[P], −1 pads on the left; may be empty.
        n: how many; static under `jax.jit`, as are all arguments after it.
        temperature: as in `jrft.warped_policy`, which is sampled from.
        top_k: likewise.
        top_p: likewise.
        min_length: likewise.
        first_token: how the n first tokens depend on each other. "independent": not at all.
            "stratified": one from each of n equally likely ranges of the distribution, so that
            their shares are those of the distribution up to one sample. "antithetic": in pairs from
            opposite ends. Each by itself has the policy's distribution with all three, so a mean
            over the samples (`jrft.reinforce_gradient_from` without a baseline) stays unbiased; its
            variance is smaller where the first token decides much. Baselines and stds of the group
            take the samples to be independent.

    Returns:
        `Samples`, with log-probabilities under the distribution that was sampled from.

    Raises:
        ValueError: if `n` is below 1, the prompt malformed or a setting out of its range.

    Examples:
        >>> import jax, jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=3, eos=0)
        >>> always_stop = jnp.tile(jnp.array([[100.0, 0.0]]), (7, 1))
        >>> jrft.sample(jax.random.key(0), policy, always_stop, [], 2).completions.tolist()
        [[0, -1, -1], [0, -1, -1]]
        >>> drawn = jrft.sample(
        ...     jax.random.key(0), policy, jnp.zeros((7, 2)), [], 8, first_token="stratified"
        ... )
        >>> int((drawn.completions[:, 0] == 0).sum())
        4
    """
    check_at_least(1, n=n)
    if first_token not in _FIRST_TOKEN:
        raise ValueError(f"first_token is {first_token!r}: pass one of {', '.join(_FIRST_TOKEN)}")
    warped = warped_policy(
        policy, temperature=temperature, top_k=top_k, top_p=top_p, min_length=min_length
    )
    # The policy itself where nothing is warped: one program fewer.
    drawn_from = policy if warped == warped_policy(policy) else warped
    return _sample(key, drawn_from, params, check_prompt(policy, prompt), n, first_token)


@functools.partial(jax.jit, static_argnames=("n", "first_token"))
def _sample(
    key: PRNGKeyArray,
    policy: Policy,
    params: Params,
    prompt: Int[Array, " prompt"],
    n: int,
    first_token: str,
) -> Samples:
    logits, cache = policy.prefill(params, prompt)
    log_probs = log_softmax(logits)
    first_key, key = jax.random.split(key)
    tokens = _FIRST_TOKEN[first_token](first_key, log_probs, n)
    first = Samples(tokens, log_probs[tokens])
    by_key = jax.vmap(functools.partial(_continue, policy, params, cache))
    return by_key(first, jax.random.split(key, n))


def _continue(
    policy: Policy, params: Params, cache: Cache, first: Samples, key: PRNGKeyArray
) -> Samples:
    """One completion from its first token."""

    def advance(
        carry: tuple[Cache, Int[Array, ""], Bool[Array, ""]], key: PRNGKeyArray
    ) -> tuple[tuple[Cache, Int[Array, ""], Bool[Array, ""]], Samples]:
        cache, token, ended = carry
        logits, cache = policy.step(params, cache, jnp.maximum(token, 0))
        log_probs = log_softmax(logits)
        token = jax.random.categorical(key, log_probs).astype(jnp.int32)
        drawn = Samples(jnp.where(ended, PAD, token), jnp.where(ended, 0, log_probs[token]))
        return (cache, drawn.completions, _has_ended(policy, drawn, ended)), drawn

    carry = cache, first.completions, _has_ended(policy, first, jnp.bool_(False))
    _, later = jax.lax.scan(advance, carry, jax.random.split(key, policy.length - 1))
    return jax.tree.map(lambda x, xs: jnp.concatenate([x[None], xs]), first, later)


def _has_ended(policy: Policy, drawn: Samples, ended: Bool[Array, ""]) -> Bool[Array, ""]:
    return ended if policy.eos is None else ended | (drawn.completions == policy.eos)


def _independent(key: PRNGKeyArray, log_probs: Float[Array, " K"], n: int) -> Int[Array, " n"]:
    return jax.random.categorical(key, log_probs, shape=(n,)).astype(jnp.int32)


def _stratified(key: PRNGKeyArray, log_probs: Float[Array, " K"], n: int) -> Int[Array, " n"]:
    within_key, order_key = jax.random.split(key)
    within = jax.random.uniform(within_key, (n,), log_probs.dtype)
    # In random order, so that no sample's place tells its token.
    return _quantiles(log_probs, jax.random.permutation(order_key, jnp.arange(n) + within) / n)


def _antithetic(key: PRNGKeyArray, log_probs: Float[Array, " K"], n: int) -> Int[Array, " n"]:
    half = jax.random.uniform(key, (-(-n // 2),), log_probs.dtype)
    return _quantiles(log_probs, jnp.concatenate([half, 1 - half])[:n])


def _quantiles(log_probs: Float[Array, " K"], levels: Float[Array, " n"]) -> Int[Array, " n"]:
    cumulative = jnp.cumsum(jnp.exp(log_probs))
    # Scaled to end at 1 exactly, and searched from the right: no token of probability 0 is drawn.
    tokens = jnp.searchsorted(cumulative / cumulative[-1], levels, side="right")
    last = jnp.max(jnp.where(jnp.isneginf(log_probs), 0, jnp.arange(log_probs.size)))
    return jnp.minimum(tokens, last).astype(jnp.int32)


_FIRST_TOKEN = {
    "independent": _independent,
    "stratified": _stratified,
    "antithetic": _antithetic,
}
