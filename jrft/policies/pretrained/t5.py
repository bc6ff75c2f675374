"""T5 v1.0 and v1.1 (Raffel et al., 2020): the prompt is encoded, the completion decoded."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from jrft._checks import check_at_least
from jrft.policies.pretrained.attention import causal_mask
from jrft.policies.pretrained.json_settings import expect, flag, number, whole
from jrft.policies.pretrained.layers import Held, Layers, Reading, Settings, empty_slots
from jrft.policies.pretrained.network import Cache
from jrft.policies.pretrained.t5_layers import DecoderLayer, EncoderLayer, PromptKeys


@dataclasses.dataclass(frozen=True)
class T5Config:
    """Sizes of a T5.

    Attributes:
        vocab_size: Tokens of the vocabulary.
        width: Channels between the layers.
        encoder_depth: Layers of the encoder.
        decoder_depth: Layers of the decoder.
        heads: Attention heads.
        channels: Channels of a head.
        hidden: Channels inside the MLP.
        gated: Whether the MLP is gated by a GELU (v1.1); otherwise it is a ReLU (v1.0).
        tied: Whether the head is the table of the tokens.
        scaled: Whether the head reads values divided by the root of the width (v1.0).
        buckets: Kinds of distances between tokens.
        max_distance: From here on, all distances are one kind.
        decoder_start: The token that the decoder reads first.
        epsilon: Added to the mean square in norms.

    Example:
        >>> config = T5Config(
        ...     vocab_size=8, width=8, encoder_depth=1, decoder_depth=1, heads=2, channels=4,
        ...     hidden=12,
        ... )
        >>> config.to_json()["feed_forward_proj"]
        'relu'
    """

    vocab_size: int
    width: int
    encoder_depth: int
    decoder_depth: int
    heads: int
    channels: int
    hidden: int
    gated: bool = False
    tied: bool = True
    scaled: bool = True
    buckets: int = 32
    max_distance: int = 128
    decoder_start: int = 0
    epsilon: float = 1e-6

    def __post_init__(self) -> None:
        check_at_least(1, width=self.width, heads=self.heads, channels=self.channels)
        check_at_least(1, encoder_depth=self.encoder_depth, decoder_depth=self.decoder_depth)
        check_at_least(4, buckets=self.buckets)
        check_at_least(self.buckets // 2 + 1, max_distance=self.max_distance)
        if not 0 <= self.decoder_start < self.vocab_size:
            raise ValueError(
                f"decoder_start is {self.decoder_start}: pass a token of 0 … {self.vocab_size - 1}"
            )

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> "T5Config":
        """Sizes from the content of a config.json.

        Raises:
            ValueError: If a setting is missing, malformed, or of a variant that is not
                implemented.
        """
        expect(config, feed_forward_proj=("relu", "gated-gelu"))
        gated = config.get("feed_forward_proj") == "gated-gelu"
        expect(config, dense_act_fn=("gelu_new" if gated else "relu",))
        depth = whole(config, "num_layers")
        # Files without these settings are of v1.0. There, a head in the weights is a copy.
        scaled = flag(config, "tie_word_embeddings", True)
        scaled = flag(config, "scale_decoder_outputs", scaled)
        start = whole(config, "pad_token_id", 0, at_least=0)
        return cls(
            vocab_size=whole(config, "vocab_size"),
            width=whole(config, "d_model"),
            encoder_depth=depth,
            decoder_depth=whole(config, "num_decoder_layers", depth),
            heads=whole(config, "num_heads"),
            channels=whole(config, "d_kv"),
            hidden=whole(config, "d_ff"),
            gated=gated,
            tied=scaled or not config.get("has_head", False),
            scaled=scaled,
            buckets=whole(config, "relative_attention_num_buckets", 32),
            max_distance=whole(config, "relative_attention_max_distance", 128),
            decoder_start=whole(config, "decoder_start_token_id", start, at_least=0),
            epsilon=number(config, "layer_norm_epsilon", 1e-6),
        )

    def to_json(self) -> dict[str, Any]:
        """The content of a config.json."""
        return {
            "model_type": "t5",
            "architectures": ["T5ForConditionalGeneration"],
            "is_encoder_decoder": True,
            "vocab_size": self.vocab_size,
            "d_model": self.width,
            "num_layers": self.encoder_depth,
            "num_decoder_layers": self.decoder_depth,
            "num_heads": self.heads,
            "d_kv": self.channels,
            "d_ff": self.hidden,
            "feed_forward_proj": "gated-gelu" if self.gated else "relu",
            "tie_word_embeddings": self.scaled,
            "relative_attention_num_buckets": self.buckets,
            "relative_attention_max_distance": self.max_distance,
            "decoder_start_token_id": self.decoder_start,
            "layer_norm_epsilon": self.epsilon,
        }

    def network(self, settings: Settings) -> "T5":
        """The network."""
        return T5(self, settings)

    def check_size(self, prompt: int, length: int) -> None:
        """Distances are relative: prompts and completions of every length are read."""

    def tensor_name(self, path: tuple[str, ...]) -> tuple[str, bool]:
        """The name in a checkpoint of the parameter at a path, and whether it is transposed."""
        if path == ("tokens",):
            return "shared.weight", False
        if path == ("head",):
            return "lm_head.weight", False
        side, *rest = path
        if side == "prompt_keys":
            side, rest = "decoder", ["layers", *rest]
        if rest == ["distances"]:
            bias = "layer.0.SelfAttention.relative_attention_bias"
            return f"{side}.block.0.{bias}.weight", False
        if rest == ["norm", "scale"]:
            return f"{side}.final_layer_norm.weight", False
        _, layer, *names, leaf = rest
        last = 2 if side == "decoder" else 1
        place, group = {
            "self": (0, "SelfAttention."),
            "cross": (1, "EncDecAttention."),
            "mlp": (last, "DenseReluDense."),
        }[names[0].split("_")[0]]
        short = names[0].split("_", 1)[1]
        group = "" if short == "layer_norm" else group
        return f"{side}.block.{layer}.layer.{place}.{group}{short}.weight", leaf == "kernel"


class Side(nn.Module):
    """The encoder or the decoder: its layers, its table of distances, its last norm."""

    config: T5Config
    settings: Settings
    layer: type[nn.Module]
    depth: int

    def setup(self) -> None:
        """Make the layers."""
        config = self.config
        table = nn.initializers.normal(0.02)
        self.distances = self.param("distances", table, (config.buckets, config.heads))
        self.layers = Layers(self.layer, config, self.depth, self.settings)
        self.norm = nn.RMSNorm(config.epsilon)

    def __call__(self, x_TxD: Float[Array, "T D"], held: Held, reading: Reading) -> tuple[Any, Any]:
        """Read T tokens."""
        x_TxD, kept = self.layers(x_TxD, held, reading)
        return self.norm(x_TxD), kept

    def bias(self, bucket_TxS: Int[Array, "T S"]) -> Float[Array, "H T S"]:
        """What the distances add to the scores of each head."""
        return jnp.moveaxis(self.distances[bucket_TxS], -1, 0)


class T5(nn.Module):
    """The network of T5, with the methods of `jrft.policies.pretrained.network.Network`."""

    config: T5Config
    settings: Settings

    def setup(self) -> None:
        """Make the layers."""
        config, settings, table = self.config, self.settings, nn.initializers.normal(1.0)
        self.tokens = self.param("tokens", table, (config.vocab_size, config.width))
        if not config.tied:
            self.head = self.param("head", table, (config.vocab_size, config.width))
        self.encoder = Side(config, settings, EncoderLayer, config.encoder_depth)
        self.decoder = Side(config, settings, DecoderLayer, config.decoder_depth)
        self.prompt_keys = Layers(PromptKeys, config, config.decoder_depth, settings)

    def logits(self, x_TxD: Float[Array, "T D"]) -> Float[Array, "T V"]:
        """Logits of the next tokens."""
        head = self.tokens if self.config.tied else self.head
        if self.config.scaled:
            x_TxD = x_TxD * self.config.width**-0.5
        return self.settings.product(x_TxD, head, (((1,), (1,)), ((), ())))

    def prompt(
        self, token_P: Int[Array, " P"], num_slots: int
    ) -> tuple[Float[Array, "1 D"], Cache]:
        """Encode the prompt and decode the start token: its values, and a cache."""
        visible_P, place_P = token_P >= 0, jnp.arange(token_P.size)
        # Padding sees itself, as in a causal mask.
        mask_PxP = visible_P[None, :] | jnp.eye(token_P.size, dtype=bool)
        distance_PxP = place_P[None, :] - place_P[:, None]
        bias = self.encoder.bias(_both_ways(distance_PxP, self.config))
        reading = Reading(place_P, mask_PxP, bias=bias)
        encoded, _ = self.encoder(self._embed(token_P), Held(None, None), reading)
        _, keys = self.prompt_keys(encoded, Held(None, None), reading._replace(bias=None))
        slots = empty_slots(keys, num_slots, self.settings.token_axis)
        cache = Cache(keys, slots, visible_P, jnp.int32(0))
        return self.step(cache, jnp.int32(self.config.decoder_start))

    def extend(self, cache: Cache, token_T: Int[Array, " T"]) -> Float[Array, "T D"]:
        """Decode T tokens of a completion at once: their values."""
        tokens = jnp.pad(token_T, (1, 0), constant_values=self.config.decoder_start)
        place = jnp.arange(tokens.size)
        shared_mask = jnp.broadcast_to(cache.visible, (tokens.size, cache.visible.size))
        mask = causal_mask(jnp.ones(tokens.size, bool))
        bias = self.decoder.bias(_backward(place[:, None] - place[None, :], self.config))
        reading = Reading(place, mask, shared_mask, bias=bias)
        return self.decoder(self._embed(tokens), Held(cache.shared, None), reading)[0][1:]

    def step(self, cache: Cache, token: Int[Array, ""]) -> tuple[Float[Array, "1 D"], Cache]:
        """Decode one token: its values, and the cache."""
        num_slots = jax.tree.leaves(cache.own)[0].shape[self.settings.token_axis]
        distance_1xS = cache.size - jnp.arange(num_slots)[None, :]
        bias = self.decoder.bias(_backward(distance_1xS, self.config))
        reading = Reading(
            cache.size[None], distance_1xS >= 0, cache.visible[None, :], cache.size, bias
        )
        held = Held(cache.shared, cache.own)
        x_1xD, own = self.decoder(self._embed(token[None]), held, reading)
        return x_1xD, cache._replace(own=own, size=cache.size + 1)

    def _embed(self, token_T: Int[Array, " T"]) -> Float[Array, "T D"]:
        x_TxD = self.tokens[jnp.maximum(token_T, 0)]
        return x_TxD.astype(jnp.promote_types(x_TxD.dtype, jnp.float32))


def _both_ways(distance: Int[Array, "T S"], config: T5Config) -> Int[Array, "T S"]:
    """Kinds of distances, keys minus queries: half of the kinds for each direction."""
    half = config.buckets // 2
    kinds = _kind(jnp.abs(distance), half, config.max_distance)
    return kinds + jnp.where(distance > 0, half, 0)


def _backward(distance: Int[Array, "T S"], config: T5Config) -> Int[Array, "T S"]:
    """Kinds of distances, queries minus keys: keys that are to come have none."""
    return _kind(jnp.maximum(distance, 0), config.buckets, config.max_distance)


def _kind(distance: Int[Array, "T S"], kinds: int, max_distance: int) -> Int[Array, "T S"]:
    """The first half of the kinds are single distances, the others grow by one factor."""
    single = kinds // 2
    ratio = jnp.maximum(distance, 1).astype(jnp.float32) / single
    steps = jnp.log(ratio) / jnp.log(max_distance / single) * (kinds - single)
    far = jnp.minimum(single + steps.astype(jnp.int32), kinds - 1)
    return jnp.where(distance < single, distance, far)
