"""The diagnosis of reward stds from a few completions is calibrated, and closer than the plug-in.

Claim: of this project, not of a paper. `jrft.diagnose` judges all prompts together (empirical
  Bayes); its intervals of the true reward std cover at about their level, its estimate has a
  smaller error than the observed std, and of the prompts it calls learnable, or low in std, about
  the stated share is, or more.

Command: python -m experiments jrft_diagnosis_coverage

Cost: see ``seconds`` in the result file; minutes on 2 cores.

Expected: coverage near 0.9, never below 0.84, and an error below the observed std's in every
  regime. Continuous rewards that are often 0 are the hardest: in groups of 32 the error is that of
  the observed std, and of the few prompts called low in std too many are not. The last regime is
  beyond the model: prompts earn a continuous reward with a rare jackpot, and pass for flat until it
  is drawn. There the error is still below the observed std's, the intervals are too short, and too
  many prompts are called low.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from scipy.stats import betabinom

from experiments.output.figures import COLORS
from experiments.output.record import Record
from jrft.diagnosis.model.candidates import Candidates
from jrft.diagnosis.model.population import Population, fit_population, fit_prior
from jrft.diagnosis.model.reward_sums import power_sums, reward_sums
from jrft.diagnosis.settings import DiagnosisSettings
from jrft.diagnosis.verdict.classes import required_probability


@dataclass(frozen=True)
class Config:
    """Simulated logs: prompts of a regime, a group of completions each."""

    num_prompts: int = 500
    group_sizes: tuple[int, ...] = (4, 8, 16, 32)
    num_repetitions: int = 10
    """Logs a regime and group size, seeds 0, 1, …"""
    threshold: float = 0.1
    """A std below this share of the reward range is low."""
    level: float = 0.9
    """Probability of the intervals."""
    confidence: float = 0.9
    """See `jrft.diagnosis.verdict.classes.required_probability`."""


SMOKE = Config(num_prompts=100, group_sizes=(8,), num_repetitions=1)


class Rewards(NamedTuple):
    """float64[prompts, group] rewards in [0, 1], and float64[prompts] true stds."""

    rewards: np.ndarray
    std: np.ndarray


Regime = Callable[[np.random.Generator, int, int], Rewards]


def _choose(rng: np.random.Generator, shares: list[float], *parts: np.ndarray) -> np.ndarray:
    """Mixes prompts of several kinds."""
    return np.stack(parts)[
        rng.choice(len(shares), len(parts[0]), p=shares), np.arange(len(parts[0]))
    ]


def _binary(success: Callable[[np.random.Generator, int], np.ndarray]) -> Regime:
    def draw(rng: np.random.Generator, prompts: int, group: int) -> Rewards:
        p = success(rng, prompts)
        rewards = rng.random((prompts, group)) < p[:, None]
        return Rewards(rewards.astype(float), np.sqrt(p * (1 - p)))

    return draw


def _zero_or_beta(
    parameters: Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray, np.ndarray]],
) -> Regime:
    """Rewards that are 0 with a probability, else Beta of a mean and a relative variance."""

    def draw(rng: np.random.Generator, prompts: int, group: int) -> Rewards:
        zero, mean, spread = parameters(rng, prompts)
        mean, spread = np.clip(mean, 1e-3, 1 - 1e-3), np.clip(spread, 1e-3, 1 - 1e-3)
        total = 1 / spread - 1
        beta = rng.beta((mean * total)[:, None], ((1 - mean) * total)[:, None], (prompts, group))
        rewards = np.where(rng.random((prompts, group)) < zero[:, None], 0.0, beta)
        variance = (1 - zero) * mean * (1 - mean) * spread + zero * (1 - zero) * mean**2
        return Rewards(rewards, np.sqrt(variance))

    return draw


def _levels(
    levels: np.ndarray, probabilities: Callable[[np.random.Generator, int], np.ndarray]
) -> Regime:
    def draw(rng: np.random.Generator, prompts: int, group: int) -> Rewards:
        p = probabilities(rng, prompts)
        mean = p @ levels
        std = np.sqrt(np.sum(p * (levels - mean[:, None]) ** 2, axis=1))
        drawn = (rng.random((prompts, group, 1)) > np.cumsum(p, axis=1)[:, None]).sum(axis=2)
        return Rewards(levels[np.minimum(drawn, len(levels) - 1)], std)

    return draw


def _hopeless(rng: np.random.Generator, n: int) -> np.ndarray:
    return _choose(rng, [0.85, 0.15], rng.beta(0.3, 60, n), rng.beta(2, 3, n))


def _mixed(rng: np.random.Generator, n: int) -> np.ndarray:
    thirds = [1 / 3] * 3
    return _choose(rng, thirds, rng.beta(0.2, 40, n), rng.beta(5, 5, n), rng.beta(40, 0.2, n))


def _tests_passed(rng: np.random.Generator, n: int) -> np.ndarray:
    mean, total = rng.beta(0.5, 0.5, n).clip(1e-3, 1 - 1e-3), np.exp(rng.normal(1, 0.7, n))
    return betabinom.pmf(np.arange(11), 10, (mean * total)[:, None], ((1 - mean) * total)[:, None])


def _format_and_answer(rng: np.random.Generator, n: int) -> np.ndarray:
    good_format = rng.beta(3, 1, n)
    answer = _choose(rng, [0.6, 0.4], rng.beta(0.2, 20, n), rng.beta(1, 1, n))
    return np.stack(
        [
            (1 - good_format) * (1 - answer),
            good_format * (1 - answer),
            (1 - good_format) * answer,
            good_format * answer,
        ],
        axis=1,
    )


def _own_levels(rng: np.random.Generator, prompts: int, group: int) -> Rewards:
    """A reward of its own nearly always, and two others, one likelier than the other."""
    usual, others = rng.random((prompts, 1)), rng.normal(0, 0.3, (prompts, 2))
    levels = np.clip(np.concatenate([usual, usual + others], axis=1), 0, 1)
    share = rng.beta(0.6, 3, prompts)
    p = np.stack([1 - share, 0.8 * share, 0.2 * share], axis=1)
    std = np.sqrt(np.sum(p * (levels - np.sum(p * levels, axis=1)[:, None]) ** 2, axis=1))
    drawn = (rng.random((prompts, group, 1)) > np.cumsum(p, axis=1)[:, None, :2]).sum(axis=2)
    return Rewards(np.take_along_axis(levels, drawn, axis=1), std)


def _jackpot(rng: np.random.Generator, prompts: int, group: int) -> Rewards:
    usual = rng.beta(4, 12, prompts)
    base = _zero_or_beta(lambda rng, n: (np.zeros(n), usual, rng.beta(2, 60, n)))(
        rng, prompts, group
    )
    chance, jackpot = rng.beta(0.3, 6, prompts), 0.95
    rewards = np.where(rng.random((prompts, group)) < chance[:, None], jackpot, base.rewards)
    variance = (1 - chance) * base.std**2 + chance * (1 - chance) * (jackpot - usual) ** 2
    return Rewards(rewards, np.sqrt(variance))


REGIMES: dict[str, Regime] = {
    "binary: U-shaped": _binary(lambda rng, n: rng.beta(0.3, 0.3, n)),
    "binary: mostly hopeless": _binary(_hopeless),
    "binary: mid": _binary(lambda rng, n: rng.beta(6, 6, n)),
    "binary: mixed": _binary(_mixed),
    "continuous: U-shaped": _zero_or_beta(
        lambda rng, n: (np.zeros(n), rng.beta(0.3, 0.3, n), rng.beta(2, 4, n))
    ),
    "continuous: mostly hopeless": _zero_or_beta(
        lambda rng, n: (1 - _hopeless(rng, n), rng.beta(2, 4, n), rng.beta(3, 15, n))
    ),
    "continuous: mid": _zero_or_beta(
        lambda rng, n: (np.zeros(n), rng.beta(6, 6, n), rng.beta(2, 20, n))
    ),
    "continuous: mixed": _zero_or_beta(
        lambda rng, n: (
            np.zeros(n),
            _choose(rng, [1 / 3] * 3, rng.beta(1, 60, n), rng.beta(4, 4, n), rng.beta(60, 1, n)),
            rng.beta(2, 8, n),
        )
    ),
    "continuous: often 0": _zero_or_beta(
        lambda rng, n: (rng.beta(1, 2, n), rng.beta(2, 5, n), rng.beta(3, 20, n))
    ),
    "11 levels: tests passed": _levels(np.arange(11) / 10, _tests_passed),
    "4 levels: format, answer": _levels(np.array([0, 0.1, 1, 1.1]) / 1.1, _format_and_answer),
    "own levels: rarely left": _own_levels,
    "beyond: rare jackpot": _jackpot,
}


def run(config: Config, directory: Path) -> dict[str, Any]:
    """Simulates logs of every regime and judges them.

    Args:
        config: The configuration; the result is a function of it alone.
        directory: Not used: nothing is worth resuming.
    """
    del directory
    return {
        name: {
            str(size): _mean_metrics(
                [
                    metrics(config, regime, size=size, seed=seed)
                    for seed in range(config.num_repetitions)
                ]
            )
            for size in config.group_sizes
        }
        for name, regime in REGIMES.items()
    }


def _mean_metrics(runs: list[dict[str, float]]) -> dict[str, float]:
    """Means over the runs in which a metric is defined; errors are root mean squares."""
    means = {}
    for name in runs[0]:
        values = np.array([one[name] for one in runs])
        power = 2 if name.startswith("rmse") else 1
        known = values[~np.isnan(values)]
        means[name] = float(np.mean(known**power) ** (1 / power)) if known.size else float("nan")
    return means


def metrics(config: Config, regime: Regime, *, size: int, seed: int) -> dict[str, float]:
    """Simulates one log and compares the diagnosis with the truth."""
    rng = np.random.default_rng([seed, size, *_regime_seed(regime)])
    rewards, truth = regime(rng, config.num_prompts, size)
    groups = np.repeat(np.arange(config.num_prompts), size)
    sums = reward_sums(rewards.ravel(), groups, np.arange(config.num_prompts))
    population = fit_population(rewards.ravel(), sums)
    settings = DiagnosisSettings(config.threshold, config.level)
    pooled = population.judge(sums, settings)
    # The tilts without learning from the other prompts; of departures one prompt knows nothing.
    tilts = Candidates(population.candidates.tilts, None)
    nothing = power_sums(np.empty(0), np.empty(0, int), 0)
    even = fit_prior(tilts, nothing, np.empty(0))
    alone = Population(tilts, even).judge(sums, settings)
    low = truth < config.threshold
    required = required_probability(np.array([size]), config.confidence)
    called_low = pooled.prob_low_std >= required
    called_learnable = pooled.prob_low_std <= 1 - required

    def rmse(estimate: np.ndarray) -> float:
        return float(np.sqrt(np.mean((estimate - truth) ** 2)))

    def share(of: np.ndarray, among: np.ndarray) -> float:
        return float(of[among].mean()) if among.any() else float("nan")

    return {
        "rmse": rmse(pooled.std),
        "rmse_alone": rmse(alone.std),
        "rmse_plug_in": rmse(rewards.std(axis=1, ddof=1)),
        "coverage": float(np.mean((pooled.std_lower <= truth) & (truth <= pooled.std_upper))),
        "coverage_alone": float(np.mean((alone.std_lower <= truth) & (truth <= alone.std_upper))),
        "width": float(np.mean(pooled.std_upper - pooled.std_lower)),
        "share_low": float(low.mean()),
        "expected_share_low": float(pooled.prob_low_std.mean()),
        "called_low": float(called_low.mean()),
        "called_learnable": float(called_learnable.mean()),
        "right_if_called_low": share(low, called_low),
        "right_if_called_learnable": share(~low, called_learnable),
    }


def _regime_seed(regime: Regime) -> tuple[int, ...]:
    """A regime draws the same numbers whatever other regimes there are."""
    (name,) = (name for name, one in REGIMES.items() if one is regime)
    return tuple(name.encode())


def figure(record: Record) -> Figure:
    """Coverage, and error relative to the plug-in's, by regime and group size."""
    names = list(record.results)
    names.sort(key=list(REGIMES).index)
    figure, axes = plt.subplots(1, 2, figsize=(10.5, 4.6), sharey=True, layout="constrained")
    rows = np.arange(len(names))[::-1]
    sizes = list(record.config["group_sizes"])
    for i, size in enumerate(sizes):
        cells = [record.results[name][str(size)] for name in names]
        offset = rows + 0.18 * ((len(sizes) - 1) / 2 - i)
        shade = 0.35 + 0.65 * i / max(len(sizes) - 1, 1)
        style: dict[str, Any] = {"color": COLORS["sft"], "alpha": shade, "s": 26}
        axes[0].scatter([c["coverage"] for c in cells], offset, label=f"groups of {size}", **style)
        ratio = [c["rmse"] / c["rmse_plug_in"] for c in cells]
        axes[1].scatter(ratio, offset, **style)
    axes[0].axvline(record.config["level"], color="#555555", linewidth=1)
    axes[1].axvline(1.0, color="#555555", linewidth=1)
    axes[0].set_yticks(rows, names)
    axes[0].set_xlabel(f"coverage of the {record.config['level']:.0%} interval")
    axes[1].set_xlabel("RMSE of the std, relative to the observed one's")
    axes[1].set_xlim(0, 1.1)
    axes[1].legend(*axes[0].get_legend_handles_labels(), loc="lower left", fontsize="small")
    return figure


def table(record: Record) -> list[list[str]]:
    """Every regime and group size."""
    heading = [
        "regime",
        "group",
        "coverage",
        "alone",
        "RMSE",
        "alone",
        "observed",
        "low",
        "expected",
    ]
    rows = [[*heading, "called low", "right", "called learnable", "right"]]
    for name in sorted(record.results, key=list(REGIMES).index):
        for size in record.config["group_sizes"]:
            cell = record.results[name][str(size)]
            rows.append(
                [
                    name,
                    str(size),
                    *(f"{cell[key]:.2f}" for key in ("coverage", "coverage_alone")),
                    *(f"{cell[key]:.3f}" for key in ("rmse", "rmse_alone", "rmse_plug_in")),
                    *(
                        "–" if cell[key] is None else f"{cell[key]:.2f}"
                        for key in (
                            "share_low",
                            "expected_share_low",
                            "called_low",
                            "right_if_called_low",
                            "called_learnable",
                            "right_if_called_learnable",
                        )
                    ),
                ]
            )
    return rows


def summary(record: Record) -> str:
    """What the simulations show, in two sentences."""
    inside, beyond = (
        [
            cell
            for name, by_size in record.results.items()
            if name.startswith("beyond") == is_beyond
            for cell in by_size.values()
        ]
        for is_beyond in (False, True)
    )
    coverage = [cell["coverage"] for cell in inside]
    lowest = min(cell["coverage"] for cell in beyond)
    right = {
        call: sum(c[f"called_{call}"] * (c[f"right_if_called_{call}"] or 0.0) for c in inside)
        / sum(c[f"called_{call}"] for c in inside)
        for call in ("low", "learnable")
    }
    ratio = [cell["rmse"] / cell["rmse_plug_in"] for cell in inside]
    return (
        f"Over {len(inside)} regimes and group sizes, intervals of level "
        f"{record.config['level']:g} cover with a share of {min(coverage):.2f} to "
        f"{max(coverage):.2f} (mean {np.mean(coverage):.2f}), and the error of the estimated std "
        f"is {min(ratio):.2f} to {max(ratio):.2f} times that of the observed std; of the prompts "
        f"called learnable {right['learnable']:.1%} are, of those called low in std "
        f"{right['low']:.1%}. Beyond the model, with rare jackpots, coverage falls to "
        f"{lowest:.2f}: pass the outcomes where there are any."
    )
