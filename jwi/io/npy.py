"""NumPy arrays: a dense adjacency matrix, or pairs of integers."""

import io

import numpy as np
from jaxtyping import Bool

from jwi.io.content import Content, Source
from jwi.io.matrix import dense_matrix_content
from jwi.io.refusals import base_notes, check_num_vertices, reason


def read(source: Source) -> Content:
    """Reads a square matrix of numbers, or integers (2, M) or (M, 2).

    Args:
        source: The file and the user's options.

    Raises:
        ValueError: For an array of another shape or type.
    """
    path = source.path
    source.options.only(path, source.format, "weights")
    try:
        array = np.load(io.BytesIO(source.content), allow_pickle=False)
    # Broken files make numpy raise whatever it stumbles on.
    except Exception as error:
        what = reason(error).removesuffix(" when allow_pickle=False")
        raise ValueError(
            f"{path} is no array of numbers ({what}): save a matrix by numpy.save"
        ) from None
    if array.shape == (3, 3) and array.dtype.kind in "iu" and _may_be_edges(array):
        raise ValueError(
            f"{path} has shape (3, 3), which may be a matrix or three edges with weights: save"
            " it by scipy.sparse.save_npz, or by numpy.savez as senders and receivers"
        )
    if array.ndim == 2 and array.shape[0] == array.shape[1] and array.shape != (2, 2):
        return dense_matrix_content(path, array, np.save)
    if array.ndim != 2 or 2 not in array.shape or array.dtype.kind not in "iu":
        raise ValueError(
            f"{path} has shape {list(array.shape)} and type {array.dtype}: pass a square matrix of"
            " at least three vertices, or integers of shape (2, M) or (M, 2)"
        )
    return _pairs(source, array)


def _may_be_edges(array: np.ndarray) -> bool:
    return bool((array != array.T).any() and array.diagonal().any() and array.max() > 1)


def _pairs(source: Source, array: np.ndarray) -> Content:
    if array.shape == (2, 2):
        raise ValueError(
            f"{source.path} has shape (2, 2), which may be a matrix or two edges: save it by"
            " scipy.sparse.save_npz, or by numpy.savez as senders and receivers"
        )
    axis = array.shape.index(2)
    ends = np.moveaxis(array, axis, 1).astype(np.int64)
    if ends.min(initial=0) < 0 or not len(ends):
        raise ValueError(f"{source.path} has no edges, or negative ones: number vertices from 0")
    n = int(ends.max()) + 1
    check_num_vertices(source.path, "its largest number", n, len(ends))

    def rewrite(file: io.BufferedIOBase, keep: Bool[np.ndarray, " M"]) -> None:
        np.save(file, array.compress(keep, axis=1 - axis))

    return Content(ends[:, 0], ends[:, 1], range(n), None, rewrite, base_notes(int(ends.min())))
