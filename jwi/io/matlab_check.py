"""What scipy does not look at in a MATLAB file before it follows it out of its memory.

References:
    *MAT-File Format*, The MathWorks, version 5.
"""

import zlib
from collections.abc import Iterator
from pathlib import Path

_HEADER_SIZE, _TAG_SIZE = 128, 8
_MATRIX, _COMPRESSED = 14, 15
# Of the numbers that an element holds, and the bytes of one.
_SIZES = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8, 16: 1, 17: 2, 18: 4}
_MOST_NESTED = 64


def check_elements(path: Path, content: bytes) -> None:
    """Raises ValueError for an element whose type or size is none; scipy takes it on trust.

    Args:
        path: The file, for the message.
        content: Its bytes; files of version 4 or 7.3 have no such elements.
    """
    mark = content[_HEADER_SIZE - 2 : _HEADER_SIZE]
    if len(content) <= _HEADER_SIZE or mark not in (b"IM", b"MI") or content[:4].count(0):
        return
    order = "little" if mark == b"IM" else "big"
    try:
        _check(memoryview(content)[_HEADER_SIZE:], order, 0)
    except (ValueError, zlib.error) as error:
        raise ValueError(
            f"{path} cannot be read as MATLAB's ({error}): fetch it again, or save it with -v7"
        ) from None


def _check(body: memoryview, order: str, depth: int) -> None:
    """Raises ValueError or zlib.error for a broken element, or one within it."""
    if depth > _MOST_NESTED:
        raise ValueError("its elements are nested too deep")
    for kind, held in _elements(body, order):
        if kind == _COMPRESSED:
            _check(memoryview(zlib.decompress(held)), order, depth + 1)
        elif kind == _MATRIX:
            _check(held, order, depth + 1)
        elif kind not in _SIZES:
            raise ValueError(f"an element is of type {kind}, which is none")
        elif len(held) % _SIZES[kind]:
            raise ValueError(f"an element of type {kind} has {len(held)} bytes")


def _elements(body: memoryview, order: str) -> Iterator[tuple[int, memoryview]]:
    """The type and the bytes of each element of a sequence."""
    place = 0
    while place < len(body):
        if len(body) - place < _TAG_SIZE:
            raise ValueError("it ends within an element")
        word = int.from_bytes(body[place : place + 4], order)  # type: ignore[arg-type]
        if word >> 16:
            # A small one, with up to four bytes in its tag.
            kind, size, start = word & 0xFFFF, word >> 16, place + 4
            if size > 4:
                raise ValueError(f"a small element has {size} bytes")
            place += _TAG_SIZE
        else:
            size = int.from_bytes(body[place + 4 : place + 8], order)  # type: ignore[arg-type]
            kind, start = word, place + _TAG_SIZE
            # All but compressed ones are filled to eight bytes.
            place = start + size + (0 if kind == _COMPRESSED else -size % _TAG_SIZE)
        if start + size > len(body):
            raise ValueError("it ends within an element")
        yield kind, body[start : start + size]
