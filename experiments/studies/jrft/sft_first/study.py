"""A little supervised finetuning raises the reward std; how much, on what, and is it enough?

Claim: Razin et al. (ICLR 2024), Section 5: a phase of supervised finetuning (SFT) raises the reward
  std of the inputs that RFT leaves unlearned, and few steps on few labeled inputs suffice: 1 % of
  the labels and 40 % of the steps reach 96 % of the reward of full SFT, then RFT. Open in the
  paper: which inputs to label, and whether the std that SFT reaches is the cause of RFT's gain.

Command: python -m experiments jrft_sft_first

Cost: see `seconds` in the result file; six minutes of one core. The task is the one over
  sequences: a transformer of one layer on all prompts of three tokens, exact over all completions;
  the reward is graded, so that inputs of one mean reward may differ in std.

Expected: the mean std of the changed inputs rises from 0.02 to 0.4 and more within ten steps of
  SFT. The paper's thrift is smaller at this size: random labels reach 95 % of full SFT, then RFT,
  only when all 64 prompts are labeled, and labels of the prompts of lowest std with half of them.
  `jrft.std_gain`, which vanishes with the std, ranks no better than random on the whole; divided by
  the std it ranks nearly as well as low std. At matched reward, RFT gains more where the std is
  larger (r from 0.06 to 0.44 in all bins), but the std is not all: of two models of one reward, the
  model of larger std ends higher in 6 of 9 pairs, the model with its mass on right completions in
  7; and of inputs handed over at a std of 0.5 or more, RFT lowers the target's probability in 20 %.
"""

from pathlib import Path
from typing import Any

import jax
import numpy as np

import jrft
from experiments.engine.batches import epochs
from experiments.engine.loop import Host, fit
from experiments.engine.phases import from_loss, pretraining
from experiments.studies.jrft.controlled_task import losses
from experiments.studies.jrft.controlled_task.sequences import (
    Completions,
    shift_task,
    small_transformer,
)
from experiments.studies.jrft.controlled_task.task import Task
from experiments.studies.jrft.sft_first.comparisons import at_one_reward, over_the_grid, rankings
from experiments.studies.jrft.sft_first.config import SMOKE, Config
from experiments.studies.jrft.sft_first.report import figure, summary, table
from experiments.studies.jrft.sft_first.sft_then_rft import SftThenRft

__all__ = ["SMOKE", "Config", "figure", "run", "summary", "table"]


def run(config: Config, directory: Path) -> dict[str, Any]:
    """Pretrains transformers, then finetunes them by SFT and RFT in all the ways to compare.

    Args:
        config: The configuration; the result is a function of it alone.
        directory: Where checkpoints go; an interrupted run continues from there.
    """
    task = shift_task(config.vocab_size, config.length, 2, config.num_changed_marks, graded=True)
    policy = small_transformer(config.vocab_size, config.length, config.width)
    parts = [
        _of_one_model(config, policy, task, seed, directory) for seed in range(config.num_seeds)
    ]
    # The first axis of the grid's arrays is the orders of all models.
    return {
        "rankings": [name for part in parts for name in part["rankings"]],
        "matched": [row for part in parts for row in part["matched"]],
        **{
            name: jax.tree.map(lambda *rows: np.concatenate(rows), *(part[name] for part in parts))
            for name in ("pretrained", "plain_rft", "at_hand_over", "at_end")
        },
    }


def _of_one_model(
    config: Config, policy: jrft.Policy, task: Task, seed: int, directory: Path
) -> dict[str, Any]:
    model = Completions(policy)
    start = _pretrain(config, model, task, seed, directory / f"pretraining-{seed}")
    finetuning = SftThenRft(model, task, start, config.learning_rate, directory / str(seed))
    return {
        **over_the_grid(config, finetuning, task, rankings(config, policy, start, task, seed)),
        "matched": [{"seed": seed, **row} for row in at_one_reward(config, finetuning, task)],
    }


def _pretrain(config: Config, model: Completions, task: Task, seed: int, directory: Path) -> Any:
    key = jax.random.key(seed)
    batches, _ = epochs(len(task.targets), len(task.targets))
    gradient_fn = from_loss(losses.batch_loss(losses.pretraining, model))
    phase = pretraining(gradient_fn, config.pretrain_rate, config.pretrain_steps, batch_fn=batches)
    return fit(key, model.init(key, task.inputs), phase, task, host=Host(directory)).params
