"""How many inputs of the GRUE tasks have a reward of small std under a pretrained model?

Claim: Razin et al. (ICLR 2024), Section 4.1, Finding I: three of seven language tasks (NarrativeQA,
  ToTTo, CommonGen) hold a considerable share of inputs whose reward has nearly no std, at a low
  mean, under the pretrained model; others hold few.

Command: python -m experiments jrft_grue_statistics

Cost: see `seconds` in the result file. SmolLM2-135M-Instruct takes about 9 s an input on one core
  (46 minutes for 64 inputs of five tasks, measured), so three hours for 256. A run that is stopped
  goes on with the next input. The paper's models and numbers of inputs, on one GPU: --model t5-base
  --tasks narrativeqa totto commongen iwslt2017 cnn_dailymail --num-inputs 5000 --batch-size 64
  --tag t5, and --model gpt2 --tasks dailydialog for GPT-2.

Expected: SmolLM2 is an instruct model with weights of 4 bits, and no T5: which tasks are hopeless
  for it differs from the paper. Of 64 inputs a task, those of low std and mean are all on IWSLT,
  88 % on NarrativeQA, 38 % on DailyDialog, 9 % on CommonGen and 5 % on IMDB.
"""

from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

import jrft
from experiments.output.record import Record
from experiments.studies.jrft.grue.tasks import TASKS, task_of
from experiments.studies.jrft.grue_statistics.config import SMOKE, Config
from experiments.studies.jrft.grue_statistics.findings import moments, shares, summary_of
from experiments.studies.jrft.grue_statistics.sampling import rewards_of

__all__ = ["SMOKE", "Config", "figure", "run", "summary", "table"]


def run(config: Config, directory: Path) -> dict[str, Any]:
    """Samples completions of every task's inputs, and diagnoses their rewards.

    Args:
        config: The configuration; the result is a function of it alone.
        directory: Where finished inputs are kept; an interrupted run continues from there.
    """
    if config.data not in ("public", "made-up"):
        raise ValueError(f"data is {config.data!r}: pass 'public' or 'made-up'")
    for name in config.tasks:
        task_of(name)
    return {"tasks": {name: _of_task(config, name, directory) for name in config.tasks}}


def _of_task(config: Config, name: str, directory: Path) -> dict[str, Any]:
    found = rewards_of(config, name, directory)
    rewards = found["rewards"]
    enough = np.isfinite(rewards).sum(axis=1) >= 2
    if not enough.any():
        raise ValueError(
            f"the reward of {name} fails on every input ({found['first_failure']}): mend it, or "
            "leave the task out of --tasks"
        )
    posterior = jrft.diagnose(
        rewards[enough],
        reward_range=(0, 1),
        settings=jrft.DiagnosisSettings(threshold=config.low_std),
    ).posterior
    return {
        **found,
        "rewards": rewards.round(4),
        "reward": TASKS[name].reward_name(),
        "prob_low_std": posterior.prob_low_std.round(4),
        "posterior_mean": posterior.mean.round(4),
    }


def figure(record: Record) -> Figure:
    """Mean and std of every input, a panel a task, and histograms of the stds below."""
    names = record.results["tasks"]
    drawn, axes = plt.subplots(
        2, len(names), figsize=(2.6 * len(names) + 0.6, 5), layout="constrained", squeeze=False
    )
    for (scatter, histogram), name in zip(axes.T, names, strict=True):
        mean, std = moments(record, name)
        scatter.scatter(mean, std, s=5, alpha=0.5, color="#0072b2", linewidth=0, rasterized=True)
        config = record.config
        scatter.plot(
            [0, config["low_mean"], config["low_mean"]],
            [config["low_std"], config["low_std"], 0], color="#d55e00", linewidth=1,
        )  # fmt: skip
        scatter.set(xlim=(0, 1), ylim=(0, 0.55), xlabel="reward mean")
        scatter.set_title(f"{TASKS[name].title}\n{names[name]['reward']}", fontsize="small")
        histogram.hist(std, bins=np.linspace(0, 0.55, 23), color="#0072b2")
        histogram.axvline(config["low_std"], color="#d55e00", linewidth=1)
        histogram.set(xlabel="reward std")
    axes[0, 0].set_ylabel("reward std")
    axes[1, 0].set_ylabel("inputs")
    return drawn


def table(record: Record) -> list[list[str]]:
    """Means, stds and shares of every task, ± half of the 95 % interval."""
    rows, found = [], {}
    for name in record.results["tasks"]:
        of_task, found = summary_of(record, name), shares(record, name)
        cells = [f"{of_task[key]:.3f}" for key in ("mean", "std", "tenth")]
        cells += [f"{share:.1%} ± {half:.1%}" for share, half in found.values()]
        failures = record.results["tasks"][name]["failures"]
        rows.append([TASKS[name].title, *cells, str(failures)])
    return [["task", "mean", "mean std", "10th percentile", *found, "rewards missing"], *rows]


_LOW = ("plug-in, low std and mean", "calibrated, low std and mean")


def summary(record: Record) -> str:
    """The shares of low std and mean, and what is missing."""
    lines = []
    for name, of_task in record.results["tasks"].items():
        found = shares(record, name)
        plug_in, calibrated = (
            f"{share:.0%} ± {half:.0%}" for share, half in (found[kind] for kind in _LOW)
        )
        line = f"{TASKS[name].title} ({of_task['reward']}): {plug_in}, calibrated {calibrated}"
        if of_task["failures"]:
            line += f"; {of_task['failures']} rewards missing, as {of_task['first_failure']}"
        lines.append(line)
    return (
        f"Inputs of std below {record.config['low_std']:g} and mean below "
        f"{record.config['low_mean']:g}, {record.config['model']}: {'. '.join(lines)}."
    )
