import hashlib
import io
import tarfile

import numpy as np
import pytest

from experiments.data import cifar10 as loader
from experiments.data.sources import DataUnavailableError


def records(labels, rng):
    pixels = rng.integers(256, size=(len(labels), 3072), dtype=np.uint8)
    return np.concatenate([np.array(labels, np.uint8)[:, None], pixels], axis=1)


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """An archive of six files of four records, of which the first two are known by checksum."""
    rng = np.random.default_rng(0)
    contents = {name: records([i, 9, 0, 1], rng) for i, name in enumerate(loader._FIRST_SHA256)}
    path = tmp_path / "cifar10" / "cifar-10-binary.tar.gz"
    path.parent.mkdir()

    def write(files):
        with tarfile.open(path, "w:gz") as packed:
            for name, rows in files.items():
                info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
                info.size = rows.size
                packed.addfile(info, io.BytesIO(rows.tobytes()))

    write(contents)
    first = {n: hashlib.sha256(r[:2].tobytes()).hexdigest() for n, r in contents.items()}
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.setattr(loader, "_FIRST", 2)
    monkeypatch.setattr(loader, "_FIRST_SHA256", first)
    return contents, write, path


def test_pixels_are_stored_color_by_color():
    rows = records([3, 7], np.random.default_rng(0))
    images = loader.parse_records(rows.tobytes())
    assert images.labels.tolist() == [3, 7]
    assert images.pixels.shape == (2, 32, 32, 3)
    assert images.pixels.dtype == np.float32
    for color, y, x in ((0, 0, 0), (1, 0, 5), (2, 31, 4)):
        stored = rows[1, 1 + 1024 * color + 32 * y + x]
        assert images.pixels[1, y, x, color] == pytest.approx(stored / 255)


def test_other_bytes_are_refused():
    with pytest.raises(ValueError, match="3072 bytes: pass a whole number of records of 3073"):
        loader.parse_records(bytes(3072))
    with pytest.raises(ValueError, match="A label is 11: pass records of CIFAR-10"):
        loader.parse_records(bytes([11]) + bytes(3072))


def test_the_subset_is_the_same_in_larger_and_smaller_archives(archive):
    contents, write, _ = archive
    from_larger = loader.cifar10_subset()
    write({name: rows[:2] for name, rows in contents.items()})
    from_smaller = loader.cifar10_subset()
    assert from_larger.train.labels.tolist() == [0, 9, 1, 9, 2, 9, 3, 9, 4, 9]
    assert from_larger.test.labels.tolist() == [5, 9]
    np.testing.assert_array_equal(from_larger.train.pixels, from_smaller.train.pixels)


def test_the_whole_is_known_by_its_archive(archive, monkeypatch):
    _, _, path = archive
    with pytest.raises(DataUnavailableError, match="as the public file has: remove it"):
        loader.cifar10()
    monkeypatch.setattr(loader, "_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    assert loader.cifar10().train.labels.tolist() == [
        label for first in range(5) for label in (first, 9, 0, 1)
    ]


def test_other_content_is_refused(archive):
    contents, write, path = archive
    changed = {name: rows.copy() for name, rows in contents.items()}
    changed["data_batch_3.bin"][1, 9] ^= 1
    write(changed)
    with pytest.raises(
        DataUnavailableError, match="as the public data set has: remove the file"
    ) as error:
        loader.cifar10_subset()
    assert "data_batch_3.bin" in str(error.value)
    write({name: rows for name, rows in contents.items() if name != "data_batch_2.bin"})
    with pytest.raises(
        DataUnavailableError, match=r"cannot be read \(.*data_batch_2\.bin.*\): remove"
    ):
        loader.cifar10_subset()
    path.write_bytes(b"no archive")
    with pytest.raises(DataUnavailableError, match="cannot be read"):
        loader.cifar10_subset()


@pytest.mark.public_data
def test_the_subset_is_cifar10s():
    data = loader.cifar10_subset()
    assert data.train.pixels.shape == (3805, 32, 32, 3)
    counts = [393, 397, 358, 363, 401, 358, 370, 393, 399, 373]
    assert np.bincount(data.train.labels).tolist() == counts
    assert data.test.labels[:5].tolist() == [3, 8, 8, 0, 6]
    assert data.train.pixels.max() == 1
