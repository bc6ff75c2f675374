"""The network of the transformer policy: a decoder with pre-norm, rotary positions and a cache.

Names end in their shapes: T tokens, S slots of the cache, N prefixes of one level of the prefix
tree, D width, H heads, C width of a head, V tokens of the vocabulary.
"""

from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from flax.linen.dtypes import promote_dtype
from jaxtyping import Array, Bool, Float, Int

from jrft.policies.attention import attend, attend_tree, extend_paths, rotate, tree_mask

MERGED_PREFIXES = 100
"""Upper levels with at most this many prefixes together attend as one sequence: on a small level
the overhead of an operation costs more than its work."""

# The gradient computes these two again instead of keeping them: they are cheaper to compute than
# their results are to store.
_RMSNorm = nn.remat(nn.RMSNorm)


@jax.checkpoint
def _gelu(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """GELU in float32 at least: it cubes, and in float16 40³ is infinite."""
    wide = jnp.promote_types(x.dtype, jnp.float32)
    return nn.gelu(x.astype(wide)).astype(x.dtype)


class KeyValueCache(NamedTuple):
    """Keys and values of the tokens read so far.

    Attributes:
        keys: One float[S, H, C] a layer.
        values: One float[S, H, C] a layer.
        visible: Bool[S], the slots that hold a token (a padded prompt leaves holes).
        size: Int[], the next slot to write.
    """

    keys: tuple[Float[Array, "S H C"], ...]
    values: tuple[Float[Array, "S H C"], ...]
    visible: Bool[Array, " S"]
    size: Int[Array, ""]


class Block(nn.Module):
    """One layer, in two halves: before attention, and after it."""

    width: int
    heads: int
    hidden: int
    dtype: str | None

    def setup(self) -> None:
        """Makes the layers."""
        self.attention_norm = _RMSNorm(dtype=self.dtype)
        self.qkv = self.param(
            "qkv",
            nn.initializers.lecun_normal(in_axis=0, out_axis=(1, 2, 3)),
            (self.width, 3, self.heads, self.width // self.heads),
        )
        self.out = nn.DenseGeneral(self.width, axis=(-2, -1), use_bias=False, dtype=self.dtype)
        self.mlp_norm = _RMSNorm(dtype=self.dtype)
        self.up = nn.Dense(self.hidden, use_bias=False, dtype=self.dtype)
        self.down = nn.Dense(self.width, use_bias=False, dtype=self.dtype)

    def query_key_value(
        self, x_TxD: Float[Array, "T D"], position_T: Int[Array, " T"]
    ) -> tuple[Float[Array, "T H C"], Float[Array, "T H C"], Float[Array, "T H C"]]:
        """Queries, keys and values of tokens at their positions."""
        return self.project(self.attention_norm(x_TxD), position_T)

    def project(
        self, h_TxD: Float[Array, "T D"], position_T: Int[Array, " T"]
    ) -> tuple[Float[Array, "T H C"], Float[Array, "T H C"], Float[Array, "T H C"]]:
        """Queries, keys and values of normalized tokens at their positions."""
        h_TxD, kernel = promote_dtype(h_TxD, self.qkv, dtype=self.dtype)
        q_TxHxC, k_TxHxC, v_TxHxC = jnp.einsum("td,dnhc->nthc", h_TxD, kernel)
        return rotate(q_TxHxC, position_T), rotate(k_TxHxC, position_T), v_TxHxC

    def project_at(
        self, h_NxD: Float[Array, "N D"], position: Int[Array, ""]
    ) -> tuple[Float[Array, "N H C"], Float[Array, "N H C"], Float[Array, "N H C"]]:
        """Queries, keys and values of normalized tokens that all have one position.

        Rotation is linear, so the weights are rotated once instead of every token.
        """
        h_NxD, kernel = promote_dtype(h_NxD, self.qkv, dtype=self.dtype)
        kernels = rotate(kernel[:, 0], position), rotate(kernel[:, 1], position), kernel[:, 2]
        q_NxHxC, k_NxHxC, v_NxHxC = (jnp.einsum("nd,dhc->nhc", h_NxD, k) for k in kernels)
        return q_NxHxC, k_NxHxC, v_NxHxC

    def update(
        self, x_TxD: Float[Array, "T D"], attended_TxHxC: Float[Array, "T H C"]
    ) -> Float[Array, "T D"]:
        """Adds the attended values, then the MLP."""
        x_TxD = x_TxD + self.out(attended_TxHxC)
        return x_TxD + self.down(_gelu(self.up(self.mlp_norm(x_TxD))))


class Decoder(nn.Module):
    """The network. Token id `vocab_size` is the start token, which precedes every prompt."""

    vocab_size: int
    width: int
    depth: int
    heads: int
    hidden: int
    dtype: str | None

    def setup(self) -> None:
        """Makes the layers."""
        self.embed = nn.Embed(self.vocab_size + 1, self.width, dtype=self.dtype)
        self.blocks = [
            Block(self.width, self.heads, self.hidden, self.dtype) for _ in range(self.depth)
        ]
        self.norm = _RMSNorm(dtype=self.dtype)
        self.head = nn.Dense(self.vocab_size, use_bias=False, dtype=self.dtype)

    def logits(self, x_TxD: Float[Array, "T D"]) -> Float[Array, "T V"]:
        """Logits of the next token."""
        return self.head(self.norm(x_TxD))

    def sequence(
        self, token_T: Int[Array, " T"], first: int, slots: int
    ) -> tuple[Float[Array, "_ V"], KeyValueCache]:
        """Reads a sequence with −1 for padding: logits from position `first` on, and a cache."""
        size = token_T.size
        visible_T = token_T >= 0
        mask_TxT = tree_mask(jnp.zeros(0, bool), visible_T, self.vocab_size, 0)
        position_T = jnp.cumsum(visible_T) - 1
        x_TxD = self.embed(jnp.maximum(token_T, 0))
        keys, values = [], []
        for block in self.blocks:
            q_TxHxC, k_TxHxC, v_TxHxC = block.query_key_value(x_TxD, position_T)
            x_TxD = block.update(x_TxD, attend(q_TxHxC, k_TxHxC, v_TxHxC, mask_TxT))
            # Empty slots behind the tokens: `step` fills them.
            keys.append(jnp.pad(k_TxHxC, ((0, slots - size), (0, 0), (0, 0))))
            values.append(jnp.pad(v_TxHxC, ((0, slots - size), (0, 0), (0, 0))))
        visible_S = jnp.pad(visible_T, (0, slots - size))
        cache = KeyValueCache(tuple(keys), tuple(values), visible_S, jnp.int32(size))
        return self.logits(x_TxD[first:]), cache

    def step(
        self, cache: KeyValueCache, token: Int[Array, ""]
    ) -> tuple[Float[Array, " V"], KeyValueCache]:
        """Reads one token after those in the cache."""
        position = jnp.sum(cache.visible)
        visible_S = cache.visible.at[cache.size].set(True)
        x_1xD = self.embed(token[None])
        keys, values = [], []
        for block, k_SxHxC, v_SxHxC in zip(self.blocks, cache.keys, cache.values, strict=True):
            q_1xHxC, k_1xHxC, v_1xHxC = block.query_key_value(x_1xD, position[None])
            k_SxHxC = k_SxHxC.at[cache.size].set(k_1xHxC[0])
            v_SxHxC = v_SxHxC.at[cache.size].set(v_1xHxC[0])
            x_1xD = block.update(x_1xD, attend(q_1xHxC, k_SxHxC, v_SxHxC, visible_S[None]))
            keys.append(k_SxHxC)
            values.append(v_SxHxC)
        cache = KeyValueCache(tuple(keys), tuple(values), visible_S, cache.size + 1)
        return self.logits(x_1xD)[0], cache

    def tree(
        self, cache: KeyValueCache | None, token_T: Int[Array, " T"], depth: int
    ) -> tuple[Float[Array, "_ V"], ...]:
        """Logits at the prefixes of the prefix tree, each evaluated once.

        Args:
            cache: The tokens read before, if any; without empty slots.
            token_T: The tokens between the cache and the tree, −1 for padding; may be empty.
            depth: The number of levels of the tree: prefixes of 0 … depth − 1 tokens.

        Returns:
            `depth` arrays, the t-th float[V^t, V]; one less, not the first, if `token_T` is empty.
        """
        # The root is not among the levels: the last token before the tree has its logits.
        sizes = [self.vocab_size**t for t in range(1, depth)]
        if not token_T.size and not sizes:
            return ()
        # The first levels are small: with the tokens they attend as one sequence, by a mask.
        num_merged = int(np.sum(np.cumsum(sizes) <= MERGED_PREFIXES))
        merged, low = sizes[:num_merged], sizes[num_merged:]
        cached_S = jnp.zeros(0, bool) if cache is None else cache.visible
        above_S = jnp.concatenate([cached_S, token_T >= 0])
        mask_NxS = tree_mask(cached_S, token_T >= 0, self.vocab_size, num_merged)
        # Padding has no position: only tokens count.
        first_position = jnp.sum(above_S)
        position_N = jnp.concatenate(
            [
                jnp.sum(cached_S) + jnp.cumsum(token_T >= 0) - 1,
                first_position + np.repeat(np.arange(num_merged), merged),
            ]
        )
        # Norms, projections and MLPs see all levels as one batch of N prefixes; only attention
        # differs between levels. The last token of prefix i of a level is i mod V.
        every_token_VxD = self.embed(jnp.arange(self.vocab_size))
        levels_NxD = jnp.tile(every_token_VxD, (sum(sizes) // self.vocab_size, 1))
        x_NxD = jnp.concatenate([self.embed(jnp.maximum(token_T, 0)), levels_NxD])
        for layer, block in enumerate(self.blocks):
            top_h_NxD, *low_h = _cut(
                block.attention_norm(x_NxD), [token_T.size + sum(merged), *low]
            )
            # The tokens and the merged levels: one masked attention.
            q_NxHxC, k_SxHxC, v_SxHxC = block.project(top_h_NxD, position_N)
            if cache is not None:
                k_SxHxC = jnp.concatenate([cache.keys[layer], k_SxHxC])
                v_SxHxC = jnp.concatenate([cache.values[layer], v_SxHxC])
            attended = [attend(q_NxHxC, k_SxHxC, v_SxHxC, mask_NxS)]
            paths = _paths(k_SxHxC, v_SxHxC, above_S, merged)
            # A large level attends family by family. Then its own keys extend the paths.
            for t, h_NxD in enumerate(low_h, num_merged):
                q_NxHxC, k_NxHxC, v_NxHxC = block.project_at(h_NxD, first_position + t)
                attended.append(attend_tree(q_NxHxC, k_NxHxC, v_NxHxC, *paths))
                paths = paths.extended(k_NxHxC, v_NxHxC)
            x_NxD = block.update(x_NxD, jnp.concatenate(attended))
        if token_T.size:
            return tuple(_cut(self.logits(x_NxD[token_T.size - 1 :]), [1, *sizes]))
        return tuple(_cut(self.logits(x_NxD), sizes))


class _Paths(NamedTuple):
    """Keys and values above the children of the P prefixes of a level: one row for each prefix.

    Attributes:
        keys: Float[P, S, H, C], from the first token before the tree to the prefix itself.
        values: Float[P, S, H, C], in the same order.
        visible: Bool[S], the places that hold a token.
    """

    keys: Float[Array, "P S H C"]
    values: Float[Array, "P S H C"]
    visible: Bool[Array, " S"]

    def extended(self, k_NxHxC: Float[Array, "N H C"], v_NxHxC: Float[Array, "N H C"]) -> "_Paths":
        """The paths of the next level, whose own keys and values are given."""
        return _Paths(
            extend_paths(self.keys, k_NxHxC),
            extend_paths(self.values, v_NxHxC),
            jnp.pad(self.visible, (0, 1), constant_values=True),
        )


def _paths(
    k_SxHxC: Float[Array, "S H C"],
    v_SxHxC: Float[Array, "S H C"],
    above_R: Bool[Array, " R"],
    level_sizes: list[int],
) -> _Paths:
    """Paths below a sequence of R places and the levels of the tree that follow it."""
    root_k, *level_k = _cut(k_SxHxC, [above_R.size, *level_sizes])
    root_v, *level_v = _cut(v_SxHxC, [above_R.size, *level_sizes])
    paths = _Paths(root_k[None], root_v[None], above_R)
    for k_NxHxC, v_NxHxC in zip(level_k, level_v, strict=True):
        paths = paths.extended(k_NxHxC, v_NxHxC)
    return paths


def _cut(x: Float[Array, "N *rest"], sizes: list[int]) -> list[Float[Array, "_ *rest"]]:
    return jnp.split(x, np.cumsum(sizes)[:-1])
