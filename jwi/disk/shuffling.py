"""Rows in the order that `jax.random.permutation` gives them, sorted in parts that fit memory."""

import math
from functools import cache
from typing import Any, no_type_check

import numpy as np
from numba import njit

from jwi.disk.arrays import BLOCK, Room, disk_array

# That sorting takes, the part itself included.
_BYTES_A_ROW = 40
# So many rows are sorted twice, which shows that the random bits of later sorts are right, too.
_TRIED = 2000


def shuffled(key: Any, values: np.ndarray, room: Room) -> np.ndarray:
    """The values in the order of `jax.random.permutation`, bit for bit.

    That sorts by random keys of 32 bits, again and again until no two rows should have had the same
    keys each time. Here the random keys are drawn block by block, and a part of the rows is in
    memory while it is sorted.

    Args:
        key: A JAX random key.
        values: int32[N].
        room: Where working files are, and how much memory sorting may take.

    Returns:
        int32[N], on disk.

    Raises:
        ValueError: If JAX is set to draw other bits.

    Example:
        >>> import jax, pathlib, tempfile
        >>> room = Room(pathlib.Path(tempfile.mkdtemp()), 10**6)
        >>> values, key = np.arange(5, dtype=np.int32), jax.random.key(0)
        >>> np.array_equal(shuffled(key, values, room), jax.random.permutation(key, values))
        True
    """
    import jax

    tried = np.arange(min(_TRIED, len(values)), dtype=np.int32)
    # How JAX shuffles is not promised, and depends on its settings.
    if not np.array_equal(_sorted(key, tried, room), jax.random.permutation(key, tried)):
        raise ValueError(
            "this JAX draws random numbers in another way than jwi knows: unset"
            " JAX_DEFAULT_PRNG_IMPL and JAX_THREEFRY_PARTITIONABLE, or leave out --memory"
        )
    return _sorted(key, values, room)


def _sorted(key: Any, values: np.ndarray, room: Room) -> np.ndarray:
    import jax

    for _ in range(_num_sorts(len(values))):
        key, subkey = jax.random.split(key)
        values = _sorted_once(subkey, values, room)
    return values


def _num_sorts(num_rows: int) -> int:
    return math.ceil(3 * math.log(max(1, num_rows)) / math.log(2**32 - 1))


def _sorted_once(key: Any, values: np.ndarray, room: Room) -> np.ndarray:
    """The values by random keys; of equal keys, in the order that they had."""
    bits, keys = (disk_array(room.folder, values.shape, np.uint32) for _ in range(2))
    for start in range(0, len(values), BLOCK):
        bits[start : start + BLOCK] = _random_bits(key, start, len(bits[start : start + BLOCK]))
    moved = disk_array(room.folder, values.shape, np.int32)
    num_parts = -(-len(values) * _BYTES_A_ROW // room.memory)
    start = 0
    for stop in _part(bits, values, num_parts, keys, moved).tolist():
        part = slice(start, stop)
        # The place in the lower half makes keys differ, so that any fast sort is stable.
        places = keys[part].astype(np.uint64) << np.uint64(32)
        places |= np.arange(stop - start, dtype=np.uint64)
        places.sort()
        moved[part] = moved[part][(places & np.uint64(2**32 - 1)).astype(np.int64)]
        start = stop
    return moved


def _random_bits(key: Any, start: int, count: int) -> np.ndarray:
    """uint32[count], those that JAX draws for an array from a place on."""
    import jax

    return np.asarray(_counted_bits(BLOCK)(jax.random.key_data(key), np.uint32(start)))[:count]


@cache
def _counted_bits(size: int) -> Any:
    import jax
    import jax.numpy as jnp
    from jax.extend.random import threefry_2x32

    @jax.jit
    def draw(key: Any, start: Any) -> Any:
        # The key may be that of another generator, which the caller finds out by its numbers.
        counts = start + jnp.arange(size, dtype=jnp.uint32)
        both = threefry_2x32(key[:2], jnp.concatenate([jnp.zeros_like(counts), counts]))
        return both[:size] ^ both[size:]

    return draw


@njit(cache=True)
@no_type_check
def _part(bits, values, num_parts, keys, moved):
    """Parts rows by their keys, the lowest first; returns where each part stops."""
    stops = np.zeros(num_parts, np.int64)
    for key in bits:
        stops[(np.uint64(key) * np.uint64(num_parts)) >> np.uint64(32)] += 1
    total = 0
    for part in range(num_parts):
        total, stops[part] = total + stops[part], total
    for row in range(len(bits)):
        part = (np.uint64(bits[row]) * np.uint64(num_parts)) >> np.uint64(32)
        keys[stops[part]], moved[stops[part]] = bits[row], values[row]
        stops[part] += 1
    return stops
