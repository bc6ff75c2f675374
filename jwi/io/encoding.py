"""Text of any encoding as UTF-8 with LF at the ends of lines, and back."""

import codecs
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

# Those of 32 bits first, since UTF-16's is how one of them begins.
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32-le",
    codecs.BOM_UTF32_BE: "utf-32-be",
    codecs.BOM_UTF16_LE: "utf-16-le",
    codecs.BOM_UTF16_BE: "utf-16-be",
}


class Text(NamedTuple):
    """The text of a file.

    Attributes:
        content: In UTF-8, without a byte order mark.
        encode: From such text to how the file has it, the byte order mark included.
        notes: Sentences about unusual encodings.
    """

    content: bytes
    encode: Callable[[bytes], bytes]
    notes: tuple[str, ...]


def decoded(path: Path, content: bytes, encoding: str | None) -> Text:
    """The text of a file.

    Args:
        path: The file, for messages.
        content: Its bytes.
        encoding: A name that Python knows; None for what a byte order mark says, or UTF-8.

    Raises:
        ValueError: If there is no such encoding, or the text has another.
    """
    mark = next((mark for mark in _MARKS if content.startswith(mark)), b"")
    marked = _MARKS.get(mark, "utf-8")
    name = known_encoding(encoding) or marked
    if mark and name[:5] == marked[:5]:
        name = marked
    body = content[len(mark) :]
    notes = () if name == "utf-8" else (f"encoding: {name}",)
    if name != "utf-8":
        try:
            body = body.decode(name).encode()
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{path} is no text in {name} ({error.reason} at byte {error.start}): --encoding"
                " names another"
            ) from None
    elif b"\0" in body[:4096]:
        raise ValueError(
            f"{path} is not text: pass it the suffix of its format, or --format; text in UTF-16"
            " without a byte order mark is read by --encoding utf-16-le or utf-16-be"
        )
    alone = b"\r" in body[:4096] and b"\n" not in body
    if alone:
        body = body.replace(b"\r", b"\n")

    def encode(text: bytes) -> bytes:
        if alone:
            text = text.replace(b"\n", b"\r")
        return mark + (text if name == "utf-8" else text.decode().encode(name))

    return Text(body, encode, notes)


def known_encoding(encoding: str | None) -> str | None:
    """The name that Python has for an encoding; None for None.

    Raises:
        ValueError: If there is no such encoding of text.
    """
    if encoding is None:
        return None
    try:
        name = codecs.lookup(encoding).name
        # Some codecs are of other things than text.
        "".encode(name)
    except (LookupError, TypeError, ValueError):
        raise ValueError(
            f"--encoding is {encoding!r}: pass a name that Python knows, such as latin-1 or utf-16"
        ) from None
    # These would look for a byte order mark, and it is taken off before.
    return {"utf-16": "utf-16-le", "utf_16": "utf-16-le", "utf-8-sig": "utf-8"}.get(name, name)
