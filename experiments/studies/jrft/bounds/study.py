"""A prompt's policy gradient is bounded by its reward std: the paper's bound and sharper ones.

Claim: Razin et al. (ICLR 2024), Theorem 1: ‖∇V‖ ≤ 6 · L · γ · STD^(2/3), for every prompt by itself
  and not for a batch. Derived here: ‖∇V‖ ≤ √λ_max(F) · STD ≤ √(L/2) · γ · STD, and for PPO's
  expected gradient √(L/2) · γ · √(STD² + (V − V_old)²).

Command: python -m experiments jrft_bounds; SmolLM2 on multiple-choice prompts:
  python -m experiments jrft_bounds --language-model --tag smollm2

Cost: see `seconds` in the result file; some minutes on 2 cores, most of it to compile.

Expected: no violation in any case, random, trained, or trained to come as close to a bound as it
  can; there √(L/2) · γ · STD is attained. In a batch with a large mean gradient, prompts with none.
"""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

import jrft
from experiments.studies.jrft.bounds.cases import adversarial_cases, families, random_cases
from experiments.studies.jrft.bounds.config import SMOKE, Config
from experiments.studies.jrft.bounds.language_model import bounds_of_language_model
from experiments.studies.jrft.bounds.measure import batch_of_prompts, measure
from experiments.studies.jrft.bounds.report import figure, summary, table
from experiments.studies.jrft.bounds.training import cases_of_runs, draw_task, train

__all__ = ["SMOKE", "Config", "figure", "run", "summary", "table"]


def run(config: Config, directory: Path) -> dict[str, Any]:
    """Measures gradients and bounds of all cases.

    Args:
        config: The configuration; the result is a function of it alone.
        directory: Where the finished prompts of the language model are kept.
    """
    if config.language_model:
        return {"language_model": bounds_of_language_model(jrft.smollm2(length=1), directory)}
    columns: dict[str, list[Any]] = {}
    batch = {}
    for number, (name, policy) in enumerate(families(config).items()):
        key = jax.random.fold_in(jax.random.key(config.seed), number)
        random_key, train_key, measure_key = jax.random.split(key, 3)
        groups = {"random": random_cases(random_key, policy, config)}
        if "transformer" in name:
            task = draw_task(train_key, policy, config)
            snapshots = train(train_key, policy, config, task)
            groups["trained"] = cases_of_runs(snapshots, task)
            if name == "transformer":
                batch = batch_of_prompts(policy, snapshots[config.num_stages], task)
        else:
            groups["adversarial"] = adversarial_cases(train_key, policy, config)
        merged = jax.tree.map(lambda *parts: jnp.concatenate(parts), *groups.values())
        found = measure(measure_key, policy, merged)
        kinds = [kind for kind, cases in groups.items() for _ in range(len(cases.rewards))]
        rows: dict[str, Any] = {"family": [name] * len(kinds), "kind": kinds, **found}
        columns = {
            column: columns.get(column, []) + list(values) for column, values in rows.items()
        }
    return {"cases": columns, "batch": batch}
