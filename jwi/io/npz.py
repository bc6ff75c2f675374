"""NumPy archives: sparse matrices as scipy saves them, and arrays of edges."""

import io
import zipfile
from pathlib import Path

import numpy as np
import scipy.sparse
from jaxtyping import Bool

from jwi.io.content import Content

_SIZES = ("num_vertices", "num_nodes")
# Vertices are int32 in a graph.
_MAX_VERTICES = 2**31 - 1
# Vertices an edge that are believed without being told their number: one wrong entry would else
# fill the memory with vertices that do not exist.
_MAX_UNASKED = 100_000
# The axis of the two ends, for each name under which arrays of edges are known.
_PAIRS = {"edge_index": 0, "edges": 1, "edge_list": 1}


def read_npz(path: Path, content: bytes) -> Content:
    """Reads a sparse matrix, `senders` and `receivers`, `edge_index` (2, M), or `edges` (M, 2).

    Vertices are 0, …, n − 1, with n the size of the matrix, or `num_vertices` or `num_nodes`, or
    else as many as the edges tell. Rewritten, arrays of M entries are shortened with the edges; all
    others, and arrays of n entries where n = M unless their name begins with "edge", stay.

    Args:
        path: the file, for messages.
        content: what is in it.

    Raises:
        ValueError: if none of these is in it, or it is not of integers, or not of that shape.
    """
    try:
        archive = np.load(io.BytesIO(content), allow_pickle=False)
        if isinstance(archive, np.ndarray):
            raise ValueError("it is a single array, as numpy.save saves it")
        with archive:
            arrays = {name: archive[name] for name in archive.files}
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, AttributeError) as error:
        raise ValueError(
            f"{path} is no archive of plain arrays ({error}): save it with scipy.sparse.save_npz"
            " or numpy.savez"
        ) from None
    if {"format", "shape", "data"} <= arrays.keys():
        return _sparse_matrix(path, content)
    return _edge_arrays(path, arrays)


def _sparse_matrix(path: Path, content: bytes) -> Content:
    try:
        matrix = scipy.sparse.load_npz(io.BytesIO(content))
        entries = scipy.sparse.coo_array(matrix)
    except (ValueError, KeyError, TypeError, IndexError, NotImplementedError) as error:
        raise ValueError(f"{path} holds no sparse matrix ({error}): save it again") from None
    if entries.ndim != 2 or entries.shape[0] != entries.shape[1] or entries.shape[0] < 1:
        raise ValueError(
            f"{path} holds a matrix of shape {entries.shape}: an adjacency matrix has a row and a"
            " column for each vertex"
        )
    rows, columns = entries.coords

    def rewrite(file: io.BufferedIOBase, keep: Bool[np.ndarray, " M"]) -> None:
        kept = scipy.sparse.coo_array(
            (entries.data[keep], (rows[keep], columns[keep])), shape=entries.shape
        )
        container = type(matrix)
        scipy.sparse.save_npz(file, container(kept.asformat(matrix.format)))

    return Content(rows, columns, np.arange(entries.shape[0]), None, rewrite)


def _edge_arrays(path: Path, arrays: dict[str, np.ndarray]) -> Content:
    names, senders, receivers = _ends(path, arrays)
    size = [name for name in _SIZES if name in arrays and arrays[name].ndim == 0]
    largest = int(max(senders.max(initial=0), receivers.max(initial=0)))
    smallest = int(min(senders.min(initial=0), receivers.min(initial=0)))
    n = int(arrays[size[0]]) if size else largest + 1
    if not size and not len(senders):
        raise ValueError(
            f"{path}: {' and '.join(names)} have no edges: give some, or add {_SIZES[0]}"
        )
    if smallest < 0 or largest >= n:
        wrong = smallest if smallest < 0 else largest
        raise ValueError(
            f"{path}: {' and '.join(names)} have the vertex {wrong}: vertices are 0 to {n - 1}"
        )
    most = _MAX_VERTICES if size else _MAX_UNASKED * max(1, len(senders))
    if n > min(most, _MAX_VERTICES):
        named = f"{size[0]} is {n:,}" if size else f"the largest vertex is {largest:,}"
        remedy = "" if size or n > _MAX_VERTICES else f", or add {_SIZES[0]} if there are so many"
        raise ValueError(
            f"{path}: {named}, which makes {n:,} vertices for {len(senders):,} edges: number the"
            f" vertices 0, 1, … without gaps{remedy}"
        )
    num_entries = len(senders)
    shortened = [name for name in arrays if _is_of_edges(name, arrays[name], num_entries, n)]
    copied = [name for name in arrays if name not in (*names, *shortened)]

    def rewrite(file: io.BufferedIOBase, keep: Bool[np.ndarray, " M"]) -> None:
        kept = {name: arrays[name] for name in copied}
        kept |= {name: arrays[name][keep] for name in shortened}
        for name in names:
            kept[name] = np.compress(keep, arrays[name], axis=1 - _pair_axis(name, arrays[name]))
        np.savez_compressed(file, allow_pickle=False, **{name: kept[name] for name in arrays})

    notes = []
    if shortened:
        notes.append(f"shortened with the edges: {', '.join(shortened)}")
    if copied:
        notes.append(f"copied: {', '.join(copied)}")
    return Content(senders, receivers, np.arange(n), None, rewrite, tuple(notes))


def _ends(path: Path, arrays: dict[str, np.ndarray]) -> tuple[list[str], np.ndarray, np.ndarray]:
    """The arrays that hold edges, and the two ends of each."""
    pairs = [name for name in _PAIRS if name in arrays]
    if {"senders", "receivers"} <= arrays.keys():
        names, ends = ["senders", "receivers"], [arrays["senders"], arrays["receivers"]]
    elif pairs:
        name = pairs[0]
        pair = arrays[name]
        axis = _pair_axis(name, pair)
        if pair.ndim != 2 or pair.shape[axis] != 2:
            raise ValueError(f"{path}: {name} has shape {list(pair.shape)}: give (2, M) or (M, 2)")
        names, ends = [name], [pair.take(0, axis), pair.take(1, axis)]
    else:
        raise ValueError(
            f"{path} holds {', '.join(arrays) or 'nothing'}: give a matrix of"
            " scipy.sparse.save_npz, or senders and receivers, or edge_index (2, M), or edges"
            " (M, 2)"
        )
    if ends[0].ndim != 1 or ends[0].shape != ends[1].shape:
        raise ValueError(
            f"{path}: senders has shape {list(ends[0].shape)} and receivers"
            f" {list(ends[1].shape)}: give two vectors of one length"
        )
    for end in ends:
        if not np.issubdtype(end.dtype, np.integer):
            raise ValueError(f"{path}: {' and '.join(names)} hold {end.dtype}: give integers")
    return names, ends[0], ends[1]


def _pair_axis(name: str, array: np.ndarray) -> int:
    """The axis of the two ends; that of a lone end is one before the first."""
    if name not in _PAIRS:
        return 1
    usual = _PAIRS[name]
    return usual if array.ndim != 2 or array.shape[usual] == 2 else 1 - usual


def _is_of_edges(name: str, array: np.ndarray, num_entries: int, n: int) -> bool:
    """Whether an array has an entry for each edge, and is none of the ends."""
    if array.ndim == 0 or len(array) != num_entries or name in ("senders", "receivers", *_PAIRS):
        return False
    return num_entries != n or name.startswith("edge") or name in ("weight", "weights")
