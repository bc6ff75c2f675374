"""Does finetuning by rewards leave inputs of small reward std, on language tasks of GRUE?

Claim: Razin et al. (ICLR 2024), Section 4.1, Findings II and III: reinforcement finetuning (RFT)
  moves the reward of inputs of small reward std less than that of others, supervised finetuning
  (SFT) does not; the more such inputs a task has, the further RFT is behind SFT. Section 5: larger
  learning rates, temperatures and entropy bonuses do not help, a little SFT before RFT does.

Command: python -m experiments jrft_grue_finetuning

Cost: see `seconds` in the result file, and in those of its cells. A cell is a task and a method.
  Finished cells stay in the folder jrft_grue_finetuning-cells beside the result, so the study can
  be extended by --tasks and --methods, and a stopped cell goes on from its last checkpoint.
  Reduced for a CPU: 64 inputs, 24 updates of 4 inputs and 8 samples (SFT: 32 inputs), completions
  of 20 tokens, prompts of 96, one learning rate. Full scale on one GPU, an estimated six hours a
  task and method: --model t5-base --tasks narrativeqa totto commongen iwslt2017 cnn_dailymail
  --num-inputs 5000 --num-measured 10 --max-prompt 512 --length 128 --num-steps 10000 --batch-size
  16 --num-samples 10 --updates-per-draw 5 --steps-per-checkpoint 500 --rate None --tag t5; and
  --model gpt2 --tasks dailydialog imdb for GPT-2, whose paper's model for IMDB was finetuned on
  reviews before.

Expected: on NarrativeQA and ToTTo, Pearson's correlation of std before finetuning with the absolute
  change of reward is 0.48 and 0.46 for RFT, 0.05 and 0.16 for SFT. SmolLM2 is an instruct model
  with weights of 4 bits, and no T5; the updates are few.
"""

from pathlib import Path
from typing import Any

from experiments.studies.jrft.grue.tasks import task_of
from experiments.studies.jrft.grue_finetuning.cells import Cells
from experiments.studies.jrft.grue_finetuning.config import METHODS, SMOKE, Config
from experiments.studies.jrft.grue_finetuning.report import figure, summary, table

__all__ = ["SMOKE", "Config", "figure", "run", "summary", "table"]


def run(config: Config, directory: Path) -> dict[str, Any]:
    """Measures every task before finetuning, and after each method.

    Args:
        config: The configuration; the result is a function of it alone.
        directory: Its folder has the folder of finished cells and checkpoints.
    """
    _check(config)
    kept = directory.parent / "jrft_grue_finetuning-cells"
    found = {}
    for name in config.tasks:
        cells = Cells(config, name, kept)
        found[name] = {
            "start": cells.start(),
            "methods": {method: cells.method(method) for method in config.methods},
        }
    return {"tasks": found}


def _check(config: Config) -> None:
    for name in config.tasks:
        task_of(name)
    unknown = set(config.methods) - set(METHODS)
    if unknown:
        raise ValueError(f"methods has {min(unknown)!r}: pass names among {', '.join(METHODS)}")
    for name, choices in (("data", ("public", "made-up")), ("label_choice", ("random", "low-std"))):
        value = getattr(config, name)
        if value not in choices:
            raise ValueError(f"{name} is {value!r}: pass {' or '.join(map(repr, choices))}")
    updates, saved = config.updates_per_draw, config.steps_per_checkpoint
    if updates < 1 or config.num_steps % updates or not saved or saved % updates:
        raise ValueError(
            f"updates_per_draw is {updates}: pass a divisor of num_steps={config.num_steps} and of "
            f"steps_per_checkpoint={saved}"
        )
    if config.num_samples < 2 or config.num_measured < 2:
        raise ValueError(
            f"num_samples is {config.num_samples} and num_measured {config.num_measured}: pass at "
            "least 2, since a std needs two"
        )
