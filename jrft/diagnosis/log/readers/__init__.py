"""The table of readers.

Two edits add a reader: a module of this folder, of some 60 lines at the most, and a line of
`READERS`. The command line, its help, directories of logs and the tests of headers take it from
there.

A module has a function `read(path, skip)`. It yields batches of rows, and after each the share of
the file that is read. It calls `skip(source, line, problem)` for a row that is no row. A file that
ends in the middle is read as far as it goes: then it calls `skip.cut(source, problem)`.
"""

from pathlib import Path
from typing import NamedTuple

# Suffixes of compressed text, each with the module that decompresses it.
COMPRESSED = {".gz": "gzip", ".bz2": "bz2", ".xz": "lzma", ".zst": "pyarrow"}


class Reader(NamedTuple):
    """A kind of file.

    Attributes:
        suffixes: Ends of names, in lower case.
        module: The module of this folder that reads it.
        rows: What a row is, for help and documentation.
        text: Whether files may be compressed.
    """

    suffixes: tuple[str, ...]
    module: str
    rows: str
    text: bool = True


READERS = (
    Reader((".jsonl", ".ndjson"), "json_lines", "an object a completion, or a group with lists"),
    Reader((".json",), "json_document", "an array of objects, or columns of equal length"),
    Reader((".csv", ".tsv"), "delimited", "a row a completion, under names"),
    Reader((".parquet",), "parquet", "a row a completion, or a group with lists", text=False),
    Reader((".npy", ".npz"), "arrays", "an array (prompts, samples), or named arrays", text=False),
)


def reader_of(path: Path) -> Reader | None:
    """The reader of a file by its name; None if the kind is unknown.

    Example:
        >>> reader_of(Path("rollouts.jsonl.gz")).module
        'json_lines'
    """
    suffix, text = path.suffix.lower(), False
    if suffix in COMPRESSED:
        suffix, text = Path(path.stem).suffix.lower(), True
    for reader in READERS:
        if suffix in reader.suffixes and (reader.text or not text):
            return reader
    return None


def known_suffixes() -> str:
    """All suffixes, for messages and help."""
    text = ", ".join(suffix for reader in READERS if reader.text for suffix in reader.suffixes)
    other = ", ".join(suffix for reader in READERS if not reader.text for suffix in reader.suffixes)
    return f"{text} (also {', '.join(COMPRESSED)}), {other}"
