"""A small decoder-only transformer as a policy."""

import dataclasses
from typing import Any, final

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int, PRNGKeyArray

from jrft._checks import check_at_least, check_settings
from jrft.completions import PAD
from jrft.policies.decoder import Decoder, KeyValueCache
from jrft.policies.policy import Params, Policy


@final
@jax.tree_util.register_static
@dataclasses.dataclass(frozen=True)
class Transformer(Policy):
    """A decoder-only transformer. See `transformer`."""

    vocab_size: int
    length: int
    max_prompt: int
    width: int
    depth: int
    heads: int
    hidden: int
    eos: int | None = None
    dtype: str | None = None

    def __post_init__(self) -> None:
        check_settings(self)
        check_at_least(1, width=self.width, depth=self.depth, heads=self.heads, hidden=self.hidden)
        check_at_least(0, max_prompt=self.max_prompt)
        if self.width % (2 * self.heads):
            raise ValueError(
                f"width is {self.width}: pass a multiple of 2 · heads, {2 * self.heads}, because "
                "heads share the width equally, and rotary positions pair each head's channels"
            )

    def init(self, key: PRNGKeyArray) -> Params:
        """Flax's initial values: variance 1 / fan-in."""
        return _init(self, key)

    def prefill(
        self, params: Params, prompt: Int[Array, " prompt"]
    ) -> tuple[Float[Array, " K"], KeyValueCache]:
        """Read the start token and the prompt.

        Raises:
            ValueError: If the prompt has more than `max_prompt` tokens, padding counted.
        """
        tokens = self._with_start(prompt)
        slots = tokens.size + self.length - 1
        logits, cache = self._apply(params, "sequence", tokens, tokens.size - 1, slots)
        return logits[0], cache

    def step(
        self, params: Params, cache: KeyValueCache, token: Int[Array, ""]
    ) -> tuple[Float[Array, " K"], KeyValueCache]:
        """Read one token; the cache has room for length − 1."""
        return self._apply(params, "step", cache, token)

    def completion_logits(
        self, params: Params, prompt: Int[Array, " prompt"], completion: Int[Array, " length"]
    ) -> Float[Array, "length K"]:
        """All positions in one causal pass."""
        start = self._with_start(prompt)
        tokens = jnp.concatenate([start, completion[:-1]])
        logits, _ = self._apply(params, "sequence", tokens, start.size - 1, tokens.size)
        return logits

    def tree_logits(
        self, params: Params, prompt: Int[Array, " prompt"], depth: int
    ) -> tuple[Float[Array, "..."], ...]:
        """The prompt and all levels in one pass."""
        return self._apply(params, "tree", None, self._with_start(prompt), depth)

    def subtree_logits(
        self, params: Params, logits: Float[Array, " K"], cache: KeyValueCache, depth: int
    ) -> tuple[Float[Array, "..."], ...]:
        """Level by level, attention to ancestors by reshape."""
        # At least depth − 1 slots are still empty: attention over them would be wasted.
        stop = cache.visible.size - (depth - 1)
        keys, values = jax.tree.map(lambda x: x[:stop], (cache.keys, cache.values))
        shared = KeyValueCache(keys, values, cache.visible[:stop], cache.size)
        below = self._apply(params, "tree", shared, jnp.zeros(0, jnp.int32), depth)
        return (logits[None], *below)

    def _decoder(self) -> Decoder:
        return Decoder(self.vocab_size, self.width, self.depth, self.heads, self.hidden, self.dtype)

    def _apply(self, params: Params, method: str, *args: Any) -> Any:
        return self._decoder().apply(params, *args, method=method)

    def _with_start(self, prompt: Int[Array, " prompt"]) -> Int[Array, " T"]:
        if prompt.size > self.max_prompt:
            raise ValueError(
                f"prompt has {prompt.size} tokens, but max_prompt is {self.max_prompt}: pass a "
                "shorter prompt, or a transformer with a larger max_prompt"
            )
        # The start token comes between the padding and the first token, so the last position is
        # never padding, even if the whole prompt is.
        tokens = jnp.pad(prompt, (1, 0), constant_values=PAD)
        last_pad = jnp.sum(tokens == PAD) - 1
        return jnp.where(jnp.arange(tokens.size) == last_pad, self.vocab_size, tokens)


@jax.jit
def _init(policy: Transformer, key: PRNGKeyArray) -> Params:
    token = jnp.zeros(1, jnp.int32)
    return policy._decoder().init(key, token, 0, 1, method="sequence")


def transformer(
    vocab_size: int,
    length: int,
    *,
    max_prompt: int,
    width: int,
    depth: int,
    heads: int,
    eos: int | None = None,
    dtype: DTypeLike | None = None,
) -> Transformer:
    """A small decoder-only transformer: pre-norm (RMSNorm), rotary positions, GELU, no biases.

    The MLP has 4 · width channels; `dataclasses.replace(policy, hidden=…)` changes their number.

    Args:
        vocab_size: K, the number of tokens, of prompts and completions alike.
        length: Tokens of a completion.
        max_prompt: The longest prompt, padding counted. Prompts may be empty.
        width: Channels of the residual stream.
        depth: Layers.
        heads: Attention heads; width must be a multiple of 2 · heads.
        eos: The token that ends a completion; None if every completion has `length` tokens.
        dtype: The type to compute in, such as `jnp.bfloat16`; by default the parameters' type.
            Softmax and log-probabilities are float32 at least.

    Returns:
        The policy. Equal arguments give equal policies. Its parameters are a pytree of float32.
        Padding on the left of a prompt changes nothing but rounding.

    Raises:
        ValueError: If a size is below 1, `max_prompt` below 0, `eos` no token, or `width` no
            multiple of 2 · heads.

    Example:
        >>> import jax, jax.numpy as jnp, jrft
        >>> policy = jrft.transformer(4, 2, max_prompt=3, width=8, depth=1, heads=2)
        >>> params = policy.init(jax.random.key(0))
        >>> jax.jit(policy.log_probs)(params, jnp.array([-1, 3, 1]), jnp.array([0, 2])).shape
        (2,)
    """
    dtype_name = None if dtype is None else jnp.dtype(dtype).name
    return Transformer(
        vocab_size, length, max_prompt, width, depth, heads, 4 * width, eos, dtype_name
    )
