"""What a file holds, whatever its format."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BufferedIOBase

import numpy as np
from jaxtyping import Bool, Int


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
        separator: what is between the columns of an edge list; None for other formats.
    """

    senders: Int[np.ndarray, " M"]
    receivers: Int[np.ndarray, " M"]
    labels: Sequence | np.ndarray
    directed: bool | None
    rewrite: Callable[[BufferedIOBase, Bool[np.ndarray, " M"]], None]
    notes: tuple[str, ...] = ()
    separator: str | None = None
