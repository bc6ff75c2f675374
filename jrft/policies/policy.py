"""Policies: autoregressive models as pure functions on a static configuration.

The rest of the package uses a model through the interface `Policy` only.
"""

import abc
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, PRNGKeyArray

from jrft import completions
from jrft.policies.devices import own_copies

Params: TypeAlias = Any
"""Any pytree of arrays."""

Cache: TypeAlias = Any
"""The memory of a policy for the tokens so far: any pytree of arrays of fixed shapes."""

Prompt: TypeAlias = ArrayLike | Sequence[int]
"""int[P], −1 pads on the left; may be empty."""


class Policy(abc.ABC):
    """An autoregressive model of completions given a prompt.

    A policy is a frozen dataclass of plain settings registered with
    `jax.tree_util.register_static`, so it passes through `jax.jit` as an argument, and two policies
    of equal settings share one compiled program. A policy around another registers that one as
    data, because a policy may hold arrays (`jrft.lora`). Parameters are always arguments. All
    functions take one prompt, and `jax.vmap` maps them.

    A new model is a subclass with `init`, `prefill` and `step`; all other methods follow from these
    three. Override `completion_logits`, `map_logits`, `tree_logits` and `subtree_logits` by faster
    forms that compute the same numbers.

    Tokens are integers 0 … vocab_size − 1; −1 is padding: on the left in prompts, after the end of
    sequence in completions.

    Attributes:
        vocab_size: K, the number of tokens.
        length: Tokens of a completion, its end-of-sequence token and padding counted.
        eos: The token that ends a completion; None if every completion has `length` tokens.

    Example:
        A policy that draws every token from one distribution, whatever came before:

        >>> import dataclasses, jax, jax.numpy as jnp, jrft
        >>> @jax.tree_util.register_static
        ... @dataclasses.dataclass(frozen=True)
        ... class Unigram(jrft.Policy):
        ...     vocab_size: int
        ...     length: int
        ...     eos: int | None = None
        ...     def init(self, key):
        ...         return jnp.zeros(self.vocab_size)
        ...     def prefill(self, params, prompt):
        ...         return params, ()
        ...     def step(self, params, cache, token):
        ...         return params, cache
        >>> unigram = Unigram(vocab_size=2, length=3)
        >>> params = unigram.init(jax.random.key(0))
        >>> [level.shape for level in unigram.tree_log_probs(params, jnp.array([1]))]
        [(1, 2), (2, 2), (4, 2)]
    """

    vocab_size: int
    length: int
    eos: int | None

    @property
    def prompt_vocab_size(self) -> int:
        """The number of tokens of prompts: `vocab_size`, unless prompts have their own."""
        return self.vocab_size

    @property
    def cache_axes(self) -> Any:
        """The cache's `in_axes` for `jax.vmap` over completions of one prompt.

        None marks arrays that depend on the prompt alone: `step` returns them as they are, and all
        prefixes of a tree share them. 0 marks all others. A prefix of the cache's pytree.
        """
        return 0

    @abc.abstractmethod
    def init(self, key: PRNGKeyArray) -> Params:
        """Random parameters."""

    @abc.abstractmethod
    def prefill(
        self, params: Params, prompt: Int[Array, " prompt"]
    ) -> tuple[Float[Array, " K"], Cache]:
        """Reads the prompt: the logits float[K] of the first token, and the cache."""

    @abc.abstractmethod
    def step(
        self, params: Params, cache: Cache, token: Int[Array, ""]
    ) -> tuple[Float[Array, " K"], Cache]:
        """Reads one token: the logits float[K] of the next, and the cache.

        Called at most length − 1 times after `prefill`, with a token of 0 … K−1.
        """

    def completion_logits(
        self, params: Params, prompt: Int[Array, " prompt"], completion: Int[Array, " length"]
    ) -> Float[Array, "length K"]:
        """Logits of every token of a completion given those before it (teacher forcing).

        Returns:
            Float[length, K]; rows after the end of sequence hold no information.
        """
        logits, cache = self.prefill(params, prompt)

        def read(cache: Cache, token: Int[Array, ""]) -> tuple[Cache, Float[Array, " K"]]:
            logits, cache = self.step(params, cache, token)
            return cache, logits

        cache = own_copies(cache, params, completion)
        _, rest = jax.lax.scan(read, cache, jnp.maximum(completion[:-1], 0))
        return jnp.concatenate([logits[None], rest])

    def map_logits(
        self,
        params: Params,
        prompt: Int[Array, " prompt"],
        completion: Int[Array, " length"],
        function: Callable[[Float[Array, " K"], Int[Array, ""]], Any],
    ) -> Any:
        """A function of every row of `completion_logits` and of the row's position.

        A policy of a large vocabulary overrides it: it never needs to hold all logits at once.

        Args:
            params: The parameters.
            prompt: Int[P].
            completion: Int[length].
            function: (float[K], int[]) → a pytree of arrays.

        Returns:
            The function's results, with a leading axis of `length` on every array.
        """
        logits = self.completion_logits(params, prompt, completion)
        return jax.vmap(function)(logits, jnp.arange(self.length, dtype=jnp.int32))

    def tree_logits(
        self, params: Params, prompt: Int[Array, " prompt"], depth: int
    ) -> tuple[Float[Array, "..."], ...]:
        """Logits at every prefix of the completions' first tokens, each evaluated once.

        Args:
            params: The parameters.
            prompt: Int[P].
            depth: Levels to evaluate; at most `length`.

        Returns:
            `depth` arrays, the t-th float[K^t, K], as `subtree_logits` returns below the root.
        """
        return self.subtree_logits(params, *self.prefill(params, prompt), depth)

    def subtree_logits(
        self, params: Params, logits: Float[Array, " K"], cache: Cache, depth: int
    ) -> tuple[Float[Array, "..."], ...]:
        """Logits at every prefix below one node of the prefix tree, each evaluated once.

        Args:
            params: The parameters.
            logits: Float[K], the logits at the node.
            cache: The cache at the node, as `prefill` or `step` returned it with `logits`.
            depth: Levels to evaluate, the node's own counted; at most as many as tokens remain.

        Returns:
            `depth` arrays, the t-th float[K^t, K]: prefixes in lexicographic order. The end of
            sequence is not applied.
        """
        every_token = jnp.arange(self.vocab_size, dtype=jnp.int32)
        axes = self.cache_axes

        def of_completions(reshape: Callable[[Array], Array], cache: Cache) -> Cache:
            """Reshapes the arrays that differ between completions."""

            def reshaped(axis: int | None, part: Cache) -> Cache:
                return part if axis is None else jax.tree.map(reshape, part)

            return jax.tree.map(reshaped, axes, cache, is_leaf=lambda axis: axis is None)

        by_token = jax.vmap(self.step, in_axes=(None, None, 0), out_axes=(0, axes))
        levels, caches = [logits[None]], of_completions(lambda x: jnp.asarray(x)[None], cache)
        for _ in range(depth - 1):
            # A policy with an empty cache gives `jax.vmap` no size to infer.
            by_prefix = jax.vmap(
                by_token, (None, axes, None), out_axes=(0, axes), axis_size=len(levels[-1])
            )
            level, caches = by_prefix(params, caches, every_token)
            levels.append(level.reshape(-1, self.vocab_size))
            caches = of_completions(lambda x: x.reshape(-1, *x.shape[2:]), caches)
        return tuple(levels)

    def log_probs(
        self, params: Params, prompt: Int[Array, " prompt"], completion: Int[Array, " length"]
    ) -> Float[Array, " length"]:
        """Log-probability of each token of a completion given those before it.

        Returns:
            Float[length], in nats, 0 after the end of sequence. A token outside 0 … K−1 before the
            end gives NaN.
        """

        def chosen(logits: Float[Array, " K"], position: Int[Array, ""]) -> Float[Array, ""]:
            return completions.chosen_log_prob(logits, completion[position])

        log_probs = self.map_logits(params, prompt, completion, chosen)
        return jnp.where(completions.after_end(completion, self.eos), 0, log_probs)

    def tree_log_probs(
        self, params: Params, prompt: Int[Array, " prompt"]
    ) -> tuple[Float[Array, "..."], ...]:
        """Log-probabilities of the next token at every prefix of every completion.

        Returns:
            `length` arrays, the t-th float[K^t, K]: row i for the prefix that is i written in base
            K with t digits. At a prefix that has ended, token 0 has log-probability 0 and all
            others −∞ (see `jrft.completions`).

        Raises:
            ValueError: If there are more than 2^31 − 1 completions.
        """
        completions.num_completions(self.vocab_size, self.length)
        levels = self.tree_logits(params, prompt, self.length)
        return completions.tree_log_probs(levels, self.eos)
