"""Low-rank adapters: policies whose parameters are small corrections to a model's weights.

References:
    E. Hu et al., LoRA: Low-Rank Adaptation of Large Language Models, ICLR 2022, arXiv 2106.09685.
"""

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, TypeAlias, final

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PRNGKeyArray

from jrft._checks import check_at_least, check_settings
from jrft.policies.policy import Cache, Params, Policy


class Adapter(NamedTuple):
    """The correction scale · down @ up of one weight.

    Attributes:
        down: Float[*layers, inputs, rank].
        up: Float[*layers, rank, outputs].
    """

    down: Float[Array, "*layers inputs rank"]
    up: Float[Array, "*layers rank outputs"]


Adapters: TypeAlias = dict[str, Adapter]
"""An adapter for every adapted weight, by the weight's path."""


@final
@partial(
    jax.tree_util.register_dataclass,
    data_fields=("policy", "base"),
    meta_fields=("vocab_size", "length", "eos", "rank", "scale", "adapted"),
)
@dataclasses.dataclass(frozen=True)
class LowRank(Policy):
    """A policy whose parameters are adapters of another's. See `lora`.

    The model's weights are leaves of the policy, so that they enter a compiled function as an
    argument, never as a constant.

    Attributes:
        policy: The model.
        base: Its parameters, which stay as they are.
        rank: The rank of every correction.
        scale: The factor of every correction.
        adapted: The paths of the adapted weights.
    """

    vocab_size: int
    length: int
    eos: int | None
    policy: Policy
    base: Params
    rank: int
    scale: float
    adapted: tuple[str, ...]

    def __post_init__(self) -> None:
        check_settings(self)

    @property
    def prompt_vocab_size(self) -> int:
        """The number of tokens of prompts."""
        return self.policy.prompt_vocab_size

    @property
    def cache_axes(self) -> tuple[None, Any]:
        """The cache's `in_axes`: all completions share the corrected weights."""
        return None, self.policy.cache_axes

    def init(self, key: PRNGKeyArray) -> Adapters:
        """Adapters that correct nothing yet: `up` is zero, `down` is random."""
        weights = {path: weight for path, weight in _weights(self.base) if path in self.adapted}
        keys = jax.random.split(key, len(weights))
        return {
            path: Adapter(
                jax.random.normal(k, (*weight.shape[:-1], self.rank)) / weight.shape[-2] ** 0.5,
                jnp.zeros((*weight.shape[:-2], self.rank, weight.shape[-1])),
            )
            for k, (path, weight) in zip(keys, weights.items(), strict=True)
        }

    def merged(self, params: Adapters) -> Params:
        """Parameters of the model with the corrections added, such as `save_pretrained` takes."""

        def corrected(path: Any, weight: Array) -> Array:
            name = _name(path)
            if name not in self.adapted:
                return weight
            down, up = params[name]
            return (weight + self.scale * (down @ up)).astype(weight.dtype)

        return jax.tree_util.tree_map_with_path(corrected, self.base)

    def prefill(
        self, params: Adapters, prompt: Int[Array, " prompt"]
    ) -> tuple[Float[Array, " K"], tuple[Params, Cache]]:
        """Reads the prompt; the cache also holds the corrected weights, which are made once."""
        weights = self.merged(params)
        logits, cache = self.policy.prefill(weights, prompt)
        return logits, (weights, cache)

    def step(
        self, params: Adapters, cache: tuple[Params, Cache], token: Int[Array, ""]
    ) -> tuple[Float[Array, " K"], tuple[Params, Cache]]:
        """Reads one token."""
        weights, inner = cache
        logits, inner = self.policy.step(weights, inner, token)
        return logits, (weights, inner)

    def completion_logits(
        self, params: Adapters, prompt: Int[Array, " prompt"], completion: Int[Array, " length"]
    ) -> Float[Array, "length K"]:
        """Teacher forcing by the corrected model."""
        return self.policy.completion_logits(self.merged(params), prompt, completion)

    def map_logits(
        self,
        params: Adapters,
        prompt: Int[Array, " prompt"],
        completion: Int[Array, " length"],
        function: Callable[[Float[Array, " K"], Int[Array, ""]], Any],
    ) -> Any:
        """A function of every row of the corrected model's logits."""
        return self.policy.map_logits(self.merged(params), prompt, completion, function)

    def subtree_logits(
        self,
        params: Adapters,
        logits: Float[Array, " K"],
        cache: tuple[Params, Cache],
        depth: int,
    ) -> tuple[Float[Array, "..."], ...]:
        """The subtree of the corrected model."""
        weights, inner = cache
        return self.policy.subtree_logits(weights, logits, inner, depth)


def lora(
    policy: Policy,
    params: Params,
    *,
    rank: int,
    scale: float = 1.0,
    adapts: Callable[[str], bool] | None = None,
) -> LowRank:
    """A policy whose parameters are low-rank corrections to a model's weights (LoRA).

    Every adapted weight W becomes W + scale · down @ up. At first `up` is zero, so the policy is
    the model's. All functions of `jrft` take the policy and its adapters as they take any other:
    their gradients are gradients of the adapters. The policy holds the model's weights as leaves;
    pass it to a compiled function as an argument.

    Args:
        policy: The model.
        params: Its parameters.
        rank: Columns of `down` and rows of `up`.
        scale: The factor of the corrections; other implementations write alpha / rank.
        adapts: Which weights of two dimensions or more to adapt, by path, such as
            "params/layers/0/q_proj/kernel". All that are named "kernel", if None.

    Returns:
        The policy. `policy.init(key)` makes adapters, and `policy.merged(adapters)` gives
        parameters of the model.

    Raises:
        ValueError: If `rank` is below 1, or no weight is to be adapted.

    Example:
        >>> import jax, jax.numpy as jnp, jrft
        >>> model = jrft.transformer(
        ...     vocab_size=4, length=2, max_prompt=2, width=8, depth=1, heads=2
        ... )
        >>> policy = jrft.lora(model, model.init(jax.random.key(0)), rank=2)
        >>> adapters = policy.init(jax.random.key(1))
        >>> reward = lambda prompt, completion: jnp.mean(completion == 3)
        >>> gradient = jrft.exact_policy_gradient(policy, adapters, [1], reward)
        >>> set(gradient) == set(adapters)
        True
    """
    check_at_least(1, rank=rank)
    chosen = adapts or (lambda path: path.rpartition("/")[2] == "kernel")
    adapted = tuple(path for path, weight in _weights(params) if weight.ndim > 1 and chosen(path))
    if not adapted:
        some = ", ".join(path for path, weight in _weights(params)[:8] if weight.ndim > 1)
        raise ValueError(f"adapts chooses no weight: pass one that chooses some of {some}")
    return LowRank(
        policy.vocab_size, policy.length, policy.eos, policy, params, rank, scale, adapted
    )


def _weights(params: Params) -> list[tuple[str, Array]]:
    return [(_name(path), weight) for path, weight in jax.tree_util.tree_leaves_with_path(params)]


def _name(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")
