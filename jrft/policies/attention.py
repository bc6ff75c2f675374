"""Attention of the transformer: to a sequence or cache, and to the ancestors in the prefix tree.

Names end in their shapes: T queries, S keys, N prefixes of one level, P their parents, V children
of a parent, H heads, C width of a head.

The prefixes of a level of the tree are in lexicographic order, so siblings are consecutive rows: a
reshape gives families, and the keys above a family are stored once for all its members.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int


def rotate(x_TxHxC: Float[Array, "T H C"], position: Int[Array, "..."]) -> Float[Array, "T H C"]:
    """Rotary position embedding (Su et al., 2021, arXiv 2104.09864).

    Args:
        x_TxHxC: Queries or keys; C is even.
        position: Int[T], or int[] if all have the same position.
    """
    half = x_TxHxC.shape[-1] // 2
    dtype = jnp.promote_types(x_TxHxC.dtype, jnp.float32)
    # Angles in float32 at least: bfloat16 cannot distinguish large positions.
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
    scores_HxTxS = _products("thc,shc->hts", q_TxHxC, k_SxHxC)
    masked_HxTxS = jnp.where(mask_TxS[None], scores_HxTxS, -jnp.inf)
    weights_HxTxS = jax.nn.softmax(masked_HxTxS).astype(v_SxHxC.dtype)
    return jnp.einsum("hts,shc->thc", weights_HxTxS, v_SxHxC)


def attend_tree(
    q_NxHxC: Float[Array, "N H C"],
    k_NxHxC: Float[Array, "N H C"],
    v_NxHxC: Float[Array, "N H C"],
    path_k_PxSxHxC: Float[Array, "P S H C"],
    path_v_PxSxHxC: Float[Array, "P S H C"],
    visible_S: Bool[Array, " S"],
) -> Float[Array, "N H C"]:
    """Attention of the N prefixes of one level to themselves and to their ancestors.

    Siblings share all but their own key, so a family attends by one small matrix product.

    Args:
        q_NxHxC: Queries of the level's prefixes, in lexicographic order.
        k_NxHxC: Their own keys.
        v_NxHxC: Their own values.
        path_k_PxSxHxC: The keys above each of their P parents, the parent's own among them.
        path_v_PxSxHxC: The values that belong to them.
        visible_S: Which of these S hold a token.
    """
    # One matrix product per family scores the keys that all siblings share.
    num_parents, num_above, heads, channels = path_k_PxSxHxC.shape
    q_PxVxHxC = q_NxHxC.reshape(num_parents, -1, heads, channels)
    scores_PxHxVxS = _products("pvhc,pshc->phvs", q_PxVxHxC, path_k_PxSxHxC)
    own_NxH = _scaled(jnp.sum(_wide(q_NxHxC) * _wide(k_NxHxC), -1), channels)
    own_PxVxHx1 = own_NxH.reshape(num_parents, -1, heads, 1)
    # The own key is the last of the S + 1 keys, and always visible.
    scores = jnp.concatenate([scores_PxHxVxS, own_PxVxHx1.swapaxes(1, 2)], -1)
    mask = jnp.pad(visible_S, (0, 1), constant_values=True)
    weights = jax.nn.softmax(jnp.where(mask, scores, -jnp.inf)).astype(v_NxHxC.dtype)
    # One matrix product per family sums the shared values; the own value is added by its weight.
    y_PxVxHxC = jnp.einsum("phvs,pshc->pvhc", weights[..., :num_above], path_v_PxSxHxC)
    own_weight_PxVxHx1 = weights[..., num_above:].swapaxes(1, 2)
    return (y_PxVxHxC + own_weight_PxVxHx1 * v_NxHxC.reshape(q_PxVxHxC.shape)).reshape(
        q_NxHxC.shape
    )


def tree_mask(
    cached_S: Bool[Array, " S"], visible_R: Bool[Array, " R"], family_size: int, num_levels: int
) -> Bool[Array, "N _"]:
    """The mask of a sequence and of the upper levels of the prefix tree below it.

    Args:
        cached_S: Which of S keys before the sequence hold a token.
        visible_R: Which of the sequence's R places hold a token.
        family_size: V, children of a prefix.
        num_levels: The prefixes of 1 … num_levels tokens follow the sequence, level by level.

    Returns:
        Bool[N, S + N]; N counts the sequence and the prefixes.
    """
    num_read = visible_R.size
    sizes = [num_read, *(family_size**t for t in range(1, num_levels + 1))]
    level_N = np.repeat(np.arange(len(sizes)), sizes)
    index_N = np.concatenate([np.arange(size) for size in sizes])
    # i is above n if n's index, with as many base-V digits cut off as there are levels between
    # them, is i's index.
    steps_up_NxN = level_N[:, None] - level_N[None, :]
    ancestor_NxN = index_N[:, None] // family_size ** np.maximum(steps_up_NxN, 0)
    # The sequence is level 0 here: above all prefixes, and causal in itself.
    above_NxN = (steps_up_NxN >= 0) & (ancestor_NxN == index_N[None, :])
    above_NxN[:, :num_read] = np.tri(len(level_N), num_read, dtype=bool)
    # Padding sees itself: a softmax over nothing is NaN, and 0 · NaN would reach other tokens.
    holds_token_N = jnp.pad(visible_R, (0, len(level_N) - num_read), constant_values=True)
    own_NxN = above_NxN & (holds_token_N[None, :] | np.eye(len(level_N), dtype=bool))
    return jnp.concatenate([jnp.broadcast_to(cached_S, (len(level_N), cached_S.size)), own_NxN], 1)


def extend_paths(
    path_PxSxHxC: Float[Array, "P S H C"], own_NxHxC: Float[Array, "N H C"]
) -> Float[Array, "N _ H C"]:
    """Keys (or values) above the children of N prefixes, the own keys of these included."""
    family_size = len(own_NxHxC) // len(path_PxSxHxC)
    above_NxSxHxC = jnp.repeat(path_PxSxHxC, family_size, axis=0)
    return jnp.concatenate([above_NxSxHxC, own_NxHxC[:, None]], 1)


def _products(
    subscripts: str, queries: Float[Array, "..."], keys: Float[Array, "..."]
) -> Float[Array, "..."]:
    """Scores in float32 at least: in float16 those above 65 504 would be infinite."""
    wide = _wide(queries).dtype
    scores = jnp.einsum(subscripts, queries, keys, preferred_element_type=wide)
    return _scaled(scores, queries.shape[-1])


def _scaled(scores: Float[Array, "..."], channels: int) -> Float[Array, "..."]:
    return scores * channels**-0.5


def _wide(factors: Float[Array, "..."]) -> Float[Array, "..."]:
    return factors.astype(jnp.promote_types(factors.dtype, jnp.float32))
