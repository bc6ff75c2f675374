"""Saves and restores the state of a run, atomically."""

from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp

PyTree = Any


class Checkpoints:
    """The newest checkpoint of one run in a directory of its own.

    An interrupted save leaves the one before it in place.
    """

    def __init__(self, directory: Path | None, state: PyTree) -> None:
        """Opens ``directory``; with None nothing is ever saved.

        Args:
            directory: Where the checkpoints are; made if missing.
            state: What the run starts from; gives shapes, dtypes and shardings of what is saved.
        """
        self._directory = directory
        self._state = state
        self._manager = directory and ocp.CheckpointManager(
            directory.resolve(),
            options=ocp.CheckpointManagerOptions(max_to_keep=1, create=True),
            # Named here, since the shapes of a checkpoint are read before it is restored.
            item_handlers=ocp.StandardCheckpointHandler(),
        )

    def restore(self) -> tuple[int, PyTree]:
        """Number of rows logged and the state after them: (0, the initial state) without any.

        Raises:
            ValueError: The checkpoint has other arrays than this run.
        """
        if not self._manager:
            return 0, self._state
        self._manager.wait_until_finished()
        newest = self._manager.latest_step()
        if newest is None:
            return 0, self._state
        abstract = jax.tree.map(ocp.utils.to_shape_dtype_struct, self._state)
        if _shapes(self._manager.item_metadata(newest)) != _shapes(abstract):
            raise ValueError(
                f"The checkpoint in checkpoints={self._directory} is another run's: delete the "
                "directory or name another."
            )
        return newest, self._manager.restore(newest, args=ocp.args.StandardRestore(abstract))

    def save(self, row: int, state: PyTree) -> None:
        """Saves the state after ``row`` logged rows, in the background."""
        if self._manager:
            self._manager.save(row, args=ocp.args.StandardSave(state))

    def close(self) -> None:
        """Waits until what was saved is on the disk."""
        if self._manager:
            self._manager.wait_until_finished()
            self._manager.close()


def _shapes(tree: PyTree) -> list[tuple[int, ...]]:
    """Shapes of the arrays of a tree, in an order that does not depend on its containers."""
    return sorted(tuple(leaf.shape) for leaf in jax.tree.leaves(tree))
