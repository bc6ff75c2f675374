"""Edges removed by walk index cost less accuracy than edges removed otherwise.

Claim: Razin et al. (NeurIPS 2023), Section 5: a network trained on a graph that Walk Index
  Sparsification has pruned classifies vertices better than one trained on as many edges chosen at
  random, by effective resistance (spectral), or by training a mask (UGS).

Command: python -m experiments jwi_sparsification --dataset cora --network gcn
  (the paper's protocol: ten seeds, 21 ratios, early stopping after 1 000 steps).

Cost: see ``seconds`` in the result file. A cell is a method and a ratio with all its seeds; they
  are one compiled program, and each finished cell is kept, so that an interrupted study goes on.

Expected: on Cora, a GCN has test accuracy 0.87 with all edges; with half of them removed 0.85 by
  1-WIS and 0.805 at random. ``PAPER`` has what the paper's figures show of GCNs.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

import jwi
from experiments.engine.loop import EarlyStopping, fit
from experiments.output.figures import mean_and_band
from experiments.output.record import Record, atomic_path
from experiments.output.tables import mean_and_std, standard_error
from experiments.studies.jwi.sparsification.networks import (
    RUN_AXES,
    NetworkName,
    evaluate,
    gradient_of_loss,
    initialize,
    make_optimizer,
)
from experiments.studies.jwi.sparsification.orders import (
    LABELS,
    check_methods,
    line_of,
    untrained_orders,
)
from experiments.studies.jwi.sparsification.prepare import Study, prepare
from experiments.studies.jwi.sparsification.ugs import ugs_orders

# Test accuracy of a GCN in % by share of removed edges, read off the paper's figures (± 0.3).
PAPER: dict[str, dict[str, dict[float, float]]] = {
    "cora": {
        "random": {0.3: 83.8, 0.5: 80.5, 0.7: 77.2, 0.9: 72.0},
        "spectral": {0.3: 85.4, 0.5: 82.5, 0.7: 76.5, 0.9: 72.1},
        "ugs": {0.3: 84.3, 0.5: 81.3, 0.7: 78.7, 0.9: 73.4},
        "two-walk-index": {0.3: 86.6, 0.5: 84.6, 0.7: 81.4, 0.9: 75.6},
        "one-walk-index": {0.3: 86.9, 0.5: 84.8, 0.7: 81.8, 0.9: 77.3},
    },
    "dblp": {
        "random": {0.3: 83.2, 0.5: 82.1, 0.7: 80.0, 0.9: 77.1},
        "spectral": {0.3: 85.2, 0.5: 84.5, 0.7: 82.0, 0.9: 77.7},
        "ugs": {0.3: 83.9, 0.5: 82.9, 0.7: 81.1, 0.9: 78.1},
        "one-walk-index": {0.3: 85.3, 0.5: 85.5, 0.7: 84.1, 0.9: 80.2},
    },
}


@dataclass(frozen=True)
class Config:
    """Test accuracy of a graph network against the share of removed edges."""

    dataset: Literal[
        "cora", "dblp", "computers", "chameleon", "squirrel", "tolokers", "ogbn-arxiv", "digits"
    ] = "cora"
    """A public graph; or the embedded graph of scikit-learn's digits, which needs no network."""
    network: NetworkName = "gcn"
    methods: tuple[str, ...] = (
        "random", "spectral", "ugs", "two-walk-index", "one-walk-index"
    )  # fmt: skip
    """How edges are chosen, in the figure's order: ugs, two-walk-index, or methods of jwi prune."""
    removed: tuple[float, ...] = tuple(i / 20 for i in range(21))
    """Shares of the edges to remove."""
    num_seeds: int = 10
    """Seeds 0, 1, …: of the initial weights, and of an order that is random or trained."""
    train_share: float = 0.8
    validation_share: float = 0.1
    """Shares of the vertices; the rest is for testing. All runs have the same split."""
    split_seed: int = 0
    width: int | None = None
    depth: int | None = None
    learning_rate: float | None = None
    weight_decay: float | None = None
    """Of the gradient (an L2 penalty), not decoupled. None in these and in ``ugs_penalty``: the
    paper's for this data set and network."""
    max_steps: int = 10_000
    patience: int = 1_000
    """Steps without better validation accuracy after which a run stops."""
    log_every: int = 10
    """Steps between two looks at the validation accuracy."""
    ugs_rounds: int = 20
    """Rounds of UGS, each of which removes an equal share of the edges."""
    ugs_penalty: float | None = None


SMOKE = Config(
    dataset="digits",
    removed=(0.0, 0.5, 0.9),
    num_seeds=2,
    train_share=0.1,
    width=16,
    learning_rate=1e-2,
    max_steps=60,
    patience=20,
    ugs_rounds=2,
)
DEMO = Config(
    dataset="digits",
    methods=("random", "one-walk-index"),
    removed=(0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9),
    num_seeds=6,
    train_share=0.1,
    learning_rate=1e-2,
    weight_decay=1e-3,
    max_steps=200,
    patience=50,
)
# Cora in minutes: the paper's split and widths, fewer ratios and seeds, a larger learning rate.
DEMO_CORA = replace(
    Config(),
    methods=("random", "one-walk-index"),
    removed=(0.0, 0.3, 0.5, 0.7, 0.9, 1.0),
    num_seeds=3,
    learning_rate=5e-3,
    max_steps=200,
    patience=100,
)


def run(config: Config, directory: Path) -> dict[str, Any]:
    """Trains every (method, ratio), all its seeds at a time, by one program.

    Args:
        config: The configuration; the result is a function of it alone.
        directory: Where finished cells and checkpoints go; an interrupted run continues from there.
    """
    check_methods(config.methods)
    study = prepare(
        config.dataset,
        config.network,
        num_seeds=config.num_seeds,
        shares=(config.train_share, config.validation_share),
        split_seed=config.split_seed,
        width=config.width,
        depth=config.depth,
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
        ugs_penalty=config.ugs_penalty,
    )
    orders = {method: _orders(method, config, study, directory) for method in config.methods}
    cells = dict(_cells(config, study, orders, directory))
    return {
        "settings": study.settings._asdict(),
        "num_vertices": len(study.data.labels),
        "num_edges": study.data.keep.shape[-1],
        **{
            measure: {
                method: np.array([cells[method, r][measure] for r in config.removed]).T
                for method in config.methods
            }
            for measure in ("test_accuracy", "best_step")
        },
    }


def _orders(method: str, config: Config, study: Study, directory: Path) -> np.ndarray:
    """int32[seeds, E], edge ids, first removed first."""
    if method != "ugs":
        return untrained_orders(method, study.data.graph, study.keys, study.settings.depth)
    return ugs_orders(
        study.model,
        study.settings,
        study.data,
        study.keys,
        num_rounds=config.ugs_rounds,
        max_steps=config.max_steps,
        patience=config.patience,
        log_every=config.log_every,
        checkpoints=directory / "ugs",
    )


def _cells(
    config: Config, study: Study, orders: dict[str, np.ndarray], directory: Path
) -> Iterator[tuple[tuple[str, float], dict[str, list[float]]]]:
    """Accuracy of every method and ratio, by seed; what is equal for all methods, once."""
    train = _trainer(config, study)
    grid = [(method, removed) for method in config.methods for removed in config.removed]
    done: dict[bytes, dict[str, list[float]]] = {}
    for number, (method, removed) in enumerate(grid, 1):
        keep = masks(study.data.graph, orders[method], removed)
        name = f"{LABELS[method]} {100 * removed:.4g} %"
        same = np.packbits(keep).tobytes()
        if same not in done:
            done[same] = _kept(
                directory / f"{method}-{removed}",
                partial(train, keep, f"{number}/{len(grid)}: {name} removed"),
            )
        yield (method, removed), done[same]


def _kept(path: Path, cell: Callable[[Path], dict[str, list[float]]]) -> dict[str, list[float]]:
    """What is in the file of a cell, or the cell's result, which goes there."""
    file = path.with_name(f"{path.name}.json")
    if not file.exists():
        result = cell(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(file) as temporary:
            temporary.write_text(json.dumps(result), encoding="utf-8")
    return json.loads(file.read_text(encoding="utf-8"))


def _trainer(config: Config, study: Study) -> Callable[..., dict[str, list[float]]]:
    """A function (masks bool[seeds, E], description, checkpoints) → results by seed."""
    params, model_state = initialize(study.model, study.keys, study.data.graph)
    # One program, so that the next cell does not compile it again.
    program = partial(
        fit,
        study.keys,
        params,
        gradient_of_loss(study.model),
        make_optimizer(study.settings),
        num_steps=config.max_steps,
        log_every=config.log_every,
        model_state=model_state,
        evaluate=partial(evaluate, study.model),
        stopping=EarlyStopping("validation_accuracy", config.patience),
        run_axes=RUN_AXES,
    )

    def train(keep: np.ndarray, description: str, checkpoints: Path) -> dict[str, list[float]]:
        fitted = program(
            study.data._replace(keep=jnp.asarray(keep)),
            checkpoints=checkpoints,
            description=description,
        )
        rows = np.searchsorted(fitted.log_steps, np.asarray(fitted.best_step))
        accuracy = fitted.history["test_accuracy"][rows, np.arange(len(keep))]
        return {"test_accuracy": accuracy.tolist(), "best_step": fitted.best_step.tolist()}

    return train


def masks(graph: Any, orders: np.ndarray, removed: float) -> np.ndarray:
    """bool[R, E]: the edges that each run keeps when a share of them is removed."""
    return np.stack(
        [jwi.edge_mask(jwi.prune(graph, order, keep=1 - removed).graph) for order in orders]
    )


def figure(record: Record) -> Figure:
    """Test accuracy against the share of removed edges, mean and sample std over seeds.

    Where the paper's figure shows the same network and data set, its numbers are crosses.
    """
    figure, axis = plt.subplots(figsize=(6.2, 4.2), layout="constrained")
    removed = 100 * np.array(record.config["removed"])
    for method in record.config["methods"]:
        runs = np.array(record.results["test_accuracy"][method])
        line = line_of(method)
        mean_and_band(axis, removed, runs, line.label, line.color, line.style)
        paper = _paper(record).get(method, {})
        axis.plot(
            [100 * r for r in paper],
            [accuracy / 100 for accuracy in paper.values()],
            "x",
            color=line.color,
        )
    axis.set_xlabel("edges removed (%)" + ("; crosses: the paper's" if _paper(record) else ""))
    axis.set_ylabel("test accuracy")
    axis.set_title(f"{_network(record)} on {record.config['dataset']}", fontsize="medium")
    axis.legend()
    return figure


def table(record: Record) -> list[list[str]]:
    """Test accuracy in %, mean ± sample std over seeds, (the paper's,) and 1-WIS − random."""
    runs = _runs(record)
    paper = _paper(record)
    rows = [["edges removed", *(LABELS[m] for m in runs)]]
    compared = {"one-walk-index", "random"} <= runs.keys()
    if compared:
        rows[0].append("1-WIS − random")
    for i, removed in enumerate(record.config["removed"]):
        cells = [
            mean_and_std(values[:, i], 1)
            + (f" ({paper[m][removed]:.1f})" if removed in paper.get(m, {}) else "")
            for m, values in runs.items()
        ]
        if compared:
            cells.append(mean_and_std((runs["one-walk-index"] - runs["random"])[:, i], 1))
        rows.append([f"{100 * removed:.0f} %", *cells])
    return rows


def summary(record: Record) -> str:
    """What the figure shows of 1-WIS beside each other method, from its numbers."""
    runs = _runs(record)
    if "one-walk-index" not in runs:
        return f"{', '.join(LABELS[m] for m in runs)}: see the table."
    removed = 100 * np.array(record.config["removed"])
    ours = runs.pop("one-walk-index")
    sentences = []
    if "random" in runs:
        difference = ours - runs["random"]
        mean, error = difference.mean(axis=0), standard_error(difference)
        best = int(mean.argmax())
        sentences.append(
            f"With {removed[best]:.0f} % of the edges of {record.config['dataset']} removed, a "
            f"{_network(record)} keeps {ours[:, best].mean():.1f} % test accuracy if 1-WIS chose "
            f"them and {runs['random'][:, best].mean():.1f} % if chance did "
            f"(difference {mean[best]:.1f} ± {error[best]:.1f}, standard error over "
            f"{len(difference)} seeds)."
        )
    for method, values in runs.items():
        difference = ours - values
        mean, error = difference.mean(axis=0), standard_error(difference)
        ahead, behind = removed[mean > 2 * error], removed[mean < -2 * error]
        sentences.append(
            f"It is ahead of {LABELS[method]} by more than two standard errors at "
            f"{_percent_list(ahead)} removed, and behind by as much at {_percent_list(behind)}."
        )
    return " ".join(sentences)


def _runs(record: Record) -> dict[str, np.ndarray]:
    """Test accuracy in %, float[seeds, ratios], by method."""
    accuracy = record.results["test_accuracy"]
    return {m: 100 * np.array(accuracy[m]) for m in record.config["methods"]}


def _paper(record: Record) -> dict[str, dict[float, float]]:
    return PAPER.get(record.config["dataset"], {}) if record.config["network"] == "gcn" else {}


def _network(record: Record) -> str:
    names = {"gcn": "GCN", "gin": "GIN", "resgcn": "ResGCN"}
    return names[record.config["network"]]


def _percent_list(values: np.ndarray) -> str:
    return ", ".join(f"{value:.0f}" for value in values) + " %" if len(values) else "no share"
