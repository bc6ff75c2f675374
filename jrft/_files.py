"""Files that are whole or absent."""

import os
from pathlib import Path


def write_atomically(path: Path, content: bytes) -> None:
    """Writes beside the file and moves it into place: an interrupt leaves the old file whole."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            # On the disk before it takes the old file's place: a crash leaves one of the two.
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
