"""MATLAB files, in which graphs are shared: a sparse matrix among other variables."""

import io
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import scipy.io
import scipy.sparse

from jwi.io.content import Content, Source
from jwi.io.matlab_check import check_elements
from jwi.io.matrix import dense_matrix_content, matrix_content
from jwi.io.refusals import reason

# What adjacency matrices are called where there are other sparse ones, in this order.
_NAMES = ("A", "adjacency", "adj", "network", "G", "W")
# In place of scipy's line, which has the time: equal graphs make equal files.
_HEADER = b"MATLAB 5.0 MAT-file"
_HEADER_SIZE = 116


class _Place(NamedTuple):
    """Where a matrix is.

    Attributes:
        variable: Its name, or the name of its structure.
        field: its name there; None for a variable of its own.
    """

    variable: str
    field: str | None

    @property
    def name(self) -> str:
        return self.field or self.variable


def read(source: Source) -> Content:
    """Reads a square matrix, sparse or else dense; rewritten, all other variables stay.

    It is a variable or, as in the SuiteSparse collection, a field of a structure. Of several, that
    of a usual name is taken.

    Args:
        source: The file and the user's options.

    Raises:
        ValueError: if there is no such matrix, or more than one and none of a usual name.
    """
    path = source.path
    source.options.only(path, source.format, "weights")
    check_elements(path, source.content)
    try:
        with warnings.catch_warnings():
            # Sparse matrices will be sparse arrays, which serve as well.
            warnings.filterwarnings("ignore", "The default value for `spmatrix`")
            loaded = scipy.io.loadmat(io.BytesIO(source.content))
    # Broken files make scipy raise whatever it stumbles on; files of version 7.3 are HDF5.
    except Exception as error:
        raise ValueError(
            f"{path} cannot be read as MATLAB's ({reason(error)}): save it with -v7"
        ) from None
    variables = {name: value for name, value in loaded.items() if not name.startswith("__")}
    place = _place(path, variables)

    def write(file: io.BufferedIOBase, matrix: Any) -> None:
        value = matrix
        if place.field is not None:
            value = variables[place.variable].copy()
            value[place.field].flat[0] = matrix
        saved = io.BytesIO()
        scipy.io.savemat(saved, {**variables, place.variable: value}, do_compression=True)
        file.write(_HEADER.ljust(_HEADER_SIZE) + saved.getvalue()[_HEADER_SIZE:])

    found = _matrix(variables, place)
    if not scipy.sparse.issparse(found):
        return dense_matrix_content(path, found, write)
    return matrix_content(path, lambda: found, write)


def _place(path: Path, variables: dict[str, Any]) -> _Place:
    """Where the adjacency matrix is."""
    places = [_Place(name, None) for name in variables]
    for name, value in variables.items():
        if isinstance(value, np.ndarray) and value.size == 1:
            places += [_Place(name, field) for field in value.dtype.names or ()]
    square = [place for place in places if _is_square(_matrix(variables, place))]
    sparse = [place for place in square if scipy.sparse.issparse(_matrix(variables, place))]
    found = sparse or square
    usual = [place for name in _NAMES for place in found if place.name == name]
    if not found or (len(found) > 1 and not usual):
        held = ", ".join(place.name for place in found or places) or "nothing"
        raise ValueError(
            f"{path} holds {held}: pass one square matrix, sparse or dense, or call it {_NAMES[0]}"
        )
    return (usual or found)[0]


def _matrix(variables: dict[str, Any], place: _Place) -> Any:
    value = variables[place.variable]
    return value if place.field is None else value[place.field].flat[0]


def _is_square(value: Any) -> bool:
    """Whether a value is a matrix of numbers with a row and a column for each vertex."""
    if scipy.sparse.issparse(value):
        return bool(value.shape[0] == value.shape[1])
    numbers = isinstance(value, np.ndarray) and value.dtype.kind in "biuf"
    # In MATLAB, numbers are matrices as well.
    return numbers and value.ndim == 2 and value.shape[0] == value.shape[1] > 1
