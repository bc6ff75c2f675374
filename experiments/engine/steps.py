"""The compiled part of the loop: steps, logging and early stopping of a chunk of rows."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.sharding import PartitionSpec

from experiments.engine.phases import Phase, PyTree, Scalars
from experiments.engine.runs import Spread, is_none, run_many


class Run(NamedTuple):
    """The state that a run carries from step to step; the best is kept under early stopping."""

    params: PyTree
    model_state: PyTree
    opt_state: PyTree
    step: jax.Array
    stopped: jax.Array
    best_value: jax.Array
    best_step: jax.Array
    best_params: PyTree
    best_model_state: PyTree


class Program(NamedTuple):
    """The static argument of `run_chunk`, which is compiled once for each program.

    Attributes:
        phase: Its functions are told apart by identity.
        flat_axes: Leaves and structure of the tree of run axes, since trees cannot be hashed; None
            for a single run.
        runs_at_once: Runs that a device vmaps at a time; None for all.
        spread: How the runs are spread over devices.
    """

    phase: Phase
    flat_axes: tuple[tuple[int | None, ...], jax.tree_util.PyTreeDef] | None
    runs_at_once: int | None
    spread: Spread

    @classmethod
    def of_one_run(cls, phase: Phase) -> "Program":
        """The program of a single run."""
        return cls(phase, None, None, Spread(None, 1))

    @classmethod
    def of_runs(cls, phase: Phase, axes: PyTree, at_once: int | None, spread: Spread) -> "Program":
        """The program of many runs.

        Args:
            phase: Their phase.
            axes: Where the runs are in the data, 0 or None for each entry.
            at_once: How many a device vmaps at a time; None chooses.
            spread: How they are spread over devices.

        Raises:
            ValueError: An axis is neither 0 nor None, or `at_once` does not fit.
        """
        leaves, structure = jax.tree.flatten(axes, is_leaf=is_none)
        if any(axis not in (None, 0) for axis in leaves):
            raise ValueError(f"run_axes={axes}: pass 0 or None for every entry of data")
        return cls(phase, (tuple(leaves), structure), spread.runs_at_once(at_once), spread)

    @property
    def axes(self) -> PyTree:
        """The tree of run axes; None for a single run."""
        if self.flat_axes is None:
            return None
        leaves, structure = self.flat_axes
        return structure.unflatten(leaves)


@partial(jax.jit, static_argnums=0)
def start(program: Program, params: PyTree, model_state: PyTree, opt_state: PyTree) -> Run:
    """The state before the first step; without `opt_state` the optimizer's own start."""
    keep_best = program.phase.stopping is not None

    def one(params: PyTree, model_state: PyTree, opt_state: PyTree) -> Run:
        return Run(
            params,
            model_state,
            program.phase.optimizer.init(params) if opt_state is None else opt_state,
            step=jnp.int32(0),
            stopped=jnp.bool_(False),
            best_value=jnp.float32(-jnp.inf),
            best_step=jnp.int32(0),
            best_params=params if keep_best else None,
            best_model_state=model_state if keep_best else None,
        )

    many: Callable[..., Run] = one if program.flat_axes is None else jax.vmap(one)
    return many(params, model_state, opt_state)


@partial(jax.jit, static_argnums=(0, 1), donate_argnums=3)
def run_chunk(
    program: Program, num_rows: int, key: jax.Array, runs: Run, data: PyTree
) -> tuple[Run, dict[str, jax.Array]]:
    """Makes `num_rows` rows of every run; they are the leading axis of the logged values.

    The memory of `runs` is donated: the new runs take it.
    """
    chunk = partial(_chunk_of_one, program.phase, num_rows)
    if program.flat_axes is None:
        return chunk(key, runs, data)
    many = partial(run_many, chunk, program.axes, program.runs_at_once)
    out_specs = PartitionSpec("runs"), PartitionSpec(None, "runs")
    return program.spread.on_each(many, program.axes, out_specs)(key, runs, data)


def _chunk_of_one(
    phase: Phase, num_rows: int, key: jax.Array, run: Run, data: PyTree
) -> tuple[Run, dict[str, jax.Array]]:
    def row(run: Run, _: None) -> tuple[Run, dict[str, jax.Array]]:
        was_stopped = run.stopped
        run, metrics = _look(phase, run, data)
        run, info = _advance(phase, key, run, data)
        logged = {
            name: jnp.where(was_stopped, jnp.nan, jnp.asarray(value, jnp.float32))
            for name, value in {**info, **metrics}.items()
        }
        return run, logged

    return jax.lax.scan(row, run, length=num_rows)


def _look(phase: Phase, run: Run, data: PyTree) -> tuple[Run, Scalars]:
    """Evaluates a run as it stands, keeps its best parameters and decides whether it goes on."""
    metrics = phase.evaluate(run.params, run.model_state, data)
    stopping = phase.stopping
    if stopping is not None:
        if stopping.metric not in metrics:
            raise ValueError(
                f"stopping.metric={stopping.metric!r}: pass a metric that evaluate returns, "
                f"{sorted(metrics)}"
            )
        value = jnp.asarray(metrics[stopping.metric], jnp.float32)
        better = ~run.stopped & (value > run.best_value + stopping.min_delta)
        run = run._replace(
            best_value=jnp.where(better, value, run.best_value),
            best_step=jnp.where(better, run.step, run.best_step),
            best_params=_where(better, run.params, run.best_params),
            best_model_state=_where(better, run.model_state, run.best_model_state),
        )
        run = run._replace(stopped=run.stopped | (run.step - run.best_step >= stopping.patience))
    return run._replace(stopped=run.stopped | (run.step >= phase.num_steps)), metrics


def _advance(phase: Phase, key: jax.Array, run: Run, data: PyTree) -> tuple[Run, Scalars]:
    """Makes the updates of a row; also returns the info of the gradient before the first.

    A run that has stopped makes none, but its gradient is looked at: the last row needs it. One
    gradient in the program, not one to look and one to step, halves the time to compile it.
    """
    batch_key, gradient_key = jax.random.split(key)

    def gradient_at(run: Run) -> tuple[PyTree, PyTree, Scalars]:
        batch = phase.batch_fn(batch_key, run.step, data)
        step_key = jax.random.fold_in(gradient_key, run.step)
        return phase.gradient_fn(step_key, run.params, run.model_state, batch)

    def step(carry: tuple[jax.Array, Run, Scalars]) -> tuple[jax.Array, Run, Scalars]:
        count, run, first_info = carry
        gradient, model_state, info = gradient_at(run)
        updates, opt_state = phase.optimizer.update(gradient, run.opt_state, run.params)
        updated = run._replace(
            params=optax.apply_updates(run.params, updates),
            model_state=model_state,
            opt_state=opt_state,
            step=run.step + 1,
        )
        return count + 1, _where(run.stopped, run, updated), _where(count == 0, info, first_info)

    def goes_on(carry: tuple[jax.Array, Run, Scalars]) -> jax.Array:
        count, run, _ = carry
        return (count == 0) | (~run.stopped & (count < phase.steps_per_row))

    no_info = jax.tree.map(
        lambda value: jnp.zeros(value.shape, value.dtype), jax.eval_shape(gradient_at, run)[2]
    )
    # Under vmap, a while loop freezes the runs whose condition is false.
    _, run, info = jax.lax.while_loop(goes_on, step, (jnp.int32(0), run, no_info))
    return run, info


def _where(condition: jax.Array, yes: PyTree, no: PyTree) -> PyTree:
    return jax.tree.map(partial(jnp.where, condition), yes, no)
