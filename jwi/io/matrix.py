"""Adjacency matrices as scipy holds them, whatever file they come from."""

import contextlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from jaxtyping import Bool

from jwi.io.content import Content
from jwi.io.refusals import check_num_vertices, reason


def matrix_content(
    path: Path,
    load: Callable[[], Any],
    write: Callable[[io.BufferedIOBase, Any], None],
) -> Content:
    """The stored entries of a square sparse matrix, zeros too, as edges of 0, …, n − 1.

    Args:
        path: the file, for messages.
        load: gives the matrix.
        write: writes a matrix of the same container and format in its place.

    Raises:
        ValueError: If `load` fails, or its result is no square matrix, or broken, or has more
            vertices than its entries make plausible.
    """
    with _refusing_no_matrix(path):
        matrix = _checked(load())
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.shape[0] < 1:
        raise ValueError(
            f"{path} holds a matrix of shape {matrix.shape}: an adjacency matrix has a row and a"
            " column for each vertex"
        )
    check_num_vertices(path, "its shape", matrix.shape[0], matrix.data.size)
    with _refusing_no_matrix(path):
        entries = scipy.sparse.coo_array(matrix)
        if matrix.format == "bsr":
            # Most zeros in its blocks only fill them.
            entries.eliminate_zeros()
    odd = int((~np.isfinite(entries.data)).sum()) if entries.data.dtype.kind in "fc" else 0
    check_finite(path, odd)
    rows, columns = entries.coords

    def rewrite(file: io.BufferedIOBase, keep: Bool[np.ndarray, " M"]) -> None:
        kept = scipy.sparse.coo_array(
            (entries.data[keep], (rows[keep], columns[keep])), shape=entries.shape
        )
        container = type(matrix)
        write(file, container(kept.asformat(matrix.format)))

    real = entries.data.dtype.kind in "biuf"
    weights = entries.data.astype(np.float64) if real else None
    notes = zeros_note(int((entries.data == 0).sum()))
    return Content(rows, columns, range(entries.shape[0]), None, rewrite, notes, weights=weights)


def zeros_note(count: int) -> tuple[str, ...]:
    """What a reader of the file is told of entries that are stored and 0; nothing without any."""
    if not count:
        return ()
    entries = "1 stored entry is" if count == 1 else f"{count:,} stored entries are"
    return (f"{entries} 0, and an edge as the others are (scipy's eliminate_zeros drops them)",)


def check_finite(path: Path, odd: int) -> None:
    """Raises ValueError for stored entries of a sparse matrix that are NaN or infinite.

    Args:
        path: The file, for the message.
        odd: How many of them there are.
    """
    if odd:
        raise ValueError(
            f"{path}: {odd:,} of the stored entries are NaN or infinite: leave them out if they"
            " are no edges, or else store numbers"
        )


def dense_matrix_content(
    path: Path, matrix: np.ndarray, write: Callable[[io.BufferedIOBase, np.ndarray], None]
) -> Content:
    """The entries of a dense square matrix that are not zero, as edges of 0, …, n − 1.

    Args:
        path: the file, for messages.
        matrix: [n, n].
        write: writes such a matrix in its place.

    Raises:
        ValueError: if it holds anything else than finite numbers.
    """
    if matrix.dtype.kind not in "biuf" or not np.isfinite(matrix).all():
        raise ValueError(f"{path} holds a matrix of other things than finite numbers: pass numbers")
    senders, receivers = np.nonzero(matrix)

    def rewrite(file: io.BufferedIOBase, keep: Bool[np.ndarray, " M"]) -> None:
        kept = matrix.copy()
        kept[senders[~keep], receivers[~keep]] = 0
        write(file, kept)

    n = len(matrix)
    notes = [
        f"a dense matrix of {n:,} rows, {len(senders):,} of its {n * n:,} numbers are not zero"
    ]
    if (matrix != matrix.T).any():
        notes.append("the matrix is not symmetric (--directed takes it so)")
    weights = matrix[senders, receivers].astype(np.float64)
    return Content(senders, receivers, range(n), None, rewrite, tuple(notes), weights=weights)


@contextlib.contextmanager
def _refusing_no_matrix(path: Path) -> Iterator[None]:
    try:
        yield
    # Arrays that do not fit together make scipy raise whatever it stumbles on.
    except Exception as error:
        raise ValueError(
            f"{path} holds no sparse matrix ({reason(error)}): save it again"
        ) from None


def _checked(matrix: Any) -> Any:
    """A sparse matrix whose indices lead nowhere else than into its arrays."""
    if matrix.format in ("csr", "csc", "bsr"):
        # scipy looks at the last of them alone if that says that there are no entries.
        if (np.diff(matrix.indptr) < 0).any():
            raise ValueError("indptr must be a non-decreasing sequence")
        matrix.check_format(full_check=True)
    return matrix
