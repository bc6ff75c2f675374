"""Pairs of images, to be told apart by whether both show the same class."""

from typing import NamedTuple

import numpy as np


class ImagePairs(NamedTuple):
    """Pairs drawn from a set of images.

    Attributes:
        first: int64[p], index of one image.
        second: int64[p], index of the other, never the same image.
        same: bool[p], whether both are of one class.
    """

    first: np.ndarray
    second: np.ndarray
    same: np.ndarray


def draw_pairs(labels: np.ndarray, num_pairs: int, seed: int) -> ImagePairs:
    """Draws pairs with replacement, exactly half of them of one class.

    The first image's class is uniform over the classes and the image uniform within it; the second
    is uniform over the other images of that class, or over all images of other classes.

    Args:
        labels: int[n], the images' classes.
        num_pairs: p, even.
        seed: Seed of the draw.

    Raises:
        ValueError: `num_pairs` is odd or not positive, there is one class only, or a class has
            a single image.
    """
    if num_pairs < 2 or num_pairs % 2:
        raise ValueError(
            f"num_pairs={num_pairs}: pass a positive even number (half are of one class)"
        )
    classes, counts = np.unique(labels, return_counts=True)
    if len(classes) < 2 or counts.min() < 2:
        raise ValueError(
            f"labels have {len(classes)} classes of {counts.tolist()} images: pass two classes or "
            "more, and two images of each"
        )
    rng = np.random.default_rng(seed)
    same = rng.permutation(np.arange(num_pairs) < num_pairs // 2)
    # Images in order of their class: a class is an interval, all other classes the rest of a cycle.
    by_class = np.argsort(labels, kind="stable")
    drawn = rng.integers(len(classes), size=num_pairs)
    start, size = (np.cumsum(counts) - counts)[drawn], counts[drawn]
    place = rng.integers(size)
    other_of_class = start + (place + rng.integers(1, size)) % size
    of_other_class = (start + size + rng.integers(len(labels) - size)) % len(labels)
    return ImagePairs(
        by_class[start + place],
        by_class[np.where(same, other_of_class, of_other_class)],
        same,
    )
