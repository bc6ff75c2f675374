"""Fashion-MNIST (Xiao et al., 2017): the public files, or those a Debian package installs."""

import gzip
import hashlib
from pathlib import Path

import numpy as np

from experiments.data.mnist import ImageClassification, Images, read_idx
from experiments.data.sources import DataUnavailableError, Source, fetch

_FOLDER = "fashion-mnist"
_URLS = (
    "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
)
# The package compresses the same bytes anew: its checksums are of the decompressed bytes.
_PACKAGE = "dataset-fashion-mnist"
_PACKAGE_FOLDER = Path("/usr/share/datasets/fashion-mnist")
# Of the public file, and of its decompressed bytes.
_SHA256 = {
    "train-images-idx3-ubyte.gz": (
        "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    ),
    "train-labels-idx1-ubyte.gz": (
        "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    ),
    "t10k-images-idx3-ubyte.gz": (
        "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    ),
    "t10k-labels-idx1-ubyte.gz": (
        "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
}


def fashion_mnist() -> ImageClassification:
    """Fashion-MNIST: 60 000 images to train on and 10 000 to test on, 28 × 28 pixels, 10 classes.

    Raises:
        DataUnavailableError: It is not at hand and cannot be downloaded.
    """
    return ImageClassification(_FOLDER, _part("train"), _part("t10k"))


def fashion_mnist_test_only() -> ImageClassification:
    """The 10 000 test images alone, a sixth of the download; every second one is for testing.

    Raises:
        DataUnavailableError: They are not at hand and cannot be downloaded.
    """
    pixels, labels = _part("t10k")
    return ImageClassification(
        f"{_FOLDER}-test-only", Images(pixels[::2], labels[::2]), Images(pixels[1::2], labels[1::2])
    )


def _part(prefix: str) -> Images:
    images, labels = (
        read_idx(_find(name))
        for name in (f"{prefix}-images-idx3-ubyte.gz", f"{prefix}-labels-idx1-ubyte.gz")
    )
    return Images((images / np.float32(255)).astype(np.float32), labels.astype(np.int32))


def _find(name: str) -> Path:
    """A verified copy of a file; the bytes it decompresses to are the same wherever it is from."""
    sha256, sha256_decompressed = _SHA256[name]
    packaged = _PACKAGE_FOLDER / name
    if packaged.is_file():
        digest = hashlib.sha256(gzip.decompress(packaged.read_bytes())).hexdigest()
        if digest != sha256_decompressed:
            raise DataUnavailableError(
                f"{packaged} decompresses to bytes of sha256 {digest}, not {sha256_decompressed}: "
                f"install the package {_PACKAGE} again, or remove it to download the public file"
            )
        return packaged
    try:
        return fetch(Source(_FOLDER, name, tuple(url + name for url in _URLS), sha256))
    except DataUnavailableError as error:
        raise DataUnavailableError(
            f"{error}\nOn Debian, installing the package {_PACKAGE} does as well"
        ) from error
