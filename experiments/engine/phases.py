"""A phase of training: its gradient, optimizer, length and metrics."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import optax

PyTree = Any
Scalars = Mapping[str, jax.Array]
GradientFn = Callable[[jax.Array, PyTree, PyTree, PyTree], tuple[PyTree, PyTree, Scalars]]
LossFn = Callable[[jax.Array, PyTree, PyTree, PyTree], tuple[jax.Array, tuple[PyTree, Scalars]]]
BatchFn = Callable[[jax.Array, jax.Array, PyTree], PyTree]
EvaluateFn = Callable[[PyTree, PyTree, PyTree], Scalars]


def whole_batch(key: jax.Array, step: jax.Array, data: PyTree) -> PyTree:
    """The batch of full-batch training: the data."""
    del key, step
    return data


def no_metrics(params: PyTree, model_state: PyTree, data: PyTree) -> Scalars:
    """Evaluates nothing."""
    del params, model_state, data
    return {}


class EarlyStopping(NamedTuple):
    """When to stop a run, and which of its parameters to keep.

    Attributes:
        metric: Name of the metric to watch, which `evaluate` returns; larger is better.
        patience: A run stops once its best value is this many steps old.
        min_delta: A value counts as better if it exceeds the best by more than this.
    """

    metric: str
    patience: int
    min_delta: float = 1e-4


@dataclass(frozen=True)
class Phase:
    """A phase of training: everything that decides its numbers except the arrays.

    Each phase compiles one program. Phases that differ in name alone share it.

    Attributes:
        name: The label of the progress bar.
        gradient_fn: `(key, params, model_state, batch) → (gradient, model_state, info)`, with
            the gradient of the quantity to minimize. `from_loss` makes one from a loss. `info`
            is a dictionary of arrays.
        optimizer: Turns gradients into updates.
        num_steps: Updates to make, at the most.
        log_every: Updates between two rows of the history; None logs the start and the end.
        batch_fn: `(key, step, data) → batch`, with the same key at every step of a run.
        evaluate: `(params, model_state, data) → metrics`, a dictionary of arrays; called at every
            logged row.
        stopping: When a run stops early; without it, after `num_steps`.

    Raises:
        ValueError: `num_steps` is negative, or no multiple of `log_every`.
    """

    name: str = field(compare=False)
    gradient_fn: GradientFn
    optimizer: optax.GradientTransformation
    num_steps: int
    log_every: int | None = None
    batch_fn: BatchFn = whole_batch
    evaluate: EvaluateFn = no_metrics
    stopping: EarlyStopping | None = None

    def __post_init__(self) -> None:
        if self.num_steps < 0 or self.steps_per_row < 1 or self.num_steps % self.steps_per_row:
            raise ValueError(
                f"num_steps={self.num_steps} and log_every={self.log_every}: pass a multiple of "
                "a positive log_every, or log_every=None to log the start and the end"
            )

    @property
    def steps_per_row(self) -> int:
        """Updates between two rows of the history."""
        return max(self.num_steps, 1) if self.log_every is None else self.log_every

    @property
    def num_rows(self) -> int:
        """Rows of the history, the start among them."""
        return self.num_steps // self.steps_per_row + 1


def pretraining(
    gradient_fn: GradientFn, learning_rate: float, num_steps: int, **others: Any
) -> Phase:
    """The phase that most studies start with: Adam, logged at the start and at the end.

    Args:
        gradient_fn: As for `Phase`.
        learning_rate: Adam's.
        num_steps: Updates to make.
        **others: Further fields of `Phase`.
    """
    return Phase("pretraining", gradient_fn, optax.adam(learning_rate), num_steps, **others)


def from_loss(loss_fn: LossFn) -> GradientFn:
    """The gradient function of a loss to minimize.

    Args:
        loss_fn: `(key, params, model_state, batch) → (loss, (model_state, info))`.

    Returns:
        `(key, params, model_state, batch) → (gradient, model_state, info)` with `loss` and
        `gradient_norm` (Euclidean, over all parameters) added to `info`.
    """

    def gradient_fn(
        key: jax.Array, params: PyTree, model_state: PyTree, batch: PyTree
    ) -> tuple[PyTree, PyTree, Scalars]:
        (loss, (model_state, info)), gradient = jax.value_and_grad(
            lambda params: loss_fn(key, params, model_state, batch), has_aux=True
        )(params)
        info = {**info, "loss": loss, "gradient_norm": optax.tree.norm(gradient)}
        return gradient, model_state, info

    return gradient_fn
