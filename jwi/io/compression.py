"""Compressed files: known by how they begin when they are read, by their suffix when written."""

import bz2
import contextlib
import functools
import gzip
import io
import lzma
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from jwi.io.foreign import refuse_archive

_ZIP = (b"PK\x03\x04", b"PK\x05\x06")


class _Codec(NamedTuple):
    """A way to compress.

    Attributes:
        begins: The first bytes of compressed content.
        opened: From a file to a file of its decompressed content.
        compressed: From bytes to fewer.
        packing: From a file to a file that compresses into it.
    """

    begins: bytes
    opened: Callable[[Any], Any]
    compressed: Callable[[bytes], bytes]
    packing: Callable[[Any], Any]


def _zstandard(file: Any) -> Any:
    return _pyarrow().CompressedInputStream(file, "zstd")


def _to_zstandard(content: bytes) -> bytes:
    return bytes(_pyarrow().compress(content, codec="zstd", asbytes=True))


def _packing_zstandard(file: Any) -> Any:
    # It closes the file that it writes to.
    return _pyarrow().CompressedOutputStream(os.fdopen(os.dup(file.fileno()), "wb"), "zstd")


def _pyarrow() -> Any:
    try:
        import pyarrow
    except ModuleNotFoundError:
        raise ValueError("zst files need pyarrow: pip install pyarrow") from None
    return pyarrow


def _gzip(content: bytes) -> bytes:
    # Without name and time: equal graphs make equal files.
    return gzip.compress(content, mtime=0)


_CODECS = {
    ".gz": _Codec(
        b"\x1f\x8b",
        lambda file: gzip.GzipFile(fileobj=file),
        _gzip,
        lambda file: gzip.GzipFile("", "wb", fileobj=file, mtime=0),
    ),
    ".bz2": _Codec(b"BZh", bz2.BZ2File, bz2.compress, functools.partial(bz2.BZ2File, mode="wb")),
    ".xz": _Codec(
        b"\xfd7zXZ\x00", lzma.LZMAFile, lzma.compress, functools.partial(lzma.LZMAFile, mode="wb")
    ),
    ".zst": _Codec(b"\x28\xb5\x2f\xfd", _zstandard, _to_zstandard, _packing_zstandard),
}


def decompressing(file: Any, begins: bytes) -> Any:
    """A file of what a compressed file holds; the file itself if it is not compressed.

    Args:
        file: Open, at its start.
        begins: Its first bytes.

    Raises:
        ValueError: If a package is missing.
    """
    for codec in _CODECS.values():
        if begins.startswith(codec.begins):
            return codec.opened(file)
    return file


# What the readers raise for files that are cut short or broken.
ERRORS = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, gzip.BadGzipFile)


def is_compressed(content: bytes) -> bool:
    """Whether bytes are compressed still."""
    return any(content.startswith(codec.begins) for codec in _CODECS.values())


def unzipped(path: Path, content: bytes) -> tuple[bytes, str]:
    """The only file of a zip archive, and its name; the content itself if it is none.

    Archives of NumPy's arrays are files of their own.

    Args:
        path: The file, for messages.
        content: Its bytes.

    Raises:
        ValueError: If the archive holds several files, or none.
    """
    if not content.startswith(_ZIP):
        return content, path.name
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = [
            name
            for name in archive.namelist()
            if not name.endswith("/") and not name.startswith("__MACOSX/")
        ]
        if names and all(name.endswith(".npy") for name in names):
            return content, f"{path.name}.npz"
        if len(names) != 1:
            refuse_archive(path, names)
        if archive.getinfo(names[0]).flag_bits & 1:
            raise ValueError(f"{path} is encrypted: unzip it, and pass the file of the graph")
        return archive.read(names[0]), names[0]


def compressed(name: str, content: bytes) -> bytes:
    """Bytes as a file of some name holds them.

    Args:
        name: Of the file; one without the suffix of a compression is not compressed.
        content: The bytes to compress.

    Raises:
        ValueError: If a package is missing.
    """
    suffix = Path(name).suffix.lower()
    if suffix == ".zip":
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as file:
            # Without the time: equal graphs make equal files.
            member = zipfile.ZipInfo(Path(name).stem)
            member.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(member, content)
        return archive.getvalue()
    codec = _CODECS.get(suffix)
    return content if codec is None else codec.compressed(content)


@contextlib.contextmanager
def compressing(name: str, file: Any) -> Iterator[Any]:
    """A file that compresses into another, as its name says; the other one itself if it does not.

    Args:
        name: Of the file; zip archives are not among them.
        file: Where to.

    Raises:
        ValueError: If a package is missing.
    """
    codec = _CODECS.get(Path(name).suffix.lower())
    if codec is None:
        yield file
        return
    with codec.packing(file) as packed:
        yield packed
