"""Text of a file as lines of UTF-8, whatever its compression and encoding."""

import io
import itertools
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from jrft.diagnosis.log.batches import ROWS, Skip
from jrft.diagnosis.log.readers import COMPRESSED

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
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
    lzma_error = import_module("lzma").LZMAError
    count = 0
    block: list[bytes] = []
    try:
        lines = _utf8_lines(stream)
        while True:
            block = []
            block.extend(itertools.islice(lines, ROWS))
            if not block:
                return
            count += len(block)
            yield block
    except (EOFError, UnicodeDecodeError, OSError, zlib.error, lzma_error) as error:
        ended = isinstance(error, EOFError) or "truncated" in str(error).lower()
        if not ended:
            raise ValueError(f"{source}: the file is damaged ({error})") from error
        # Bytes read before the end stand in the block.
        count += len(block)
        skip.cut(source, f"the compressed file ends early: its {count:,} whole lines were read")
    yield block


def _utf8_lines(stream: Any) -> Iterator[bytes]:
    """Lines, from UTF-16 if the file begins with its mark."""
    first = stream.readline()
    if first[:2] in _UTF16:
        encoding = "utf-16-le" if first[:2] == _UTF16[0] else "utf-16-be"
        rest = first[2:] + stream.read()
        return iter(rest.decode(encoding).encode().splitlines(keepends=True))
    return itertools.chain([first.removeprefix(_UTF8_MARK)] if first else [], stream)
