"""The input and the output of a reader of any format."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int

from jwi.io.options import Options


class Source(NamedTuple):
    """What a reader is given.

    Attributes:
        path: The file, for messages, and for its suffix.
        format: A key of `jwi.io.formats.FORMATS`.
        content: The file's bytes, decompressed.
        options: What the user says of it.
        directed: What the user says of its direction; None if nothing.
        told: Whether the user names the format.
    """

    path: Path
    format: str
    content: bytes
    options: Options = Options()
    directed: bool | None = None
    told: bool = False


@dataclass(frozen=True)
class Content:
    """The entries of a file: rows of an edge list, entries of a matrix, edges of a graph.

    Attributes:
        senders: int[M], the vertex where each entry starts.
        receivers: int[M], where it ends.
        labels: the name of each vertex in the file, a string or a number; a range where these are
            numbers without gaps, since there may be more vertices than entries.
        directed: what the file says; None where its format has no word for it.
        rewrite: writes the file anew with some of its entries, bool[M], and all else it held.
        notes: what a reader of the file may not expect.
        separator: The separator of an edge list's columns; None for other formats.
        says: where the file says its direction; None if its format does.
        weights: float64[M], the weight of each entry; None without weights, or if
            they are not asked for.
        format: what the file turned out to be; None for the format it was read as.
    """

    senders: Int[np.ndarray, " M"]
    receivers: Int[np.ndarray, " M"]
    labels: Sequence | np.ndarray
    directed: bool | None
    rewrite: Callable[[BufferedIOBase, Bool[np.ndarray, " M"]], None]
    notes: tuple[str, ...] = ()
    separator: str | None = None
    says: str | None = None
    weights: Float64[np.ndarray, " M"] | None = None
    format: str | None = None
