"""The diagnosis of reward stds from a few completions is calibrated, and closer than the plug-in.

Claim: of this project, not of a paper. `jrft.diagnose` judges all prompts together (empirical
  Bayes); its intervals of the true reward std cover at about their level, its estimate has a
  smaller error than the observed std, and of the prompts it calls learnable, or low in std, about
  the stated share is, or more.

Command: python -m experiments jrft_diagnosis_coverage

Cost: see `seconds` in the result file; minutes on 2 cores.

Expected: coverage near 0.9, never below 0.84, and an error below the observed std's in every
  regime. Continuous rewards that are often 0 are the hardest: in groups of 32 the error equals the
  error of the observed std, and of the few prompts called low in std too many are not. The last
  regime is beyond the model: prompts earn a continuous reward with a rare jackpot, and pass for
  flat until it is drawn. There the error is still below the observed std's, the intervals are too
  short, and too many prompts are called low.
"""

from pathlib import Path
from typing import Any

import numpy as np

from experiments.studies.jrft.diagnosis_coverage.config import SMOKE, Config
from experiments.studies.jrft.diagnosis_coverage.regimes import REGIMES, Regime
from experiments.studies.jrft.diagnosis_coverage.report import figure, summary, table
from jrft.diagnosis.model.candidates import Candidates
from jrft.diagnosis.model.population import Population, fit_population, fit_prior
from jrft.diagnosis.model.reward_sums import power_sums, reward_sums
from jrft.diagnosis.settings import DiagnosisSettings
from jrft.diagnosis.verdict.classes import required_probability

__all__ = ["SMOKE", "Config", "figure", "run", "summary", "table"]


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
