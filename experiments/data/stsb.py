"""STS Benchmark (Cer et al., SemEval 2017): pairs of sentences and how similar they are."""

from typing import NamedTuple

import numpy as np

from experiments.data.archives import read_members, verify
from experiments.data.sources import Source, fetch

# Packed differently from mirror to mirror; the members are verified.
_SOURCE = Source(
    "stsb",
    "Stsbenchmark.tar.gz",
    (
        "https://ixa2.si.ehu.eus/stswiki/images/4/48/Stsbenchmark.tar.gz",
        "http://ixa2.si.ehu.es/stswiki/images/4/48/Stsbenchmark.tar.gz",
    ),
    None,
)
_SHA256 = {
    "train": "0f71910b59aa1ad973c5897f0791f3b0965a92b8f82b1a95f3eea9f4162fda82",
    "dev": "5d7e944d8b02734b07bfdb5df67db3420c64bed153fcaa1ba47ad03480cf4234",
    "test": "affe45928a66ee5a708531233c95b7dacbbdc57f974f002a3d32ea0180cf816a",
}


class ScoredPairs(NamedTuple):
    """Pairs of sentences and their similarity.

    Attributes:
        pairs: n pairs.
        scores: float32[n], from 0 (unrelated) to 5 (equivalent).
    """

    pairs: list[tuple[str, str]]
    scores: np.ndarray


class SentenceSimilarity(NamedTuple):
    """A data set of scored pairs: its name and its three parts."""

    name: str
    train: ScoredPairs
    validation: ScoredPairs
    test: ScoredPairs


def stsb() -> SentenceSimilarity:
    """STS Benchmark: 5 749 pairs to train on, 1 500 to validate on and 1 379 to test on.

    Raises:
        DataUnavailableError: It is not at hand and cannot be downloaded, or is not that data set.
    """
    path = fetch(_SOURCE)
    names = {part: f"stsbenchmark/sts-{part}.csv" for part in _SHA256}
    members = read_members(path, names.values())
    for part, name in names.items():
        verify(path, name, members[name], _SHA256[part])
    train, validation, test = (
        parse_scored_pairs(members[names[part]].decode("utf-8"))
        for part in ("train", "dev", "test")
    )
    return SentenceSimilarity("stsb", train, validation, test)


def parse_scored_pairs(text: str) -> ScoredPairs:
    r"""Reads lines of genre, file, year, number, score, sentence, sentence and perhaps sources.

    Tabs separate the columns. Quotation marks belong to the sentences.

    Raises:
        ValueError: A line has fewer columns, or its score is not a number from 0 to 5.

    Example:
        >>> parse_scored_pairs("news\tMSR\t2012\t1\t3.8\tA man plays.\tA man sings.").pairs
        [('A man plays.', 'A man sings.')]
    """
    pairs, scores = [], []
    for number, line in enumerate(text.splitlines(), 1):
        columns = line.split("\t")
        if len(columns) < 7:
            raise ValueError(
                f"Line {number} has {len(columns)} columns: pass 7 or more, unlike {line!r}"
            )
        score = float(columns[4])
        if not 0 <= score <= 5:
            raise ValueError(f"Line {number} has score {score}: pass 0 to 5")
        scores.append(score)
        pairs.append((columns[5], columns[6]))
    return ScoredPairs(pairs, np.array(scores, np.float32))
