"""Reduces the prefix tree from its leaves to its root, within a budget of memory.

Expectations over completions are folds: at every prefix, the values of its children are combined
under the distribution of the next token. A tree that fits the budget is evaluated at once. A larger
tree is cut at a level. The subtrees below the cut are evaluated a few at a time, and once more for
the gradient, so that only those few are in memory. An axis "subtrees" of the mesh of `jax.set_mesh`
divides them, so that each of its devices evaluates its part; then a small tree is cut, too.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PyTree

from jrft._checks import check_at_least
from jrft.completions import num_completions, prefix_tokens, tree_log_probs
from jrft.policies.devices import devices_of, over_axis, whole
from jrft.policies.policy import Cache, Params, Policy

MEMORY_BUDGET = 2**31
"""The default of `memory_budget`: bytes that an exact function may take for one prompt."""

LogProbs: TypeAlias = tuple[Float[Array, "n K"], ...]
"""Log-probabilities of the next token at n prefixes, one array per model."""

Combine: TypeAlias = Callable[[LogProbs, PyTree], PyTree]
"""(log-probabilities, values of the children [n, K]) → values of the prefixes [n]."""

_Tree: TypeAlias = tuple[Float[Array, "..."], ...]
"""Log-probabilities of one model, level after level."""

_Evaluate: TypeAlias = Callable[[list[_Tree], PyTree], PyTree]
"""(one tree per model, values at one end of the tree) → values at the other end."""


class _Node(NamedTuple):
    """A prefix, as the root of the subtree below it."""

    logits: Float[Array, " K"]
    cache: Cache
    ended: Bool[Array, ""]


class _Parts(NamedTuple):
    """The two ways to evaluate some levels.

    Attributes:
        top: (number of levels, models, prompt, values), from the root on.
        below: (number of levels, models, one node per model, values), from a node on.
    """

    top: Callable[[int, tuple[Params, ...], Int[Array, " prompt"], PyTree], PyTree]
    below: Callable[[int, tuple[Params, ...], tuple[_Node, ...], PyTree], PyTree]


class _Cut(NamedTuple):
    """Where the tree is cut, and how its subtrees are evaluated.

    Attributes:
        level: The one whose prefixes are roots of subtrees; 0 leaves the tree whole.
        at_a_time: How many subtrees a device evaluates together.
        again: Whether the gradient evaluates them once more instead of keeping all of them.
        devices: How many divide the subtrees.
    """

    level: int
    at_a_time: int
    again: bool
    devices: int


def fold(
    combine: Combine,
    policy: Policy,
    models: tuple[Params, ...],
    prompt: Int[Array, " prompt"],
    leaves: PyTree,
    memory_budget: int,
) -> PyTree:
    """Reduces per-completion values to one value for the prompt, level by level from the leaves.

    Args:
        combine: Combines the values of the children of n prefixes; see `Combine`.
        policy: The model.
        models: Its parameters; several compare them on one tree.
        prompt: Int[P].
        leaves: Values of the completions, a pytree of arrays [K^length].
        memory_budget: Bytes to take at most, in addition to the leaves and the parameters.

    Returns:
        The pytree `leaves` with arrays [].

    Raises:
        ValueError: If there are too many completions, or the budget is too small for one prefix.
    """

    def evaluate(trees: list[_Tree], values: PyTree) -> PyTree:
        # From the last level up: afterwards `values` belong to the prefixes of that level.
        for level in reversed(list(zip(*trees, strict=True))):
            shape = level[0].shape
            # Children of one prefix are neighbors, so that a family is a row.
            values = combine(level, jax.tree.map(lambda x, shape=shape: x.reshape(shape), values))
        return jax.tree.map(lambda x: x[0], values)

    def leaves_below(depth: int) -> PyTree:
        size = policy.vocab_size**depth
        return jax.tree.map(lambda x: jax.ShapeDtypeStruct((size,), x.dtype), leaves)

    num_completions(policy.vocab_size, policy.length)
    leaves = whole(leaves)
    parts = _parts(evaluate, policy)
    cut = _cut(parts, policy, models, prompt, leaves_below, memory_budget)
    if cut.level == 0:
        return parts.top(policy.length, models, prompt, leaves)
    # The leaves below one root of a subtree are neighbors, too.
    values = jax.tree.map(lambda x: x.reshape(policy.vocab_size**cut.level, -1), leaves)
    values = _map_subtrees(parts, policy, models, prompt, cut, values)
    return parts.top(cut.level, models, prompt, values)


def leaf_log_probs(
    policy: Policy, params: Params, prompt: Int[Array, " prompt"], memory_budget: int
) -> Float[Array, " completions"]:
    """Log-probabilities of all completions of one prompt, in lexicographic order.

    Raises:
        ValueError: As `fold`.
    """

    def evaluate(trees: list[_Tree], above: Array) -> Float[Array, " _"]:
        # The other direction: from the root down, `total` has one number per prefix of a level.
        (tree,) = trees
        total = above[None]
        for log_probs in tree:
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
        depth: int, models: tuple[Params, ...], prompt: Int[Array, " prompt"], values: PyTree
    ) -> PyTree:
        logits = [policy.tree_logits(params, prompt, depth) for params in models]
        return evaluate([tree_log_probs(levels, policy.eos) for levels in logits], values)

    @functools.partial(jax.jit, static_argnums=0)
    def below(
        depth: int, models: tuple[Params, ...], nodes: tuple[_Node, ...], values: PyTree
    ) -> PyTree:
        trees = []
        for params, node in zip(models, nodes, strict=True):
            logits = policy.subtree_logits(params, node.logits, node.cache, depth)
            # Below a node that has ended no other completion starts.
            trees.append(tree_log_probs(logits, policy.eos, node.ended))
        return evaluate(trees, values)

    return _Parts(top, below)


def _map_subtrees(
    parts: _Parts,
    policy: Policy,
    models: tuple[Params, ...],
    prompt: Int[Array, " prompt"],
    cut: _Cut,
    values: PyTree,
) -> PyTree:
    """Evaluates all subtrees below the cut, each with its own part of the values."""

    def below(
        models: tuple[Params, ...], roots: tuple[_Node, ...], index: Int[Array, ""], values: PyTree
    ) -> PyTree:
        tokens = prefix_tokens(index, policy.vocab_size, cut.level)
        # Stepping from the root again costs `level` tokens a subtree; keeping caches costs memory.
        nodes = tuple(map(functools.partial(_walk, policy, tokens), models, roots))
        return parts.below(policy.length - cut.level, models, nodes, values)

    def of_device(
        models: tuple[Params, ...], roots: tuple[_Node, ...], subtrees: tuple[Array, PyTree]
    ) -> PyTree:
        of_subtree = jax.checkpoint(below) if cut.again else below
        return jax.lax.map(
            lambda subtree: of_subtree(models, roots, *subtree), subtrees, batch_size=cut.at_a_time
        )

    # The prompt is read once for all subtrees.
    roots = _roots(policy, models, prompt)
    number = policy.vocab_size**cut.level
    subtrees = jnp.arange(number, dtype=jnp.int32), values
    if cut.devices == 1:
        return of_device(models, roots, subtrees)
    # Each device has a copy of the models, so that gradients are summed over devices once.
    models, roots = over_axis(
        jax.tree.map(lambda x: jnp.broadcast_to(x, (cut.devices, *x.shape)), (models, roots)),
        "subtrees",
    )
    # The last subtree, repeated, fills up the parts; what comes of the copies is dropped.
    parts_of = jnp.minimum(jnp.arange(_share(number, cut.devices) * cut.devices), number - 1)
    subtrees = jax.tree.map(lambda x: x[parts_of].reshape(cut.devices, -1, *x.shape[1:]), subtrees)
    found = jax.vmap(of_device)(models, roots, over_axis(subtrees, "subtrees"))
    return whole(jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:])[:number], found))


def _share(subtrees: int, devices: int) -> int:
    """How many subtrees the device with most of them has."""
    return -(-subtrees // devices)


def _roots(
    policy: Policy, models: tuple[Params, ...], prompt: Int[Array, " prompt"]
) -> tuple[_Node, ...]:
    return tuple(_Node(*policy.prefill(params, prompt), jnp.bool_(False)) for params in models)


def _walk(policy: Policy, tokens: Int[Array, " _"], params: Params, root: _Node) -> _Node:
    """Steps from a node to the node some tokens below it."""

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
    values_below: Callable[[int], PyTree],
    memory_budget: int,
) -> _Cut:
    """The highest level whose subtrees fit the budget, and how many of them fit together."""

    def bytes_taken(part: Callable[..., PyTree], depth: int, start: PyTree) -> int:
        """Bytes that differentiation keeps of one part, before fusion: an upper estimate."""

        def pullback(*args: PyTree) -> PyTree:
            return jax.vjp(functools.partial(part, depth), *args)[1]

        # Nothing is computed but shapes. The leaves of a pullback are the arrays it keeps.
        kept = jax.eval_shape(pullback, models, start, values_below(depth))
        return sum(x.size * x.dtype.itemsize for x in jax.tree.leaves(kept))

    if type(memory_budget) is not int:
        raise ValueError(
            f"memory_budget is {memory_budget!r}: pass a whole number of bytes, such as 2**30"
        )
    check_at_least(1, memory_budget=memory_budget)
    devices = devices_of("subtrees") or 1
    needed = bytes_taken(parts.top, policy.length, prompt)
    tree_fits = needed <= memory_budget
    if tree_fits and (devices == 1 or policy.length == 1):
        return _Cut(0, 1, again=False, devices=1)
    roots = jax.eval_shape(functools.partial(_roots, policy), models, prompt)
    # A higher cut has fewer and larger subtrees, which is faster.
    for level in range(1, policy.length):
        number = policy.vocab_size**level
        share = _share(number, devices)
        if number < devices and level < policy.length - 1:
            # Some devices would have no subtree.
            continue
        if tree_fits:
            return _Cut(level, share, again=False, devices=devices)
        above = bytes_taken(parts.top, level, prompt)
        below = bytes_taken(parts.below, policy.length - level, roots)
        needed = above + below
        if needed <= memory_budget:
            num_fitting = (memory_budget - above) // below
            # Divisors of the number of subtrees: a smaller last batch would be compiled as well.
            sizes = (n for n in range(1, policy.vocab_size + 1) if share % n == 0)
            at_a_time = max(n for n in sizes if n <= num_fitting)
            return _Cut(level, at_a_time, again=True, devices=devices)
    raise ValueError(
        f"memory_budget is {memory_budget} bytes: pass at least {needed}, for the gradient through "
        "one prefix of this policy and the levels above the last"
    )
