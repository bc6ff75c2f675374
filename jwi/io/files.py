"""Bytes from files and back: gzip by suffix, and never half a file."""

import contextlib
import gzip
import os
import zlib
from collections.abc import Callable, Iterator
from io import BufferedIOBase, BytesIO
from pathlib import Path

Progress = Callable[[float], None]

_BLOCK = 1 << 22


def read_bytes(path: Path, progress: Progress | None = None) -> bytes:
    """The content of a file, decompressed if its name ends in .gz.

    Args:
        path: the file.
        progress: called with the share that is read, as reading goes on.

    Raises:
        ValueError: if there is no such file, or it is not what its name says.
    """
    if path.is_dir():
        raise ValueError(f"{path} is a folder: give a file")
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            zipped = path.suffix.lower() == ".gz"
            source = gzip.GzipFile(fileobj=file) if zipped else file
            blocks = []
            while block := source.read(_BLOCK):
                blocks.append(block)
                if progress is not None and size > 0:
                    progress(min(1.0, file.tell() / size))
            return b"".join(blocks)
    except FileNotFoundError:
        raise ValueError(f"{path}: there is no such file") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(
            f"{path} cannot be decompressed ({error}): leave out .gz if it is not compressed, or"
            " fetch it again"
        ) from None


@contextlib.contextmanager
def written(path: Path) -> Iterator[BufferedIOBase]:
    """A file to write to, compressed if the name ends in .gz; it takes its place when all is well.

    An error or an interrupt leaves what was there before.

    Args:
        path: where the file will be.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            if path.suffix.lower() != ".gz":
                yield file
            else:
                # Writers of archives go back in what they write; a compressed file cannot.
                whole = BytesIO()
                yield whole
                # Without name and time: equal graphs make equal files.
                with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as zipped:
                    zipped.write(whole.getbuffer())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
