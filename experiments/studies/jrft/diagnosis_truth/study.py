"""The diagnosis of sampled groups agrees with the exact reward stds and gradients of policies.

Claim: of this project, not of a paper. On policies small enough for `jrft.exact_reward_std` and
  `jrft.exact_policy_gradient`, the intervals that `jrft.diagnose` gives from a few sampled
  completions cover the exact std at about their level, the prompts it calls learnable, too hard,
  too easy or flat are so at the stated confidence, and its estimate of the std ranks prompts by
  their exact gradient norm at least as well as the observed std and as the share of zero-std
  groups that trainers log.

Command: python -m experiments jrft_diagnosis_truth

Cost: see `seconds` in the result file; minutes on 2 cores.

Expected: all of it except "too easy", the rarest call. Of those calls 90 % (87 to 92) are right
  with binary rewards and 88 % (87 to 90) with graded ones, a little below the 0.9 asked for; the
  other calls are right in 96 % or more. For transformers with graded rewards the observed std ranks
  better; elsewhere the ranking gains, most where solved prompts and hard ones differ, which equal
  groups hide. Graded rewards of nearly deterministic policies are the harder ones: each prompt has
  reward levels of its own and rarely leaves one of them, so that few small groups are called low.
  The exact std bounds what any estimate can reach: a large std does not imply a large gradient.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import scipy.stats

import jrft
from experiments.studies.jrft.diagnosis_truth.config import SMOKE, Config
from experiments.studies.jrft.diagnosis_truth.findings import CALLS, RANKINGS
from experiments.studies.jrft.diagnosis_truth.policies import (
    REWARDS,
    Setting,
    Truth,
    sampled_rewards,
    settings,
    truth,
)
from experiments.studies.jrft.diagnosis_truth.report import figure, summary, table
from jrft.diagnosis.verdict.classes import HIGH_MEAN, LOW_MEAN

__all__ = ["SMOKE", "Config", "figure", "run", "summary", "table"]


def run(config: Config, directory: Path) -> dict[str, Any]:
    """Samples groups from every policy and compares their diagnosis with the truth.

    Args:
        config: The configuration; the result is a function of it alone.
        directory: Not needed: nothing is resumed.
    """
    del directory
    draws = [replace(config, seed=config.seed + i) for i in range(config.num_repetitions)]
    return _gather([_compare_all(draw) for draw in draws])


def _compare_all(config: Config) -> dict[str, Any]:
    return {
        f"{name}, {reward}": _compare(config, setting)
        for reward in REWARDS
        for name, setting in settings(config, reward).items()
    }


def _compare(config: Config, setting: Setting) -> dict[str, Any]:
    """For every group size: coverage, calls and rank correlations."""
    exact = truth(setting)
    key = jax.random.fold_in(jax.random.key(config.seed), 1)
    rewards = sampled_rewards(key, setting, max(config.group_sizes))
    return {
        "share_low_std": float(np.mean(exact.std < config.threshold)),
        "share_low_mean": float(np.mean(exact.mean < LOW_MEAN)),
        "groups": {
            str(size): metrics(config, exact, rewards[:, :size]) for size in config.group_sizes
        },
    }


def metrics(config: Config, exact: Truth, rewards: np.ndarray) -> dict[str, Any]:
    """One batch of groups, float64[n, G], diagnosed and compared with the truth.

    Returns:
        Coverage of the intervals; for each class the shares of the prompts that are called so, and
        rightly so; rank correlations (Spearman) with the exact gradient norm, NaN where a ranking
        is constant.
    """
    diagnosis = jrft.diagnose(
        rewards,
        reward_range=(0, 1),
        settings=jrft.DiagnosisSettings(config.threshold, config.level, config.confidence),
    )
    found = diagnosis.posterior
    low = exact.std < config.threshold
    hard, easy = exact.mean < LOW_MEAN, exact.mean > HIGH_MEAN
    right = dict(zip(CALLS, (~low, low & hard, low & easy, low & ~hard & ~easy), strict=True))
    observed = diagnosis.observed.std
    rankings = dict(zip(RANKINGS, (exact.std, found.std, observed, observed > 0), strict=True))
    return {
        "coverage": np.mean((found.std_lower <= exact.std) & (exact.std <= found.std_upper)),
        "rmse": np.sqrt(np.mean((found.std - exact.std) ** 2)),
        "rmse_observed": np.sqrt(np.mean((observed - exact.std) ** 2)),
        "expected_share_low_std": diagnosis.batch.share_low_std,
        "called": {call: np.mean(diagnosis.labels == call) for call in CALLS},
        "right": {call: np.mean((diagnosis.labels == call) & right[call]) for call in CALLS},
        "rank_correlation": {
            name: _spearman(values, exact.gradient_norm) for name, values in rankings.items()
        },
    }


def _spearman(values: np.ndarray, others: np.ndarray) -> float:
    if np.all(values == values[0]):
        return float("nan")
    return float(scipy.stats.spearmanr(values, others).statistic)


def _gather(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Means over the runs in which a number is defined; of calls, the numbers of every run."""

    def mean(*values: Any) -> float:
        known = np.array(values, np.float64)
        known = known[~np.isnan(known)]
        return float(known.mean()) if known.size else float("nan")

    gathered: dict[str, Any] = jax.tree.map(mean, *runs)
    for name, setting in gathered.items():
        for size, cell in setting["groups"].items():
            every = [run[name]["groups"][size] for run in runs]
            for share in ("called", "right"):
                cell[share] = {call: [one[share][call] for one in every] for call in CALLS}
    return gathered
