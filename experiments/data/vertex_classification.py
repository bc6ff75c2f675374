"""A graph whose vertices are to be classified: the form every graph data set is loaded into."""

from typing import NamedTuple

import numpy as np


class VertexClassification(NamedTuple):
    """A data set of one graph, as host arrays.

    Attributes:
        name: Name of the data set.
        edges: int64[m, 2], vertex pairs as the source lists them; they may repeat and hold loops,
            which `jwi.from_edges` drops.
        features: float32[n, d], a row a vertex.
        labels: int32[n], in 0..num_classes - 1.
        num_classes: Number of classes.
    """

    name: str
    edges: np.ndarray
    features: np.ndarray
    labels: np.ndarray
    num_classes: int


class Split(NamedTuple):
    """Disjoint vertex sets, each bool[n], that together hold every vertex."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def random_split(seed: int, num_vertices: int, train: float, validation: float) -> Split:
    """Splits the vertices at random; the rest is for testing.

    Args:
        seed: Seed of the split.
        num_vertices: n.
        train: Share of vertices to train on, rounded to a whole number of vertices.
        validation: Share of vertices to validate on, rounded likewise.

    Raises:
        ValueError: The shares are negative or leave nothing to test on.
    """
    if min(train, validation) < 0 or train + validation >= 1:
        raise ValueError(
            f"train={train} and validation={validation}: pass shares that are not negative and "
            "add up to less than 1, since the rest is the test set"
        )
    order = np.random.default_rng(seed).permutation(num_vertices)
    ends = np.rint(np.cumsum([train, validation]) * num_vertices).astype(int)
    masks = []
    for part in np.split(order, ends):
        mask = np.zeros(num_vertices, bool)
        mask[part] = True
        masks.append(mask)
    return Split(*masks)
