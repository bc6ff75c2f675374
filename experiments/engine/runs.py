"""Many runs at the same time, spread over the devices of all processes."""

import os
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

PyTree = Any

_RUNS, _SHARED = PartitionSpec("runs"), PartitionSpec()


def make_cores_devices() -> None:
    """Lets JAX see each CPU core as a device; call it before anything else of JAX.

    One run gains little from a second core, but two runs at the same time do: of four graph
    networks, two in turn on each of two cores took 0.6 (Cora) and 0.5 (DBLP) of the time of all
    four vmapped on one device (the benchmark `gcn_training`). A count that `XLA_FLAGS` or
    `JAX_NUM_CPU_DEVICES` names is left as it is.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    if "host_platform_device_count" not in flags and "JAX_NUM_CPU_DEVICES" not in os.environ:
        jax.config.update("jax_num_cpu_devices", _num_cores())


class Spread(NamedTuple):
    """How R runs are spread over devices; hashable, so that programs can be compiled for it.

    Every device has equally many. Where R cannot be divided so, copies of the last run fill up.

    Attributes:
        mesh: The devices, or None for runs that are left where they are.
        num_runs: R.
    """

    mesh: Mesh | None
    num_runs: int

    @classmethod
    def over_devices(cls, num_runs: int, *placed: PyTree) -> "Spread":
        """Spreads runs over the devices, no more than are needed.

        Args:
            num_runs: R.
            *placed: The arrays that the runs start from. If one is committed to devices (by
                `jax.device_put`, say), the runs stay there.

        Raises:
            ValueError: There is no run.
        """
        if num_runs < 1:
            raise ValueError(f"There are {num_runs} runs: pass at least one key")
        devices = jax.devices()
        # With a default device set, everything stays there.
        named = jax.config.jax_default_device is not None  # type: ignore[attr-defined]
        runs_each = num_runs if named else -(-num_runs // len(devices))
        # No process may be without a device of the mesh.
        all_take_part = jax.process_count() > 1 and not named
        num_devices = len(devices) if all_take_part else -(-num_runs // runs_each)
        committed = any(
            isinstance(array, jax.Array) and array.committed for array in jax.tree.leaves(placed)
        )
        if num_devices == 1 or committed:
            return cls(None, num_runs)
        axis = (AxisType.Auto,)
        return cls(Mesh(np.array(devices[:num_devices]), ("runs",), axis_types=axis), num_runs)

    @property
    def runs_each(self) -> int:
        """Number of runs of a device, copies included."""
        return self.num_runs if self.mesh is None else -(-self.num_runs // self.mesh.size)

    def runs_at_once(self, asked: int | None) -> int | None:
        """How many runs a device vmaps at a time; None for all it has.

        Args:
            asked: The number that the caller wants; None chooses one.

        Raises:
            ValueError: R is no multiple of `asked`.
        """
        if asked is not None and (asked < 1 or self.num_runs % asked):
            raise ValueError(
                f"runs_at_once={asked}: pass a divisor of the number of runs, {self.num_runs}"
            )
        num_devices = jax.local_device_count()
        if asked is None:
            placed_by_caller = self.mesh is None and num_devices > 1
            if jax.default_backend() != "cpu" or placed_by_caller:
                return None
            asked = max(1, _num_cores() // num_devices)
        # A divisor, since a smaller last turn would be compiled for itself.
        each = self.runs_each
        at_once = max(n for n in range(1, min(asked, each) + 1) if each % n == 0)
        return None if at_once == self.runs_each else at_once

    def put_runs(self, tree: PyTree) -> PyTree:
        """Arrays with a leading axis of R runs, on the runs' devices, filled up.

        Raises:
            ValueError: An array has another leading axis.
        """
        if self.mesh is None:
            return tree
        for path, array in jax.tree_util.tree_leaves_with_path(tree):
            if np.shape(array)[:1] != (self.num_runs,):
                raise ValueError(
                    f"An array of runs{jax.tree_util.keystr(path)} has shape {np.shape(array)}: "
                    f"pass a leading axis of {self.num_runs} runs, one a key"
                )
        filled = np.minimum(np.arange(self.runs_each * self.mesh.size), self.num_runs - 1)
        over_runs = NamedSharding(self.mesh, _RUNS)
        return jax.tree.map(lambda array: _put(jnp.asarray(array)[filled], over_runs), tree)

    def put_data(self, data: PyTree, axes: PyTree) -> PyTree:
        """Data on the devices: all of it, or the part of a device's runs where `axes` is 0.

        Args:
            data: Arrays.
            axes: As `jax.vmap`'s `in_axes` for `data`, of 0 and None.
        """
        if self.mesh is None:
            return data
        everywhere = NamedSharding(self.mesh, _SHARED)
        return jax.tree.map(
            lambda axis, part: (
                _put(part, everywhere) if axis is None else self.put_runs(part)
            ),
            axes, data, is_leaf=is_none,
        )  # fmt: skip

    def take_runs(self, tree: PyTree) -> PyTree:
        """Undoes `put_runs`: the R runs, on the default device and not committed to it."""
        if self.mesh is None:
            return tree
        return jax.tree.map(lambda array: uncommitted(array[: self.num_runs]), tree)

    def on_each(
        self, function: Callable[..., PyTree], axes: PyTree, out_specs: PyTree = _RUNS
    ) -> Callable[..., PyTree]:
        """A function of (key, runs, data) of any number of runs, for all of them at a time.

        Args:
            function: The work of one device on its runs.
            axes: Where the runs are in the data; as for `put_data`.
            out_specs: Where the runs are in its results; by default on the leading axis.
        """
        if self.mesh is None:
            return function
        data = jax.tree.map(lambda axis: _SHARED if axis is None else _RUNS, axes, is_leaf=is_none)
        return jax.shard_map(
            function, mesh=self.mesh, in_specs=(_RUNS, _RUNS, data), out_specs=out_specs,
            check_vma=False,
        )  # fmt: skip


def run_many(
    chunk: Callable[[jax.Array, PyTree, PyTree], tuple[PyTree, PyTree]],
    axes: PyTree, at_once: int | None, key: jax.Array, runs: PyTree, data: PyTree,
) -> tuple[PyTree, PyTree]:  # fmt: skip
    """A function of one run, for many on one device.

    Args:
        chunk: `(key, run, data) → (run, rows)`.
        axes: Where the runs are in the data; as for `Spread.put_data`.
        at_once: How many are vmapped at a time; None for all. It divides their number.
        key: Keys of the runs.
        runs: Arrays with a leading axis of runs.
        data: Arrays.

    Returns:
        The runs, and their rows with the runs as second axis.
    """
    if at_once is None:
        return jax.vmap(chunk, in_axes=(0, 0, axes), out_axes=(0, 1))(key, runs, data)

    def chunk_of_turn(turn: tuple[jax.Array, PyTree, PyTree]) -> tuple[PyTree, PyTree]:
        key, run, own = turn
        shared_too = jax.tree.map(
            lambda axis, all_of_it, part: all_of_it if axis is None else part,
            axes, data, own, is_leaf=is_none,
        )  # fmt: skip
        return chunk(key, run, shared_too)

    own = jax.tree.map(
        lambda axis, part: None if axis is None else part, axes, data, is_leaf=is_none
    )
    size = None if at_once == 1 else at_once
    runs, logged = jax.lax.map(chunk_of_turn, (key, runs, own), batch_size=size)
    return runs, jax.tree.map(lambda rows: rows.swapaxes(0, 1), logged)


def uncommitted(array: jax.Array) -> jax.Array:
    """The array on the default device, and not committed to it."""
    return _as_key(array, jnp.asarray(on_host(array)))


def _put(tree: PyTree, sharding: NamedSharding) -> PyTree:
    """Arrays on the devices of a mesh, from a process that has all of each."""
    if jax.process_count() == 1:
        return jax.device_put(tree, sharding)

    def put(array: Any) -> jax.Array:
        # Arrays of a device cannot go to other processes' devices; NumPy's can.
        return _as_key(array, jax.device_put(on_host(array), sharding))

    return jax.tree.map(put, tree)


def placed_as(before: Any, found: np.ndarray) -> Any:
    """A saved array where the array before it was; of keys it is their data.

    It is committed to devices only if that before was.
    """
    if not isinstance(before, jax.Array):
        return found
    data = jax.random.key_data(before) if _is_key(before) else before
    bits = found if found.dtype == data.dtype else found.view(data.dtype)
    placed = jax.device_put(bits, data.sharding) if before.committed else jnp.asarray(bits)
    return _as_key(before, placed)


def on_host(array: Any) -> np.ndarray:
    """The whole array as NumPy's, also if other processes hold parts of it; of keys their data."""
    if isinstance(array, jax.Array):
        array = jax.random.key_data(array) if _is_key(array) else array
        if not (array.is_fully_addressable or array.is_fully_replicated):
            return np.asarray(multihost_utils.process_allgather(array, tiled=True))
    return np.asarray(array)


def _as_key(like: Any, data: jax.Array) -> jax.Array:
    """The data of keys as keys, if the array that they come from was of keys."""
    if not (isinstance(like, jax.Array) and _is_key(like)):
        return data
    return jax.random.wrap_key_data(data, impl=jax.random.key_impl(like))


def _is_key(array: jax.Array) -> bool:
    return jnp.issubdtype(array.dtype, jax.dtypes.prng_key)


def is_none(axis: Any) -> bool:
    """For trees of axes, whose Nones are leaves."""
    return axis is None


def _num_cores() -> int:
    """CPU cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
