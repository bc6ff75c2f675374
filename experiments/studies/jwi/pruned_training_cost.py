"""Pruning saves seconds and bytes of a training step; how many, and at which cost of accuracy?

Claim: derived here, from the paper's aim of pruning: on a graph that 1-WIS has pruned and that is
  compacted to the edges left, a step of training takes less time and memory, and the accuracy falls
  slowly.

Command: python -m experiments jwi_pruned_training_cost --dataset computers --tag computers
  and once more with tolokers

Cost: see `seconds` in the result file; some minutes on two cores.

Expected: seconds and bytes fall with the share of edges kept, down to the cost of the layers that
  work on vertices alone.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
from matplotlib.figure import Figure

import jwi
from experiments.engine.loop import Host, fit
from experiments.engine.phases import EarlyStopping, Phase
from experiments.output.figures import mean_and_band
from experiments.output.record import Record
from experiments.output.tables import mean_and_std
from experiments.studies.jwi.sparsification.networks import initialize
from experiments.studies.jwi.sparsification.orders import LABELS, line_of, untrained_orders
from experiments.studies.jwi.sparsification.prepare import Study, prepare
from experiments.studies.jwi.sparsification.settings import NetworkName
from experiments.studies.jwi.sparsification.training import (
    RUN_AXES,
    Data,
    evaluate,
    gradient_of_loss,
    make_optimizer,
)

METHODS = ("random", "one-walk-index")


@dataclass(frozen=True)
class Config:
    """Accuracy, seconds and bytes of training on compacted graphs."""

    dataset: Literal["cora", "dblp", "computers", "tolokers", "ogbn-arxiv", "digits"] = "computers"
    network: NetworkName = "gcn"
    removed: tuple[float, ...] = (0.0, 0.3, 0.5, 0.7, 0.9)
    """Shares of the edges to remove."""
    num_seeds: int = 3
    """Seeds 0, 1, …: of the initial weights, and of the random order."""
    width: int | None = None
    depth: int | None = None
    """None: the paper's for this network."""
    learning_rate: float = 1e-2
    max_steps: int = 200
    patience: int = 50
    log_every: int = 10
    num_timed: int = 10
    """Steps to take the median time of."""


SMOKE = Config(
    dataset="digits", removed=(0.0, 0.9), num_seeds=2, width=8, max_steps=20, num_timed=3
)


def run(config: Config, directory: Path) -> dict[str, Any]:
    """Trains on compacted graphs, and measures one step on each.

    Args:
        config: The configuration; accuracies and bytes are a function of it, seconds are measured.
        directory: Where checkpoints go; an interrupted run continues from there.
    """
    prepared = prepare(
        config.dataset,
        config.network,
        num_seeds=config.num_seeds,
        width=config.width,
        depth=config.depth,
        learning_rate=config.learning_rate,
    )
    graph = prepared.data.graph
    accuracy: dict[str, list[Any]] = {}
    cost: dict[str, list[dict[str, float]]] = {}
    for method in METHODS:
        orders = untrained_orders(method, graph, prepared.keys)
        accuracy[method], cost[method] = [], []
        for removed in config.removed:
            smaller = [
                jwi.compact(jwi.prune(graph, order, keep=1 - removed).graph) for order in orders
            ]
            trained = _train(config, prepared, smaller, directory / f"{method}-{removed}")
            accuracy[method].append(trained)
            cost[method].append(_cost(config, prepared, smaller[0]))
    return {
        "num_vertices": len(prepared.data.labels),
        "num_edges": len(jwi.edge_list(graph)),
        "test_accuracy": {m: np.array(rows).T for m, rows in accuracy.items()},
        **{
            quantity: {m: [row[quantity] for row in rows] for m, rows in cost.items()}
            for quantity in ("seconds", "bytes")
        },
    }


def _train(config: Config, prepared: Study, graphs: list[Any], directory: Path) -> np.ndarray:
    """Test accuracy by seed, float[R]: as many edges each, so all seeds are one program."""
    graph = jax.tree.map(lambda *leaves: jnp.stack(leaves), *[_topology(g) for g in graphs])
    keep = jnp.ones((len(graphs), len(jwi.edge_list(graphs[0]))), bool)
    data = prepared.data._replace(graph=(prepared.data.graph.nodes, graph), keep=keep)
    params, model_state = initialize(prepared.model, prepared.keys, graphs[0])
    gradient_fn = gradient_of_loss(prepared.model)
    phase = Phase(
        f"{len(graphs)} seeds, {keep.shape[1]:,} edges",
        lambda key, params, state, data: gradient_fn(key, params, state, _whole(data)),
        make_optimizer(prepared.settings),
        config.max_steps,
        config.log_every,
        evaluate=lambda params, state, data: evaluate(prepared.model, params, state, _whole(data)),
        stopping=EarlyStopping("validation_accuracy", config.patience),
    )
    fitted = fit(
        prepared.keys,
        params,
        phase,
        data,
        model_state=model_state,
        run_axes=RUN_AXES._replace(graph=(None, 0)),
        host=Host(directory),
    )
    rows = np.searchsorted(fitted.log_steps, np.asarray(fitted.best_step))
    return fitted.history["test_accuracy"][rows, np.arange(len(graphs))]


def _topology(graph: Any) -> Any:
    """The graph without its features, which all runs share."""
    return graph._replace(nodes=None)


def _whole(data: Data) -> Data:
    nodes, topology = data.graph
    return data._replace(graph=topology._replace(nodes=nodes))


def _cost(config: Config, prepared: Study, graph: Any) -> dict[str, float]:
    """Median seconds of a training step on one graph, and the bytes it takes beside its inputs."""
    data = prepared.data._replace(graph=graph, keep=jnp.ones(len(jwi.edge_list(graph)), bool))
    params, model_state = initialize(prepared.model, prepared.keys[:1], graph)
    params, model_state = jax.tree.map(lambda leaf: leaf[0], (params, model_state))
    optimizer = make_optimizer(prepared.settings)
    step = partial(_step, gradient_of_loss(prepared.model), optimizer)
    compiled = jax.jit(step).lower(params, optimizer.init(params), model_state, data).compile()
    state = (params, optimizer.init(params), model_state)
    state = jax.block_until_ready(compiled(*state, data))
    seconds = []
    for _ in range(config.num_timed):
        start = time.perf_counter()
        state = jax.block_until_ready(compiled(*state, data))
        seconds.append(time.perf_counter() - start)
    memory: Any = compiled.memory_analysis()  # None on platforms that cannot tell.
    temporary = math.nan if memory is None else memory.temp_size_in_bytes
    return {"seconds": float(np.median(seconds)), "bytes": temporary + _bytes(graph)}


def _bytes(graph: Any) -> int:
    """Bytes of a graph's topology."""
    return sum(leaf.nbytes for leaf in jax.tree.leaves(_topology(graph)))


def _step(
    gradient_fn: Callable[..., Any],
    optimizer: optax.GradientTransformation,
    params: Any,
    opt_state: Any,
    model_state: Any,
    data: Data,
) -> tuple[Any, Any, Any]:
    gradient, model_state, _ = gradient_fn(jax.random.key(0), params, model_state, data)
    updates, opt_state = optimizer.update(gradient, opt_state, params)
    return optax.apply_updates(params, updates), opt_state, model_state


def figure(record: Record) -> Figure:
    """Accuracy, seconds and bytes against the share of edges kept."""
    figure, axes = plt.subplots(1, 3, figsize=(10.5, 3.4), layout="constrained")
    kept = 100 * (1 - np.array(record.config["removed"]))
    for method in METHODS:
        runs = 100 * np.array(record.results["test_accuracy"][method])
        line = line_of(method)
        mean_and_band(axes[0], kept, runs, line.label, line.color)
        for axis, (_, values) in zip(axes[1:], _quantities(record, method), strict=True):
            axis.plot(kept, values, "o-", color=line.color, label=line.label)
    for axis, label in zip(axes, ("test accuracy (%)", "ms a step", "MiB a step"), strict=True):
        axis.set_xlabel("edges kept (%)")
        axis.set_ylabel(label)
    for axis in axes[1:]:
        axis.set_ylim(bottom=0)
    axes[0].legend()
    figure.suptitle(f"{record.config['network'].upper()} on {record.config['dataset']}")
    return figure


def _quantities(record: Record, method: str) -> list[tuple[str, np.ndarray]]:
    """Milliseconds and MiB of a step."""
    return [
        ("ms", 1e3 * np.array(record.results["seconds"][method])),
        ("MiB", np.array(record.results["bytes"][method]) / 2**20),
    ]


def table(record: Record) -> list[list[str]]:
    """Accuracy in %, mean ± sample std over seeds; milliseconds and MiB of a step."""
    rows = [
        [
            "edges kept",
            *(f"accuracy, {LABELS[m]}" for m in METHODS),
            "ms a step, 1-WIS",
            "MiB a step, 1-WIS",
        ]
    ]
    (_, seconds), (_, size) = _quantities(record, "one-walk-index")
    for i, removed in enumerate(record.config["removed"]):
        cells = [
            mean_and_std(100 * np.array(record.results["test_accuracy"][m])[:, i], 1)
            for m in METHODS
        ]
        rows.append([f"{100 * (1 - removed):.0f} %", *cells, f"{seconds[i]:.1f}", f"{size[i]:.1f}"])
    return rows


def summary(record: Record) -> str:
    """Savings and cost of the largest removal, from the record's numbers."""
    (_, seconds), (_, size) = _quantities(record, "one-walk-index")
    accuracy = 100 * np.array(record.results["test_accuracy"]["one-walk-index"]).mean(axis=0)
    removed = np.array(record.config["removed"])
    most = int(removed.argmax())
    first = int(removed.argmin())
    return (
        f"With {100 * removed[most]:.0f} % of the edges of {record.config['dataset']} removed by "
        f"1-WIS, a step takes {seconds[most] / seconds[first]:.2f} of the time and "
        f"{size[most] / size[first]:.2f} of the memory that it takes with "
        f"{100 * removed[first]:.0f} % removed, at {accuracy[most]:.1f} % test accuracy instead of "
        f"{accuracy[first]:.1f} %."
    )
