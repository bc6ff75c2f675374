"""Cells of the study, one for each method and share of removed edges, all seeds at a time."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

import jwi
from experiments.engine.loop import Host, fit
from experiments.engine.phases import EarlyStopping, Phase
from experiments.studies.jwi.sparsification.config import Config
from experiments.studies.jwi.sparsification.networks import initialize
from experiments.studies.jwi.sparsification.orders import LABELS
from experiments.studies.jwi.sparsification.prepare import Study
from experiments.studies.jwi.sparsification.training import (
    RUN_AXES,
    Data,
    evaluate,
    gradient_of_loss,
    make_optimizer,
)
from jwi.io.files import written


def test_accuracies(
    config: Config, study: Study, orders: dict[str, np.ndarray], directory: Path
) -> Iterator[tuple[tuple[str, float], dict[str, list[float]]]]:
    """Accuracy of every method and ratio, by seed; equal masks are trained once."""
    train = trainer(study, Length(config.max_steps, config.patience, config.log_every))
    grid = [(method, removed) for method in config.methods for removed in config.removed]
    done: dict[bytes, dict[str, list[float]]] = {}
    for number, (method, removed) in enumerate(grid, 1):
        keep = masks(study.data.graph, orders[method], removed)
        name = f"{LABELS[method]} {100 * removed:.4g} %"
        same = np.packbits(keep).tobytes()
        if same not in done:
            done[same] = kept(
                directory / f"{method}-{removed}",
                partial(train, keep, f"{number}/{len(grid)}: {name} removed"),
            )
        yield (method, removed), done[same]


def kept(path: Path, cell: Callable[[Path], dict[str, list[float]]]) -> dict[str, list[float]]:
    """The result in a cell's file, which the cell writes unless it is there."""
    file = path.with_name(f"{path.name}.json")
    if not file.exists():
        result = cell(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        with written(file) as cell_file:
            cell_file.write(json.dumps(result).encode())
    return json.loads(file.read_text(encoding="utf-8"))


class Length(NamedTuple):
    """How long a run trains: steps at the most, and as `EarlyStopping` and `Phase` say."""

    max_steps: int
    patience: int
    log_every: int


def trainer(
    study: Study, length: Length, run_axes: Data = RUN_AXES
) -> Callable[..., dict[str, list[float]]]:
    """A function (masks bool[R, E], description, checkpoints or None) → results by run.

    Args:
        study: The data and the network.
        length: Of the training.
        run_axes: Which of the study's data the runs do not share; they never share their masks.
    """
    params, model_state = initialize(study.model, study.keys, study.data.graph)
    # Cells differ in name alone, so that the next one does not compile the program again.
    phase = Phase(
        "cell",
        gradient_of_loss(study.model),
        make_optimizer(study.settings),
        length.max_steps,
        length.log_every,
        evaluate=partial(evaluate, study.model),
        stopping=EarlyStopping("validation_accuracy", length.patience),
    )

    def train(
        keep: np.ndarray, description: str, checkpoints: Path | None
    ) -> dict[str, list[float]]:
        fitted = fit(
            study.keys,
            params,
            replace(phase, name=description),
            study.data._replace(keep=jnp.asarray(keep)),
            model_state=model_state,
            run_axes=run_axes,
            host=Host(checkpoints),
        )
        rows = np.searchsorted(fitted.log_steps, np.asarray(fitted.best_step))
        accuracies = {
            name: fitted.history[name][rows, np.arange(len(keep))].tolist()
            for name in ("validation_accuracy", "test_accuracy")
        }
        return accuracies | {"best_step": fitted.best_step.tolist()}

    return train


def masks(graph: Any, orders: np.ndarray, removed: float) -> np.ndarray:
    """bool[R, E]: the edges that each run keeps when a share of them is removed."""
    return np.stack(
        [jwi.edge_mask(jwi.prune(graph, order, keep=1 - removed).graph) for order in orders]
    )
