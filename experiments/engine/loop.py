"""The one training loop: every study's networks and policies are trained here.

``fit`` runs a compiled chunk of steps inside a host loop. Checkpoints, the progress bar and
whatever needs the host live between chunks; steps, logging and early stopping are compiled.
A run is a pure function of its key, parameters and data: chunks, checkpoints and resumption do
not change its numbers.
"""

from collections.abc import Callable, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import PartitionSpec
from tqdm.auto import tqdm

from experiments.engine.checkpoint import Checkpoints
from experiments.engine.runs import Spread, is_none, run_many

PyTree = Any
Scalars = Mapping[str, jax.Array]
GradientFn = Callable[[jax.Array, PyTree, PyTree, PyTree], tuple[PyTree, PyTree, Scalars]]
LossFn = Callable[[jax.Array, PyTree, PyTree, PyTree], tuple[jax.Array, tuple[PyTree, Scalars]]]
BatchFn = Callable[[jax.Array, jax.Array, PyTree], PyTree]
EvaluateFn = Callable[[PyTree, PyTree, PyTree], Scalars]


class EarlyStopping(NamedTuple):
    """When to stop a run, and which of its parameters to keep.

    Attributes:
        metric: Name of the metric to watch, one of those ``evaluate`` returns; larger is better.
        patience: A run stops once its best value is this many steps old.
        min_delta: What a value must exceed the best by to count as better.
    """

    metric: str
    patience: int
    min_delta: float = 1e-4


class Fit(NamedTuple):
    """A finished run, or several along a leading axis R.

    Attributes:
        params: The parameters after the last step.
        model_state: The model's state after the last step (batch statistics, say).
        best_params: The parameters at the best logged value of the early-stopping metric; without
            early stopping, ``params``.
        best_model_state: Likewise.
        best_step: int32[] or int32[R], the step of ``best_params``.
        last_step: int32[] or int32[R], the number of updates made.
        history: What was logged, by name, as float32[T] or float32[T, R] host arrays; row t
            describes the parameters after ``log_steps[t]`` updates. NaN after a run's stop.
        log_steps: int[T].
    """

    params: PyTree
    model_state: PyTree
    best_params: PyTree
    best_model_state: PyTree
    best_step: jax.Array
    last_step: jax.Array
    history: dict[str, np.ndarray]
    log_steps: np.ndarray


class _Run(NamedTuple):
    """What a run carries from step to step."""

    params: PyTree
    model_state: PyTree
    opt_state: PyTree
    step: jax.Array
    stopped: jax.Array
    best_value: jax.Array
    best_step: jax.Array
    best_params: PyTree
    best_model_state: PyTree


class _Program(NamedTuple):
    """What a run does: the static argument of ``_chunk``, which is compiled once a program.

    Functions are told apart by identity; ``run_axes`` is flattened, since dictionaries and lists
    cannot be hashed, and None for a single run.
    """

    gradient_fn: GradientFn
    optimizer: optax.GradientTransformation
    batch_fn: BatchFn
    evaluate: EvaluateFn
    stopping: EarlyStopping | None
    num_steps: int
    log_every: int
    run_axes: tuple[tuple[int | None, ...], jax.tree_util.PyTreeDef] | None
    runs_at_once: int | None
    spread: Spread


def whole_batch(key: jax.Array, step: jax.Array, data: PyTree) -> PyTree:
    """The batch of full-batch training: the data."""
    del key, step
    return data


def no_metrics(params: PyTree, model_state: PyTree, data: PyTree) -> Scalars:
    """Evaluates nothing."""
    del params, model_state, data
    return {}


def from_loss(loss_fn: LossFn) -> GradientFn:
    """The gradient function of a loss to minimise.

    Args:
        loss_fn: ``(key, params, model_state, batch) → (loss, (model_state, info))``.

    Returns:
        ``(key, params, model_state, batch) → (gradient, model_state, info)`` with ``loss`` and
        ``gradient_norm`` (Euclidean, over all parameters) added to ``info``.
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


def fit(
    key: jax.Array,
    params: PyTree,
    gradient_fn: GradientFn,
    optimizer: optax.GradientTransformation,
    data: PyTree,
    *,
    num_steps: int,
    log_every: int = 1,
    model_state: PyTree = None,
    batch_fn: BatchFn = whole_batch,
    evaluate: EvaluateFn = no_metrics,
    stopping: EarlyStopping | None = None,
    run_axes: Any = None,
    runs_at_once: int | None = None,
    rows_per_chunk: int | None = None,
    refresh: Callable[[jax.Array, PyTree, PyTree], PyTree] | None = None,
    checkpoints: Path | None = None,
    description: str = "training",
) -> Fit:
    """Trains one run, or many at once, and logs it.

    With ``run_axes`` there is a leading axis R of runs on ``key``, ``params`` and ``model_state``:
    seeds, masks or anything else that differs from run to run. The runs are spread over the
    devices and vmapped on each, and each run freezes when it stops. Arrays that are committed to
    devices (sharded over a mesh, say: runs over devices, or a batch) stay there, and the
    computation follows them.

    Args:
        key: A key, or R keys.
        params: Parameters to start from.
        gradient_fn: ``(key, params, model_state, batch) → (gradient, model_state, info)``, the
            gradient being of what is to be minimised; ``from_loss`` makes one from a loss. ``info``
            is a dictionary of scalars.
        optimizer: What turns gradients into updates.
        data: Arrays that batches are made of. They are arguments of the compiled program.
        num_steps: Updates to make, at the most.
        log_every: Updates between two rows of the history.
        model_state: State of the model other than its parameters.
        batch_fn: ``(key, step, data) → batch``, with the same key at every step of a run.
        evaluate: ``(params, model_state, data) → metrics``, a dictionary of scalars, called at
            every logged row.
        stopping: When a run stops early; without it, after ``num_steps``.
        run_axes: Where the runs are in ``data``, as in ``jax.vmap``'s ``in_axes``: 0 for an entry
            with a leading axis of runs, None for one they share. ``run_axes=None`` as a whole means
            a single run; for many runs that share all data, give a tree of Nones.
        runs_at_once: How many runs a device vmaps at a time at the most, the others waiting for
            their turn; it must divide R. By default all, but on a CPU as many as it has cores for
            a device: their arrays stay in cache (training 8 graph networks took a third of the
            time 2 at once).
        rows_per_chunk: Logged rows a compiled chunk makes; by default a twentieth of all.
        refresh: ``(key, params, data) → data``, called on the host before each chunk; for data that
            need the host, such as rewards computed by a program. It must not change any shape.
        checkpoints: Directory to resume from and to save to. It must belong to this run alone.
        description: What the progress bar says.

    Returns:
        The fitted parameters and what was logged. Row t of the history holds ``evaluate``'s metrics
        and ``gradient_fn``'s info, both before the next update.

    Raises:
        ValueError: ``num_steps`` is no multiple of ``log_every``, ``run_axes`` or
            ``runs_at_once`` does not fit, ``rows_per_chunk`` is not positive, a metric to stop at
            is not evaluated, or the checkpoints are another run's.
    """
    if num_steps < 0 or log_every < 1 or num_steps % log_every:
        raise ValueError(
            f"num_steps={num_steps} must be a multiple of log_every={log_every}, which must be "
            "positive."
        )
    flat_axes, at_once, spread = None, None, Spread(None, 1)
    if run_axes is not None:
        flat_axes = _flat_axes(run_axes)
        spread = Spread.over_devices(len(key), key, params, model_state, data)
        at_once = spread.runs_at_once(runs_at_once)
    if rows_per_chunk is not None and rows_per_chunk < 1:
        raise ValueError(f"rows_per_chunk={rows_per_chunk} must be positive; None chooses.")
    program = _Program(
        gradient_fn, optimizer, batch_fn, evaluate, stopping, num_steps, log_every,
        flat_axes, at_once, spread,
    )  # fmt: skip
    num_rows = num_steps // log_every + 1
    rows_per_chunk = min(rows_per_chunk or -(-num_rows // 20), num_rows)
    runs = _start(program, params, model_state)
    chunk = partial(_chunk, program, rows_per_chunk)
    keys, placed = spread.put_runs(key), spread.put_data(data, run_axes)
    logged = jax.eval_shape(chunk, keys, spread.put_runs(runs), placed)[1]
    history = {}
    for name, rows in logged.items():
        # Without the copies of runs that fill up the devices.
        of_row = rows.shape[1:] if run_axes is None else (spread.num_runs, *rows.shape[2:])
        history[name] = np.full((num_rows, *of_row), np.nan, np.float32)
    # Closed whatever happens, so that nobody resumes from a checkpoint that is still being written.
    identity = {"num_steps": num_steps, "log_every": log_every, "key": _key_data(key)}
    with closing(Checkpoints(checkpoints, (runs, history), identity)) as saved:
        row, (runs, history) = saved.restore()
        runs = spread.put_runs(runs)
        with tqdm(
            total=num_steps, initial=min(row * log_every, num_steps),
            desc=description, unit="step", disable=None,
        ) as bar:  # fmt: skip
            while row < num_rows and not bool(jnp.all(runs.stopped)):
                if refresh is not None:
                    data = refresh(key, spread.take_runs(runs.params), data)
                    placed = spread.put_data(data, run_axes)
                runs, rows = chunk(keys, runs, placed)
                # A new dictionary of new arrays: the last one may still be on its way to the disk.
                history = {name: logged.copy() for name, logged in history.items()}
                end = min(row + rows_per_chunk, num_rows)
                for name, new in rows.items():
                    new = np.asarray(new)[: end - row]
                    history[name][row:end] = new if run_axes is None else new[:, : spread.num_runs]
                row = end
                if checkpoints is not None:
                    saved.save(row, (spread.take_runs(runs), history))
                bar.update(min(row * log_every, num_steps) - bar.n)
    runs = spread.take_runs(runs)
    # Rows that no run reached are no part of the history.
    reached = int(jnp.max(runs.step)) // log_every + 1
    keep_best = stopping is not None
    return Fit(
        runs.params,
        runs.model_state,
        runs.best_params if keep_best else runs.params,
        runs.best_model_state if keep_best else runs.model_state,
        runs.best_step if keep_best else runs.step,
        runs.step,
        {name: rows[:reached] for name, rows in history.items()},
        np.arange(reached) * log_every,
    )


def _key_data(key: jax.Array) -> np.ndarray:
    """The integers of keys, typed or raw."""
    typed = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(key) if typed else key)


def _start(program: _Program, params: PyTree, model_state: PyTree) -> _Run:
    def start(params: PyTree, model_state: PyTree) -> _Run:
        return _Run(
            params,
            model_state,
            program.optimizer.init(params),
            step=jnp.int32(0),
            stopped=jnp.bool_(False),
            best_value=jnp.float32(-jnp.inf),
            best_step=jnp.int32(0),
            best_params=params,
            best_model_state=model_state,
        )

    if program.run_axes is not None:
        start = jax.vmap(start)
    return jax.jit(start)(params, model_state)


def _flat_axes(run_axes: Any) -> tuple[tuple[int | None, ...], jax.tree_util.PyTreeDef]:
    axes, structure = jax.tree.flatten(run_axes, is_leaf=is_none)
    if any(axis not in (None, 0) for axis in axes):
        raise ValueError(f"run_axes={run_axes} must be 0 or None for every entry of data.")
    return tuple(axes), structure


@partial(jax.jit, static_argnums=(0, 1))
def _chunk(
    program: _Program, num_rows: int, key: jax.Array, runs: _Run, data: PyTree
) -> tuple[_Run, dict[str, jax.Array]]:
    """Makes ``num_rows`` rows of every run; they are the leading axis of what is logged."""

    def chunk(key: jax.Array, run: _Run, data: PyTree) -> tuple[_Run, dict[str, jax.Array]]:
        def row(run: _Run, _: None) -> tuple[_Run, dict[str, jax.Array]]:
            was_stopped = run.stopped
            run, metrics = _look(program, run, data)
            run, info = _advance(program, key, run, data)
            logged = {
                name: jnp.where(was_stopped, jnp.nan, jnp.asarray(value, jnp.float32))
                for name, value in {**info, **metrics}.items()
            }
            return run, logged

        return jax.lax.scan(row, run, length=num_rows)

    if program.run_axes is None:
        return chunk(key, runs, data)
    flat_axes, structure = program.run_axes
    axes = structure.unflatten(flat_axes)
    many = partial(run_many, chunk, axes, program.runs_at_once)
    out_specs = PartitionSpec("runs"), PartitionSpec(None, "runs")
    return program.spread.on_each(many, axes, out_specs)(key, runs, data)


def _look(program: _Program, run: _Run, data: PyTree) -> tuple[_Run, Scalars]:
    """Evaluates a run as it stands, keeps its best parameters and decides whether it goes on."""
    metrics = program.evaluate(run.params, run.model_state, data)
    stopping = program.stopping
    if stopping is not None:
        if stopping.metric not in metrics:
            raise ValueError(
                f"stopping.metric={stopping.metric!r} is not among the metrics that evaluate "
                f"returns: {sorted(metrics)}."
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
    return run._replace(stopped=run.stopped | (run.step >= program.num_steps)), metrics


def _advance(program: _Program, key: jax.Array, run: _Run, data: PyTree) -> tuple[_Run, Scalars]:
    """Makes ``log_every`` updates; also returns the info of the gradient before the first.

    A run that has stopped makes none, but its gradient is looked at: the last row needs it. One
    gradient in the program, not one to look and one to step, halves the time to compile it.
    """
    batch_key, gradient_key = jax.random.split(key)

    def gradient_at(run: _Run) -> tuple[PyTree, PyTree, Scalars]:
        batch = program.batch_fn(batch_key, run.step, data)
        step_key = jax.random.fold_in(gradient_key, run.step)
        return program.gradient_fn(step_key, run.params, run.model_state, batch)

    def step(carry: tuple[jax.Array, _Run, Scalars]) -> tuple[jax.Array, _Run, Scalars]:
        count, run, first_info = carry
        gradient, model_state, info = gradient_at(run)
        updates, opt_state = program.optimizer.update(gradient, run.opt_state, run.params)
        updated = run._replace(
            params=optax.apply_updates(run.params, updates),
            model_state=model_state,
            opt_state=opt_state,
            step=run.step + 1,
        )
        return count + 1, _where(run.stopped, run, updated), _where(count == 0, info, first_info)

    def goes_on(carry: tuple[jax.Array, _Run, Scalars]) -> jax.Array:
        count, run, _ = carry
        return (count == 0) | (~run.stopped & (count < program.log_every))

    no_info = jax.tree.map(
        lambda value: jnp.zeros(value.shape, value.dtype), jax.eval_shape(gradient_at, run)[2]
    )
    # Under vmap, a while loop freezes the runs whose condition is false.
    _, run, info = jax.lax.while_loop(goes_on, step, (jnp.int32(0), run, no_info))
    return run, info


def _where(condition: jax.Array, yes: PyTree, no: PyTree) -> PyTree:
    return jax.tree.map(partial(jnp.where, condition), yes, no)
