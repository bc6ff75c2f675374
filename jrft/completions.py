"""The prefix tree of all completions, with and without an end of sequence.

Layout. A completion is `length` tokens of 0 … K−1. All K^length of them stand in lexicographic
order: completion i is i written in base K. Level t of the tree holds the K^t prefixes of t tokens
in the same order, so the parent of prefix i is i // K, and its ancestor at level j is
i // K^(t−j).

End of sequence. A completion that has ended is padded with −1, so all leaves below an ended prefix
show the same padded completion. The tree keeps its K^length leaves. The first of such repeats,
whose remaining tokens are 0, carries the probability; the others have probability 0. Sums over
leaves are therefore sums over distinct completions.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

PAD = -1
MAX_COMPLETIONS = np.iinfo(np.int32).max

__all__ = ["all_completions"]


def num_completions(vocab_size: int, length: int) -> int:
    """Number of leaves of the prefix tree, K^length.

    Raises:
        ValueError: If a 32-bit index cannot number them.

    Example:
        >>> num_completions(8, 5)
        32768
    """
    count = vocab_size**length
    if count > MAX_COMPLETIONS:
        raise ValueError(
            f"vocab_size {vocab_size} and length {length} make {count:.3g} completions, more than "
            f"{MAX_COMPLETIONS}, too many to enumerate: pass smaller ones, or use an estimator "
            "such as jrft.reinforce_gradient"
        )
    return count


def all_completions(
    vocab_size: int, length: int, eos: int | None = None
) -> Int[Array, "completions length"]:
    """All completions in lexicographic order, −1 after the end of sequence.

    Args:
        vocab_size: K, the number of tokens.
        length: Tokens of a completion.
        eos: The token that ends a completion, if any does.

    Returns:
        Int32[K^length, length]. With `eos`, completions that end early repeat (see the module's
        docstring).

    Raises:
        ValueError: If there are more than 2^31 − 1.

    Example:
        >>> all_completions(2, 2, eos=0).tolist()
        [[0, -1], [0, -1], [1, 0], [1, 1]]
    """
    index = jnp.arange(num_completions(vocab_size, length), dtype=jnp.int32)
    tokens = prefix_tokens(index, vocab_size, length)
    return jnp.where(after_end(tokens, eos), PAD, tokens)


def prefix_tokens(
    index: Int[Array, "*batch"], vocab_size: int, length: int
) -> Int[Array, "*batch length"]:
    """The tokens of a prefix from its index: the digits of that number in base K.

    Example:
        >>> prefix_tokens(jnp.int32(5), 3, 3).tolist()
        [0, 1, 2]
    """
    place_values = vocab_size ** np.arange(length - 1, -1, -1, dtype=np.int32)
    return index[..., None] // jnp.expand_dims(place_values, range(index.ndim)) % vocab_size


def after_end(tokens: Int[Array, "*batch length"], eos: int | None) -> Bool[Array, "*batch length"]:
    """True at positions after the first end-of-sequence token; the token itself is not one."""
    if eos is None:
        return jnp.zeros(tokens.shape, bool)
    is_end = tokens == eos
    return jnp.cumsum(is_end, axis=-1) - is_end > 0


def chosen_log_prob(logits: Float[Array, " K"], token: Int[Array, ""]) -> Float[Array, ""]:
    """Log-probability of a token in nats, float32 at least; NaN for one outside 0 … K−1."""
    # Plain indexing would clamp a token that is too large, and take −1 for the last token.
    return (
        log_softmax(logits)
        .at[token]
        .get(mode="fill", fill_value=jnp.nan, wrap_negative_indices=False)
    )


def tree_log_probs(
    levels: tuple[Float[Array, "..."], ...], eos: int | None, ended: Bool[Array, ""] | bool = False
) -> tuple[Float[Array, "..."], ...]:
    """Log-probabilities of the next token at every prefix, from its logits.

    Args:
        levels: The t-th float[K^t, K], logits at the prefixes of t tokens.
        eos: The token that ends a completion, if any does.
        ended: Whether the root itself has ended: below such a root every prefix has.

    Returns:
        As `levels`, float32 at least. At a prefix that has ended, token 0 has log-probability 0
        and all others −∞.
    """
    # One batch: a few operations a level are slower to compile than all of them are to run.
    ends = np.cumsum([len(logits) for logits in levels])
    all_log_probs = jnp.split(log_softmax(jnp.concatenate(levels)), ends[:-1])
    if eos is None:
        return tuple(all_log_probs)
    token = jnp.arange(levels[0].shape[-1])
    ended = jnp.reshape(jnp.asarray(ended), (1,))
    log_probs = []
    for level in all_log_probs:
        after = jnp.where(token == 0, 0.0, -jnp.inf)
        log_probs.append(jnp.where(ended[:, None], after[None, :], level))
        ended = (ended[:, None] | (token == eos)[None, :]).reshape(-1)
    return tuple(log_probs)


def log_softmax(logits: Float[Array, "*batch K"]) -> Float[Array, "*batch K"]:
    """Log-softmax over the last axis, in float32 at least."""
    return jax.nn.log_softmax(logits.astype(jnp.promote_types(logits.dtype, jnp.float32)))
