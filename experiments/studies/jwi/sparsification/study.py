"""Edges removed by walk index cost less accuracy than edges removed otherwise.

Claim: Razin et al. (NeurIPS 2023), Section 5: a network trained on a graph that Walk Index
  Sparsification has pruned classifies vertices better than one trained on as many edges chosen at
  random, by effective resistance (spectral), or by training a mask (UGS).

Command: python -m experiments jwi_sparsification --dataset cora --network gcn
  (the paper's protocol: ten seeds, 21 ratios, early stopping after 1 000 steps).

Cost: see `seconds` in the result file. A cell is a method and a ratio with all its seeds; they
  are one compiled program, and each finished cell is kept, so that an interrupted study goes on.

Expected: on Cora, a GCN has test accuracy 0.87 with all edges; with half of them removed 0.85 by
  1-WIS and 0.805 at random. `report.PAPER` has the numbers of the paper's figures for GCNs.
"""

from pathlib import Path
from typing import Any

import numpy as np

from experiments.studies.jwi.sparsification.cells import test_accuracies
from experiments.studies.jwi.sparsification.config import DEMO, DEMO_CORA, SMOKE, Config
from experiments.studies.jwi.sparsification.orders import check_methods, untrained_orders
from experiments.studies.jwi.sparsification.prepare import Study, prepare
from experiments.studies.jwi.sparsification.report import figure, summary, table
from experiments.studies.jwi.sparsification.ugs import Rounds, ugs_orders

__all__ = ["DEMO", "DEMO_CORA", "SMOKE", "Config", "figure", "run", "summary", "table"]


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
    cells = dict(test_accuracies(config, study, orders, directory))
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
        rounds=Rounds(config.ugs_rounds, config.max_steps, config.patience, config.log_every),
        checkpoints=directory / "ugs",
    )
