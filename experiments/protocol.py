"""Runs an experiment from configuration to result file and figure."""

import shutil
import time
from pathlib import Path
from typing import Any, Protocol

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from experiments.engine.processes import is_first
from experiments.output import figures, record
from experiments.output.record import Record, check_directory


class Experiment(Protocol):
    """The interface of a study's module; its docstring opens with the claim."""

    Config: type[Any]
    SMOKE: Any

    def run(self, config: Any, directory: Path) -> dict[str, Any]:
        """The results, as a function of the configuration alone; checkpoints go to directory."""

    def figure(self, record: Record) -> Figure:
        """Draws the results."""

    def table(self, record: Record) -> list[list[str]]:
        """The numbers for people, the first row being the heading."""

    def summary(self, record: Record) -> str:
        """The findings, in two sentences."""


def execute(name: str, experiment: Experiment, config: Any, out: Path) -> Record:
    """Runs an experiment, or resumes an interrupted one, and writes its results and figure.

    Args:
        name: The experiment's name, with a tag or without; of its result file and figure.
        experiment: Its module.
        config: Its configuration.
        out: Directory of `<name>.json` and `<name>.svg`; made if missing. Of several processes
            the first writes.

    Raises:
        ValueError: `out` cannot be written.
    """
    start = time.monotonic()
    # Before hours of training, not after them.
    check_directory(out)
    # A configuration has a directory of its own, so that no run resumes from another's checkpoint.
    work = out / f"{name}-{record.fingerprint(config)}"
    resumed = work.exists()
    results = experiment.run(config, work)
    seconds = time.monotonic() - start
    finished = record.make_record(name, config, results, seconds, resumed=resumed)
    if not is_first():
        return finished
    record.write(finished, out)
    draw(experiment, finished, out)
    shutil.rmtree(work, ignore_errors=True)
    return finished


def draw(experiment: Experiment, finished: Record, out: Path) -> Path:
    """Draws `out/<name>.svg` from a record."""
    figure = experiment.figure(finished)
    path = figures.save(figure, out / f"{finished.name}.svg")
    plt.close(figure)
    return path
