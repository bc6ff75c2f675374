"""What a reader may be told of a file; all else it guesses, and says."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypedDict


@dataclass(frozen=True)
class Options:
    """What a reader is told of a file.

    Attributes:
        named: Whether vertices are named by strings; else they are integers.
        separator: Between columns, a key of `jwi.io.dialect.SEPARATORS`; None to guess.
        header: Whether the first row is the names of columns; None to guess.
        columns: The columns of the two ends, and of the weight if there is a third, by name or by
            number from 1; None to guess.
        comment: The characters that begin comments; None to guess.
        encoding: Of the text, a name that Python knows; None for UTF-8, or as a byte order mark
            says.
        bipartite: Whether the same id on the left and on the right is two vertices; None for what
            the file says.
        weights: Whether to read weights.
    """

    named: bool = False
    separator: str | None = None
    header: bool | None = None
    columns: Sequence[str | int] | None = None
    comment: str | None = None
    encoding: str | None = None
    bipartite: bool | None = None
    weights: bool = False

    def only(self, path: Path, format: str, *allowed: str) -> None:
        """Raises for what a reader is told and cannot heed.

        Args:
            path: The file, for the message.
            format: Its format.
            allowed: The options that its reader heeds.

        Raises:
            ValueError: If another option is given.
        """
        for field in fields(self):
            told = getattr(self, field.name) != field.default
            # Names are harmless where a format has names of its own.
            if told and field.name not in (*allowed, "named"):
                raise ValueError(
                    f"{path} is read as {format}, where --{field.name} has no meaning: leave it out"
                )


class OptionNames(TypedDict, total=False):
    """The attributes of `Options` as arguments of a function."""

    named: bool
    separator: str | None
    header: bool | None
    columns: Sequence[str | int] | None
    comment: str | None
    encoding: str | None
    bipartite: bool | None
    weights: bool
