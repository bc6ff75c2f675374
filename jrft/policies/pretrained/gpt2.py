"""GPT-2 (Radford et al., 2019)."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jrft._checks import check_at_least
from jrft.policies.pretrained.attention import KeysValues, attend
from jrft.policies.pretrained.json_settings import expect, number, whole
from jrft.policies.pretrained.layers import Held, Layers, Reading, Settings, parts_of
from jrft.policies.pretrained.network import Network


@dataclasses.dataclass(frozen=True)
class GPT2Config:
    """Sizes of a GPT-2.

    Attributes:
        vocab_size: Tokens of the vocabulary.
        max_positions: The most tokens of a prompt and its completion.
        width: Channels between the layers.
        depth: Layers.
        heads: Attention heads; they share the width equally.
        hidden: Channels inside the MLP; 4 · width if 0.
        epsilon: Added to the variance in layer norms.

    Example:
        >>> config = GPT2Config(vocab_size=8, max_positions=16, width=8, depth=1, heads=2)
        >>> config.to_json()["n_embd"]
        8
    """

    vocab_size: int
    max_positions: int
    width: int
    depth: int
    heads: int
    hidden: int = 0
    epsilon: float = 1e-5

    def __post_init__(self) -> None:
        check_at_least(1, width=self.width, depth=self.depth, heads=self.heads)
        if self.width % self.heads:
            raise ValueError(
                f"heads is {self.heads}: pass a divisor of the width, which is {self.width}"
            )

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> "GPT2Config":
        """Sizes from the content of a config.json.

        Raises:
            ValueError: If a setting is missing, malformed, or of a variant that is not
                implemented.
        """
        expect(config, activation_function=("gelu_new",), scale_attn_weights=(True,))
        expect(config, scale_attn_by_inverse_layer_idx=(False,), tie_word_embeddings=(True,))
        expect(config, add_cross_attention=(False,))
        return cls(
            vocab_size=whole(config, "vocab_size"),
            max_positions=whole(config, "n_positions", 1024),
            width=whole(config, "n_embd"),
            depth=whole(config, "n_layer"),
            heads=whole(config, "n_head"),
            hidden=whole(config, "n_inner", 0, at_least=0),
            epsilon=number(config, "layer_norm_epsilon", 1e-5),
        )

    def to_json(self) -> dict[str, Any]:
        """The content of a config.json."""
        return {
            "model_type": "gpt2",
            "architectures": ["GPT2LMHeadModel"],
            "vocab_size": self.vocab_size,
            "n_positions": self.max_positions,
            "n_embd": self.width,
            "n_layer": self.depth,
            "n_head": self.heads,
            "n_inner": self.hidden or None,
            "layer_norm_epsilon": self.epsilon,
        }

    def network(self, settings: Settings) -> "GPT2":
        """The network."""
        return GPT2(self, settings)

    def check_size(self, prompt: int, length: int) -> None:
        """Raise ValueError if a prompt and its completion have too many tokens."""
        if prompt + length - 1 > self.max_positions:
            raise ValueError(
                f"prompt has {prompt} tokens, padding counted: pass at most "
                f"{self.max_positions - length + 1}, as the model has {self.max_positions} "
                f"positions and completions have {length} tokens"
            )

    def tensor_name(self, path: tuple[str, ...]) -> tuple[str, bool]:
        """The name in a checkpoint of the parameter at a path, and whether it is transposed."""
        *parents, leaf = path
        if not parents:
            return f"transformer.{leaf}.weight", False
        if parents == ["ln_f"]:
            return f"transformer.ln_f.{_LEAVES[leaf]}", False
        _, layer, name = parents
        group = {"c_attn": "attn.", "out": "attn.", "c_fc": "mlp.", "down": "mlp."}.get(name, "")
        short = {"out": "c_proj", "down": "c_proj"}.get(name, name)
        return f"transformer.h.{layer}.{group}{short}.{_LEAVES[leaf]}", False


_LEAVES = {"kernel": "weight", "scale": "weight", "bias": "bias"}


class Layer(nn.Module):
    """Attention and an MLP, each added to its normalized input."""

    config: GPT2Config
    settings: Settings

    @nn.compact
    def __call__(
        self, x_TxD: Float[Array, "T D"], held: Held, reading: Reading
    ) -> tuple[Float[Array, "T D"], KeysValues]:
        """Read T tokens."""
        config, product = self.config, self.settings.product

        def dense(features: int, name: str) -> nn.Dense:
            return nn.Dense(features, name=name, dot_general=product)

        qkv = dense(3 * config.width, "c_attn")(nn.LayerNorm(config.epsilon, name="ln_1")(x_TxD))
        channels = config.width // config.heads
        q, k, v = jnp.moveaxis(qkv.reshape(-1, 3, config.heads, channels), 1, 0)
        parts, own = parts_of(held, KeysValues(k, v), reading, self.settings.dtype)
        x_TxD += dense(config.width, "out")(attend(q, parts, channels**-0.5, product))
        h = dense(config.hidden or 4 * config.width, "c_fc")(
            nn.LayerNorm(config.epsilon, name="ln_2")(x_TxD)
        )
        return x_TxD + dense(config.width, "down")(nn.gelu(h)), own


class GPT2(Network):
    """The network of GPT-2. Its head is the table of its tokens."""

    config: GPT2Config

    def setup(self) -> None:
        """Make the layers."""
        config, table = self.config, nn.initializers.normal(0.02)
        self.wte = self.param("wte", table, (config.vocab_size, config.width))
        self.wpe = self.param("wpe", table, (config.max_positions, config.width))
        self.layers = Layers(Layer, config, config.depth, self.settings)
        self.ln_f = nn.LayerNorm(config.epsilon)

    def embed(self, token_T: Int[Array, " T"], position_T: Int[Array, " T"]) -> Float[Array, "T D"]:
        """A row for the token and one for its position."""
        return self.wte[token_T] + self.wpe[position_T]

    def logits(self, x_TxD: Float[Array, "T D"]) -> Float[Array, "T V"]:
        """Logits of the next tokens."""
        return self.settings.product(self.ln_f(x_TxD), self.wte, (((1,), (1,)), ((), ())))
