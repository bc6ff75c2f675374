"""Minibatches of one shape, as pure functions of key and step."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from experiments.engine.phases import BatchFn, PyTree


class Batch(NamedTuple):
    """Examples and which of them count.

    Attributes:
        data: The data's arrays with a leading axis of examples.
        weights: float32[batch], 1 for an example and 0 where the epoch had no more.
    """

    data: PyTree
    weights: jax.Array


def epochs(batch_size: int, num_examples: int) -> tuple[BatchFn, int]:
    """Shuffled passes over the data, for `loop.fit`; the last batch of a pass is padded.

    Every step draws the pass's permutation anew, so a batch depends on key and step alone; for
    n examples that costs a sort of n numbers a step.

    Args:
        batch_size: Examples a batch; a larger one than `num_examples` is the whole data.
        num_examples: n, the length of every array of the data.

    Returns:
        The batch function and the number of steps of one pass.

    Raises:
        ValueError: A size is not positive.
    """
    if batch_size < 1 or num_examples < 1:
        raise ValueError(
            f"batch_size={batch_size} and num_examples={num_examples}: pass positive sizes"
        )
    size = min(batch_size, num_examples)
    steps = -(-num_examples // size)

    def batch_fn(key: jax.Array, step: jax.Array, data: PyTree) -> Batch:
        epoch, within = step // steps, step % steps
        order = jax.random.permutation(jax.random.fold_in(key, epoch), num_examples)
        positions = within * size + jnp.arange(size)
        chosen = order[jnp.minimum(positions, num_examples - 1)]
        return Batch(
            jax.tree.map(lambda array: array[chosen], data),
            (positions < num_examples).astype(jnp.float32),
        )

    return batch_fn, steps
