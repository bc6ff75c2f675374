"""Policies under sampling settings: temperature, top-k, top-p and a minimal length."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, final

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PRNGKeyArray

from jrft._checks import check_at_least, check_settings
from jrft._numerics import kth_largest, nucleus
from jrft.policies.policy import Cache, Params, Policy


@final
@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=("policy",),
    meta_fields=(
        "vocab_size",
        "length",
        "eos",
        "temperature",
        "top_k",
        "top_p",
        "min_length",
    ),
)
@dataclasses.dataclass(frozen=True)
class Warped(Policy):
    """A policy whose logits are warped before the softmax. See `warped_policy`."""

    vocab_size: int
    length: int
    eos: int | None
    policy: Policy
    temperature: float
    top_k: int | None
    top_p: float | None
    min_length: int

    def __post_init__(self) -> None:
        check_settings(self)
        # From the smallest normal number of float32 on, a logit may be divided by it.
        if not np.finfo(np.float32).tiny <= self.temperature < np.inf:
            raise ValueError(
                f"temperature is {self.temperature}: pass a finite number above 0, or top_k=1 for "
                "the likeliest token alone"
            )
        if self.top_k is not None and not 1 <= self.top_k <= self.vocab_size:
            raise ValueError(
                f"top_k is {self.top_k}: pass 1 … {self.vocab_size} tokens, or None for all"
            )
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise ValueError(
                f"top_p is {self.top_p}: pass a probability above 0, at most 1, or None"
            )
        check_at_least(0, min_length=self.min_length)
        if self.min_length and (self.eos is None or self.vocab_size == 1):
            raise ValueError(
                f"min_length is {self.min_length}: pass 0, or a policy with eos and another token, "
                "because it defers the end of sequence"
            )

    @property
    def prompt_vocab_size(self) -> int:
        """The number of tokens of prompts."""
        return self.policy.prompt_vocab_size

    @property
    def cache_axes(self) -> tuple[Any, int]:
        """The cache's `in_axes` over completions of one prompt."""
        return self.policy.cache_axes, 0

    def init(self, key: PRNGKeyArray) -> Params:
        """Parameters of the policy that is warped."""
        return self.policy.init(key)

    def prefill(
        self, params: Params, prompt: Int[Array, " prompt"]
    ) -> tuple[Float[Array, " K"], tuple[Cache, Int[Array, ""]]]:
        """Reads the prompt; the cache also counts the tokens since."""
        logits, cache = self.policy.prefill(params, prompt)
        return self._warp(logits, jnp.int32(0)), (cache, jnp.int32(0))

    def step(
        self, params: Params, cache: tuple[Cache, Int[Array, ""]], token: Int[Array, ""]
    ) -> tuple[Float[Array, " K"], tuple[Cache, Int[Array, ""]]]:
        """Reads one token."""
        inner, position = cache
        logits, inner = self.policy.step(params, inner, token)
        return self._warp(logits, position + 1), (inner, position + 1)

    def completion_logits(
        self, params: Params, prompt: Int[Array, " prompt"], completion: Int[Array, " length"]
    ) -> Float[Array, "length K"]:
        """Teacher forcing, warped."""
        logits = self.policy.completion_logits(params, prompt, completion)
        return jax.vmap(self._warp)(logits, jnp.arange(self.length, dtype=jnp.int32))

    def map_logits(
        self,
        params: Params,
        prompt: Int[Array, " prompt"],
        completion: Int[Array, " length"],
        function: Callable[[Float[Array, " K"], Int[Array, ""]], Any],
    ) -> Any:
        """A function of every row of warped logits."""

        def of_warped(logits: Float[Array, " K"], position: Int[Array, ""]) -> Any:
            return function(self._warp(logits, position), position)

        return self.policy.map_logits(params, prompt, completion, of_warped)

    def tree_logits(
        self, params: Params, prompt: Int[Array, " prompt"], depth: int
    ) -> tuple[Float[Array, "..."], ...]:
        """The levels of the policy, warped."""
        levels = self.policy.tree_logits(params, prompt, depth)
        return self._warp_levels(levels, jnp.int32(0))

    def subtree_logits(
        self,
        params: Params,
        logits: Float[Array, " K"],
        cache: tuple[Cache, Int[Array, ""]],
        depth: int,
    ) -> tuple[Float[Array, "..."], ...]:
        """Warps the logits below the node; the logits of the node itself are warped already."""
        inner, position = cache
        _, *below = self.policy.subtree_logits(params, logits, inner, depth)
        return logits[None], *self._warp_levels(tuple(below), position + 1)

    def _warp_levels(
        self, levels: tuple[Float[Array, "..."], ...], position: Int[Array, ""]
    ) -> tuple[Float[Array, "..."], ...]:
        by_prefix = jax.vmap(self._warp, in_axes=(0, None))
        return tuple(by_prefix(level, position + t) for t, level in enumerate(levels))

    def _warp(self, logits: Float[Array, " K"], position: Int[Array, ""]) -> Float[Array, " K"]:
        logits = logits.astype(jnp.promote_types(logits.dtype, jnp.float32))
        if self.min_length:
            too_early = (jnp.arange(self.vocab_size) == self.eos) & (position < self.min_length)
            logits = jnp.where(too_early, -jnp.inf, logits)
        logits = logits / self.temperature
        if self.top_k is not None:
            logits = jnp.where(logits < kth_largest(logits, self.top_k), -jnp.inf, logits)
        if self.top_p is not None and self.top_p < 1:
            logits = jnp.where(nucleus(logits, self.top_p), logits, -jnp.inf)
        return logits


def warped_policy(
    policy: Policy,
    *,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_length: int = 0,
) -> Warped:
    """A policy under sampling settings: temperature, top-k, top-p and a minimal length.

    It is a policy with the same parameters, so everything in `jrft` is exact for it, too: its
    reward std is the std of a trainer's samples. Cutting off tokens changes the distribution and
    the gradient. The settings apply in this order: `min_length`, `temperature`, `top_k`, `top_p`.

    Args:
        policy: The model.
        temperature: Above 0; the logits are divided by it.
        top_k: The number of likeliest tokens to keep at every step; ties with the last one stay.
        top_p: Keeps the fewest likeliest tokens whose probabilities sum to at least this (nucleus
            sampling, Holtzman et al., 2020).
        min_length: The number of tokens before an end of sequence is possible; at the policy's
            length or above, no completion ends.

    Returns:
        The policy. Equal arguments give equal policies.

    Raises:
        ValueError: If a setting is out of its range, or `min_length` is given without an end of
            sequence.

    Example:
        >>> import jax.numpy as jnp, jrft
        >>> policy = jrft.tabular_policy(vocab_size=3, length=1)
        >>> params = jnp.log(jnp.array([[0.6, 0.3, 0.1]]))
        >>> nucleus = jrft.warped_policy(policy, top_p=0.8)
        >>> [round(float(p), 3) for p in jnp.exp(jrft.exact_log_probs(nucleus, params, []))]
        [0.667, 0.333, 0.0]
    """
    return Warped(
        policy.vocab_size, policy.length, policy.eos, policy, temperature, top_k, top_p, min_length
    )
