"""BERT (Devlin et al., NAACL 2019) in its small sizes (Turc et al., 2019)."""

from collections.abc import Callable
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp

from experiments.data.tokens import TokenPairs

_normal = nn.initializers.normal(0.02)
_LayerNorm: Callable[..., nn.Module] = partial(nn.LayerNorm, epsilon=1e-12, use_fast_variance=False)
_Dense: Callable[..., nn.Module] = partial(nn.Dense, kernel_init=_normal)


class Bert(nn.Module):
    """Encoder with a pooled first token, from pairs of sentences to logits.

    The defaults are BERT-mini's. There is no dropout, as in the paper's controlled experiments:
    the expected reward and its gradient are exact.

    Attributes:
        num_classes: C, the number of logits.
        vocab_size: Number of tokens.
        max_length: Number of positions.
        width: Of the hidden states; the feed-forward layers are four times as wide.
        depth: Number of layers.
        num_heads: Of attention; they divide the width.
    """

    num_classes: int
    vocab_size: int
    max_length: int = 512
    width: int = 256
    depth: int = 4
    num_heads: int = 4

    @nn.compact
    def __call__(self, pairs: TokenPairs) -> jax.Array:
        """Logits float[n, C]."""
        *_, length = pairs.tokens.shape
        if length > self.max_length:
            raise ValueError(
                f"A pair has {length} tokens: pass at most max_length={self.max_length}"
            )
        embed = partial(nn.Embed, features=self.width, embedding_init=_normal)
        positions = embed(self.max_length)(jnp.arange(length))
        x = embed(self.vocab_size)(pairs.tokens) + embed(2)(pairs.segments) + positions[None]
        x = _LayerNorm()(x)
        # Nobody attends to padding; what padding attends to reaches no logit.
        attended = pairs.mask[:, None, None, :]
        # One layer is compiled, and run with the parameters of each.
        layers = nn.scan(
            _Layer,
            variable_axes={"params": 0},
            split_rngs={"params": True},
            in_axes=nn.broadcast,
            length=self.depth,
        )
        x, _ = layers(self.num_heads)(x, attended)
        pooled = jnp.tanh(_Dense(self.width)(x[:, 0]))
        return _Dense(self.num_classes)(pooled)


class _Layer(nn.Module):
    """Attention and a feed-forward layer, each added to its input and normalized after."""

    num_heads: int

    @nn.compact
    def __call__(self, x: jax.Array, attended: jax.Array) -> tuple[jax.Array, None]:
        *_, width = x.shape
        attention = nn.MultiHeadDotProductAttention(self.num_heads, kernel_init=_normal)
        x = _LayerNorm()(x + attention(x, mask=attended))
        hidden = nn.gelu(_Dense(4 * width)(x), approximate=False)
        return _LayerNorm()(x + _Dense(width)(hidden)), None
