"""Spectral norms of the Jacobian of the logits with respect to the parameters.

With K tokens the Jacobian J at one prefix has K rows, each as large as the parameters. Its norm is
the root of the largest eigenvalue of the K × K matrix J Jᵀ. For small vocabularies this matrix is
formed exactly, by K vector–Jacobian products. For large ones Lanczos multiplies vectors with it.
"""

import functools
from collections.abc import Callable, Sequence
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, PRNGKeyArray

from jrft._checks import check_at_least, check_completions, check_probability, check_prompt
from jrft._numerics import precise, sqrt
from jrft.completions import after_end, num_completions
from jrft.exact.eigenvalues import EigenvalueInterval, largest_eigenvalue
from jrft.policies.devices import own_copies
from jrft.policies.policy import Params, Policy, Prompt

Completion: TypeAlias = ArrayLike | Sequence[int]
"""int[length], −1 after the end of sequence."""


def largest_jacobian_norm(
    policy: Policy, params: Params, prompt: Prompt, *, block_size: int = 16
) -> Float[Array, ""]:
    """The largest norm of the logits' Jacobian over all prefixes of all completions, γ(x; θ).

    γ(x; θ) = max over t and y_{<t} of ‖∂f(x, y_{<t}; θ) / ∂θ‖₂, f the logits (Razin et al., ICLR
    2024, Theorem 1). Exact, by K vector–Jacobian products per prefix, over the prefixes that have
    not ended: there are no logits after the end of sequence. The norm of a tabular policy is 1.

    Args:
        policy: The model.
        params: Its parameters θ.
        prompt: Int[P], −1 pads on the left; may be empty.
        block_size: The number of prefixes at a time; K times as many vectors like `params` are in
            memory.

    Returns:
        Float[], differentiable if a single singular value of a single prefix is the largest.

    Raises:
        ValueError: If the prompt is malformed, `block_size` below 1, or there are too many
            completions to enumerate; `jacobian_norm_intervals` needs no enumeration.

    Example:
        >>> import jax, jrft
        >>> policy = jrft.tabular_policy(vocab_size=3, length=2)
        >>> float(jrft.largest_jacobian_norm(policy, policy.init(jax.random.key(0)), []))
        1.0
    """
    prompt = check_prompt(policy, prompt)
    check_at_least(1, block_size=block_size)
    num_completions(policy.vocab_size, policy.length)
    prefixes, sizes = reachable_prefixes(policy.vocab_size, policy.length, policy.eos)
    return _largest_norm(policy, params, prompt, prefixes, sizes, min(block_size, len(sizes)))


def jacobian_norms(
    policy: Policy, params: Params, prompt: Prompt, completion: Completion
) -> Float[Array, " length"]:
    """The norm of the logits' Jacobian at every prefix of one completion.

    Exact, by K vector–Jacobian products a token.

    Args:
        policy: The model.
        params: Its parameters θ.
        prompt: Int[P], −1 pads on the left; may be empty.
        completion: Int[length], −1 after the end of sequence.

    Returns:
        Float[length], ‖∂f(x, y_{<t}; θ) / ∂θ‖₂ for the t-th token; 0 after the end of sequence.

    Raises:
        ValueError: If the prompt or the completion is malformed.

    Example:
        >>> import jax, jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=2, length=3, eos=0)
        >>> jrft.jacobian_norms(policy, jnp.zeros((7, 2)), [], [1, 0, -1]).tolist()
        [1.0, 1.0, 0.0]
    """
    prompt = check_prompt(policy, prompt)
    return _norms(policy, params, prompt, _one_completion(policy, completion))


def jacobian_norm_intervals(
    key: PRNGKeyArray,
    policy: Policy,
    params: Params,
    prompt: Prompt,
    completion: Completion,
    *,
    num_steps: int = 16,
    failure_probability: float = 1e-6,
) -> EigenvalueInterval:
    """Intervals around `jacobian_norms` for vocabularies too large for K products a token.

    A step of Lanczos takes one vector–Jacobian and one Jacobian–vector product. The memory is that
    of the parameters and of K × `num_steps` numbers. The largest norm over sampled completions is
    only a lower estimate of γ: prefixes that were not sampled may have larger norms.

    Args:
        key: A JAX random key, for the start of Lanczos.
        policy: The model.
        params: Its parameters θ.
        prompt: Int[P], −1 pads on the left; may be empty.
        completion: Int[length], −1 after the end of sequence.
        num_steps: The number of steps of Lanczos; static. With K or more the result is exact.
        failure_probability: The probability, for each token, that the upper end is below its norm.

    Returns:
        `EigenvalueInterval` with lower and upper ends float[length] of the norms; 0 after the end
        of sequence.

    Raises:
        ValueError: If an argument is malformed.

    Example:
        >>> import jax, jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=100, length=1)
        >>> params = policy.init(jax.random.key(0))
        >>> lower, upper = jrft.jacobian_norm_intervals(jax.random.key(0), policy, params, [], [7])
        >>> lower.round(3).tolist(), upper.round(3).tolist()
        ([1.0], [1.0])
    """
    prompt = check_prompt(policy, prompt)
    check_at_least(1, num_steps=num_steps)
    check_probability(failure_probability=failure_probability)
    completion = _one_completion(policy, completion)
    return _norm_intervals(
        key, policy, params, prompt, completion, num_steps, float(failure_probability)
    )


def reachable_prefixes(
    vocab_size: int, length: int, eos: int | None
) -> tuple[Int[np.ndarray, "prefixes length"], Int[np.ndarray, " prefixes"]]:
    """All prefixes of 0 … length − 1 tokens that have not ended: tokens, padded with 0, and sizes.

    Example:
        >>> prefixes, sizes = reachable_prefixes(2, 2, eos=0)
        >>> prefixes.tolist(), sizes.tolist()
        ([[0, 0], [1, 0]], [0, 1])
    """
    # Children of a prefix by all tokens that do not end it, level by level.
    goes_on = np.array([token for token in range(vocab_size) if token != eos], np.int32)
    levels = [np.zeros((1, 0), np.int32)]
    for _ in range(length - 1):
        parents = levels[-1]
        last = np.tile(goes_on, len(parents))[:, None]
        levels.append(np.concatenate([np.repeat(parents, len(goes_on), axis=0), last], axis=1))
    padded = [np.pad(level, ((0, 0), (0, length - level.shape[1]))) for level in levels]
    sizes = np.repeat(np.arange(length, dtype=np.int32), [len(level) for level in levels])
    return np.concatenate(padded), sizes


def _one_completion(policy: Policy, completion: Completion) -> Int[Array, " length"]:
    tokens = jnp.asarray(completion)
    if tokens.shape != (policy.length,):
        raise ValueError(
            f"completion has shape {list(tokens.shape)}: pass int[{policy.length}], one "
            "completion; jax.vmap maps over completions"
        )
    return check_completions(policy, tokens[None])[0]


@functools.partial(jax.jit, static_argnames="block_size")
@precise
def _largest_norm(
    policy: Policy,
    params: Params,
    prompt: Int[Array, " prompt"],
    prefixes: Int[Array, "prefixes length"],
    sizes: Int[Array, " prefixes"],
    block_size: int,
) -> Float[Array, ""]:
    params = own_copies(params, prompt)

    # Row `size` of the logits depends on the first `size` tokens only, so the padding is harmless.
    def norm(prefix: tuple[Int[Array, " length"], Int[Array, ""]]) -> Float[Array, ""]:
        tokens, size = prefix
        return _norm(lambda params: policy.completion_logits(params, prompt, tokens)[size], params)

    return jnp.max(jax.lax.map(norm, (prefixes, sizes), batch_size=block_size))


@jax.jit
@precise
def _norms(
    policy: Policy,
    params: Params,
    prompt: Int[Array, " prompt"],
    completion: Int[Array, " length"],
) -> Float[Array, " length"]:
    params = own_copies(params, prompt, completion)

    def norm(t: Int[Array, ""]) -> Float[Array, ""]:
        return _norm(lambda params: policy.completion_logits(params, prompt, completion)[t], params)

    norms = jax.vmap(norm)(jnp.arange(policy.length))
    return jnp.where(after_end(completion, policy.eos), 0, norms)


def _norm(logits_fn: Callable[[Params], Float[Array, " K"]], params: Params) -> Float[Array, ""]:
    """Spectral norm of the Jacobian of a function params → float[K]."""
    logits, pull = jax.vjp(logits_fn, params)
    basis = own_copies(jnp.eye(logits.size, dtype=logits.dtype), logits)
    (rows,) = jax.vmap(pull)(basis)
    # J Jᵀ is a sum over leaves: the rows are never joined to one large matrix.
    matrices = [leaf.reshape(logits.size, -1) for leaf in jax.tree.leaves(rows)]
    gram = functools.reduce(jnp.add, [matrix @ matrix.T for matrix in matrices])
    # The derivative of an eigenvalue needs nothing but its eigenvector. Differentiating eigh would
    # divide by the gaps between eigenvalues.
    top = jnp.linalg.eigh(jax.lax.stop_gradient(gram))[1][:, -1]
    return sqrt(top @ gram @ top)


@functools.partial(jax.jit, static_argnames=("num_steps", "failure_probability"))
@precise
def _norm_intervals(
    key: PRNGKeyArray,
    policy: Policy,
    params: Params,
    prompt: Int[Array, " prompt"],
    completion: Int[Array, " length"],
    num_steps: int,
    failure_probability: float,
) -> EigenvalueInterval:
    def logits_fn(params: Params) -> Float[Array, "length K"]:
        return policy.completion_logits(params, prompt, completion)

    # Linearized once at all tokens; a token's matrix J Jᵀ is the block of its rows.
    logits, push = jax.linearize(logits_fn, params)
    pull = jax.linear_transpose(push, params)

    def interval(key: PRNGKeyArray, t: Int[Array, ""]) -> EigenvalueInterval:
        def product(vector: Float[Array, " K"]) -> Float[Array, " K"]:
            return push(*pull(jnp.zeros_like(logits).at[t].set(vector)))[t]

        return largest_eigenvalue(
            key, product, logits[0],
            num_steps=num_steps, failure_probability=failure_probability,
        )  # fmt: skip

    keys = jax.random.split(key, policy.length)
    found = jax.vmap(interval)(keys, jnp.arange(policy.length))
    ended = after_end(completion, policy.eos)
    # Rounding may leave a Ritz value of a singular matrix just below 0.
    return jax.tree.map(
        lambda squares: jnp.where(ended, 0, jnp.sqrt(jnp.maximum(squares, 0))), found
    )
