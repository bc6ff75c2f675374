"""The prefix tree folded from its leaves into its root, within a budget of memory.

Expectations over completions are folds: at every prefix, what its children hold is combined under
the distribution of the next token. A tree that fits the budget is evaluated at once. A larger one
is cut at a level: the subtrees below are evaluated a few at a time, and once more for the gradient,
so that no more than those few are ever in memory.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PyTree

from jrft._checks import check_at_least
from jrft.completions import num_completions, prefix_tokens, tree_log_probs
from jrft.policies.policy import Cache, Params, Policy

MEMORY_BUDGET = 2**31
"""Bytes that an exact function may take for one prompt if it is told nothing else."""

LogProbs: TypeAlias = tuple[Float[Array, "n K"], ...]
"""Of the next token at n prefixes, from each of the models."""

Combine: TypeAlias = Callable[[LogProbs, PyTree], PyTree]
"""(log-probabilities, arrays [n, K] that the children hold) → arrays [n] that the prefixes hold."""

_Levels: TypeAlias = list[tuple[Float[Array, "..."], ...]]
"""`LogProbs` of level after level."""

_Evaluate: TypeAlias = Callable[[_Levels, PyTree], PyTree]
"""(the levels below one node, what is held) → what is held."""


class _Node(NamedTuple):
    """A prefix, as the root of what is below it."""

    logits: Float[Array, " K"]
    cache: Cache
    ended: Bool[Array, ""]


class _Parts(NamedTuple):
    """The two ways to evaluate some levels, given what is held.

    Attributes:
        top: (levels, models, prompt, what is held), from the root on.
        below: (levels, models, their nodes, what is held).
    """

    top: Callable[[int, tuple[Params, ...], Int[Array, " prompt"], PyTree], PyTree]
    below: Callable[[int, tuple[Params, ...], tuple[_Node, ...], PyTree], PyTree]


class _Cut(NamedTuple):
    """The level whose prefixes are roots of subtrees, and how many are evaluated at a time."""

    level: int
    at_a_time: int


def fold(
    combine: Combine,
    policy: Policy,
    models: tuple[Params, ...],
    prompt: Int[Array, " prompt"],
    leaves: PyTree,
    memory_budget: int,
) -> PyTree:
    """Fold what the completions of one prompt hold into what the prompt holds.

    Args:
        combine: what a prefix holds, from what its children hold; see `Combine`.
        policy: the model.
        models: its parameters; several to compare them on one tree.
        prompt: int[P].
        leaves: what the completions hold, arrays [K^length].
        memory_budget: bytes to take at most, the leaves and the parameters apart.

    Returns:
        The pytree `leaves` with arrays [].

    Raises:
        ValueError: if there are too many completions, or the budget is too small for one prefix.
    """

    def evaluate(levels: _Levels, held: PyTree) -> PyTree:
        for level in reversed(levels):
            shape = level[0].shape
            held = combine(level, jax.tree.map(lambda x, shape=shape: x.reshape(shape), held))
        return jax.tree.map(lambda x: x[0], held)

    def leaves_below(depth: int) -> PyTree:
        size = policy.vocab_size**depth
        return jax.tree.map(lambda x: jax.ShapeDtypeStruct((size,), x.dtype), leaves)

    num_completions(policy.vocab_size, policy.length)
    parts = _parts(evaluate, policy)
    cut = _cut(parts, policy, models, prompt, leaves_below, memory_budget)
    if cut.level == 0:
        return parts.top(policy.length, models, prompt, leaves)
    held = jax.tree.map(lambda x: x.reshape(policy.vocab_size**cut.level, -1), leaves)
    held = _map_subtrees(parts, policy, models, prompt, cut, held)
    return parts.top(cut.level, models, prompt, held)


def leaf_log_probs(
    policy: Policy, params: Params, prompt: Int[Array, " prompt"], memory_budget: int
) -> Float[Array, " completions"]:
    """Log-probabilities of all completions of one prompt, in lexicographic order.

    Raises:
        ValueError: as `fold`.
    """

    def evaluate(levels: _Levels, above: Array) -> Float[Array, " _"]:
        total = above[None]
        for (log_probs,) in levels:
            total = (total[:, None] + log_probs).reshape(-1)
        return total

    num_completions(policy.vocab_size, policy.length)
    models = (params,)
    (root,) = jax.eval_shape(functools.partial(_roots, policy), models, prompt)
    nothing = jnp.zeros((), jnp.promote_types(root.logits.dtype, jnp.float32))
    parts = _parts(evaluate, policy)
    cut = _cut(parts, policy, models, prompt, lambda depth: nothing, memory_budget)
    if cut.level == 0:
        return parts.top(policy.length, models, prompt, nothing)
    above = parts.top(cut.level, models, prompt, nothing)
    return _map_subtrees(parts, policy, models, prompt, cut, above).reshape(-1)


def _parts(evaluate: _Evaluate, policy: Policy) -> _Parts:
    # Under `jax.jit` the estimate of memory and the evaluation itself share one trace.
    @functools.partial(jax.jit, static_argnums=0)
    def top(
        depth: int, models: tuple[Params, ...], prompt: Int[Array, " prompt"], held: PyTree
    ) -> PyTree:
        trees = [
            tree_log_probs(policy.tree_logits(params, prompt, depth), policy.eos)
            for params in models
        ]
        return evaluate(list(zip(*trees, strict=True)), held)

    @functools.partial(jax.jit, static_argnums=0)
    def below(
        depth: int, models: tuple[Params, ...], nodes: tuple[_Node, ...], held: PyTree
    ) -> PyTree:
        trees = [
            tree_log_probs(
                policy.subtree_logits(params, node.logits, node.cache, depth),
                policy.eos,
                node.ended,
            )
            for params, node in zip(models, nodes, strict=True)
        ]
        return evaluate(list(zip(*trees, strict=True)), held)

    return _Parts(top, below)


def _map_subtrees(
    parts: _Parts,
    policy: Policy,
    models: tuple[Params, ...],
    prompt: Int[Array, " prompt"],
    cut: _Cut,
    held: PyTree,
) -> PyTree:
    """Evaluate all subtrees below the cut, each with its own part of what is held."""

    @jax.checkpoint
    def below(
        models: tuple[Params, ...], roots: tuple[_Node, ...], index: Int[Array, ""], held: PyTree
    ) -> PyTree:
        tokens = prefix_tokens(index, policy.vocab_size, cut.level)
        nodes = tuple(map(functools.partial(_walk, policy, tokens), models, roots))
        return parts.below(policy.length - cut.level, models, nodes, held)

    roots = _roots(policy, models, prompt)
    indices = jnp.arange(policy.vocab_size**cut.level, dtype=jnp.int32)
    return jax.lax.map(
        lambda subtree: below(models, roots, *subtree), (indices, held), batch_size=cut.at_a_time
    )


def _roots(
    policy: Policy, models: tuple[Params, ...], prompt: Int[Array, " prompt"]
) -> tuple[_Node, ...]:
    return tuple(_Node(*policy.prefill(params, prompt), jnp.bool_(False)) for params in models)


def _walk(policy: Policy, tokens: Int[Array, " _"], params: Params, root: _Node) -> _Node:
    """The node some tokens below another."""

    def read(node: _Node, token: Int[Array, ""]) -> tuple[_Node, None]:
        logits, cache = policy.step(params, node.cache, token)
        ended = node.ended if policy.eos is None else node.ended | (token == policy.eos)
        return _Node(logits, cache, ended), None

    return jax.lax.scan(read, root, tokens)[0]


def _cut(
    parts: _Parts,
    policy: Policy,
    models: tuple[Params, ...],
    prompt: Int[Array, " prompt"],
    held_below: Callable[[int], PyTree],
    memory_budget: int,
) -> _Cut:
    """The highest level whose subtrees fit the budget, and how many of them fit together."""

    def bytes_taken(part: Callable[..., PyTree], depth: int, start: PyTree) -> int:
        """Of value and gradient: no more than what differentiation keeps, before fusion."""

        def pullback(*args: PyTree) -> PyTree:
            return jax.vjp(functools.partial(part, depth), *args)[1]

        kept = jax.eval_shape(pullback, models, start, held_below(depth))
        return sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(kept))

    if type(memory_budget) is not int:
        raise ValueError(
            f"memory_budget is {memory_budget!r}: a whole number of bytes is needed, such as 2**30"
        )
    check_at_least(1, memory_budget=memory_budget)
    needed = bytes_taken(parts.top, policy.length, prompt)
    if needed <= memory_budget:
        return _Cut(0, 1)
    roots = jax.eval_shape(functools.partial(_roots, policy), models, prompt)
    for level in range(1, policy.length):
        above = bytes_taken(parts.top, level, prompt)
        below = bytes_taken(parts.below, policy.length - level, roots)
        needed = above + below
        if needed <= memory_budget:
            num_fitting = (memory_budget - above) // below
            # Divisors of the number of subtrees: a smaller last batch would be compiled as well.
            sizes = (n for n in range(1, policy.vocab_size + 1) if policy.vocab_size % n == 0)
            return _Cut(level, max(n for n in sizes if n <= num_fitting))
    raise ValueError(
        f"memory_budget is {memory_budget} bytes: at the least {needed} are needed, for the "
        "gradient through one prefix of this policy and the levels above the last"
    )
