"""Inputs that a reader once answered wrongly, and the files that fuzzing begins with."""

from itertools import islice
from pathlib import Path

import pytest

from tests.fuzz.targets import TARGETS, reading, seeds

FOUND = sorted((Path(__file__).parent / "found").iterdir())


@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.name)
def test_what_was_found_is_read_or_refused(path):
    target = max((name for name in TARGETS if path.name.startswith(f"{name}-")), key=len)
    reading(target)(path.read_bytes())


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_seeds_and_empty_files_are_read_or_refused(target):
    if "parquet" in target:
        pytest.importorskip("pyarrow")
    read = reading(target)
    for content in (b"", b"\0", *islice(seeds(target), 3)):
        read(content)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError("without a name"), AssertionError),
        (ValueError("a.gml"), ValueError),
        (KeyError("a.gml"), KeyError),
    ],
)
def test_other_answers_fail(monkeypatch, error, expected):
    # The middle one is raised outside of the packages, as by NumPy.
    def fail(source):
        raise error

    monkeypatch.setattr("tests.fuzz.targets.reader", lambda name: fail)
    with pytest.raises(expected):
        reading("graph-gml")(b"graph []")
