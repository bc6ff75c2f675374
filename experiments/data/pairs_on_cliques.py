"""Pairs of images as features of a graph's vertices: two cliques joined by an edge.

Each image is cut into 16 strips, one a vertex; the vertices of the first image are one side of a
partition, whose walk index depends on where in the graph they are.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import jwi
from experiments.data.image_pairs import draw_pairs
from experiments.data.mnist import Images

STRIPS = 16  # an image


class Samples(NamedTuple):
    """Pairs on a graph of 32 vertices.

    Attributes:
        features: float32[p, 32, d], a strip of d pixels at each vertex.
        same: bool[p], whether both images are of one class.
    """

    features: jax.Array
    same: jax.Array


def two_cliques() -> Any:
    """Graph of two cliques of 16 vertices each, joined by the edge between their first vertices."""
    first, second = np.triu_indices(STRIPS, 1)
    return jwi.from_edges(
        np.concatenate([first, first + STRIPS, [0]]),
        np.concatenate([second, second + STRIPS, [STRIPS]]),
        num_vertices=2 * STRIPS,
    )


def layout(partition: str) -> np.ndarray:
    """int64[32]: the strip at each vertex, 0 to 15 being the first image's, 16 to 31 the second's.

    Args:
        partition: Of `low` walk index, each image having a clique for itself; or of `high`: the
            first clique has the first halves of both images, strip by strip in turns, the second
            the second halves.
    """
    strips = np.arange(2 * STRIPS).reshape(2, 2, STRIPS // 2)  # image, half, strip
    if partition == "low":
        return strips.ravel()
    (first_1, first_2), (second_1, second_2) = strips
    cliques = [np.stack([first_1, second_1], axis=1), np.stack([second_2, first_2], axis=1)]
    return np.concatenate([clique.ravel() for clique in cliques])


def samples(images: Images, num_pairs: int, seed: int, vertices: np.ndarray) -> Samples:
    """Pairs drawn from images, laid out on the vertices.

    Args:
        images: What to draw from.
        num_pairs: p, even: half of them are of one class.
        seed: Seed of the draw.
        vertices: int[32], the strip at each vertex, as `layout` gives it.
    """
    pairs = draw_pairs(images.labels, num_pairs, seed)
    strips = images.pixels.reshape(len(images.pixels), STRIPS, -1)
    both = np.concatenate([strips[pairs.first], strips[pairs.second]], axis=1)
    return Samples(jnp.asarray(both[:, vertices]), jnp.asarray(pairs.same))
