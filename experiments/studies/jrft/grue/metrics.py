"""Rewards of texts, by well-kept packages; all within [0, 1].

A reward is a function of the example and the completion. It may raise: `scored` counts failures,
and never makes a zero of one.
"""

import functools
import math
from collections.abc import Callable, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from experiments.data.sources import DataUnavailableError
from experiments.studies.jrft.grue.examples import Example

Reward = Callable[[Example, str], float]


class Scores(NamedTuple):
    """Rewards of completions.

    Attributes:
        values: float[n], NaN where there is none.
        failures: A message for each that is missing.
    """

    values: np.ndarray
    failures: list[str]


def scored(reward: Reward, example: Example, completions: Sequence[str]) -> Scores:
    """Rewards of the completions of one example, and why some are missing."""
    values, failures = np.full(len(completions), np.nan), []
    for i, text in enumerate(completions):
        try:
            values[i] = float(reward(example, text))
        except Exception as error:  # a metric may raise anything
            failures.append(f"{type(error).__name__}: {error}")
            continue
        if math.isnan(values[i]):
            failures.append("the reward is NaN")
        elif math.isinf(values[i]):
            values[i] = np.nan
            failures.append("the reward is infinite")
    return Scores(values, failures)


def rouge_l() -> Reward:
    """ROUGE-L's F1 of rouge-score, without stemming; of the reference where it is largest."""
    scorer = _package("rouge_score.rouge_scorer").RougeScorer(["rougeL"])

    def reward(example: Example, completion: str) -> float:
        return scorer.score_multi(example.references, completion)["rougeL"].fmeasure

    return reward


def sentence_bleu(tokenize: str) -> Reward:
    """Sentence BLEU of sacrebleu, divided by 100, with its default smoothing.

    Args:
        tokenize: A tokenizer of sacrebleu's, such as "13a" or "intl".
    """
    bleu = _package("sacrebleu.metrics").BLEU(tokenize=tokenize, effective_order=True)

    def reward(example: Example, completion: str) -> float:
        return min(bleu.sentence_score(completion, list(example.references)).score / 100, 1.0)

    return reward


def meteor() -> Reward:
    """METEOR of nltk; of the reference where it is largest. See `meteor_name`."""
    module = _package("nltk.translate.meteor_score")
    tokenize = functools.partial(_package("nltk.tokenize").word_tokenize, preserve_line=True)
    synonyms = _Cached(_wordnet() or _NoSynonyms())

    def reward(example: Example, completion: str) -> float:
        references = [tokenize(reference) for reference in example.references]
        return module.meteor_score(references, tokenize(completion), wordnet=synonyms)

    return reward


def meteor_name() -> str:
    """The name METEOR, or what it is here where nltk finds no WordNet.

    WordNet's files come from `python -m nltk.downloader wordnet`, or from a distribution's
    package; nltk finds them in a folder `corpora/wordnet` of its data path. Without them words
    match if they, or their stems, are equal: "METEOR without synonyms". Stems need no data. nltk
    looks synonyms up by stems, so many are missed either way.
    """
    return "METEOR" if _wordnet() else "METEOR without synonyms"


class _NoSynonyms:
    def synsets(self, word: str) -> list[Any]:
        del word
        return []


class _Cached:
    """WordNet's synsets, each word looked up once."""

    def __init__(self, wordnet: Any) -> None:
        self.synsets = functools.lru_cache(maxsize=None)(wordnet.synsets)


@functools.cache
def _wordnet() -> Any:
    """Nltk's WordNet, or None if its files are not there."""
    wordnet = _package("nltk.corpus").wordnet
    try:
        wordnet.ensure_loaded()
    except (LookupError, OSError):
        return None
    return wordnet


def positive_sentiment(texts: Sequence[str], labels: Sequence[int]) -> Reward:
    """The probability that a text is positive: its prompt, then its completion.

    Logistic regression on TF-IDF of words and pairs of words.

    Args:
        texts: To learn from.
        labels: 1 for positive ones, 0 for negative ones.
    """
    text = import_module("sklearn.feature_extraction.text")
    linear, pipeline = map(import_module, ("sklearn.linear_model", "sklearn.pipeline"))
    features = text.TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    model = pipeline.make_pipeline(features, linear.LogisticRegression(C=10, max_iter=1000))
    model.fit(list(texts), list(labels))

    def reward(example: Example, completion: str) -> float:
        return float(model.predict_proba([example.prompt + completion])[0, 1])

    return reward


def _package(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ImportError as error:
        raise DataUnavailableError(
            f"{name.split('.')[0]} is not installed: pip install 'jwi-jrft[grue]'"
        ) from error
