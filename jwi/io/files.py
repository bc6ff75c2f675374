"""Bytes from files and back: gzip by suffix, and never half a file."""

import contextlib
import gzip
import os
import stat
import tempfile
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
    check_readable(path)
    zipped = path.suffix.lower() == ".gz"
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            source = gzip.GzipFile(fileobj=file) if zipped else file
            blocks = []
            while block := source.read(_BLOCK):
                blocks.append(block)
                if progress is not None and size > 0:
                    progress(min(1.0, file.tell() / size))
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(
            f"{path} cannot be decompressed ({error}): leave out .gz if it is not compressed, or"
            " fetch it again"
        ) from None
    except OSError as error:
        raise ValueError(_unreadable(path, error)) from None
    content = b"".join(blocks)
    if content[:2] == b"\x1f\x8b":
        how = " twice: decompress it once, with gunzip" if zipped else ": add .gz to its name"
        raise ValueError(f"{path} is compressed{how}")
    return content


def bare_suffix(path: Path) -> str:
    """The suffix of a file in small letters, that before .gz."""
    return Path(bare_name(path)).suffix


def bare_name(path: Path) -> str:
    """The name of a file in small letters, without the suffix of its compression."""
    return path.name.lower().removesuffix(".gz")


def check_readable(path: Path) -> None:
    """Raises ValueError if there is no file, or a folder."""
    try:
        folder = stat.S_ISDIR(path.stat().st_mode)
    except FileNotFoundError:
        raise ValueError(f"{path}: there is no such file") from None
    except OSError as error:
        raise ValueError(_unreadable(path, error)) from None
    if folder:
        raise ValueError(f"{path} is a folder: pass a file")


@contextlib.contextmanager
def written(path: Path) -> Iterator[BufferedIOBase]:
    """A file to write to, compressed if the name ends in .gz; it takes its place when all is well.

    An error or an interrupt leaves what was there before. A link stays, and what it leads to is
    replaced; who may read the file stays too.

    Args:
        path: where the file will be.

    Raises:
        ValueError: if there is something else than a file, or no file can be made there.
    """
    check_replaceable(path)
    target = path.resolve()
    temporary = None
    try:
        handle, name = tempfile.mkstemp(prefix=".", dir=target.parent)
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            if path.suffix.lower() != ".gz":
                yield file
            else:
                # Writers of archives go back in what they write; a compressed file cannot.
                whole = BytesIO()
                yield whole
                # Without name and time: equal graphs make equal files.
                with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as zipped:
                    zipped.write(whole.getbuffer())
        temporary.chmod(_mode(target))
        temporary.replace(target)
    except OSError as error:
        raise ValueError(_unwritable(path, error)) from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def check_replaceable(path: Path) -> None:
    """Raises ValueError if there is something that is not a file: a folder, a device, a pipe."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    # Links that lead to themselves among others.
    except OSError as error:
        raise ValueError(_unwritable(path, error)) from None
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "a device or a pipe"
        raise ValueError(f"{path} is {what}: pass a file")


def _unreadable(path: Path, error: OSError) -> str:
    return f"{path} cannot be read ({error.strerror or error}): pass another file"


def _unwritable(path: Path, error: OSError) -> str:
    return f"{path} cannot be written ({error.strerror or error}): pass another file"


def _mode(path: Path) -> int:
    """Of the file that is there, or of a new one."""
    if path.exists():
        return stat.S_IMODE(path.stat().st_mode)
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask
