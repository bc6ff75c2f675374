"""Bytes from files and back: decompressed, compressed by suffix, and never half a file."""

import contextlib
import os
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from io import BufferedIOBase, BufferedReader, BytesIO
from pathlib import Path
from typing import NamedTuple

from jwi.io.compression import (
    ERRORS,
    compressed,
    compressing,
    decompressing,
    is_compressed,
    unzipped,
)
from jwi.io.formats import SUFFIXES, bare_name

Progress = Callable[[float], None]

# The standard input or output.
STANDARD = Path("-")

_BLOCK = 1 << 22


class Raw(NamedTuple):
    """The content of a file.

    Attributes:
        content: Decompressed.
        name: Of the file, or of the one in an archive, in small letters, without the suffix of its
            compression.
    """

    content: bytes
    name: str


def read_file(path: Path, progress: Progress | None = None) -> Raw:
    """The content of a file, decompressed; "-" is the standard input.

    Args:
        path: The file.
        progress: Called with the share that is read, as reading goes on.

    Raises:
        ValueError: If there is no such file, or it is cut short.
    """
    check_readable(path)
    try:
        with _opened(path) as file:
            size = os.fstat(file.fileno()).st_size if path != STANDARD else 0
            source = decompressing(file, file.peek(8)[:8])
            blocks = []
            while block := source.read(_BLOCK):
                blocks.append(block)
                if progress is not None and size > 0:
                    progress(min(1.0, file.tell() / size))
        content, name = unzipped(path, b"".join(blocks))
    except ERRORS as error:
        raise _broken(path, error) from None
    except OSError as error:
        # bz2 and pyarrow raise this for unreadable input.
        if error.errno is None:
            raise _broken(path, error) from None
        raise ValueError(_unreadable(path, error)) from None
    if is_compressed(content):
        raise ValueError(f"{path} is compressed twice: decompress it once")
    return Raw(content, bare_name(Path(name)))


def blocks_of(path: Path, size: int) -> Iterator[bytes]:
    """The content of a file, decompressed, in blocks of whole lines.

    Args:
        path: The file.
        size: Bytes of a block, about.

    Raises:
        ValueError: As `read_file`; for an archive.
    """
    check_readable(path)
    try:
        with path.open("rb") as file:
            source, rest = decompressing(file, file.peek(8)[:8]), b""
            while block := source.read(size):
                if not rest and is_compressed(block):
                    raise ValueError(f"{path} is compressed twice: decompress it once")
                lines, newline, rest = (rest + block).rpartition(b"\n")
                if newline:
                    yield lines + newline
            if rest:
                yield rest
    except ERRORS as error:
        raise _broken(path, error) from None
    except OSError as error:
        if error.errno is None:
            raise _broken(path, error) from None
        raise ValueError(_unreadable(path, error)) from None


def _opened(path: Path) -> contextlib.AbstractContextManager[BufferedReader]:
    if path != STANDARD:
        return path.open("rb")
    # Not closed, since it is not ours.
    return contextlib.nullcontext(sys.stdin.buffer)  # type: ignore[arg-type]


def _broken(path: Path, error: BaseException) -> ValueError:
    return ValueError(f"{path} cannot be decompressed ({error}): fetch it again")


def check_readable(path: Path) -> None:
    """Raises ValueError if there is no file, or a folder; "-" is the standard input."""
    if path == STANDARD:
        return
    try:
        folder = stat.S_ISDIR(path.stat().st_mode)
    except FileNotFoundError:
        raise ValueError(f"{path}: there is no such file") from None
    except OSError as error:
        raise ValueError(_unreadable(path, error)) from None
    if folder:
        raise ValueError(f"{path} is a folder: pass a file")


@contextlib.contextmanager
def written(path: Path, *, in_blocks: bool = False) -> Iterator[BufferedIOBase]:
    r"""A file to write to; it takes its place when all is well, compressed if its name says so.

    An error or an interrupt leaves the old file. A link stays, and its target is
    replaced; who may read the file stays too.

    Args:
        path: Where the file will be; "-" for the standard output.
        in_blocks: Whether compression begins before all is written. Then the file cannot be read or
            sought in, and it is no zip archive.

    Yields:
        The file to write to.

    Raises:
        ValueError: If there is something else than a file, or no file can be made there.

    Example:
        >>> import jwi.io, pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp(), "edges.txt")
        >>> with jwi.io.written(path) as file:
        ...     _ = file.write(b"1 2\n")
        >>> path.read_bytes()
        b'1 2\n'
    """
    check_replaceable(path)
    # Writers of archives seek backward; pipes and compressed streams cannot.
    whole = BytesIO()
    if path == STANDARD:
        yield whole
        sys.stdout.buffer.write(whole.getbuffer())
        sys.stdout.buffer.flush()
        return
    packed = path.suffix.lower() in SUFFIXES and not in_blocks
    target = path.resolve()
    temporary = None
    try:
        # A killed process leaves it behind, so its name says what it was to become.
        handle, name = tempfile.mkstemp(prefix=f".{target.name[:200]}.", dir=target.parent)
        temporary = Path(name)
        with os.fdopen(handle, "wb") as file:
            if in_blocks:
                with compressing(path.name, file) as target_file:
                    yield target_file
            else:
                yield whole if packed else file
            if packed:
                file.write(compressed(path.name, whole.getvalue()))
            # On the disk before it takes the old file's place: a crash leaves one of the two.
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(_mode(target))
        temporary.replace(target)
    except OSError as error:
        raise ValueError(_unwritable(path, error)) from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def check_replaceable(path: Path) -> None:
    """Raises ValueError if there is something that is not a file: a folder, a device, a pipe.

    "-" is the standard output.
    """
    if path == STANDARD:
        return
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
