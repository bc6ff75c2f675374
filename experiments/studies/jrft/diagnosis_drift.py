"""How right calls are in runs whose prompts change while they are sampled.

Claim: of this project, not of a paper. In a run, `jrft.diagnose` weighs old visits of a prompt less
  than new ones, by a factor that it fits. Prompts whose rewards never differed have a factor of
  their own. At the last visit, calls should be right as often as the confidence says.

Command: python -m experiments jrft_diagnosis_drift

Cost: see `seconds` in the result file; a minute of one core.

Expected: calls of learnable prompts are right more often than 0.9 in each kind of drift. Calls of
  low std are, too, where prompts stand still, learn or forget. They are right a little less often,
  0.895, where the logits of all prompts walk at random. Where prompts jump from hopeless to
  learnable at any time, no prompt is called low in std.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from scipy.special import expit

from experiments.output.figures import COLORS
from experiments.output.record import Record
from jrft.diagnosis import DiagnosisSettings, diagnose


@dataclass(frozen=True)
class Config:
    """Simulated runs: each visits all prompts several times, with a group of 0/1 rewards."""

    num_prompts: int = 300
    num_visits: int = 8
    group_size: int = 8
    num_repetitions: int = 30
    """Runs of each kind, seeds 0, 1, …"""
    threshold: float = 0.1
    """A std below is low."""
    confidence: float = 0.9


SMOKE = Config(num_prompts=60, num_visits=3, num_repetitions=1)

Logits = np.ndarray


def _prompts(rng: np.random.Generator, number: int) -> Logits:
    """Logits of success: mostly hopeless, learnable, or solved."""
    kinds = rng.choice(3, number, p=[0.4, 0.4, 0.2])
    return np.choose(kinds, [rng.normal(mean, 1.5, number) for mean in (-6.5, -1.0, 5.0)])


def _still(rng: np.random.Generator, number: int, visits: int) -> Logits:
    return np.repeat(_prompts(rng, number)[None], visits, axis=0)


def _walk(rng: np.random.Generator, number: int, visits: int) -> Logits:
    return _prompts(rng, number) + np.cumsum(rng.normal(0, 0.5, (visits, number)), axis=0)


def _learning(rng: np.random.Generator, number: int, visits: int) -> Logits:
    """Each logit rises by a rate of its own times the variance of the reward, as a gradient."""
    logits, rate = [_prompts(rng, number)], 4 * rng.gamma(2.0, 1.0, number)
    for _ in range(visits - 1):
        success = expit(logits[-1])
        logits.append(logits[-1] + rate * success * (1 - success))
    return np.stack(logits)


def _jump(better: bool) -> Callable[[np.random.Generator, int, int], Logits]:
    """A prompt jumps to another logit before any visit with probability 0.08, if that is better."""

    def logits(rng: np.random.Generator, number: int, visits: int) -> Logits:
        old, at = _prompts(rng, number), rng.geometric(0.08, number)
        new = rng.normal(0, 1.5, number)
        changed = np.maximum(old, new) if better else np.minimum(old, new)
        return np.where(np.arange(visits)[:, None] >= at, changed, old)

    return logits


DRIFTS: dict[str, Callable[[np.random.Generator, int, int], Logits]] = {
    "none": _still,
    "learning": _learning,
    "sudden forgetting": _jump(better=False),
    "random walk": _walk,
    "sudden insight": _jump(better=True),
}


def run(config: Config, directory: Path) -> dict[str, Any]:
    """Simulates runs with each kind of drift, and judges their prompts at the last visit.

    Args:
        config: The configuration; the result is a function of it alone.
        directory: Not used: nothing is worth resuming.
    """
    del directory
    return {name: _counts(config, logits) for name, logits in DRIFTS.items()}


def _counts(
    config: Config, drift: Callable[[np.random.Generator, int, int], Logits]
) -> dict[str, float]:
    """How many prompts are called, and how many calls are right, over all runs."""
    counts = dict.fromkeys(("low", "called_low", "right_low", "called_learnable"), 0)
    counts |= {"right_learnable": 0, "prompts": 0}
    discounts = []
    settings = DiagnosisSettings(threshold=config.threshold, confidence=config.confidence)
    visits, number = config.num_visits, config.num_prompts
    for seed in range(config.num_repetitions):
        rng = np.random.default_rng(seed)
        success = expit(drift(rng, number, visits))
        rewards = rng.random((visits, number, config.group_size)) < success[:, :, None]
        diagnosis = diagnose(
            rewards.reshape(-1, config.group_size).astype(float),
            prompt_ids=np.tile(np.arange(number), visits),
            steps=np.repeat(np.arange(visits), number),
            settings=settings,
        )
        low = np.sqrt(success[-1] * (1 - success[-1])) < config.threshold
        called = np.isin(diagnosis.labels, ["too hard", "too easy", "flat in the middle"])
        learnable = diagnosis.labels == "learnable"
        counts["prompts"] += number
        counts["low"] += int(low.sum())
        counts["called_low"] += int(called.sum())
        counts["right_low"] += int((called & low).sum())
        counts["called_learnable"] += int(learnable.sum())
        counts["right_learnable"] += int((learnable & ~low).sum())
        assert diagnosis.over_time is not None
        discounts.append((diagnosis.over_time.discount, diagnosis.over_time.discount_if_equal))
    mean, mean_if_equal = np.mean(discounts, axis=0).tolist()
    return counts | {"discount": mean, "discount_if_equal": mean_if_equal}


def _share(cell: dict[str, float], call: str) -> float | None:
    """The share of the calls that are right."""
    called = cell[f"called_{call}"]
    return cell[f"right_{call}"] / called if called else None


def figure(record: Record) -> Figure:
    """The share of right calls with each kind of drift."""
    figure, axes = plt.subplots(figsize=(6, 2.8), layout="constrained")
    names = list(record.results)
    rows = np.arange(len(names))[::-1]
    for call, color in (("low", COLORS["rft"]), ("learnable", COLORS["sft"])):
        shares = [_share(record.results[name], call) for name in names]
        known = [np.nan if share is None else share for share in shares]
        axes.scatter(known, rows, color=color, label=f"called {call}")
    axes.axvline(record.config["confidence"], color="#555555", linewidth=1)
    axes.set_yticks(rows, names)
    axes.set_xlabel("share of the calls that are right at the last visit")
    axes.legend(loc="lower left", fontsize="small")
    return figure


def table(record: Record) -> list[list[str]]:
    """Every kind of drift."""
    heading = ["drift", "prompts", "low", "called low", "right", "called learnable", "right"]
    rows = [[*heading, "discount", "if equal"]]
    for name, cell in record.results.items():
        right = {call: _share(cell, call) for call in ("low", "learnable")}
        text = {call: "–" if share is None else f"{share:.1%}" for call, share in right.items()}
        counts = [str(cell[key]) for key in ("prompts", "low", "called_low")]
        rows.append(
            [name, *counts, text["low"], str(cell["called_learnable"]), text["learnable"]]
            + [f"{cell[key]:.2f}" for key in ("discount", "discount_if_equal")]
        )
    return rows


def summary(record: Record) -> str:
    """The shares of right calls in two sentences."""

    def said(call: str) -> str:
        shares = {name: _share(cell, call) for name, cell in record.results.items()}
        return ", ".join(
            f"{share:.1%} ({name})" if share is not None else f"no call ({name})"
            for name, share in shares.items()
        )

    return (
        f"Of the prompts called low in std, so many are at the last visit: {said('low')}. Of those "
        f"called learnable: {said('learnable')}."
    )
