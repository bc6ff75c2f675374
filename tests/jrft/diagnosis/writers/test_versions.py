"""Versions of trainers that were tested."""

from importlib import metadata
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def test_versions_of_trainers_are_those_of_the_guide():
    """The guide names the versions: a newer one may write another form."""
    guide = (Path(__file__).parents[4] / "docs/diagnose.md").read_text()
    for name in ("verl", "trl", "ms-swift", "areal", "skyrl", "verifiers", "wandb"):
        try:
            version = metadata.version(name)
        except metadata.PackageNotFoundError:
            pytest.skip(f"{name} is not installed")
        assert version in guide, name
