"""Attention of language models: several parts of keys, groups of heads, rotary positions.

Names end in their shapes: T queries, S keys, H heads, G heads of the keys, R = H / G queries that
share a key, C width of a head.
"""

import functools
import operator
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from jrft.policies.pretrained.products import Product


class KeysValues(NamedTuple):
    """What one layer keeps of the tokens that it has read.

    Attributes:
        keys: float[S, G, C].
        values: float[S, G, C].
    """

    keys: Float[Array, "*layers S G C"]
    values: Float[Array, "*layers S G C"]


class Part(NamedTuple):
    """Keys and values, and which query sees which of them.

    Attributes:
        held: Keys and values of S tokens.
        mask: bool[T, S].
        bias: float[H, T, S], added to the scores, if there is one.
    """

    held: KeysValues
    mask: Bool[Array, "T S"]
    bias: Float[Array, "H T S"] | None = None


def attend(
    query_TxHxC: Float[Array, "T H C"], parts: list[Part], scale: float, product: Product
) -> Float[Array, "T HC"]:
    """Attention to all parts together, as if their keys stood in one array.

    The parts stay apart because they are mapped over different axes: all samples of a prompt share
    the prompt's part, and `jax.vmap` over the samples does not copy it.

    Args:
        query_TxHxC: Queries.
        parts: The keys and values, and which query sees which.
        scale: Factor of the scores.
        product: In the place of `jax.lax.dot_general`.
    """
    num_queries, heads, channels = query_TxHxC.shape
    groups = parts[0].held.keys.shape[1]
    q_TxGxRxC = query_TxHxC.reshape(num_queries, groups, heads // groups, channels)
    scores = [_scores(q_TxGxRxC, part, scale, product) for part in parts]
    weights_GxTxRxS = jax.nn.softmax(jnp.concatenate(scores, -1))
    attended, first = [], 0
    for part in parts:
        after = first + len(part.held.keys)
        own_GxTxRxS = weights_GxTxRxS[..., first:after]
        # G is batched, S summed over.
        attended.append(product(own_GxTxRxS, part.held.values, (((3,), (0,)), ((0,), (1,)))))
        first = after
    return jnp.swapaxes(functools.reduce(operator.add, attended), 0, 1).reshape(
        num_queries, heads * channels
    )


def _scores(
    q_TxGxRxC: Float[Array, "T G R C"], part: Part, scale: float, product: Product
) -> Float[Array, "G T R S"]:
    dot = product(q_TxGxRxC, part.held.keys, (((3,), (2,)), ((1,), (1,))))
    scores_GxTxRxS = dot.astype(jnp.promote_types(dot.dtype, jnp.float32)) * scale
    if part.bias is not None:
        groups, num_queries, shared, num_keys = scores_GxTxRxS.shape
        bias_GxRxTxS = part.bias.reshape(groups, shared, num_queries, num_keys)
        scores_GxTxRxS += jnp.swapaxes(bias_GxRxTxS, 1, 2)
    return jnp.where(part.mask[None, :, None, :], scores_GxTxRxS, -jnp.inf)


def causal_mask(visible_T: Bool[Array, " T"]) -> Bool[Array, "T T"]:
    """What the tokens of one sequence see: earlier tokens and themselves, but no padding.

    Padding sees itself: a softmax over nothing is NaN, and 0 · NaN would reach the others.
    """
    size = visible_T.size
    earlier_TxT = jnp.tri(size, dtype=bool) & visible_T[None, :]
    return earlier_TxT | jnp.eye(size, dtype=bool)


def rotate(
    x_TxHxC: Float[Array, "T H C"],
    position_T: Int[Array, " T"],
    frequency_F: Float[Array, " F"],
) -> Float[Array, "T H C"]:
    """Rotary positions (Su et al., 2021, arXiv 2104.09864), in float32 at least.

    Args:
        x_TxHxC: Queries or keys; channel i is paired with channel i + C/2.
        position_T: int[T].
        frequency_F: float[C/2], radians a position.
    """
    half = x_TxHxC.shape[-1] // 2
    angle_Tx1xF = (position_T[:, None] * frequency_F[None, :])[:, None, :]
    cos, sin = jnp.cos(angle_Tx1xF), jnp.sin(angle_Tx1xF)
    a, b = x_TxHxC[..., :half], x_TxHxC[..., half:]
    return jnp.concatenate([a * cos - b * sin, a * sin + b * cos], -1)
