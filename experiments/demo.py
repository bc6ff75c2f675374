"""Both studies on embedded data, in minutes, as one page."""

import sys
from pathlib import Path
from typing import Literal

import matplotlib.pyplot as plt

from experiments.data.sources import DataUnavailableError
from experiments.output.page import Section, write_report
from experiments.output.tables import print_table
from experiments.protocol import execute
from experiments.studies.jrft.perfect_exploration import study as exploration
from experiments.studies.jwi.sparsification import study as sparsification
from experiments.studies.jwi.sparsification.prepare import load

Dataset = Literal["digits", "cora"]


def demo(
    dataset: Dataset = "digits", report: Path = Path("report.html"), *, smoke: bool = False
) -> Path:
    """Runs a study of each paper and writes the page.

    Args:
        dataset: The graph: embedded digits, or Cora, which is downloaded. If it cannot be, the
            digits take its place and the page says so.
        report: The page to write.
        smoke: Seconds instead of minutes; the numbers mean nothing.

    Returns:
        The page's path.
    """
    out = Path("runs") / ("demo-smoke" if smoke else "demo")
    sections = [_sparsification(dataset, out, smoke=smoke), _exploration(out, smoke=smoke)]
    introduction = (
        "Two questions about what networks can learn, answered on small data: which edges a graph "
        "neural network can spare, and which inputs reinforcement finetuning cannot improve."
    )
    write_report(report, "Walk indices and vanishing gradients", introduction, sections)
    for section in sections:
        plt.close(section.figure)
        print(f"\n{section.title}\n{section.summary}")
        print_table(section.table)
    print()
    return report


def _sparsification(dataset: Dataset, out: Path, *, smoke: bool) -> Section:
    config = sparsification.DEMO_CORA if dataset == "cora" else sparsification.DEMO
    note = ""
    try:
        load(config.dataset)
    except DataUnavailableError as error:
        print(f"{error}\nThe embedded graph of digits takes its place.", file=sys.stderr)
        config = sparsification.DEMO
        note = f"{dataset} could not be downloaded; these are the embedded digits instead."
    if smoke:
        config = sparsification.SMOKE
    record = execute("jwi_sparsification", sparsification, config, out)
    return Section(
        "Pruning a graph: remove the edges that few walks need",
        "Claim (NeurIPS 2023): edges chosen by Walk Index Sparsification cost less accuracy than "
        "edges chosen at random.",
        sparsification.summary(record),
        sparsification.figure(record),
        "Test accuracy against the share of removed edges, for 1-WIS and for random order",
        sparsification.table(record),
        record,
        note,
    )


def _exploration(out: Path, *, smoke: bool) -> Section:
    config = exploration.SMOKE if smoke else exploration.DEMO
    record = execute("jrft_perfect_exploration", exploration, config, out)
    return Section(
        "Reinforcement finetuning: no reward std, no gradient",
        "Claim (ICLR 2024): the expected gradient of an input vanishes when the std of its reward "
        "is small, so RFT leaves the input unlearned even with perfect exploration; SFT does not.",
        exploration.summary(record),
        exploration.figure(record),
        "Reward, reward std and gradient norm over epochs, for inputs of changed and unchanged "
        "label, by RFT and by SFT",
        exploration.table(record),
        record,
    )
