"""What GPT-2 and the Llama family have in common: a decoder that reads prompts and completions."""

from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jrft.policies.pretrained.attention import causal_mask
from jrft.policies.pretrained.layers import Held, Reading, Settings, empty_slots


class Cache(NamedTuple):
    """What a language model keeps of a prompt and of the completion so far.

    Attributes:
        shared: What all completions of the prompt share; only read.
        own: Keys and values of the completion's tokens, in slots.
        visible: bool[P], which places of the prompt hold a token.
        size: int[], slots in use.
    """

    shared: Any
    own: Any
    visible: Bool[Array, " P"]
    size: Int[Array, ""]


class Network(nn.Module):
    """A decoder. A subclass makes `layers` in its `setup`, and has `embed` and `logits`."""

    config: Any
    settings: Settings

    def embed(self, token_T: Int[Array, " T"], position_T: Int[Array, " T"]) -> Float[Array, "T D"]:
        """The values that the first layer reads."""
        raise NotImplementedError

    def logits(self, x_TxD: Float[Array, "T D"]) -> Float[Array, "T V"]:
        """Logits of the next tokens, from the values after the last layer."""
        raise NotImplementedError

    def prompt(
        self, token_P: Int[Array, " P"], num_slots: int
    ) -> tuple[Float[Array, "1 D"], Cache]:
        """Read the prompt, −1 pads on the left: the values of its last token, and a cache."""
        visible_P = token_P >= 0
        reading = Reading(_positions(visible_P), causal_mask(visible_P))
        x_PxD, kept = self._read(token_P, Held(None, None), reading)
        slots = empty_slots(kept, num_slots, self.settings.token_axis)
        return x_PxD[-1:], Cache(kept, slots, visible_P, jnp.int32(0))

    def extend(self, cache: Cache, token_T: Int[Array, " T"]) -> Float[Array, "T D"]:
        """Read T tokens of a completion at once, right after the prompt: their values."""
        size = token_T.size
        everything = causal_mask(jnp.ones(size, bool))
        shared_TxP = jnp.broadcast_to(cache.visible, (size, cache.visible.size))
        position_T = jnp.sum(cache.visible) + jnp.arange(size)
        reading = Reading(position_T, everything, shared_TxP)
        return self._read(token_T, Held(cache.shared, None), reading)[0]

    def step(self, cache: Cache, token: Int[Array, ""]) -> tuple[Float[Array, "1 D"], Cache]:
        """Read one token: its values, and the cache."""
        num_slots = jax.tree.leaves(cache.own)[0].shape[self.settings.token_axis]
        written_1xS = jnp.arange(num_slots)[None, :] <= cache.size
        position_1 = (jnp.sum(cache.visible) + cache.size)[None]
        reading = Reading(position_1, written_1xS, cache.visible[None, :], cache.size)
        x_1xD, own = self._read(token[None], Held(cache.shared, cache.own), reading)
        return x_1xD, cache._replace(own=own, size=cache.size + 1)

    def _read(self, token_T: Int[Array, " T"], held: Held, reading: Reading) -> tuple[Any, Any]:
        x_TxD = self.embed(jnp.maximum(token_T, 0), reading.position)
        # The sum over layers is float32 even where the parameters have fewer bits.
        x_TxD = x_TxD.astype(jnp.promote_types(x_TxD.dtype, jnp.float32))
        return self.layers(x_TxD, held, reading)


def _positions(visible_T: Bool[Array, " T"]) -> Int[Array, " T"]:
    return jnp.maximum(jnp.cumsum(visible_T, dtype=jnp.int32) - 1, 0)
