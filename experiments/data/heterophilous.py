"""Chameleon, Squirrel and Tolokers in the form of Platonov et al. (2023)."""

import numpy as np

from experiments.data.sources import Source, fetch
from experiments.data.vertex_classification import VertexClassification

_URL = "https://github.com/yandex-research/heterophilous-graphs/raw/main/data/"
_SHA256 = {
    "chameleon": "4c640bd2877fc4f9f101531e2f977bc16445a54e09a5cb01178df608e552f3fd",
    "squirrel": "d436e3b42c0546b105241c0ab0766097074e68e55f67b133eeb9b0162e55cbd9",
    "tolokers": "dacf3ac94cec53d03cd2adb5255c08b33dee1656c33ca8164a464bd9450a1667",
}


def chameleon() -> VertexClassification:
    """Chameleon: 2 277 pages of Wikipedia, 31 371 links, 2 325 words, 5 classes of traffic.

    Raises:
        DataUnavailableError: It is not at hand and cannot be downloaded.
    """
    return _load("chameleon")


def squirrel() -> VertexClassification:
    """Squirrel: 5 201 pages of Wikipedia, 198 353 links, 2 089 words, 5 classes of traffic.

    Raises:
        DataUnavailableError: It is not at hand and cannot be downloaded.
    """
    return _load("squirrel")


def tolokers() -> VertexClassification:
    """Tolokers: 11 758 workers, 519 000 pairs on one task, 10 features, 2 classes.

    Raises:
        DataUnavailableError: It is not at hand and cannot be downloaded.
    """
    return _load("tolokers")


def _load(name: str) -> VertexClassification:
    path = fetch(
        Source("heterophilous-graphs", f"{name}.npz", (f"{_URL}{name}.npz",), _SHA256[name])
    )
    with np.load(path, allow_pickle=False) as arrays:
        labels = arrays["node_labels"].astype(np.int32)
        return VertexClassification(
            name,
            arrays["edges"].astype(np.int64),
            arrays["node_features"].astype(np.float32),
            labels,
            int(labels.max()) + 1,
        )
