"""The Llama family: Llama, SmolLM2, Mistral, Qwen2, Qwen2.5 and Qwen3 differ by configuration."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jrft._checks import check_at_least
from jrft.policies.pretrained.attention import KeysValues, attend, rotate
from jrft.policies.pretrained.json_settings import expect, flag, group, number, whole
from jrft.policies.pretrained.layers import Held, Layers, Reading, Settings, parts_of
from jrft.policies.pretrained.network import Network


@dataclasses.dataclass(frozen=True)
class RotaryStretch:
    """How Llama 3.1 stretches its rotary positions for texts longer than it was trained on.

    Attributes:
        factor: By how much slow channels are slowed down.
        low: Channels that turn less often than this over the original length are slow.
        high: Channels that turn more often than this stay as they are.
        original: The length it was trained on, in tokens.
    """

    factor: float
    low: float
    high: float
    original: int


@dataclasses.dataclass(frozen=True)
class LlamaConfig:
    """Sizes of a model of the Llama family.

    Attributes:
        vocab_size: Tokens of the vocabulary.
        width: Channels between the layers.
        depth: Layers.
        heads: Attention heads.
        key_heads: Heads of the keys and values; a divisor of `heads`.
        channels: Channels of a head, an even number.
        hidden: Channels inside the MLP.
        theta: Base of the rotary frequencies.
        stretch: How they are stretched, if they are.
        epsilon: Added to the mean square in norms.
        tied: Whether the head is the table of the tokens.
        qkv_bias: Whether queries, keys and values have biases (Qwen2).
        out_bias: Whether the outputs of attention have biases.
        mlp_bias: Whether the MLP has biases.
        head_norms: Whether queries and keys are normalized (Qwen3).
        max_positions: The most tokens of a prompt and its completion.

    Example:
        >>> config = LlamaConfig(
        ...     vocab_size=8, width=8, depth=1, heads=2, key_heads=1, channels=4, hidden=12
        ... )
        >>> config.to_json()["model_type"]
        'llama'
    """

    vocab_size: int
    width: int
    depth: int
    heads: int
    key_heads: int
    channels: int
    hidden: int
    theta: float = 10_000.0
    stretch: RotaryStretch | None = None
    epsilon: float = 1e-6
    tied: bool = True
    qkv_bias: bool = False
    out_bias: bool = False
    mlp_bias: bool = False
    head_norms: bool = False
    max_positions: int = 2**20

    def __post_init__(self) -> None:
        check_at_least(1, width=self.width, depth=self.depth, heads=self.heads)
        check_at_least(1, key_heads=self.key_heads, hidden=self.hidden)
        if self.heads % self.key_heads:
            raise ValueError(
                f"key_heads is {self.key_heads}: pass a divisor of heads, which is {self.heads}"
            )
        if self.channels < 2 or self.channels % 2:
            raise ValueError(f"channels is {self.channels}: pass an even number above 0")

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> "LlamaConfig":
        """Sizes from the content of a config.json.

        Raises:
            ValueError: If a setting is missing, malformed, or of a variant that is not
                implemented.
        """
        family = config["model_type"]
        expect(config, hidden_act=("silu",), partial_rotary_factor=(1.0, 1))
        width, heads = whole(config, "hidden_size"), whole(config, "num_attention_heads")
        attention_bias = flag(config, "attention_bias", False)
        rotary = group(config, "rope_parameters") or group(config, "rope_scaling")
        return cls(
            vocab_size=whole(config, "vocab_size"),
            width=width,
            depth=whole(config, "num_hidden_layers"),
            heads=heads,
            key_heads=whole(config, "num_key_value_heads", heads),
            channels=whole(config, "head_dim", width // heads),
            hidden=whole(config, "intermediate_size"),
            theta=number(rotary, "rope_theta", number(config, "rope_theta", 10_000.0)),
            stretch=_stretch(rotary),
            epsilon=number(config, "rms_norm_eps", 1e-6),
            tied=flag(config, "tie_word_embeddings", False),
            qkv_bias=attention_bias or family == "qwen2",
            out_bias=attention_bias,
            mlp_bias=flag(config, "mlp_bias", False),
            head_norms=family == "qwen3",
            max_positions=min(
                whole(config, "max_position_embeddings", 2**20), _window(config, family)
            ),
        )

    def to_json(self) -> dict[str, Any]:
        """The content of a config.json, of the simplest family that has these settings."""
        family, name = "llama", "LlamaForCausalLM"
        if self.head_norms:
            family, name = "qwen3", "Qwen3ForCausalLM"
        elif self.qkv_bias and not self.out_bias:
            family, name = "qwen2", "Qwen2ForCausalLM"
        rotary: dict[str, Any] = {"rope_type": "default", "rope_theta": self.theta}
        if self.stretch is not None:
            rotary |= {
                "rope_type": "llama3",
                "factor": self.stretch.factor,
                "low_freq_factor": self.stretch.low,
                "high_freq_factor": self.stretch.high,
                "original_max_position_embeddings": self.stretch.original,
            }
        return {
            "model_type": family,
            "architectures": [name],
            "vocab_size": self.vocab_size,
            "hidden_size": self.width,
            "num_hidden_layers": self.depth,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.key_heads,
            "head_dim": self.channels,
            "intermediate_size": self.hidden,
            "hidden_act": "silu",
            "rope_theta": self.theta,
            "rope_parameters": rotary,
            "rms_norm_eps": self.epsilon,
            "tie_word_embeddings": self.tied,
            "attention_bias": self.out_bias,
            "mlp_bias": self.mlp_bias,
            "max_position_embeddings": self.max_positions,
        }

    def network(self, settings: Settings) -> "Llama":
        """The network."""
        return Llama(self, settings)

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
        if path == ("head",):
            return "lm_head.weight", False
        if path == ("tokens",):
            return "model.embed_tokens.weight", False
        if parents == ["norm"]:
            return "model.norm.weight", False
        _, layer, name = parents
        group = _GROUPS[name.split("_")[0]] if name.endswith("_proj") else ""
        group = "self_attn." if name in ("q_norm", "k_norm") else group
        kind = "bias" if leaf == "bias" else "weight"
        return f"model.layers.{layer}.{group}{name}.{kind}", leaf == "kernel"

    def frequencies(self) -> np.ndarray:
        """Rotary frequencies, float32[channels/2], in radians a position."""
        frequency = self.theta ** (-np.arange(0, self.channels, 2) / self.channels)
        if self.stretch is None:
            return frequency.astype(np.float32)
        # Between slow and fast channels, the share that stays grows linearly with the turns.
        turns = self.stretch.original * frequency / (2 * np.pi)
        share = (turns - self.stretch.low) / (self.stretch.high - self.stretch.low)
        stays = np.clip(share, 0, 1)
        stretched = stays * frequency + (1 - stays) * frequency / self.stretch.factor
        return stretched.astype(np.float32)


_GROUPS = {
    **dict.fromkeys("qkvo", "self_attn."),
    **dict.fromkeys(("gate", "up", "down"), "mlp."),
}


def _window(config: Mapping[str, Any], family: str) -> int:
    """Up to so many tokens, attention within a sliding window is attention to all."""
    is_used = flag(config, "use_sliding_window", family == "mistral")
    # Mistral's own default is a window; its later models say null.
    if not is_used or (family == "mistral" and config.get("sliding_window", 0) is None):
        return 2**20
    return whole(config, "sliding_window", 4096)


def _stretch(rotary: Mapping[str, Any]) -> RotaryStretch | None:
    # Older files call it "type".
    found = [rotary[name] for name in ("rope_type", "type") if rotary.get(name) is not None]
    kind = found[0] if found else "missing" if "factor" in rotary else "default"
    expect({"rope_type": kind}, rope_type=("default", "llama3"))
    if kind == "default":
        return None
    return RotaryStretch(
        number(rotary, "factor"),
        number(rotary, "low_freq_factor"),
        number(rotary, "high_freq_factor"),
        whole(rotary, "original_max_position_embeddings"),
    )


class Layer(nn.Module):
    """Attention and a gated MLP, each added to its normalized input."""

    config: LlamaConfig
    settings: Settings

    @nn.compact
    def __call__(
        self, x_TxD: Float[Array, "T D"], held: Held, reading: Reading
    ) -> tuple[Float[Array, "T D"], KeysValues]:
        """Read T tokens."""
        config, product = self.config, self.settings.product

        def dense(features: int, name: str, bias: bool) -> nn.Dense:
            return nn.Dense(features, use_bias=bias, name=name, dot_general=product)

        def norm(name: str) -> nn.RMSNorm:
            return nn.RMSNorm(config.epsilon, name=name)

        def heads(count: int, name: str) -> Float[Array, "T H C"]:
            projected = dense(count * config.channels, name, config.qkv_bias)(h_TxD)
            return projected.reshape(len(h_TxD), count, config.channels)

        h_TxD = norm("input_layernorm")(x_TxD)
        q, k = heads(config.heads, "q_proj"), heads(config.key_heads, "k_proj")
        v = heads(config.key_heads, "v_proj")
        if config.head_norms:
            q, k = norm("q_norm")(q), norm("k_norm")(k)
        frequency = jnp.asarray(config.frequencies())
        q = rotate(q, reading.position, frequency)
        k = rotate(k, reading.position, frequency)
        parts, own = parts_of(held, KeysValues(k, v), reading, self.settings.dtype)
        attended = attend(q, parts, config.channels**-0.5, product)
        x_TxD += dense(config.width, "o_proj", config.out_bias)(attended)
        h_TxD = norm("post_attention_layernorm")(x_TxD)
        gate = jax.nn.silu(dense(config.hidden, "gate_proj", config.mlp_bias)(h_TxD))
        h_TxD = gate * dense(config.hidden, "up_proj", config.mlp_bias)(h_TxD)
        return x_TxD + dense(config.width, "down_proj", config.mlp_bias)(h_TxD), own


class Llama(Network):
    """The network of the Llama family."""

    config: LlamaConfig

    def setup(self) -> None:
        """Make the layers."""
        config, table = self.config, nn.initializers.normal(0.02)
        self.tokens = self.param("tokens", table, (config.vocab_size, config.width))
        if not config.tied:
            self.head = self.param("head", table, (config.vocab_size, config.width))
        self.layers = Layers(Layer, config, config.depth, self.settings)
        self.norm = nn.RMSNorm(config.epsilon)

    def embed(self, token_T: Int[Array, " T"], position_T: Int[Array, " T"]) -> Float[Array, "T D"]:
        """A row for each token; the layers rotate by position."""
        return self.tokens[token_T]

    def logits(self, x_TxD: Float[Array, "T D"]) -> Float[Array, "T V"]:
        """Logits of the next tokens."""
        head = self.tokens if self.config.tied else self.head
        return self.settings.product(self.norm(x_TxD), head, (((1,), (1,)), ((), ())))
