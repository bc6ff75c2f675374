"""The table of record: accuracy by graph, network, order and share of removed edges.

Claim: Razin et al. (NeurIPS 2023), Section 5, compare Walk Index Sparsification with three other
  methods on one split a graph. Here it stands beside the scores and backbones of the literature
  since, over ten splits, with one tuning budget for all.

Command: python -m experiments jwi_sparsification_record; the whole table takes days on two cores.
  Graphs are independent: `--datasets cora --networks gcn --tag cora` is one part of it.

Cost: see `seconds` in the result file. Each finished cell (graph, network, order, ratio) is kept,
  so that an interrupted run goes on, and may be done in pieces of any length.

Expected: no number in the papers for most orders. In the committed run of a GCN on four graphs
  `log-share` is best, or within one standard error of the best, in half of the cells, and loses
  least elsewhere. No order is best at every share.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from tqdm.auto import tqdm

from experiments.data.vertex_classification import random_split
from experiments.studies.jwi.sparsification.cells import Length, kept, masks, trainer
from experiments.studies.jwi.sparsification.networks import NetworkName
from experiments.studies.jwi.sparsification.orders import check_methods, untrained_orders
from experiments.studies.jwi.sparsification.prepare import LOADERS, Study, prepare
from experiments.studies.jwi.sparsification.training import RUN_AXES
from experiments.studies.jwi.sparsification_record.config import SMOKE, Config
from experiments.studies.jwi.sparsification_record.report import figure, summary, table
from experiments.studies.jwi.sparsification_record.structure import MEASURES, measure

__all__ = ["SMOKE", "Config", "figure", "run", "summary", "table"]

_ACCURACIES = ("validation_accuracy", "test_accuracy")


def run(config: Config, directory: Path) -> dict[str, Any]:
    """Trains every cell; a cell is all splits of a graph, a network, an order and a ratio.

    Args:
        config: The configuration; the result is a function of it alone.
        directory: Where finished cells go; an interrupted run continues from there.

    Raises:
        ValueError: If a name of a graph or of an order is unknown.
    """
    check_methods(config.methods)
    for dataset in config.datasets:
        if dataset not in LOADERS:
            raise ValueError(f"datasets has {dataset!r}: pass names among {', '.join(LOADERS)}")
    return {
        dataset: {
            network: _by_method(config, _cells(config, dataset, network, directory))
            for network in config.networks
        }
        for dataset in config.datasets
    }


def _by_method(config: Config, cells: Iterator[dict[str, Any]]) -> dict[str, Any]:
    """{measure: {method: array[ratio, ...]}} of the cells in their order."""
    rows = list(cells)
    count = len(config.removed)
    return {
        name: {
            method: np.array([cell[name] for cell in rows[i * count : (i + 1) * count]])
            for i, method in enumerate(config.methods)
        }
        for name in (*_ACCURACIES, *MEASURES)
    }


def _cells(
    config: Config, dataset: str, network: NetworkName, directory: Path
) -> Iterator[dict[str, Any]]:
    """The result of each method and ratio; equal masks are trained once."""
    studies = _studies(config, dataset, network)
    length = Length(config.max_steps, config.patience, config.log_every)
    axes: Any = RUN_AXES._replace(split=0)  # type: ignore[arg-type]
    trainers = [trainer(study, length, axes) for study in studies]
    data, keys = studies[0].data, studies[0].keys
    labels, depth = np.asarray(data.labels), studies[0].settings.depth
    done: dict[bytes, dict[str, Any]] = {}
    for method in tqdm(config.methods, desc=f"{dataset}, {network}", unit="order", disable=None):
        orders = untrained_orders(method, data.graph, keys, depth)
        for removed in config.removed:
            keep = masks(data.graph, orders, removed)
            same = np.packbits(keep).tobytes()
            if same not in done:
                name = f"{dataset}, {network}, {method}, {removed}"

                def cell(_: Path, keep: np.ndarray = keep, name: str = name) -> dict[str, Any]:
                    # Orders that are not random keep the same edges in all splits.
                    several = keep if (keep != keep[0]).any() else keep[:1]
                    measures = [measure(data.graph, mask, labels) for mask in several]
                    best = max(
                        (train(keep, name, None) for train in trainers),
                        key=lambda result: np.mean(result["validation_accuracy"]),
                    )
                    return best | {
                        m: float(np.mean([values[m] for values in measures])) for m in MEASURES
                    }

                done[same] = kept(directory / f"{dataset}-{network}-{method}-{removed}", cell)
            yield done[same]


def _studies(config: Config, dataset: str, network: NetworkName) -> list[Study]:
    """One for each learning rate; run s has the split s and the key of seed s."""
    studies = []
    for rate in config.learning_rates:
        study = prepare(
            dataset,
            network,
            num_seeds=config.num_splits,
            width=config.width,
            depth=config.depth,
            learning_rate=rate,
            weight_decay=config.weight_decay,
        )
        n = len(study.data.labels)
        splits = [
            random_split(seed, n, config.train_share, config.validation_share)
            for seed in range(config.num_splits)
        ]
        split = jax.tree.map(lambda *parts: jnp.asarray(np.stack(parts)), *splits)
        studies.append(study._replace(data=study.data._replace(split=split)))
    return studies
