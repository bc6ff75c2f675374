"""What is fuzzed: each reader, the good files to begin with, and which answers are right."""

import gzip
import tempfile
import traceback
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from experiments.data import attributed_npz, mnist, tudataset
from experiments.data.sources import DataUnavailableError
from jrft.diagnosis.log.reading import read_rewards
from jwi.io.content import Source
from jwi.io.formats import FORMATS, reader
from jwi.io.options import Options
from tests.experiments.data.test_tudataset import write_archive
from tests.jrft.diagnosis.test_other_headers import KINDS, mutated, write_as
from tests.jwi.io.test_fuzz import MAKERS, random_graph

NUM_SEEDS = 20
DATA_SETS = {
    "idx": mnist.read_idx,
    "attributed-npz": lambda path: attributed_npz.parse("dblp", path),
    "tudataset": lambda path: tudataset.parse_tudataset("MUTAG", path),
}
TARGETS = [
    *(f"graph-{name}" for name in FORMATS),
    *(f"log-{kind[1:]}" for kind in KINDS),
    *(f"data-{name}" for name in DATA_SETS),
]


def reading(target: str) -> Callable[[bytes], None]:
    """Reads a file of any content: it returns, or an error of ours that names the file is right.

    Raises:
        Exception: Whatever else comes of it, which is a fault of the reader.
    """
    kind, name = target.split("-", 1)
    if kind == "graph":
        read, path = reader(name), Path(f"a{FORMATS[name].suffixes[0]}")

        def read_it(content: bytes) -> None:
            # Names and integers go different ways.
            options = Options(named=len(content) % 2 == 1)
            found = read(Source(path, name, content, options))
            assert found.senders.shape == found.receivers.shape
    else:
        suffix = f".{name}" if kind == "log" else ".bin"
        folder = tempfile.TemporaryDirectory()
        path = Path(folder.name) / f"a{suffix}"
        read_path = DATA_SETS[name] if kind == "data" else lambda path: read_rewards([path])

        def read_it(content: bytes, folder: tempfile.TemporaryDirectory = folder) -> None:
            # The folder stays as long as this function does.
            path.write_bytes(content)
            read_path(path)

    def tried(content: bytes) -> None:
        try:
            read_it(content)
        except (ValueError, DataUnavailableError) as error:
            # A log may be many files, and what is wrong with its columns is wrong in all.
            if kind != "log" and path.name not in str(error):
                raise AssertionError("the message does not name the file") from error
            # NumPy's and others' own errors are ValueErrors, too.
            *_, (frame, _) = traceback.walk_tb(error.__traceback__)
            if frame.f_globals["__name__"].split(".")[0] not in ("jwi", "jrft", "experiments"):
                raise

    return tried


def seeds(target: str) -> Iterator[bytes]:
    """Good files, by the makers of the other tests."""
    kind, name = target.split("-", 1)
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a"
        for seed in range(NUM_SEEDS):
            if kind == "graph":
                yield MAKERS[name](rng, *random_graph(rng))[0]
            elif name == "npy":
                np.save(path.with_suffix(".npy"), rng.integers(0, 2, (3, 2 + seed)))
                yield path.with_suffix(".npy").read_bytes()
            elif kind == "log":
                rows = mutated(rng)[: 10 + seed]
                yield write_as(f".{name}", rows, path.with_suffix(f".{name}")).read_bytes()
            elif name == "idx":
                yield gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, seed]) + rng.bytes(seed))
            elif name == "tudataset":
                yield write_archive(Path(folder) / "a.zip").read_bytes()
            else:
                yield _attributed(Path(folder) / "a.npz", rng)


def _attributed(path: Path, rng: np.random.Generator) -> bytes:
    arrays = {"labels": rng.integers(0, 2, 3)}
    for matrix in ("adj", "attr"):
        arrays |= {
            f"{matrix}_data": np.ones(3),
            f"{matrix}_indices": rng.permutation(3),
            f"{matrix}_indptr": np.arange(4),
            f"{matrix}_shape": np.array([3, 3]),
        }
    np.savez(path, **arrays)
    assert zipfile.is_zipfile(path)
    return path.read_bytes()
