"""Text of a file as lines of UTF-8, whatever its compression and encoding."""

import io
import itertools
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from lzma import LZMAError
from pathlib import Path
from typing import Any, BinaryIO

from jrft.diagnosis.log.batches import ROWS, Skip
from jrft.diagnosis.log.readers import COMPRESSED

_UTF32 = (b"\xff\xfe\0\0", b"\0\0\xfe\xff")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
# So many bytes tell the encoding.
_HEAD = 1 << 16
_DAMAGED = (EOFError, UnicodeDecodeError, OSError, zlib.error, LZMAError)
_UTF8_MARK = b"\xef\xbb\xbf"


@contextmanager
def open_lines(path: Path, skip: Skip) -> Iterator[tuple[Iterator[bytes], Callable[[], float]]]:
    """Lines of a text file, and a function that says which share of it is read.

    A compressed file that is still being written ends early: its whole lines are read, and
    `skip.cut` is called.
    """
    size = max(path.stat().st_size, 1)
    with path.open("rb") as raw:
        blocks = _blocks(_decompressed(path, raw), str(path), skip)
        lines = itertools.chain.from_iterable(blocks)
        # A decompressor may close the file when it ends.
        yield lines, lambda: 1.0 if raw.closed else raw.tell() / size


def _decompressed(path: Path, raw: BinaryIO) -> Any:
    match path.suffix.lower():
        case ".gz" | ".bz2" | ".xz" as suffix:
            return import_module(COMPRESSED[suffix]).open(raw)
        case ".zst":
            arrow: Any = _arrow(path)
            return io.BufferedReader(arrow.CompressedInputStream(raw, "zstd"))
        case _:
            return raw


def _arrow(path: Path) -> Any:
    try:
        return import_module("pyarrow")
    except ImportError as error:
        raise ValueError(
            f"{path}: reading this file needs pyarrow, which is not installed: pip install pyarrow"
        ) from error


def _blocks(stream: Any, source: str, skip: Skip) -> Iterator[list[bytes]]:
    """Lines, many at once: a step of a generator for each would double the time of reading."""
    count = 0
    block: list[bytes] = []
    try:
        lines = _utf8_lines(stream, source, skip)
        while True:
            block = []
            block.extend(itertools.islice(lines, ROWS))
            if not block:
                return
            count += len(block)
            yield block
    except _DAMAGED as error:
        ended = isinstance(error, EOFError) or "truncated" in str(error).lower()
        if not ended:
            raise ValueError(f"{source}: the file is damaged ({error})") from error
        # Bytes read before the end stand in the block.
        count += len(block)
        skip.cut(source, f"the compressed file ends early: its {count:,} whole lines were read")
    yield block


def _utf8_lines(stream: Any, source: str, skip: Skip) -> Iterator[bytes]:
    """Lines, from UTF-16, UTF-32 or Latin-1 if the first lines say so."""
    head: list[bytes] = []
    rest: Iterator[bytes] = stream
    try:
        for line in stream:
            head.append(line)
            if sum(map(len, head)) > _HEAD:
                break
    except _DAMAGED as error:
        # What was read before the end comes first.
        rest = _raising(error)
    first = head[0] if head else b""
    if encoding := _wide(first):
        text = b"".join([*head, *rest]).decode(encoding).removeprefix("\ufeff")
        return iter(text.encode(errors="surrogatepass").splitlines(keepends=True))
    if not _is_utf8(b"".join(head)):
        skip.notes[f"{source} is not UTF-8: it was read as Windows-1252, like Latin-1."] = None
        return map(_from_latin, itertools.chain(head, rest))
    return itertools.chain([first.removeprefix(_UTF8_MARK), *head[1:]] if first else [], rest)


def _raising(error: Exception) -> Iterator[bytes]:
    yield from ()
    raise error


def _wide(first: bytes) -> str | None:
    """The encoding of more than a byte a letter that the first bytes tell."""
    if first[:4] in _UTF32:
        return "utf-32"
    if first[:2] in _UTF16:
        return "utf-16"
    # Without a mark: letters of English beside zeros.
    if len(first) > 4 and first[1:4:2] == b"\0\0" and first[0]:
        return "utf-16-le"
    return "utf-16-be" if len(first) > 4 and first[0:3:2] == b"\0\0" and first[1] else None


def _is_utf8(head: bytes) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError as error:
        # The head may end within a letter, if the file does.
        return error.reason == "unexpected end of data" and error.end == len(head)
    return True


def _from_latin(line: bytes) -> bytes:
    try:
        return line.decode("cp1252").encode()
    except UnicodeDecodeError:
        return line.decode("latin-1").encode()
