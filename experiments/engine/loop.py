"""The one training loop: every study's networks and policies are trained here.

`fit` runs compiled chunks of steps (`steps.py`) inside a host loop. Checkpoints, the progress
bar and other work of the host happen between chunks. A run is a pure function of its key,
parameters and data: chunks, checkpoints and resumption do not change its numbers.
"""

import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from tqdm.auto import tqdm

from experiments.engine.checkpoint import Checkpoints
from experiments.engine.phases import Phase, PyTree
from experiments.engine.runs import Spread, on_host
from experiments.engine.steps import Program, Run, run_chunk, start

_CHUNKS = 20  # by default


class Fit(NamedTuple):
    """A finished run, or several along a leading axis R.

    Attributes:
        params: The parameters after the last step.
        model_state: The model's state after the last step (batch statistics, say).
        best_params: The parameters at the best logged value of the early-stopping metric; without
            early stopping, `params`.
        best_model_state: Likewise.
        best_step: int32[] or int32[R], the step of `best_params`.
        last_step: int32[] or int32[R], the number of updates made.
        history: The logged values by name, as float32[T, ...] or float32[T, R, ...] host arrays;
            row t describes the parameters after `log_steps[t]` updates. NaN after a run's stop.
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


class Host(NamedTuple):
    """The work of the host between compiled chunks.

    No number depends on it, except through `refresh`.

    Attributes:
        checkpoints: Directory to resume from and to save to. It must belong to one run alone.
        rows_per_chunk: Logged rows that a compiled chunk makes; by default a twentieth of all.
        runs_at_once: How many runs a device vmaps at a time at the most, the others waiting for
            their turn; it must divide R. By default all, except on a CPU, where it is the number
            of cores for a device: their arrays stay in cache.
        refresh: `(key, step, params, data) → data`, called before each chunk with the updates made
            so far; for data that need the host, such as rewards computed by a program. It must not
            change any shape.
        chunks_per_checkpoint: Chunks between two saves; more than one where parameters are large
            and a chunk is short. The end is always saved.
    """

    checkpoints: Path | None = None
    rows_per_chunk: int | None = None
    runs_at_once: int | None = None
    refresh: Callable[[jax.Array, int, PyTree, PyTree], PyTree] | None = None
    chunks_per_checkpoint: int = 1


def fit(
    key: jax.Array,
    params: PyTree,
    phase: Phase,
    data: PyTree,
    *,
    model_state: PyTree = None,
    opt_state: PyTree = None,
    run_axes: Any = None,
    host: Host = Host(),  # noqa: B008 -- immutable
) -> Fit:
    """Trains one run, or many at once, and logs it.

    With `run_axes` there is a leading axis R of runs on `key`, `params` and both states:
    seeds, masks or anything else that differs from run to run. The runs are spread over the
    devices and vmapped on each, and each run freezes when it stops. Arrays that are committed to
    devices (sharded over a mesh, say: runs over devices, or a batch) stay there, and the
    computation follows them.

    Args:
        key: A key, or R keys.
        params: Parameters to start from.
        phase: The gradient, the optimizer, the number of steps, and the metrics.
        data: Arrays that batches are made of. They are arguments of the compiled program.
        model_state: State of the model other than its parameters.
        opt_state: State of the optimizer to start from, where it differs from the optimizer's own
            start; with `optax.inject_hyperparams` it gives each run a learning rate.
        run_axes: Where the runs are in `data`, as in `jax.vmap`'s `in_axes`: 0 for an entry
            with a leading axis of runs, None for one they share. `run_axes=None` as a whole means
            a single run; for many runs that share all data, give a tree of Nones.
        host: Checkpoints, and the size of compiled chunks.

    Returns:
        The fitted parameters and the history. Row t of the history holds `evaluate`'s metrics and
        `gradient_fn`'s info, both before the next update.

    Raises:
        ValueError: `run_axes` or `runs_at_once` does not fit, `rows_per_chunk` or
            `chunks_per_checkpoint` is not positive, `evaluate` does not return the metric to stop
            at, or the checkpoints are another run's.
    """
    if host.rows_per_chunk is not None and host.rows_per_chunk < 1:
        raise ValueError(f"rows_per_chunk={host.rows_per_chunk}: pass a positive number, or None")
    if host.chunks_per_checkpoint < 1:
        raise ValueError(
            f"chunks_per_checkpoint={host.chunks_per_checkpoint}: pass a positive number"
        )
    program = Program.of_one_run(phase)
    if run_axes is not None:
        spread = Spread.over_devices(len(key), key, params, model_state, data)
        program = Program.of_runs(phase, run_axes, host.runs_at_once, spread)
    runs = start(program, params, model_state, opt_state)
    return _finished(phase, *_run_chunks(program, host, key, runs, data))


def fit_in_turn(
    key: jax.Array, params: PyTree, phases: Sequence[Phase], data: PyTree, *, run_axes: Any = None
) -> list[PyTree]:
    """Parameters before the first phase and after each; optimizers start anew with every phase.

    Args:
        key: A key, or R keys; the same in every phase.
        params: Parameters to start from.
        phases: In turn.
        data: As for `fit`, of all phases.
        run_axes: As for `fit`.
    """
    reached = [params]
    for phase in phases:
        reached.append(fit(key, reached[-1], phase, data, run_axes=run_axes).params)
    return reached


def _run_chunks(
    program: Program, host: Host, key: jax.Array, runs: Run, data: PyTree
) -> tuple[Run, dict[str, np.ndarray]]:
    """Runs chunks until all runs have stopped, from the last checkpoint on if there is one."""
    phase, spread = program.phase, program.spread
    size = min(host.rows_per_chunk or -(-phase.num_rows // _CHUNKS), phase.num_rows)
    chunk = partial(run_chunk, program, size)
    keys, placed = spread.put_runs(key), spread.put_data(data, program.axes)
    shapes = jax.eval_shape(chunk, keys, spread.put_runs(runs), placed)[1]
    history = _empty_history(program, shapes)
    identity = {
        "num_steps": phase.num_steps, "log_every": phase.steps_per_row, "key": on_host(key)
    }  # fmt: skip
    with closing(Checkpoints(host.checkpoints, (runs, history), identity)) as saved:
        row, (runs, history) = saved.restore()
        # A copy of each array, since a chunk takes the memory of the runs that it starts from.
        runs = jax.tree.map(jnp.copy, spread.put_runs(runs))
        with _progress_bar(phase, row) as bar:
            while row < phase.num_rows and not bool(jnp.all(runs.stopped)):
                if host.refresh is not None:
                    # A copy, since the next chunk takes the memory of the runs.
                    params = jax.tree.map(jnp.copy, spread.take_runs(runs.params))
                    data = host.refresh(key, _steps_made(phase, row), params, data)
                    placed = spread.put_data(data, program.axes)
                runs, rows = chunk(keys, runs, placed)
                history = _with_rows(program, history, row, rows)
                row = min(row + size, phase.num_rows)
                at_end = row == phase.num_rows or bool(jnp.all(runs.stopped))
                due = at_end or -(-row // size) % host.chunks_per_checkpoint == 0
                if host.checkpoints is not None and due:
                    saved.save(row, (spread.take_runs(runs), history))
                bar.update(_steps_made(phase, row) - bar.n)
    return spread.take_runs(runs), history


def _progress_bar(phase: Phase, row: int) -> tqdm:
    """A bar on a terminal; elsewhere one line, so that a log tells where a long run is."""
    if not sys.stderr.isatty():
        print(f"{phase.name}: {phase.num_steps} steps", file=sys.stderr, flush=True)
    return tqdm(
        total=phase.num_steps, initial=_steps_made(phase, row),
        desc=phase.name, unit="step", disable=None,
    )  # fmt: skip


def _steps_made(phase: Phase, row: int) -> int:
    return min(row * phase.steps_per_row, phase.num_steps)


def _empty_history(program: Program, shapes: dict[str, Any]) -> dict[str, np.ndarray]:
    """NaN for every row, without the copies of runs that fill up the devices."""
    of_runs = () if program.flat_axes is None else (program.spread.num_runs,)
    return {
        name: np.full(
            (program.phase.num_rows, *of_runs, *rows.shape[1 + len(of_runs) :]), np.nan, np.float32
        )
        for name, rows in shapes.items()
    }


def _with_rows(
    program: Program, history: dict[str, np.ndarray], row: int, rows: dict[str, jax.Array]
) -> dict[str, np.ndarray]:
    """A new dictionary of new arrays: the old one may still be on its way to the disk."""
    history = {name: logged.copy() for name, logged in history.items()}
    end = program.phase.num_rows
    for name, new in rows.items():
        kept = on_host(new)[: end - row]  # The last chunk may reach beyond the end.
        if program.flat_axes is not None:
            kept = kept[:, : program.spread.num_runs]
        history[name][row : row + len(kept)] = kept
    return history


def _finished(phase: Phase, runs: Run, history: dict[str, np.ndarray]) -> Fit:
    # Rows that no run reached are no part of the history.
    reached = int(jnp.max(runs.step)) // phase.steps_per_row + 1
    keep_best = phase.stopping is not None
    return Fit(
        runs.params,
        runs.model_state,
        runs.best_params if keep_best else runs.params,
        runs.best_model_state if keep_best else runs.model_state,
        runs.best_step if keep_best else runs.step,
        runs.step,
        {name: rows[:reached] for name, rows in history.items()},
        np.arange(reached) * phase.steps_per_row,
    )
