"""Members of archives, verified by their contents: mirrors pack the same files differently."""

import hashlib
import tarfile
from collections.abc import Iterable
from pathlib import Path

from experiments.data.sources import DataUnavailableError

_REMEDY = "remove the file, or unset DATA_DIR, to download it anew"


def read_members(path: Path, names: Iterable[str]) -> dict[str, bytes]:
    """The bytes of some members of a tar archive, by name; nothing is unpacked to the disk.

    Raises:
        DataUnavailableError: The file is not such an archive, or lacks a member.
    """
    contents = {}
    try:
        with tarfile.open(path) as archive:
            for name in names:
                member = archive.extractfile(name)
                if member is None:
                    raise KeyError(f"{name} is not a file")
                contents[name] = member.read()
    except (tarfile.TarError, EOFError, OSError, KeyError) as error:
        raise DataUnavailableError(f"{path} cannot be read ({error}): {_REMEDY}") from error
    return contents


def verify(path: Path, name: str, content: bytes, sha256: str) -> None:
    """Checks that a member is the public data.

    Raises:
        DataUnavailableError: The checksum of `content`, read from `name` in `path`, differs.
    """
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise DataUnavailableError(
            f"{name} in {path} has content of sha256 {found}, not {sha256}, as the public data "
            f"set has: {_REMEDY}"
        )
