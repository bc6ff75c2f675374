"""A stack of equal layers, and the arrays that all of them read."""

from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jrft.policies.pretrained.attention import KeysValues, Part
from jrft.policies.pretrained.products import Product, product_in


class Settings(NamedTuple):
    """How a network is computed. Up to rounding, no setting changes its values.

    Attributes:
        dtype: The type of the factors of matrix products, such as "bfloat16"; None for the
            parameters' own. Sums, norms and softmax are float32 at least.
        remat: Compute every layer a second time for the gradient instead of keeping its values.
        scan: Compile one layer and loop over it. The parameters of all layers are then stacked.
    """

    dtype: str | None = None
    remat: bool = False
    scan: bool = False

    @property
    def token_axis(self) -> int:
        """The axis of tokens in what the layers keep: the layers stand before it if stacked."""
        return 1 if self.scan else 0

    @property
    def product(self) -> Product:
        """The matrix product."""
        return product_in(self.dtype)


class Reading(NamedTuple):
    """What all layers need to know of the T tokens that are read.

    Attributes:
        position: int[T], the tokens' positions, padding not counted.
        mask: bool[T, S], which of the S tokens of its own part each of them sees.
        shared_mask: bool[T, P], the same for the part of the prompt; None without one.
        slot: Where the keys of the one token read go in its own part; None if the own part is the
            tokens read.
        bias: float[H, T, S], added to the scores of the own part; None for none.
    """

    position: Int[Array, " T"]
    mask: Bool[Array, "T S"]
    shared_mask: Bool[Array, "T P"] | None = None
    slot: Int[Array, ""] | None = None
    bias: Float[Array, "H T S"] | None = None


class Held(NamedTuple):
    """Keys and values of one layer, or of all.

    Attributes:
        shared: Those of the prompt, which are only read; None while the prompt is read.
        own: Those of the completion so far, in slots; None if the tokens read are all there is.
    """

    shared: Any
    own: Any


def parts_of(
    held: Held, new: KeysValues, reading: Reading, dtype: str | None
) -> tuple[list[Part], KeysValues]:
    """What the tokens read attend to, and their own part to keep."""
    own = new = KeysValues(*(x if dtype is None else x.astype(dtype) for x in new))
    if held.own is not None:
        own = KeysValues(
            held.own.keys.at[reading.slot].set(new.keys[0]),
            held.own.values.at[reading.slot].set(new.values[0]),
        )
    return [Part(own, reading.mask, reading.bias), *prompt_parts(held, reading)], own


def prompt_parts(held: Held, reading: Reading) -> list[Part]:
    """The prompt's part, if there is one."""
    if held.shared is None or reading.shared_mask is None:
        return []
    return [Part(held.shared, reading.shared_mask)]


class Layers(nn.Module):
    """`depth` layers in a row; a layer maps (x, held, reading) to (x, keys and values).

    Attributes:
        layer: A module that takes `config` and `settings`.
        config: The sizes.
        depth: How many.
        settings: How they are computed.
    """

    layer: type[nn.Module]
    config: Any
    depth: int
    settings: Settings

    @nn.compact
    def __call__(self, x_TxD: Float[Array, "T D"], held: Held, reading: Reading) -> tuple[Any, Any]:
        """Read T tokens: their values after the last layer, and what the layers keep."""
        layer = self.layer
        if self.settings.remat:
            layer = nn.remat(layer, prevent_cse=not self.settings.scan)
        if self.settings.scan:
            scanned = nn.scan(
                layer,
                variable_axes={"params": 0},
                split_rngs={"params": True},
                in_axes=(0, nn.broadcast),
                length=self.depth,
            )
            return scanned(self.config, self.settings, name="layers")(x_TxD, held, reading)
        kept = []
        for i in range(self.depth):
            of_layer = Held(*(None if part is None else part[i] for part in held))
            named = layer(self.config, self.settings, name=str(i))
            x_TxD, own = named(x_TxD, of_layer, reading)
            kept.append(own)
        return x_TxD, tuple(kept)


def empty_slots(kept: Any, count: int, axis: int) -> Any:
    """Slots for `count` tokens, of the layers' shapes except along the axis of tokens."""
    return jax.tree.map(
        lambda x: jnp.zeros((*x.shape[:axis], count, *x.shape[axis + 1 :]), x.dtype), kept
    )
