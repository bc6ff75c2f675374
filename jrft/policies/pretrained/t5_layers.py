"""The layers of T5's encoder and decoder, without biases."""

from typing import Any

import flax.linen as nn
from jaxtyping import Array, Float

from jrft.policies.pretrained.attention import KeysValues, attend
from jrft.policies.pretrained.layers import Held, Reading, Settings, parts_of, prompt_parts


class EncoderLayer(nn.Module):
    """Attention to the whole prompt, and an MLP."""

    config: Any
    settings: Settings

    @nn.compact
    def __call__(
        self, x_TxD: Float[Array, "T D"], held: Held, reading: Reading
    ) -> tuple[Float[Array, "T D"], None]:
        """Read the prompt; nothing is kept."""
        x_TxD, _ = _self_attention(self.config, self.settings, x_TxD, Held(None, None), reading)
        return _mlp(self.config, self.settings, x_TxD), None


class PromptKeys(nn.Module):
    """Keys and values of the encoded prompt for one layer of the decoder."""

    config: Any
    settings: Settings

    @nn.compact
    def __call__(
        self, x_TxD: Float[Array, "T D"], held: Held, reading: Reading
    ) -> tuple[Float[Array, "T D"], KeysValues]:
        """Read the encoded prompt, which stays as it is."""
        new = KeysValues(
            _heads(self.config, self.settings, "cross_k", x_TxD),
            _heads(self.config, self.settings, "cross_v", x_TxD),
        )
        _, own = parts_of(held, new, reading, self.settings.dtype)
        return x_TxD, own


class DecoderLayer(nn.Module):
    """Attention to the completion so far and to the prompt, and an MLP."""

    config: Any
    settings: Settings

    @nn.compact
    def __call__(
        self, x_TxD: Float[Array, "T D"], held: Held, reading: Reading
    ) -> tuple[Float[Array, "T D"], KeysValues]:
        """Read T tokens of a completion."""
        config, settings = self.config, self.settings
        x_TxD, own = _self_attention(config, settings, x_TxD, held._replace(shared=None), reading)
        q = _heads(config, settings, "cross_q", _norm(config, "cross_layer_norm")(x_TxD))
        attended = attend(q, prompt_parts(held, reading), 1.0, settings.product)
        x_TxD += _dense(settings, config.width, "cross_o")(attended)
        return _mlp(config, settings, x_TxD), own


def _self_attention(
    config: Any, settings: Settings, x_TxD: Array, held: Held, reading: Reading
) -> tuple[Float[Array, "T D"], KeysValues]:
    h_TxD = _norm(config, "self_layer_norm")(x_TxD)
    q, k, v = (_heads(config, settings, f"self_{name}", h_TxD) for name in "qkv")
    parts, own = parts_of(held, KeysValues(k, v), reading, settings.dtype)
    # T5 does not scale its scores: its initial weights do.
    attended = attend(q, parts, 1.0, settings.product)
    return x_TxD + _dense(settings, config.width, "self_o")(attended), own


def _mlp(config: Any, settings: Settings, x_TxD: Array) -> Float[Array, "T D"]:
    h_TxD = _norm(config, "mlp_layer_norm")(x_TxD)
    if config.gated:
        gate = nn.gelu(_dense(settings, config.hidden, "mlp_wi_0")(h_TxD))
        h_TxD = gate * _dense(settings, config.hidden, "mlp_wi_1")(h_TxD)
    else:
        h_TxD = nn.relu(_dense(settings, config.hidden, "mlp_wi")(h_TxD))
    return x_TxD + _dense(settings, config.width, "mlp_wo")(h_TxD)


def _heads(config: Any, settings: Settings, name: str, x_TxD: Array) -> Array:
    projected = _dense(settings, config.heads * config.channels, name)(x_TxD)
    return projected.reshape(len(x_TxD), config.heads, config.channels)


def _dense(settings: Settings, features: int, name: str) -> nn.Dense:
    return nn.Dense(features, use_bias=False, name=name, dot_general=settings.product)


def _norm(config: Any, name: str) -> nn.RMSNorm:
    return nn.RMSNorm(config.epsilon, name=name)
