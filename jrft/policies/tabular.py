"""The tabular policy: one free row of logits for every prefix."""

import dataclasses
from typing import final

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from jrft._checks import check_settings
from jrft.completions import num_completions
from jrft.policies.policy import Policy


@final
@jax.tree_util.register_static
@dataclasses.dataclass(frozen=True)
class Tabular(Policy):
    """A policy whose parameters are its logits. See `tabular_policy`."""

    vocab_size: int
    length: int
    eos: int | None = None

    def __post_init__(self) -> None:
        check_settings(self)
        num_completions(self.vocab_size, self.length)

    def init(self, key: PRNGKeyArray) -> Float[Array, "prefixes K"]:
        """Independent standard normal logits."""
        prefixes = sum(self.vocab_size**t for t in range(self.length))
        return jax.random.normal(key, (prefixes, self.vocab_size))

    def prefill(
        self, params: Float[Array, "prefixes K"], prompt: Int[Array, " prompt"]
    ) -> tuple[Float[Array, " K"], Int[Array, ""]]:
        """The logits of the first token; the cache is the row of the empty prefix.

        Raises:
            ValueError: If the table is not this policy's.
        """
        prefixes = sum(self.vocab_size**t for t in range(self.length))
        # JAX would silently move slices of a smaller table to other prefixes.
        if params.shape != (prefixes, self.vocab_size):
            raise ValueError(
                f"params have shape {list(params.shape)}: pass the table of this policy, "
                f"float[{prefixes}, {self.vocab_size}], a row for each prefix"
            )
        return params[0], jnp.int32(0)

    def step(
        self, params: Float[Array, "prefixes K"], cache: Int[Array, ""], token: Int[Array, ""]
    ) -> tuple[Float[Array, " K"], Int[Array, ""]]:
        """The logits of the next token; the cache is the row of the prefix so far."""
        # Rows by length, then lexicographically: the children of row i are i·K + 1 … i·K + K.
        row = cache * self.vocab_size + 1 + token.astype(jnp.int32)
        return params[row], row

    def subtree_logits(
        self,
        params: Float[Array, "prefixes K"],
        logits: Float[Array, " K"],
        cache: Int[Array, ""],
        depth: int,
    ) -> tuple[Float[Array, "..."], ...]:
        """The rows below one prefix: at every level they are neighbors."""
        levels, first = [], cache
        for t in range(depth):
            levels.append(jax.lax.dynamic_slice_in_dim(params, first, self.vocab_size**t))
            first = first * self.vocab_size + 1
        return tuple(levels)


def tabular_policy(vocab_size: int, length: int, *, eos: int | None = None) -> Tabular:
    """A policy with one free row of logits for every prefix, so that it can be any distribution.

    It ignores the prompt, which may be empty. Its parameters are float[prefixes, K]: rows by the
    prefix's length, then lexicographically; prefixes = 1 + K + … + K^(length−1).

    Args:
        vocab_size: K, the number of tokens.
        length: Tokens of a completion.
        eos: The token that ends a completion; None if every completion has `length` tokens.

    Returns:
        The policy. Equal arguments give equal policies.

    Raises:
        ValueError: If `vocab_size` or `length` is below 1, `eos` is no token, or there are more
            than 2^31 − 1 completions.

    Example:
        >>> import jax, jrft
        >>> policy = jrft.tabular_policy(vocab_size=3, length=2)
        >>> policy.init(jax.random.key(0)).shape
        (4, 3)
    """
    return Tabular(vocab_size, length, eos)
