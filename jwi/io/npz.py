"""NumPy archives: sparse matrices as scipy saves them, and arrays of edges."""

import io
import reprlib
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse
from jaxtyping import Bool

from jwi.io.content import Content, Source
from jwi.io.matrix import matrix_content
from jwi.io.refusals import base_notes, check_num_vertices, reason

_SIZES = ("num_vertices", "num_nodes", "n_node")
# The axis of the two ends, for each name under which arrays of edges are known.
_PAIRS = {"edge_index": 0, "edges": 1, "edge_list": 1}
_WEIGHTS = ("edge_weight", "edge_weights", "weight", "weights")


def read(source: Source) -> Content:
    """Reads a sparse matrix, `senders` and `receivers`, `edge_index` (2, M), or `edges` (M, 2).

    Vertices are 0, …, n − 1, with n the size of the matrix, or `num_vertices`, `num_nodes` or
    `n_node`, or else as many as the edges tell. Rewritten, arrays of M entries are shortened with
    the edges; all others, and arrays of n entries where n = M unless their name begins with "edge",
    stay.

    Args:
        source: The file and the user's options.

    Raises:
        ValueError: if none of these is in it, or it is not of integers, or not of that shape.
    """
    path, content = source.path, source.content
    source.options.only(path, source.format, "weights")
    arrays = _arrays(path, content)
    if {"format", "shape", "data"} <= arrays.keys():
        return _sparse_matrix(path, content)
    parts = _matrix_parts(path, arrays)
    if parts is not None:
        return _matrix_of_parts(path, arrays, parts)
    return _edge_arrays(path, arrays)


def _arrays(path: Path, content: bytes) -> dict[str, np.ndarray]:
    """The arrays of an archive by name."""
    arrays, at = {}, ""
    try:
        if content.startswith(np.lib.format.MAGIC_PREFIX):
            raise ValueError("it is a single array, as numpy.save saves it")
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in archive.namelist():
                at = f"{member}: "
                with archive.open(member) as file:
                    array = np.lib.format.read_array(file, allow_pickle=False)
                arrays[member.removesuffix(".npy")] = array
    # Broken archives make zipfile, what decompresses, and numpy raise whatever they stumble on.
    except Exception as error:
        # Without numpy's advice to load pickles.
        what = reason(error).removesuffix(" when allow_pickle=False")
        raise ValueError(
            f"{path} is no archive of plain arrays ({at}{what}): save it with"
            " scipy.sparse.save_npz or numpy.savez"
        ) from None
    return arrays


def _sparse_matrix(path: Path, content: bytes) -> Content:
    def write(file: io.BufferedIOBase, matrix: Any) -> None:
        saved = io.BytesIO()
        scipy.sparse.save_npz(saved, matrix, compressed=False)
        _write_arrays(file, _arrays(path, saved.getvalue()))

    return matrix_content(path, lambda: scipy.sparse.load_npz(io.BytesIO(content)), write)


def _matrix_parts(path: Path, arrays: dict[str, np.ndarray]) -> dict[str, str] | None:
    """The arrays of a square sparse matrix by their parts, as `adj_indptr`; None if there is none.

    So the graphs of gnn-benchmark are shared, which DGL and PyTorch Geometric read as well.
    """
    found = []
    for name in arrays:
        prefix = name.removesuffix("indptr")
        parts = {part: prefix + part for part in ("data", "indices", "indptr", "shape")}
        if prefix in ("", name) or not set(parts.values()) <= arrays.keys():
            continue
        shape = arrays[parts["shape"]].tolist()
        if isinstance(shape, list) and len(shape) == 2 and shape[0] == shape[1]:
            found.append(parts)
    named = [parts for parts in found if parts["data"].startswith("adj")] or found
    if len(named) > 1:
        names = ", ".join(parts["indptr"] for parts in named)
        raise ValueError(f"{path} holds several square matrices ({names}): call one adj_indptr …")
    return named[0] if named else None


def _matrix_of_parts(path: Path, arrays: dict[str, np.ndarray], parts: dict[str, str]) -> Content:
    def load() -> scipy.sparse.csr_array:
        data, indices, indptr = (arrays[parts[part]] for part in ("data", "indices", "indptr"))
        return scipy.sparse.csr_array((data, indices, indptr), tuple(arrays[parts["shape"]]))

    def write(file: io.BufferedIOBase, matrix: Any) -> None:
        kept = {parts[part]: getattr(matrix, part) for part in ("data", "indices", "indptr")}
        kept = {name: array.astype(arrays[name].dtype) for name, array in kept.items()}
        _write_arrays(file, {**arrays, **kept})

    content = matrix_content(path, load, write)
    others = ", ".join(name for name in arrays if name not in parts.values())
    name = parts["indptr"].removesuffix("indptr").rstrip("_.")
    notes = [f"the matrix {name}, by its parts", *([f"copied: {others}"] if others else [])]
    return replace(content, notes=(*notes, *content.notes))


def _edge_arrays(path: Path, arrays: dict[str, np.ndarray]) -> Content:
    names, senders, receivers = _ends(path, arrays)
    size = _size(path, arrays)
    largest = int(max(senders.max(initial=0), receivers.max(initial=0)))
    smallest = int(min(senders.min(initial=largest), receivers.min(initial=largest)))
    if size is None and not len(senders):
        raise ValueError(
            f"{path}: {' and '.join(names)} have no edges: pass some, or add {_SIZES[0]}"
        )
    features = arrays.get("x")
    if size is None and features is not None and features.ndim > 1 and len(features) > largest + 1:
        raise ValueError(
            f"{path}: x has {len(features)} rows, and the largest vertex is {largest}: add"
            f" {_SIZES[1]}, the number of vertices"
        )
    what, n = size or (f"the largest of {' and '.join(names)}", largest + 1)
    if smallest < 0 or largest >= n:
        wrong = smallest if smallest < 0 else largest
        raise ValueError(
            f"{path}: {' and '.join(names)} have the vertex {wrong}: vertices are 0 to {n - 1}"
        )
    num_entries = len(senders)
    check_num_vertices(path, what, n, num_entries)
    shortened = [name for name in arrays if _is_of_edges(name, arrays[name], num_entries, n)]
    copied = [name for name in arrays if name not in (*names, *shortened)]

    def rewrite(file: io.BufferedIOBase, keep: Bool[np.ndarray, " M"]) -> None:
        kept = {name: arrays[name] for name in copied}
        kept |= {name: arrays[name][keep] for name in shortened}
        for name in names:
            kept[name] = np.compress(keep, arrays[name], axis=1 - _pair_axis(name, arrays[name]))
        _write_arrays(file, {name: kept[name] for name in arrays})

    notes = [*base_notes(smallest)] if size is None else []
    if shortened:
        notes.append(f"shortened with the edges: {', '.join(shortened)}")
    if copied:
        notes.append(f"copied: {', '.join(copied)}")
    found = [arrays[name] for name in _WEIGHTS if name in shortened]
    numbers = [array for array in found if array.ndim == 1 and array.dtype.kind in "biuf"]
    weights = numbers[0].astype(np.float64) if numbers else None
    return Content(senders, receivers, range(n), None, rewrite, tuple(notes), weights=weights)


def _write_arrays(file: io.BufferedIOBase, arrays: dict[str, np.ndarray]) -> None:
    """Writes an archive; numpy's own function has no place for arrays of some names."""
    with zipfile.ZipFile(file, "w") as archive:
        for name, array in arrays.items():
            # Without the time: equal graphs make equal files.
            member = zipfile.ZipInfo(f"{name}.npy")
            member.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(member, "w", force_zip64=True) as output:
                np.lib.format.write_array(output, array, allow_pickle=False)


def _size(path: Path, arrays: dict[str, np.ndarray]) -> tuple[str, int] | None:
    """The array that says how many vertices there are, and how many."""
    sizes = {name: arrays[name] for name in _SIZES if name in arrays}
    for name, array in sizes.items():
        if array.size != 1 or array.dtype.kind not in "iu" or array.item() < 1:
            raise ValueError(
                f"{path}: {name} is {reprlib.repr(array.tolist())} ({array.dtype}): pass the number"
                " of vertices, an integer ≥ 1"
            )
    return next(((name, int(array.item())) for name, array in sizes.items()), None)


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
            raise ValueError(f"{path}: {name} has shape {list(pair.shape)}: pass (2, M) or (M, 2)")
        names, ends = [name], [pair.take(0, axis), pair.take(1, axis)]
    else:
        raise ValueError(
            f"{path} holds {', '.join(arrays) or 'nothing'}: pass a matrix of"
            " scipy.sparse.save_npz, or senders and receivers, or edge_index (2, M), or edges"
            " (M, 2)"
        )
    if ends[0].ndim != 1 or ends[0].shape != ends[1].shape:
        raise ValueError(
            f"{path}: senders has shape {list(ends[0].shape)} and receivers"
            f" {list(ends[1].shape)}: pass two vectors of one length"
        )
    for end in ends:
        if not np.issubdtype(end.dtype, np.integer):
            raise ValueError(f"{path}: {' and '.join(names)} hold {end.dtype}: pass integers")
    return names, ends[0], ends[1]


def _pair_axis(name: str, array: np.ndarray) -> int:
    """The axis of the two ends; the axis of a lone end is one before the first."""
    if name not in _PAIRS:
        return 1
    usual = _PAIRS[name]
    return usual if array.ndim != 2 or array.shape[usual] == 2 else 1 - usual


def _is_of_edges(name: str, array: np.ndarray, num_entries: int, n: int) -> bool:
    """Whether an array has an entry for each edge, and neither holds ends nor a size."""
    others = ("senders", "receivers", *_PAIRS, *_SIZES)
    if array.ndim == 0 or len(array) != num_entries or name in others:
        return False
    return num_entries != n or name.startswith("edge") or name in _WEIGHTS
