"""Other people's JAX models as policies."""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias, final

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, PRNGKeyArray

from jrft._checks import check_settings
from jrft.completions import PAD
from jrft.policies.policy import Cache, Params, Policy

Model: TypeAlias = Callable[..., tuple[Any, Any]]
"""(params, tokens, positions, cache, mask) → (logits, cache). See `adapted_policy`."""


class ModelCache(NamedTuple):
    """The model's cache of S slots; which of them hold a token, bool[S]; and how many are used."""

    inner: Any
    visible: Bool[Array, " S"]
    size: Int[Array, ""]


@final
@jax.tree_util.register_static
@dataclasses.dataclass(frozen=True)
class Adapted(Policy):
    """A policy around a function. See `adapted_policy`."""

    vocab_size: int
    length: int
    eos: int | None
    model: Model
    empty_cache: Callable[[int], Any]
    initialize: Callable[[PRNGKeyArray], Params]
    start: int

    def __post_init__(self) -> None:
        check_settings(self)

    def init(self, key: PRNGKeyArray) -> Params:
        """Random parameters."""
        return self.initialize(key)

    def prefill(
        self, params: Params, prompt: Int[Array, " prompt"]
    ) -> tuple[Float[Array, " K"], ModelCache]:
        """Reads the prompt."""
        logits, cache = self._read(params, self._started(prompt))
        return logits[-1], cache

    def step(
        self, params: Params, cache: Cache, token: Int[Array, ""]
    ) -> tuple[Float[Array, " K"], ModelCache]:
        """Reads one token into the next slot."""
        inner, visible, size = cache
        position = jnp.sum(visible)
        visible = visible.at[size].set(True)
        logits, inner = self.model(
            params, token[None, None], position[None, None], inner, visible[None, None]
        )
        return logits[0, 0], ModelCache(inner, visible, size + 1)

    def completion_logits(
        self, params: Params, prompt: Int[Array, " prompt"], completion: Int[Array, " length"]
    ) -> Float[Array, "length K"]:
        """Prompt and completion in one pass."""
        read = jnp.maximum(completion[:-1], 0)
        logits, _ = self._read(params, jnp.concatenate([self._started(prompt), read]))
        return logits[-self.length :]

    def _started(self, prompt: Int[Array, " prompt"]) -> Int[Array, " T"]:
        if not prompt.size:
            return jnp.full(1, self.start, jnp.int32)
        return prompt.at[-1].set(jnp.where(prompt[-1] == PAD, self.start, prompt[-1]))

    def _read(
        self, params: Params, tokens: Int[Array, " T"]
    ) -> tuple[Float[Array, "T K"], ModelCache]:
        num_slots = tokens.size + self.length - 1
        visible = tokens >= 0
        slots = jnp.zeros(num_slots, bool).at[: tokens.size].set(visible)
        # Padding sees itself: a softmax over nothing is NaN in many models.
        earlier = jnp.tri(tokens.size, num_slots, dtype=bool) & slots[None, :]
        mask = earlier | jnp.eye(tokens.size, num_slots, dtype=bool)
        positions = jnp.maximum(jnp.cumsum(visible) - 1, 0)
        logits, inner = self.model(
            params,
            jnp.maximum(tokens, 0)[None],
            positions[None],
            self.empty_cache(num_slots),
            mask[None],
        )
        return logits[0], ModelCache(inner, slots, jnp.int32(tokens.size))


def adapted_policy(
    model: Model,
    empty_cache: Callable[[int], Any],
    init: Callable[[PRNGKeyArray], Params],
    *,
    vocab_size: int,
    length: int,
    eos: int | None,
    start: int = 0,
) -> Adapted:
    """A policy around a JAX model with a cache, such as those of tunix.

    Args:
        model: (params, tokens, positions, cache, mask) → (logits, cache), a pure function. Tokens
            and positions are int[1, T]. The model writes their keys into the next T of the S slots
            of the cache, and token t attends to slot s where mask[0, t, s], bool[1, T, S]. Logits
            are float[1, T, K].
        empty_cache: S → the cache of S slots.
        init: A JAX random key → random parameters.
        vocab_size: K.
        length: Tokens of a completion, the end of sequence counted.
        eos: The token that ends a completion; None if every completion has `length` tokens.
        start: The token that an empty prompt is read as.

    Returns:
        The policy. Equal functions and settings give equal policies; a new lambda is a new policy.

    Raises:
        ValueError: If a setting is out of its range.

    Example:
        A model that attends to all tokens alike:

        >>> import jax, jax.numpy as jnp, jrft
        >>> def model(params, tokens, positions, cache, mask):
        ...     values, used = cache
        ...     values = jax.lax.dynamic_update_slice(values, params[tokens[0]], (used, 0))
        ...     logits = mask @ values / mask.sum(-1, keepdims=True)
        ...     return logits, (values, used + tokens.shape[1])
        >>> policy = jrft.adapted_policy(
        ...     model,
        ...     lambda slots: (jnp.zeros((slots, 3)), 0),
        ...     lambda key: jax.random.normal(key, (3, 3)),
        ...     vocab_size=3, length=2, eos=None,
        ... )
        >>> params = policy.init(jax.random.key(0))
        >>> jrft.sample(jax.random.key(1), policy, params, [2, 1], 4).completions.shape
        (4, 2)
    """
    return Adapted(vocab_size, length, eos, model, empty_cache, init, start)
