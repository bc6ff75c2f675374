"""Exact entropy of a policy and its divergence from another, over all completions of one prompt.

The terms of every prefix are reduced from the leaves of the prefix tree to its root. Both functions
are differentiable in the parameters, and work under `jax.jit` and `jax.vmap`.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jrft._checks import check_prompt
from jrft._numerics import precise
from jrft.completions import num_completions
from jrft.exact.fold import MEMORY_BUDGET, LogProbs, fold
from jrft.policies.policy import Params, Policy, Prompt


def exact_entropy(
    policy: Policy, params: Params, prompt: Prompt, *, memory_budget: int = MEMORY_BUDGET
) -> Float[Array, ""]:
    """Entropy of the completions of one prompt, −E[log p_θ(y | x)], in nats.

    Args:
        policy: The model.
        params: Its parameters θ.
        prompt: Int[P], −1 pads on the left; may be empty.
        memory_budget: Bytes to take at most; as in `jrft.exact_value`.

    Returns:
        Float[], in the precision of the policy's log-probabilities; log K^length at most.

    Raises:
        ValueError: If the prompt is malformed or there are too many completions to enumerate.

    Example:
        >>> import jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=3)
        >>> round(float(jrft.exact_entropy(policy, jnp.zeros((7, 2)), []) / jnp.log(2)), 5)
        3.0
    """
    return _entropy(policy, params, check_prompt(policy, prompt), memory_budget)


def exact_kl(
    policy: Policy,
    params: Params,
    reference: Params,
    prompt: Prompt,
    *,
    memory_budget: int = MEMORY_BUDGET,
) -> Float[Array, ""]:
    """Kullback–Leibler divergence of two policies' completions of one prompt, in nats.

    KL(p_θ ‖ p_ref) = E_{y~p_θ}[log p_θ(y | x) − log p_ref(y | x)], the penalty of finetuning with
    rewards.

    Args:
        policy: The model of both.
        params: The parameters θ that the expectation is over.
        reference: The parameters of the other policy.
        prompt: Int[P], −1 pads on the left; may be empty.
        memory_budget: Bytes to take at most; as in `jrft.exact_value`.

    Returns:
        Float[], in the precision of the policy's log-probabilities; for equal parameters 0 up to
        rounding; ∞ if this policy can draw a completion that the other one cannot.

    Raises:
        ValueError: As `exact_entropy`.

    Example:
        >>> import jax, jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=1)
        >>> uniform, sure = jnp.zeros((1, 2)), jnp.array([[0.0, 50.0]])
        >>> round(float(jrft.exact_kl(policy, sure, uniform, [])), 4)
        0.6931
        >>> round(float(jrft.exact_kl(policy, uniform, sure, [])), 2)
        24.31
        >>> jax.grad(jrft.exact_kl, argnums=1)(policy, uniform, uniform, []).tolist()
        [[0.0, 0.0]]
    """
    return _kl(policy, params, reference, check_prompt(policy, prompt), memory_budget)


def _compiled(function: Callable[..., Float[Array, ""]]) -> Callable[..., Float[Array, ""]]:
    return jax.jit(precise(function), static_argnames="memory_budget")


@_compiled
def _entropy(
    policy: Policy, params: Params, prompt: Int[Array, " prompt"], memory_budget: int
) -> Float[Array, ""]:
    def combine(log_probs: LogProbs, below: Float[Array, "n K"]) -> Float[Array, " n"]:
        (mine,) = log_probs
        return jnp.sum(jnp.exp(mine) * (below.astype(mine.dtype) - _finite(mine)), axis=-1)

    return fold(combine, policy, (params,), prompt, _zeros(policy), memory_budget)


@_compiled
def _kl(
    policy: Policy,
    params: Params,
    reference: Params,
    prompt: Int[Array, " prompt"],
    memory_budget: int,
) -> Float[Array, ""]:
    def combine(log_probs: LogProbs, below: Float[Array, "n K"]) -> Float[Array, " n"]:
        mine, other = log_probs
        impossible = jnp.isneginf(mine)
        # Tokens that are impossible under p_θ add 0, also if they are impossible under p_ref.
        ratio = below.astype(mine.dtype) + _finite(mine) - jnp.where(impossible, 0, other)
        return jnp.sum(jnp.exp(mine) * jnp.where(impossible, 0, ratio), axis=-1)

    return fold(combine, policy, (params, reference), prompt, _zeros(policy), memory_budget)


def _zeros(policy: Policy) -> Float[Array, " completions"]:
    """The values of the completions: no token is left."""
    return jnp.zeros(num_completions(policy.vocab_size, policy.length))


def _finite(log_probs: Float[Array, "n K"]) -> Float[Array, "n K"]:
    """0 in place of −∞ for impossible tokens, whose term 0 · ∞ would be NaN."""
    return jnp.where(jnp.isneginf(log_probs), 0, log_probs)
