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

from jrft.completions import num_completions, prefix_tokens, tree_log_probs
from jrft.policy import Cache, Params, Policy, check_at_least

MEMORY_BUDGET = 2**31
"""Bytes that an exact function may take for one prompt if it is told nothing else."""

LogProbs: TypeAlias = tuple[Float[Array, "n K"], ...]
"""Of the next token at n prefixes, from each of the models."""

Combine: TypeAlias = Callable[[LogProbs, PyTree], PyTree]
"""(log-probabilities, arrays [n, K] that the children hold) → arrays [n] that the prefixes hold."""

_Evaluate: TypeAlias = Callable[[int, tuple[Params, ...], tuple["_Node", ...], PyTree], PyTree]
"""(levels, models, their nodes, what is held) → what is held; over the levels below one node."""


class _Node(NamedTuple):
    """A prefix, as the root of what is below it."""

    logits: Float[Array, " K"]
    cache: Cache
    ended: Bool[Array, ""]


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

    def evaluate(
        depth: int, models: tuple[Params, ...], nodes: tuple[_Node, ...], held: PyTree
    ) -> PyTree:
        for level in reversed(_levels(policy, models, nodes, depth)):
            shape = level[0].shape
            held = combine(level, jax.tree.map(lambda x, shape=shape: x.reshape(shape), held))
        return jax.tree.map(lambda x: x[0], held)

    def leaves_below(depth: int) -> PyTree:
        size = policy.vocab_size**depth
        return jax.tree.map(lambda x: jax.ShapeDtypeStruct((size,), x.dtype), leaves)

    num_completions(policy.vocab_size, policy.length)
    roots = _roots(policy, models, prompt)
    cut = _cut(evaluate, policy, models, roots, leaves_below, memory_budget)
    if cut.level == 0:
        return evaluate(policy.length, models, roots, leaves)
    parts = jax.tree.map(lambda x: x.reshape(policy.vocab_size**cut.level, -1), leaves)
    held = _map_subtrees(evaluate, policy, models, roots, cut, parts)
    return evaluate(cut.level, models, roots, held)


def leaf_log_probs(
    policy: Policy, params: Params, prompt: Int[Array, " prompt"], memory_budget: int
) -> Float[Array, " completions"]:
    """Log-probabilities of all completions of one prompt, in lexicographic order.

    Raises:
        ValueError: as `fold`.
    """

    def evaluate(
        depth: int, models: tuple[Params, ...], nodes: tuple[_Node, ...], above: Array
    ) -> Float[Array, " _"]:
        total = above[None]
        for (log_probs,) in _levels(policy, models, nodes, depth):
            total = (total[:, None] + log_probs).reshape(-1)
        return total

    num_completions(policy.vocab_size, policy.length)
    models = (params,)
    roots = _roots(policy, models, prompt)
    nothing = jnp.zeros((), jnp.promote_types(roots[0].logits.dtype, jnp.float32))
    cut = _cut(evaluate, policy, models, roots, lambda depth: nothing, memory_budget)
    if cut.level == 0:
        return evaluate(policy.length, models, roots, nothing)
    above = evaluate(cut.level, models, roots, nothing)
    return _map_subtrees(evaluate, policy, models, roots, cut, above).reshape(-1)


def _map_subtrees(
    evaluate: _Evaluate,
    policy: Policy,
    models: tuple[Params, ...],
    roots: tuple[_Node, ...],
    cut: _Cut,
    parts: PyTree,
) -> PyTree:
    """Evaluate all subtrees below the cut, each with its own part of what is held."""

    @jax.checkpoint
    def below(
        models: tuple[Params, ...], roots: tuple[_Node, ...], index: Int[Array, ""], part: PyTree
    ) -> PyTree:
        tokens = prefix_tokens(index, policy.vocab_size, cut.level)
        nodes = tuple(map(functools.partial(_walk, policy, tokens), models, roots))
        return evaluate(policy.length - cut.level, models, nodes, part)

    indices = jnp.arange(policy.vocab_size**cut.level, dtype=jnp.int32)
    return jax.lax.map(
        lambda subtree: below(models, roots, *subtree), (indices, parts), batch_size=cut.at_a_time
    )


def _roots(
    policy: Policy, models: tuple[Params, ...], prompt: Int[Array, " prompt"]
) -> tuple[_Node, ...]:
    return tuple(_Node(*policy.prefill(params, prompt), jnp.bool_(False)) for params in models)


def _levels(
    policy: Policy, models: tuple[Params, ...], nodes: tuple[_Node, ...], depth: int
) -> list[LogProbs]:
    """Log-probabilities of the models at the levels below one node, the node's own first."""
    trees = [
        tree_log_probs(
            policy.subtree_logits(params, node.logits, node.cache, depth), policy.eos, node.ended
        )
        for params, node in zip(models, nodes, strict=True)
    ]
    return list(zip(*trees, strict=True))


def _walk(policy: Policy, tokens: Int[Array, " _"], params: Params, root: _Node) -> _Node:
    """The node some tokens below another."""

    def read(node: _Node, token: Int[Array, ""]) -> tuple[_Node, None]:
        logits, cache = policy.step(params, node.cache, token)
        ended = node.ended if policy.eos is None else node.ended | (token == policy.eos)
        return _Node(logits, cache, ended), None

    return jax.lax.scan(read, root, tokens)[0]


def _cut(
    evaluate: _Evaluate,
    policy: Policy,
    models: tuple[Params, ...],
    roots: tuple[_Node, ...],
    held_below: Callable[[int], PyTree],
    memory_budget: int,
) -> _Cut:
    """The highest level whose subtrees fit the budget, and how many of them fit together."""

    def bytes_taken(depth: int) -> int:
        """Of value and gradient: no more than what differentiation keeps, before fusion."""

        def pullback(*args: PyTree) -> PyTree:
            return jax.vjp(functools.partial(evaluate, depth), *args)[1]

        kept = jax.eval_shape(pullback, models, roots, held_below(depth))
        return sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(kept))

    if type(memory_budget) is not int:
        raise ValueError(
            f"memory_budget is {memory_budget!r}: a whole number of bytes is needed, such as 2**30"
        )
    check_at_least(1, memory_budget=memory_budget)
    for level in range(policy.length):
        above = bytes_taken(level) if level else 0
        below = bytes_taken(policy.length - level)
        if above + below <= memory_budget:
            num_fitting = (memory_budget - above) // below
            # Divisors of the number of subtrees: a smaller last batch would be compiled as well.
            sizes = (n for n in range(1, policy.vocab_size + 1) if policy.vocab_size % n == 0)
            return _Cut(level, max(n for n in sizes if n <= num_fitting))
    raise ValueError(
        f"memory_budget is {memory_budget} bytes: at the least {above + below} are needed, for the "
        "gradient through one prefix of this policy and the levels above the last"
    )
