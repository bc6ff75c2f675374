"""Edges that wait to be removed: in buckets while they are far from it, then in a heap.

Signatures come here as codes: one integer an entry, such that signatures compare as their codes,
lexicographically, a missing one being 0. More vertices of a lower value make a signature larger.
"""

from typing import no_type_check

from numba import njit

# A walk index is below _CEILING and a multiplicity below 2^_COUNT_BITS, for degrees below 2^20.
MAX_DEGREE = 2**20 - 1
_CEILING = 2**41
_COUNT_BITS = 21
KEY = 4  # Codes in a key: all of them for an edge that is in no triangle.


@njit(cache=True)
@no_type_check
def encode(values, codes):
    """Codes the signature of a change of values.

    Args:
        values: int64[k], each old value times 2, each new value times 2 plus 1; sorted here.
        codes: int64[k], receives the codes.

    Returns:
        How many codes there are.
    """
    _sort(values)
    length = place = 0
    while place < len(values):
        value, change = values[place] >> 1, 0
        while place < len(values) and values[place] >> 1 == value:
            change += 1 if values[place] & 1 else -1
            place += 1
        if change != 0:
            code = ((_CEILING - value) << _COUNT_BITS) | abs(change)
            codes[length] = code if change > 0 else -code
            length += 1
    return length


@njit(cache=True)
@no_type_check
def _sort(values):
    """Sorts, few numbers by insertion."""
    if len(values) > 16:
        values.sort()
        return
    for place in range(1, len(values)):
        value = values[place]
        while place > 0 and values[place - 1] > value:
            values[place] = values[place - 1]
            place -= 1
        values[place] = value


@njit(cache=True)
@no_type_check
def lowest(code):
    """The value in a signature's first code."""
    return _CEILING - (code >> _COUNT_BITS)


@njit(cache=True)
@no_type_check
def compare(codes, others):
    """Negative if the first signature goes first, positive if the second does, 0 if equal."""
    for place in range(max(len(codes), len(others))):
        code = codes[place] if place < len(codes) else 0
        other = others[place] if place < len(others) else 0
        if code != other:
            return -1 if code < other else 1
    return 0


@njit(cache=True)
@no_type_check
def wait(edge, bound, buckets):
    """Puts an edge into the bucket of a bound."""
    first, following, bucket_of, width = buckets
    bucket_of[edge] = bound // width
    following[edge] = first[bound // width]
    first[bound // width] = edge


@njit(cache=True)
@no_type_check
def set_key(edge, codes, length, keys):
    """Makes the first codes of an edge's signature its key."""
    for place in range(KEY):
        keys[edge, place] = codes[place] if place < length else 0


@njit(cache=True)
@no_type_check
def set_least_key(edge, value, keys):
    """Gives an edge a key below those of all signatures that start with this value."""
    keys[edge] = -(_CEILING << _COUNT_BITS)
    keys[edge, 0] = (_CEILING - value) << _COUNT_BITS


@njit(cache=True)
@no_type_check
def has_key(edge, codes, length, keys):
    """Whether an edge's key is the one of its signature."""
    for place in range(KEY):  # noqa: SIM110, numba knows no all()
        if keys[edge, place] != (codes[place] if place < length else 0):
            return False
    return True


@njit(cache=True)
@no_type_check
def insert(edge, codes, length, queue, size):
    """Adds an edge to the heap."""
    heap, place_of, keys = queue
    set_key(edge, codes, length, keys)
    heap[size], place_of[edge] = edge, size
    sift(edge, queue, size + 1)
    return size + 1


@njit(cache=True)
@no_type_check
def delete(edge, queue, size):
    """Takes an edge out of the heap."""
    heap, place_of, _ = queue
    last = heap[size - 1]
    if last != edge:
        heap[place_of[edge]], place_of[last] = last, place_of[edge]
        sift(last, queue, size - 1)
    place_of[edge] = -1
    return size - 1


@njit(cache=True)
@no_type_check
def sift(edge, queue, size):
    """Restores the heap, the next edge to go on top, after one edge's key changed."""
    heap, place_of, keys = queue
    place = place_of[edge]
    while place > 0 and _goes_before(edge, heap[(place - 1) // 2], keys):
        heap[place] = heap[(place - 1) // 2]
        place_of[heap[place]] = place
        place = (place - 1) // 2
    while 2 * place + 1 < size:
        child = 2 * place + 1
        if child + 1 < size and _goes_before(heap[child + 1], heap[child], keys):
            child += 1
        if not _goes_before(heap[child], edge, keys):
            break
        heap[place] = heap[child]
        place_of[heap[place]] = place
        place = child
    heap[place], place_of[edge] = edge, place


@njit(cache=True)
@no_type_check
def _goes_before(edge, other, keys):
    """Whether one edge has the smaller key, or the same and the lower id."""
    for place in range(KEY):
        if keys[edge, place] != keys[other, place]:
            return keys[edge, place] < keys[other, place]
    return edge < other
