"""Attention of the transformer: to a sequence or cache, and to the ancestors in the prefix tree.

Names end in their shapes: T queries, S keys, N prefixes of one level, H heads, C width of a head.

In the tree the prefixes of level t stand in lexicographic order, so that the ancestor of prefix i
at level j is i // V^(t−j). Attention to it is a reshape and a broadcast, one key a level: no cache
is gathered or copied.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int


def rotate(x_TxHxC: Float[Array, "T H C"], position: Int[Array, "..."]) -> Float[Array, "T H C"]:
    """Rotary position embedding (Su et al., 2021, arXiv 2104.09864).

    Args:
        x_TxHxC: queries or keys; C is even.
        position: int[T], or int[] if all stand at the same position.
    """
    half = x_TxHxC.shape[-1] // 2
    dtype = jnp.promote_types(x_TxHxC.dtype, jnp.float32)
    frequency_F = 10_000.0 ** (-jnp.arange(half, dtype=dtype) / half)
    angle_Tx1xF = position.astype(dtype).reshape(-1, 1, 1) * frequency_F[None, None, :]
    cos, sin = jnp.cos(angle_Tx1xF), jnp.sin(angle_Tx1xF)
    a, b = x_TxHxC[..., :half], x_TxHxC[..., half:]
    return jnp.concatenate([a * cos - b * sin, a * sin + b * cos], -1).astype(x_TxHxC.dtype)


def attend(
    q_TxHxC: Float[Array, "T H C"],
    k_SxHxC: Float[Array, "S H C"],
    v_SxHxC: Float[Array, "S H C"],
    mask_TxS: Bool[Array, "T S"],
) -> Float[Array, "T H C"]:
    """Attention of T queries to S keys, where the mask is true."""
    scores_HxTxS = _masked_scores(q_TxHxC, k_SxHxC, mask_TxS)
    weights_HxTxS = jax.nn.softmax(scores_HxTxS).astype(v_SxHxC.dtype)
    return jnp.einsum("hts,shc->thc", weights_HxTxS, v_SxHxC)


def attend_tree(
    q_NxHxC: Float[Array, "N H C"],
    k_SxHxC: Float[Array, "S H C"],
    v_SxHxC: Float[Array, "S H C"],
    visible_S: Bool[Array, " S"],
    path_keys: list[Float[Array, "_ H C"]],
    path_values: list[Float[Array, "_ H C"]],
) -> Float[Array, "N H C"]:
    """Attention of the N prefixes of one level to what all share and their own ancestors.

    Args:
        q_NxHxC: queries of the level's prefixes, in lexicographic order.
        k_SxHxC: keys that all prefixes share: those of the tree's root and of what precedes it.
        v_SxHxC: the values that belong to them.
        visible_S: which of the shared slots hold a token.
        path_keys: keys of levels 1 … t, the j-th float[V^j, H, C]; the last are the prefixes' own.
        path_values: the values that belong to them.
    """
    num_prefixes, heads, _ = q_NxHxC.shape
    num_shared = k_SxHxC.shape[0]
    mask_NxS = jnp.broadcast_to(visible_S, (num_prefixes, num_shared))
    scores = [_masked_scores(q_NxHxC, k_SxHxC, mask_NxS)]
    for key in path_keys:
        family_q = q_NxHxC.reshape(key.shape[0], -1, *key.shape[1:])
        score = _scaled(jnp.sum(family_q * key[:, None], -1), q_NxHxC)
        scores.append(score.reshape(num_prefixes, heads).T[:, :, None])
    weights = jax.nn.softmax(jnp.concatenate(scores, -1)).astype(v_SxHxC.dtype)
    y_NxHxC = jnp.einsum("hns,shc->nhc", weights[..., :num_shared], v_SxHxC)
    for j, value in enumerate(path_values):
        weight_NxH = weights[..., num_shared + j].T
        family_weight = weight_NxH.reshape(value.shape[0], -1, heads, 1)
        y_NxHxC += (family_weight * value[:, None]).reshape(y_NxHxC.shape)
    return y_NxHxC


def _masked_scores(
    q_TxHxC: Float[Array, "T H C"], k_SxHxC: Float[Array, "S H C"], mask_TxS: Bool[Array, "T S"]
) -> Float[Array, "H T S"]:
    scores_HxTxS = _scaled(jnp.einsum("thc,shc->hts", q_TxHxC, k_SxHxC), q_TxHxC)
    return jnp.where(mask_TxS[None], scores_HxTxS, -jnp.inf)


def _scaled(scores: Float[Array, "..."], q: Float[Array, "T H C"]) -> Float[Array, "..."]:
    return scores.astype(jnp.promote_types(scores.dtype, jnp.float32)) * q.shape[-1] ** -0.5
