"""Kills writers of files at random moments, and counts what was lost.

`python -m experiments.campaign [KILLS]`: so many SIGKILLs of each writer, 500 by default. A
writer writes version after version of a file; its parent kills it and reads the file. The file must
be one whole version, no older than the last one that the writer has finished.
"""

import mmap
import os
import random
import shutil
import signal
import struct
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import jax
import matplotlib.pyplot as plt
import numpy as np

from experiments.engine.checkpoint import Checkpoints
from experiments.output import figures
from experiments.output.record import Record, read, write
from jwi.io.files import read_file, written

_SIZE = 200_000


class Writer(NamedTuple):
    """A writer of versions.

    Attributes:
        write: (directory, version) → nothing.
        read: directory → the version that is there; raises if it is not whole.
    """

    write: Callable[[Path, int], None]
    read: Callable[[Path], int]


def campaign(writer: Writer, kills: int, seed: int = 0) -> dict[str, int]:
    """Kills a writer so often.

    Args:
        writer: What is killed.
        kills: Number of signals.
        seed: Of the moments.

    Returns:
        Numbers of kills, of kills within a write, of files lost, and of unfinished files that the
        next writer left.
    """
    rng = random.Random(seed)
    counts = {"kills": 0, "within a write": 0, "lost": 0, "left over": 0}
    directory = Path(tempfile.mkdtemp(prefix="campaign-"))
    state = mmap.mmap(-1, 16)  # (the version that is finished, whether one is being written)
    writer.write(directory, 0)
    seconds = _seconds_of_one(writer, directory)
    for _ in range(kills):
        first = writer.read(directory)
        state[:] = struct.pack("qq", first, 0)
        child = os.fork()
        if child == 0:
            _write_on(writer, directory, first, state)
        time.sleep(rng.uniform(0, 4 * seconds))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        finished, within = struct.unpack("qq", state[:])
        counts["kills"] += 1
        counts["within a write"] += within
        try:
            counts["lost"] += writer.read(directory) not in (finished, finished + within)
        except Exception:  # whatever a reader says of a broken file
            counts["lost"] += 1
            writer.write(directory, finished)
    writer.write(directory, 0)
    counts["left over"] = sum(path.name.startswith(".") for path in directory.iterdir())
    shutil.rmtree(directory)
    return counts


def _write_on(writer: Writer, directory: Path, version: int, state: mmap.mmap) -> None:
    """Writes version after version, until it is killed."""
    try:
        while True:
            state[:] = struct.pack("qq", version, 1)
            writer.write(directory, version + 1)
            version += 1
            state[:] = struct.pack("qq", version, 0)
            time.sleep(1e-4)
    finally:
        os._exit(1)


def _seconds_of_one(writer: Writer, directory: Path) -> float:
    start = time.perf_counter()
    for _ in range(3):
        writer.write(directory, 0)
    return (time.perf_counter() - start) / 3


def _array(version: int) -> np.ndarray:
    return np.random.default_rng(version).random(_SIZE, np.float32)


def _save_checkpoint(directory: Path, version: int) -> None:
    checkpoints = Checkpoints(directory, {"weights": _array(0)}, {"key": 1})
    checkpoints.save(version, {"weights": _array(version)})
    checkpoints.close()


def _read_checkpoint(directory: Path) -> int:
    checkpoints = Checkpoints(directory, {"weights": _array(0)}, {"key": 1})
    version, state = checkpoints.restore()
    checkpoints.close()
    np.testing.assert_array_equal(state["weights"], _array(version))
    return version


def _write_record(directory: Path, version: int) -> None:
    write(Record("record", {"version": version}, {"x": [version] * 5000}, {}), directory)


def _read_record(directory: Path) -> int:
    record = read(directory / "record.json")
    assert record.results["x"] == [record.config["version"]] * 5000
    return int(record.config["version"])


def _write_lines(name: str) -> Callable[[Path, int], None]:
    def write_lines(directory: Path, version: int) -> None:
        with written(directory / name) as file:
            for _ in range(500):
                file.write(b"%d\n" % version * 100)

    return write_lines


def _read_lines(name: str) -> Callable[[Path], int]:
    def read_lines(directory: Path) -> int:
        lines = read_file(directory / name).content.split()
        assert len(lines) == 50_000
        assert len(set(lines)) == 1
        return int(lines[0])

    return read_lines


def _draw(directory: Path, version: int) -> None:
    figure, axes = plt.subplots()
    axes.set_title(f"version {version}.")
    figures.save(figure, directory / "figure.svg")
    plt.close(figure)


def _read_drawing(directory: Path) -> int:
    content = (directory / "figure.svg").read_text()
    assert content.rstrip().endswith("</svg>")
    return int(content.split("<!-- version ")[1].split(".")[0])


WRITERS = {
    "checkpoint": Writer(_save_checkpoint, _read_checkpoint),
    "result": Writer(_write_record, _read_record),
    "figure": Writer(_draw, _read_drawing),
    "graph": Writer(_write_lines("edges.txt"), _read_lines("edges.txt")),
    "compressed graph": Writer(_write_lines("edges.txt.gz"), _read_lines("edges.txt.gz")),
}


def main(kills: int) -> int:
    """Kills all writers, prints the counts, and returns 1 if something was lost."""
    jax.process_index()  # The devices are set up before the first fork.
    lost = 0
    for name, writer in WRITERS.items():
        counts = campaign(writer, kills)
        lost += counts["lost"]
        print(
            f"{name}:", ", ".join(f"{count} {what}" for what, count in counts.items()), flush=True
        )
    return int(lost > 0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 500))
