"""Walk counts and walk indices for a caller's jit and vmap: exact, or flagged.

A count is a sum of non-negative integers. Each term is split into words so short that sums of words
cannot overflow; after the carries, the top word shows exactly whether the count fits. A count that
does not fit is held at one above the largest integer, and so is every sum that contains it.

The theory's adjacency matrix has a self-loop at every vertex; these functions add the self-loops.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int, UInt
from numpy.typing import ArrayLike

from jwi._checks import check_subset
from jwi.graph.graph import GraphsTuple
from jwi.graph.info import info_of_whole


def boundary(graph: GraphsTuple, subset: ArrayLike) -> Bool[Array, " n"]:
    """Boundary C_I of a set I of vertices: the heads of all arcs between I and its complement.

    C_I = {v ∈ I : u → v for some u ∉ I} ∪ {v ∉ I : u → v for some u ∈ I}. Works under jit and vmap.

    Args:
        graph: A graph of n vertices, masked or not.
        subset: bool[n], the set I.

    Returns:
        bool[n], the set C_I.

    Raises:
        ValueError: If `subset` is not one boolean a vertex.

    References:
        Razin, Verbin, Cohen, "On the Ability of Graph Neural Networks to Model Interactions Between
        Vertices", 2023, definition of C_I before Definition 2.

    Example:
        >>> import jwi
        >>> graph = jwi.from_edges([0, 1, 2], [1, 2, 3], num_vertices=4)
        >>> boundary(graph, [True, True, False, False]).tolist()
        [False, True, True, False]
    """
    inside = jnp.asarray(subset)
    check_subset(inside, info_of_whole(graph).num_vertices)
    return _boundary(graph, inside)


@jax.jit
def count_walks_with_overflow(
    graph: GraphsTuple, length: int | Int[Array, ""], target: int | Int[Array, ""] | None = None
) -> tuple[Int[Array, " n"], Bool[Array, " n"]]:
    """`jwi.count_walks` for a caller's jit and vmap.

    One compilation serves all lengths, targets and masks.

    Args:
        graph: A graph of n vertices, masked or not.
        length: Number of steps, ≥ 0; a negative one counts as 0.
        target: Vertex where the walks end; None for any vertex.

    Returns:
        Counts, int64[n] in 64-bit mode, else int32[n]: exact if they fit, else the largest integer;
        and bool[n], which counts do not fit.

    Raises:
        ValueError: In 32-bit mode, for 2^24 or more vertices.

    Example:
        >>> import jwi
        >>> graph = jwi.from_edges([0, 1], [1, 2], num_vertices=3)
        >>> counts, overflowed = count_walks_with_overflow(graph, 2)
        >>> counts.tolist(), overflowed.tolist()
        ([5, 7, 5], [False, False, False])
    """
    return _signed(_count_walks(graph, length, target))


@jax.jit
def walk_index_with_overflow(
    graph: GraphsTuple,
    subset: Bool[Array, " n"],
    length: int | Int[Array, ""],
    target: int | Int[Array, ""] | None = None,
) -> tuple[Int[Array, ""], Bool[Array, ""]]:
    """`jwi.walk_index` for a caller's jit and vmap.

    One compilation serves all subsets, lengths, targets and masks.

    Args:
        graph: A graph of n vertices, masked or not.
        subset: bool[n], the set I.
        length: Number of steps, ≥ 0; a negative one counts as 0.
        target: The vertex t whose prediction is meant; None for a prediction over the graph.

    Returns:
        The walk index, int64 in 64-bit mode, else int32: exact if it fits, else the largest
        integer; and whether it did not fit.

    Raises:
        ValueError: If `subset` is not one boolean a vertex; in 32-bit mode, for 2^24 or more
            vertices.

    Example:
        >>> import jwi
        >>> graph = jwi.from_edges([0, 1], [1, 2], num_vertices=3)
        >>> subsets = jax.numpy.eye(3, dtype=bool)
        >>> indices, _ = jax.vmap(walk_index_with_overflow, (None, 0, None))(graph, subsets, 2)
        >>> indices.tolist()
        [12, 17, 12]
    """
    counts = jnp.where(boundary(graph, subset), _count_walks(graph, length, target), 0)
    return _signed(_from_words(_words(counts).sum(axis=0)))


def _count_walks(
    graph: GraphsTuple, length: int | Array, target: int | Array | None
) -> UInt[Array, " n"]:
    """Row sums of A^length, or its column `target`, in the capped form of `_from_words`."""
    n = info_of_whole(graph).num_vertices
    vertices = jnp.arange(n)
    unsigned = jnp.uint64 if vertices.dtype == jnp.int64 else jnp.uint32
    if unsigned == jnp.uint32 and n >= 2**24:
        raise ValueError(
            f"graph has {n} vertices: in 32-bit mode sums of 2^24 or more counts are not exact,"
            " pass fewer, or set jax_enable_x64"
        )

    def one_step_longer(_: Array, counts: Array) -> Array:
        words = _words(counts)
        ahead = jnp.where(graph.edges.mask[:, None], words[graph.receivers], 0)
        return _from_words(words + jax.ops.segment_sum(ahead, graph.senders, n))

    ends_here = jnp.ones(n, bool) if target is None else vertices == target
    return jax.lax.fori_loop(0, length, one_step_longer, ends_here.astype(unsigned))


def _word_bits(dtype: np.dtype) -> int:
    """Bits in a word: n words and a carry must sum to less than 2^width, n < 2^(width − bits)."""
    return 32 if dtype == jnp.uint64 else 8


def _words(counts: UInt[Array, "*shape"]) -> UInt[Array, "*shape words"]:
    """Splits counts into words, least significant first."""
    bits, width = _word_bits(counts.dtype), 8 * counts.dtype.itemsize
    words = [(counts >> place) & (2**bits - 1) for place in range(0, width, bits)]
    return jnp.stack(words, axis=-1)


def _from_words(sums: UInt[Array, "*shape words"]) -> UInt[Array, "*shape"]:
    """Adds the words' sums up to counts; `_too_large` where a count exceeds signed integers."""
    bits = _word_bits(sums.dtype)
    total = word = jnp.zeros(sums.shape[:-1], sums.dtype)
    for place in range(sums.shape[-1]):
        # The part of a word's sum above its bits is the carry into the next word.
        word = sums[..., place] + (word >> bits)
        total |= (word & (2**bits - 1)) << (place * bits)
    # `word` is now the top word: a count that fits leaves its highest bit, the sign, free.
    return jnp.where(word >> (bits - 1) == 0, total, _too_large(sums.dtype))


def _too_large(dtype: np.dtype) -> np.ndarray:
    """One above the largest signed integer."""
    return np.array(1 << (8 * dtype.itemsize - 1), dtype)


def _signed(counts: UInt[Array, "*shape"]) -> tuple[Int[Array, "*shape"], Bool[Array, "*shape"]]:
    """Counts as signed integers, and which of them do not fit."""
    overflowed = counts == _too_large(counts.dtype)
    return (counts - overflowed.astype(counts.dtype)).astype(int), overflowed


@jax.jit
def _boundary(graph: GraphsTuple, inside: Bool[Array, " n"]) -> Bool[Array, " n"]:
    crossing = graph.edges.mask & (inside[graph.senders] != inside[graph.receivers])
    return jnp.zeros(len(inside), bool).at[graph.receivers].max(crossing)
