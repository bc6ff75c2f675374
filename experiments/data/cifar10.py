"""CIFAR-10 (Krizhevsky, 2009) in its binary version: whole, or the first images of each file."""

import numpy as np

from experiments.data.archives import read_members, verify
from experiments.data.mnist import ImageClassification, Images
from experiments.data.sources import Source, fetch

_FOLDER, _ARCHIVE = "cifar10", "cifar-10-binary.tar.gz"
_URLS = (f"https://www.cs.toronto.edu/~kriz/{_ARCHIVE}",)
_SHA256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd"
_TEST = "test_batch.bin"
_FIRST = 761
# Of the first 761 records of each file: smaller archives are packed differently from mirror to
# mirror, and are known by these.
_FIRST_SHA256 = {
    "data_batch_1.bin": "f52f1c91c9d7af2550c2140382eef02324248b87d6d1e293a8cfb379c35a8f61",
    "data_batch_2.bin": "da499b7df0e9fe390c86db4fab57c9704b211a780e6ef10a3dee4ed6f86a3f3a",
    "data_batch_3.bin": "f456b1d4b4d0cae1ac34a217cfdd21387557dc19c565e4087bb4b95e6f1563c9",
    "data_batch_4.bin": "5e0fde96bbc2fa73c6ecae5f36996b26cb3df94607afca3d631cac99ace7e521",
    "data_batch_5.bin": "24132af7a4d2028e7ca66914835d3ff21ec2e020fc1869af29570e4dc80239f2",
    _TEST: "b4c4795292e38938b557708819bb2c4af656da20d7dcd0d11455d3ee7d51ad0e",
}
_SIDE, _CHANNELS = 32, 3
_RECORD = 1 + _CHANNELS * _SIDE**2


def cifar10() -> ImageClassification:
    """CIFAR-10: 50 000 images to train on and 10 000 to test on, 32 × 32 pixels in 3 colors.

    Raises:
        DataUnavailableError: It is not at hand and cannot be downloaded.
    """
    path = fetch(Source(_FOLDER, _ARCHIVE, _URLS, _SHA256))
    members = read_members(path, map(_member, _FIRST_SHA256))
    return _images("cifar10", {file: members[_member(file)] for file in _FIRST_SHA256})


def cifar10_subset() -> ImageClassification:
    """The first 761 images of each of CIFAR-10's six files: 3 805 to train on, 761 to test on.

    They are read from the public archive or from a smaller one that holds as much.

    Raises:
        DataUnavailableError: It is not at hand and cannot be downloaded, or is not that data set.
    """
    path = fetch(Source(_FOLDER, _ARCHIVE, _URLS, None))
    members = read_members(path, map(_member, _FIRST_SHA256))
    files = {file: members[_member(file)][: _FIRST * _RECORD] for file in _FIRST_SHA256}
    for file, sha256 in _FIRST_SHA256.items():
        verify(path, file, files[file], sha256)
    return _images("cifar10-subset", files)


def parse_records(content: bytes) -> Images:
    """Reads records of a label and 3 · 32² pixels, color by color, a byte each.

    Raises:
        ValueError: That is no whole number of records, or a label exceeds 9.
    """
    if len(content) % _RECORD:
        raise ValueError(f"{len(content)} bytes: pass a whole number of records of {_RECORD}")
    records = np.frombuffer(content, np.uint8).reshape(-1, _RECORD)
    labels = records[:, 0].astype(np.int32)
    if (labels > 9).any():
        raise ValueError(
            f"A label is {labels.max()}: pass records of CIFAR-10, whose labels are 0 to 9"
        )
    planes = records[:, 1:].reshape(-1, _CHANNELS, _SIDE, _SIDE)
    return Images((planes.transpose(0, 2, 3, 1) / np.float32(255)).astype(np.float32), labels)


def _member(file: str) -> str:
    return f"cifar-10-batches-bin/{file}"


def _images(name: str, files: dict[str, bytes]) -> ImageClassification:
    train = b"".join(content for file, content in files.items() if file != _TEST)
    return ImageClassification(name, parse_records(train), parse_records(files[_TEST]))
