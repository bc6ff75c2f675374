"""Public files: found locally or downloaded, verified, never half written.

A file is looked for in three places, in this order:

1. `$DATA_DIR/<folder>/<name>`, a read-only folder of local copies (the Makefile sets
   it to a folder `data` of a neighbor of the checkout that has such copies);
2. the cache, `$EXPERIMENTS_CACHE` or the user's cache directory;
3. its public addresses, from which it is downloaded into the cache.
"""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

import pooch


class Source(NamedTuple):
    """One public file.

    Attributes:
        folder: Name of the data set; the file's folder in `DATA_DIR` and in the cache.
        name: The file's canonical name.
        urls: Public addresses, tried in turn.
        sha256: Checksum of the file's bytes, in hexadecimal; None where mirrors write the same data
            as different bytes, and the reader verifies the contents.
    """

    folder: str
    name: str
    urls: tuple[str, ...]
    sha256: str | None


class DataUnavailableError(RuntimeError):
    """A public file is neither at hand nor to be downloaded; the message says what to do."""


def cache_dir() -> Path:
    """Where downloads are kept: `$EXPERIMENTS_CACHE`, else the user's cache directory."""
    configured = os.environ.get("EXPERIMENTS_CACHE")
    return Path(configured) if configured else Path(pooch.os_cache("jwi-jrft"))


def fetch(source: Source) -> Path:
    """Path of a verified copy of `source`, downloading it when there is none.

    Raises:
        DataUnavailableError: The file is not at hand and no address delivered it intact.
    """
    local = os.environ.get("DATA_DIR")
    if local:
        copy = Path(local) / source.folder / source.name
        if copy.is_file():
            if source.sha256 is not None:
                _verify(copy, source.sha256, source.urls[0])
            return copy
    folder = cache_dir() / source.folder
    failures = []
    for url in source.urls:
        try:
            # Pooch downloads to a temporary file, checks it, and only then moves it into place; a
            # file already there with the right checksum is returned as it is.
            found = pooch.retrieve(
                url,
                known_hash=None if source.sha256 is None else f"sha256:{source.sha256}",
                fname=source.name,
                path=folder,
            )
            return Path(found)
        except (OSError, ValueError) as failure:  # requests' errors are OSErrors; a bad hash is not
            failures.append(f"  {url}: {type(failure).__name__}: {str(failure)[:200]}")
    raise DataUnavailableError(
        f"{source.folder}/{source.name} could not be downloaded:\n"
        + "\n".join(failures)
        + f"\nDownload it elsewhere to {folder / source.name}, or set DATA_DIR to a folder that "
        f"holds {source.folder}/{source.name}"
        + (f" (sha256 {source.sha256})" if source.sha256 else "")
    )


def _verify(path: Path, sha256: str, url: str) -> None:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != sha256:
        raise DataUnavailableError(
            f"{path} has sha256 {digest}, not {sha256}, as the public file has: "
            f"remove it, or unset DATA_DIR, to download it from {url}"
        )
