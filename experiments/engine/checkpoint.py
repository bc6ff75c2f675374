"""Saves and restores the state of a run, atomically."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp

from experiments.engine.runs import uncommitted

PyTree = Any


class Checkpoints:
    """The newest checkpoint of one run in a directory of its own.

    An interrupted save leaves the one before it in place.
    """

    def __init__(self, directory: Path | None, state: PyTree, identity: dict[str, Any]) -> None:
        """Opens `directory`; with None nothing is ever saved.

        Args:
            directory: Where the checkpoints are; made if missing.
            state: The state at the start; it gives shapes, dtypes and shardings of saved states.
            identity: Integers that tell this run from others of the same shapes, by name.
        """
        self._directory = directory
        self._state = state
        self._identity = {name: np.asarray(value) for name, value in identity.items()}
        self._manager = directory and ocp.CheckpointManager(
            directory.resolve(),
            options=ocp.CheckpointManagerOptions(max_to_keep=1, create=True),
            # Named here, since the shapes of a checkpoint are read before it is restored.
            item_handlers=ocp.StandardCheckpointHandler(),
        )

    def restore(self) -> tuple[int, PyTree]:
        """Number of rows logged and the state after them: (0, the initial state) without any.

        Raises:
            ValueError: The checkpoint has other arrays than this run, or another identity.
        """
        if not self._manager:
            return 0, self._state
        self._manager.wait_until_finished()
        newest = self._manager.latest_step()
        if newest is None:
            return 0, self._state
        mine = {"state": self._state, "identity": self._identity}
        abstract = jax.tree.map(ocp.utils.to_shape_dtype_struct, mine)
        if _shapes(self._manager.item_metadata(newest)) != _shapes(abstract):
            raise self._other("its arrays have other shapes or names")
        saved = self._manager.restore(newest, args=ocp.args.StandardRestore(abstract))
        for name, value in self._identity.items():
            if not np.array_equal(saved["identity"][name], value):
                was = np.asarray(saved["identity"][name]).tolist()
                raise self._other(f"{name} was {was} and is {value.tolist()}")
        return newest, jax.tree.map(_placed_as, self._state, saved["state"])

    def _other(self, difference: str) -> ValueError:
        return ValueError(
            f"The checkpoint in checkpoints={self._directory} is another run's ({difference}): "
            "delete the directory or pass another"
        )

    def save(self, row: int, state: PyTree) -> None:
        """Saves the state after `row` logged rows, in the background."""
        if self._manager:
            whole = {"state": state, "identity": self._identity}
            self._manager.save(row, args=ocp.args.StandardSave(whole))

    def close(self) -> None:
        """Waits until all saved states are on the disk."""
        if self._manager:
            self._manager.wait_until_finished()
            self._manager.close()


def _placed_as(before: Any, restored: Any) -> Any:
    """A restored array, committed to devices only if that before was: restored ones always are."""
    is_free = isinstance(before, jax.Array) and not before.committed
    return uncommitted(restored) if is_free else restored


def _shapes(tree: PyTree) -> dict[tuple[str, ...], tuple[int, ...]]:
    """Shapes of the arrays of a tree by their places, whose containers are not told apart."""
    return {
        tuple(_name(key) for key in path): tuple(leaf.shape)
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    }


def _name(key: Any) -> str:
    """The name of an entry in its container; a checkpoint keeps no more than that."""
    names = (getattr(key, attribute, None) for attribute in ("key", "name", "idx"))
    return str(next((name for name in names if name is not None), key))
