"""Pairs of sentences as tokens of a word-level vocabulary."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

PADDING, CLASSIFY, SEPARATE, UNKNOWN = range(4)
"""The first tokens of every vocabulary; `CLASSIFY` opens a pair, `SEPARATE` ends a sentence."""
_SPECIAL = ("[PAD]", "[CLS]", "[SEP]", "[UNK]")


class TokenPairs(NamedTuple):
    """Pairs of sentences, [CLS] first [SEP] second [SEP], padded to one length.

    Attributes:
        tokens: int32[n, length].
        segments: int32[n, length], 1 in the second sentence and its separator, else 0.
        mask: bool[n, length], False at padding.
    """

    tokens: Any
    segments: Any
    mask: Any


def words(sentence: str) -> list[str]:
    """Its words and marks in lower case.

    Example:
        >>> words("A plane's taking off.")
        ['a', 'plane', "'", 's', 'taking', 'off', '.']
    """
    return re.findall(r"\w+|[^\w\s]", sentence.lower())


def vocabulary(sentences: Iterable[str], size: int) -> dict[str, int]:
    """Ids of the special tokens and of the most frequent words, `size` in all.

    Words as frequent as each other come in alphabetical order. There may be fewer than `size`.

    Raises:
        ValueError: There is no room for a word.

    Example:
        >>> vocabulary(["a plane", "a flute"], 6)
        {'[PAD]': 0, '[CLS]': 1, '[SEP]': 2, '[UNK]': 3, 'a': 4, 'flute': 5}
    """
    if size <= len(_SPECIAL):
        raise ValueError(
            f"size={size}: pass more than {len(_SPECIAL)}, the number of special tokens "
            f"{', '.join(_SPECIAL)}"
        )
    counts = Counter(word for sentence in sentences for word in words(sentence))
    ranked = sorted(counts, key=lambda word: (-counts[word], word))
    kept = (*_SPECIAL, *ranked[: size - len(_SPECIAL)])
    return {word: token for token, word in enumerate(kept)}


def encode_pairs(
    pairs: Sequence[tuple[str, str]], vocabulary: dict[str, int], length: int
) -> TokenPairs:
    """Turns pairs of sentences into tokens.

    A pair that is too long loses words at the end of its longer sentence, one at a time.

    Args:
        pairs: n pairs of sentences.
        vocabulary: Ids of words; a word that is not in it is `UNKNOWN`.
        length: Tokens of a pair, special ones and padding included.

    Raises:
        ValueError: There is no room for a word of each sentence.
    """
    if length < 5:
        raise ValueError(
            f"length={length}: pass 5 or more, for three special tokens and a word a sentence"
        )
    tokens = np.full((len(pairs), length), PADDING, np.int32)
    segments = np.zeros((len(pairs), length), np.int32)
    for row, (first, second) in enumerate(pairs):
        one, two = (
            [vocabulary.get(word, UNKNOWN) for word in words(text)] for text in (first, second)
        )
        while len(one) + len(two) > length - 3:
            (one if len(one) > len(two) else two).pop()
        filled = [CLASSIFY, *one, SEPARATE, *two, SEPARATE]
        tokens[row, : len(filled)] = filled
        segments[row, len(one) + 2 : len(filled)] = 1
    return TokenPairs(tokens, segments, tokens != PADDING)
