"""Does the gradient of prompts of small reward std vanish for want of exploration?

Claim: Razin et al. (ICLR 2024), Sections 3 and 4.2: it is the expected gradient that vanishes with
  the reward std, so more samples, up to the exact expectation over all completions, do not help;
  a supervised phase does.

Command: python -m experiments jrft_exact_vs_sampled

Cost: see `seconds` in the result file; ten minutes of one core.

Expected: no number in the paper for this task. If exploration were to blame, the exact gradient
  would be large, or do better than few samples. In the committed run it is 3 000 times smaller at
  the start on prompts whose rewarded completion pretraining did not show (0.010 against 28.9), and
  ends where REINFORCE, RLOO, GRPO and PPO end with 4 to 64 samples, behind supervised finetuning.
  That it does not stay near 0, as with the random labels of `jrft_perfect_exploration`, is not
  against the theorem: copying is one rule for all prompts, so that updates for some raise the std
  of others.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
from matplotlib.figure import Figure

import jrft
from experiments.engine.loop import Host, fit
from experiments.engine.phases import GradientFn, Phase, pretraining
from experiments.output.figures import COLORS, geometric_mean_and_band, mean_and_band
from experiments.output.record import Record
from experiments.output.tables import mean_and_std
from experiments.studies.jrft.exact_vs_sampled import policy_gradients
from experiments.studies.jrft.exact_vs_sampled.policy_gradients import Prompts
from jrft.rewards import Reward
from jrft.tasks import formal_languages

SPLITS = {"unchanged": "right completion shown in pretraining", "changed": "not shown (std ≈ 0)"}
QUANTITIES = {"reward": "expected reward", "reward_std": "reward std", "gradient_norm": "∥∇V∥"}


@dataclass(frozen=True)
class Config:
    """Copying sequences of tokens; every method starts from one checkpoint a seed."""

    vocab_size: int = 4
    num_tokens: int = 3
    """Of a prompt and of its copy."""
    width: int = 32
    depth: int = 2
    num_shown: int = 4
    """Completions that pretraining makes equally likely for each prompt."""
    share_changed: float = 0.25
    """Share of the prompts of which pretraining shows wrong copies alone."""
    pretrain_steps: int = 1500
    pretrain_rate: float = 3e-3
    """Adam's, as the other rate; all batches are full."""
    finetune_steps: int = 400
    finetune_rate: float = 1e-3
    log_every: int = 20
    sample_counts: tuple[int, ...] = (4, 16, 64)
    """Completions a prompt and update, for RLOO."""
    num_samples: int = 16
    """The same for the other estimators."""
    estimators: tuple[str, ...] = ("reinforce", "grpo", "ppo")
    """Besides RLOO and its sample counts: names in `jrft.ESTIMATORS`, or PPO."""
    updates_per_draw: int = 4
    """Of PPO."""
    clip: float = 0.2
    """Of PPO."""
    num_seeds: int = 3
    """Seeds 0, 1, …: of the changed prompts, the wrong completions, the weights and the samples."""


SMOKE = Config(
    vocab_size=3,
    num_tokens=2,
    width=16,
    depth=1,
    num_shown=2,
    share_changed=0.34,
    pretrain_steps=300,
    pretrain_rate=1e-2,
    finetune_steps=160,
    finetune_rate=2e-3,
    log_every=20,
    sample_counts=(2,),
    num_samples=4,
    estimators=("ppo",),
    num_seeds=2,
)


def run(config: Config, directory: Path) -> dict[str, Any]:
    """Pretrains one policy a seed, then finetunes it by every method.

    Args:
        config: The configuration; the result is a function of it alone.
        directory: Where checkpoints go; an interrupted run continues from there.
    """
    language = formal_languages.copy(config.vocab_size, config.num_tokens)
    policy = jrft.transformer(
        language.vocab_size,
        language.length,
        max_prompt=config.num_tokens,
        width=config.width,
        depth=config.depth,
        heads=2,
    )
    keys = jax.vmap(jax.random.key)(jnp.arange(config.num_seeds))
    shown = _stacked([_pretraining_data(config, language, key) for key in keys])
    finetuning = shown._replace(
        shown=jnp.tile(language.answers[None, :, None], (config.num_seeds, 1, 1, 1))
    )
    first = pretraining(policy_gradients.sft(policy), config.pretrain_rate, config.pretrain_steps)
    look = partial(policy_gradients.evaluate, policy, language.reward)
    # Made before anything is trained, since they refuse unknown estimators.
    phases = {
        name: Phase(
            label,
            _gradient_fn(config, policy, language.reward, name),
            optax.adam(config.finetune_rate),
            config.finetune_steps,
            config.log_every,
            evaluate=look,
        )
        for name, label in _methods_of(vars(config)).items()
    }
    host = Host(directory / "pretraining")
    pretrained = fit(keys, jax.vmap(policy.init)(keys), first, shown, run_axes=0, host=host)
    drawn = policy_gradients.before_ppo(policy, len(language.prompts), config.num_samples)
    finetuned = {
        name: fit(
            keys,
            pretrained.params,
            phase,
            finetuning,
            model_state=_stacked([drawn] * config.num_seeds) if name.startswith("ppo") else None,
            run_axes=0,
            host=Host(directory / name),
        )
        for name, phase in phases.items()
    }
    return {
        "steps": finetuned["exact"].log_steps,
        "pretraining_loss": pretrained.history["loss"][-1],
        **{name: dict(result.history) for name, result in finetuned.items()},
    }


def _methods_of(config: dict[str, Any]) -> dict[str, str]:
    """All ways to finetune, and their labels in figures. Older result files name no estimators."""
    others = config.get("estimators", Config.estimators)
    sampled = [("rloo", n) for n in config["sample_counts"]]
    sampled += [(name, config["num_samples"]) for name in others]
    return {
        "sft": "SFT",
        "exact": "RFT, exact",
        **{f"{name}-{n}": f"{name.upper()}, {n} samples" for name, n in sampled},
    }


def _gradient_fn(config: Config, policy: jrft.Policy, reward: Reward, method: str) -> GradientFn:
    match method.split("-"):
        case ["sft"]:
            return policy_gradients.sft(policy)
        case ["exact"]:
            return policy_gradients.exact_rft(policy, reward)
        case ["ppo", _]:
            return policy_gradients.ppo_rft(policy, reward, config.updates_per_draw, config.clip)
        case [name, n] if name in policy_gradients.ESTIMATORS:
            estimator = policy_gradients.ESTIMATORS[name]
            return policy_gradients.sampled_rft(estimator, policy, reward, num_samples=int(n))
    raise ValueError(
        f"estimators has {method.rpartition('-')[0]!r}: pass names among ppo, "
        f"{', '.join(policy_gradients.ESTIMATORS)}"
    )


def _pretraining_data(
    config: Config, language: formal_languages.FormalLanguage, key: jax.Array
) -> Prompts:
    shown = formal_languages.demonstrations(
        jax.random.fold_in(key, 1),
        language,
        num_shown=config.num_shown,
        share_changed=config.share_changed,
    )
    return Prompts(language.prompts, shown.completions, shown.changed)


def _stacked(trees: list[Any]) -> Any:
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *trees)


def figure(record: Record) -> Figure:
    """Reward, its std and gradient norm over steps, on prompts of either kind, by method."""
    labels = _methods_of(record.config)
    sampled = [name for name in labels if name not in ("sft", "exact")]
    shades = plt.get_cmap("viridis")(np.linspace(0, 0.9, len(sampled)))
    colors = {"sft": COLORS["sft"], "exact": COLORS["rft"]} | dict(
        zip(sampled, shades, strict=True)
    )
    drawn, axes = plt.subplots(2, 3, figsize=(11.5, 5.8), sharex=True, layout="constrained")
    for row, (split, title) in zip(axes, SPLITS.items(), strict=True):
        for axis, (quantity, label) in zip(row, QUANTITIES.items(), strict=True):
            for name, of_method in labels.items():
                curves = np.array(record.results[name][f"{split}/{quantity}"], float).T
                draw = geometric_mean_and_band if quantity == "gradient_norm" else mean_and_band
                draw(axis, record.results["steps"], curves, of_method, colors[name])
            axis.set_ylabel(label)
            axis.set_title(title, fontsize="medium")
    drawn.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right upper")
    for axis in axes[-1]:
        axis.set_xlabel("update")
    return drawn


def table(record: Record) -> list[list[str]]:
    """Reward, std and gradient norm at the start and at the end, mean ± sample std over seeds."""
    rows = [["method", *(f"{split}: {name}" for split in SPLITS for name in QUANTITIES)]]
    labels = _methods_of(record.config)
    for label, name, at in [
        ("at the start", "exact", 0),
        *((label, name, -1) for name, label in labels.items()),
    ]:
        cells = [
            mean_and_std(np.array(record.results[name][f"{split}/{quantity}"][at], float), 3)
            for split in SPLITS
            for quantity in QUANTITIES
        ]
        rows.append([label, *cells])
    return rows


def summary(record: Record) -> str:
    """The figure in numbers."""

    def end(name: str, quantity: str) -> float:
        return float(np.mean(np.array(record.results[name][quantity][-1], float)))

    labels = _methods_of(record.config)
    others = [end(n, "changed/reward") for n in labels if n not in ("sft", "exact")]

    def start(quantity: str) -> float:
        return float(np.mean(np.array(record.results["exact"][quantity][0], float)))

    return (
        f"On prompts whose reward std starts at {start('changed/reward_std'):.3f} and whose exact "
        f"gradient at {start('changed/gradient_norm'):.3f}, against "
        f"{start('unchanged/gradient_norm'):.1f} on the others, RFT on the exact gradient ends at "
        f"reward {end('exact', 'changed/reward'):.2f} and on sampled ones at {min(others):.2f} to "
        f"{max(others):.2f}, where SFT reaches {end('sft', 'changed/reward'):.2f}. On the others "
        f"the exact gradient reaches {end('exact', 'unchanged/reward'):.2f}."
    )
