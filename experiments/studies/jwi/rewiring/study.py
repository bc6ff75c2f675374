"""Adding edges by walk index against rewiring: does any of it raise accuracy?

Claim: Razin et al. (NeurIPS 2023), Section 5, use walk indices to remove edges. Here 1-WIS runs
  forward and adds edges (derived), beside methods of rewiring: FoSR (spectral gap), SDRF
  (curvature), GTR (effective resistance), DIGL (diffusion), and pairs at random. Each may add 2, 10
  or 25 % of the edges, or none; the validation accuracy of each split chooses.

Command: python -m experiments jwi_rewiring

Cost: see `seconds` in the result file. Each finished cell (data set, method, share) is kept, so
  that an interrupted run goes on.

Expected: no number in the papers for this comparison. In the committed run nothing helps: no method
  differs from no rewiring by more than its interval. As a control, `none` trains the graph as it
  is, and chooses among as many draws of the initial weights as a method has graphs.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from experiments.studies.jwi.rewiring.config import SMOKE, Config
from experiments.studies.jwi.rewiring.graphs import rewired
from experiments.studies.jwi.rewiring.methods import METHODS
from experiments.studies.jwi.rewiring.report import figure, summary, table
from experiments.studies.jwi.rewiring.tasks import Task, load
from experiments.studies.jwi.rewiring.training import Train, trainer
from experiments.studies.jwi.sparsification.cells import kept

__all__ = ["SMOKE", "Config", "figure", "run", "summary", "table"]

_MEASURES = ("validation_accuracy", "test_accuracy", "num_edges", "homophily")


def run(config: Config, directory: Path) -> dict[str, Any]:
    """Trains every cell; a cell is all splits of a data set, a method and a share.

    Args:
        config: The configuration; the result is a function of it alone.
        directory: Where finished cells go; an interrupted run continues from there.

    Returns:
        By data set and measure {method: [share, ...]}, where `none` has a row for the graph as it
        is, and one for each further draw of its weights; accuracies are [share, split].

    Raises:
        ValueError: A name of a data set or a method is unknown, or the shares do not ascend.
    """
    for method in config.methods:
        if method not in METHODS:
            raise ValueError(f"methods has {method!r}: pass names among {', '.join(METHODS)}")
    if not config.added or np.any(np.diff([0.0, *config.added]) <= 0):
        raise ValueError(f"added is {config.added}: pass positive shares that ascend")
    tasks = {name: load(name) for name in config.datasets}
    results: dict[str, Any] = {}
    for name, task in tasks.items():
        rows = dict(_rows(config, name, task, directory))
        results[name] = {
            measure: {method: [cell[measure] for cell in row] for method, row in rows.items()}
            for measure in _MEASURES
        }
    return results


def _rows(
    config: Config, dataset: str, task: Task, directory: Path
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """The cells of each method, and of the graph as it is."""
    train = trainer(config, task)
    draws = 1 + len(config.added)
    with tqdm(
        total=draws + len(config.methods) * len(config.added), desc=dataset, unit="cell",
        disable=None,
    ) as bar:  # fmt: skip

        def cell(method: str, place: int, edges: Any, draw: int) -> dict[str, Any]:
            description = f"{dataset}, {method}, {place}"
            found: dict[str, Any] = kept(
                directory / f"{dataset}-{method}-{place}",
                lambda _: _measured(task, edges(), train, description, draw),
            )
            bar.update()
            return found

        same = [task.edges] * config.num_splits
        yield "none", [cell("none", draw, lambda: same, draw) for draw in range(draws)]
        for method in config.methods:

            @cache
            def all_edges(method: str = method) -> list[list[np.ndarray]]:
                """By share and split."""
                seeds = range(config.num_splits if METHODS[method].is_random else 1)
                by_seed = [rewired(task, METHODS[method], config.added, seed) for seed in seeds]
                runs = by_seed if len(by_seed) > 1 else by_seed * config.num_splits
                return [list(of_share) for of_share in zip(*runs, strict=True)]

            yield (
                method,
                [
                    cell(method, place, lambda place=place, of=all_edges: of()[place], 0)
                    for place in range(len(config.added))
                ],
            )


def _measured(
    task: Task, edges: list[np.ndarray], train: Train, description: str, draw: int
) -> dict[str, Any]:
    """A cell: accuracies by split; the number of edges and how many of them join vertices of a
    class, as means over splits.
    """
    measured: dict[str, Any] = train(edges, description, draw)
    measured["num_edges"] = float(np.mean([len(own) for own in edges]))
    same = [np.mean(np.diff(task.labels[own]) == 0) for own in edges] if task.member is None else []
    measured["homophily"] = float(np.mean(same)) if same else None
    return measured
