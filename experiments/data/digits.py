"""A graph data set that needs no network: nearest neighbors among scikit-learn's digits."""

import numpy as np
from sklearn.datasets import load_digits

from experiments.data.vertex_classification import VertexClassification


def digits(
    *, num_neighbors: int = 6, visible_share: float = 0.15, seed: int = 0
) -> VertexClassification:
    """Graph of the 1 797 digits of 8 × 8 pixels, each seeing a few of its own pixels.

    Two digits are adjacent if one is among the `num_neighbors` nearest of the other, over all
    64 pixels, and of equally near ones the first: 7 522 edges with 6 neighbors. With all pixels as
    features the edges would hardly matter, so each vertex keeps a random share of its own and has
    zeros elsewhere.

    Args:
        num_neighbors: Nearest neighbors each vertex is joined to.
        visible_share: Probability that a vertex sees one of its pixels.
        seed: Seed of the choice of pixels.
    """
    pixels, labels = load_digits(return_X_y=True)
    # Pixels are integers, so these distances are exact. scikit-learn's search breaks ties by its
    # number of threads.
    squares = (pixels**2).sum(axis=1)
    distances = squares[:, None] + squares - 2 * pixels @ pixels.T
    np.fill_diagonal(distances, np.inf)
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :num_neighbors]
    edges = np.stack([np.repeat(np.arange(len(pixels)), num_neighbors), nearest.ravel()], axis=1)
    visible = np.random.default_rng(seed).random(pixels.shape) < visible_share
    features = (pixels / 16.0 * visible).astype(np.float32)
    return VertexClassification(
        "digits", edges.astype(np.int64), features, labels.astype(np.int32), 10
    )
