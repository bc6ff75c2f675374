"""The diagnosis of sampled groups agrees with the exact reward stds and gradients of policies.

Claim: of this project, not of a paper. On policies small enough for `jrft.exact_reward_std` and
  `jrft.exact_policy_gradient`, the intervals that `jrft.diagnose` gives from a few sampled
  completions cover the exact std at about their level, the prompts it calls learnable, too hard,
  too easy or flat are so at the stated confidence, and its estimate of the std ranks prompts by
  their exact gradient norm at least as well as the observed std and as the share of zero-std
  groups that trainers log.

Command: python -m experiments jrft_diagnosis_truth

Cost: see ``seconds`` in the result file; minutes on 2 cores.

Expected: all of it but for "too easy", the rarest call, of which 90 % (87 to 92) are right with
  binary rewards and 88 % (87 to 90) with graded ones, a little below the 0.9 asked for; the other
  calls are right in 96 % or more. For transformers with graded rewards the observed std ranks
  better; elsewhere the ranking gains, most where solved prompts and hard ones differ, which equal
  groups hide. Graded rewards of nearly deterministic policies are the harder ones: each prompt
  has reward levels of its own and rarely leaves one of them, so that few small groups are called
  low. The exact std bounds what any estimate can reach: a large std does not imply a large
  gradient.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax
import matplotlib.pyplot as plt
import numpy as np
import scipy.stats
from matplotlib.figure import Figure

import jrft
from experiments.output.figures import COLORS
from experiments.output.record import Record
from experiments.studies.jrft.diagnosis_truth.policies import (
    REWARDS,
    Population,
    Setting,
    Truth,
    sampled_rewards,
    settings,
    truth,
)
from jrft.diagnosis.verdict.classes import HIGH_MEAN, LOW_MEAN, PromptClass

RANKINGS = ("exact std", "diagnosis", "observed std", "zero-std share")
CALLS = tuple(
    label.value
    for label in (
        PromptClass.LEARNABLE,
        PromptClass.TOO_HARD,
        PromptClass.TOO_EASY,
        PromptClass.FLAT,
    )
)


@dataclass(frozen=True)
class Config(Population):
    """Small policies, prompts from dead to learnable, and groups sampled from them."""

    group_sizes: tuple[int, ...] = (4, 8, 16, 32)
    """A smaller group is the beginning of the largest one."""
    num_repetitions: int = 48
    """Draws of policies, prompts and groups, from seeds that follow each other."""
    threshold: float = 0.1
    level: float = 0.9
    confidence: float = 0.9


SMOKE = Config(
    num_prompts=48, group_sizes=(8,), num_repetitions=1, transformer_steps=4, tabular_steps=4
)


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


def figure(record: Record) -> Figure:
    """Coverage, how often calls are right, and rank correlation with the exact gradient norm."""
    names, sizes = list(record.results), list(record.config["group_sizes"])
    names.sort()
    figure, axes = plt.subplots(1, 3, figsize=(12.5, 4.2), layout="constrained")
    rows = np.arange(len(names))[::-1]
    for i, size in enumerate(sizes):
        cells = [record.results[name]["groups"][str(size)] for name in names]
        offset = rows + 0.18 * ((len(sizes) - 1) / 2 - i)
        shade = 0.35 + 0.65 * i / max(len(sizes) - 1, 1)
        coverage = [cell["coverage"] for cell in cells]
        axes[0].scatter(
            coverage, offset, color=COLORS["sft"], alpha=shade, s=26, label=f"groups of {size}"
        )
    axes[0].axvline(record.config["level"], color="#555555", linewidth=1)
    axes[0].set_yticks(rows, names)
    axes[0].set_xlabel(f"coverage of the {record.config['level']:.0%} interval")
    axes[0].legend(fontsize="small")

    for i, call in enumerate(CALLS):
        for reward, line in zip(REWARDS, ("-", ":"), strict=True):
            shares = [precision(record, reward, call, (str(size),)) for size in sizes]
            axes[1].plot(
                range(len(sizes)),
                shares,
                line,
                marker="o",
                color=f"C{i}",
                label=f"{call}, {reward}",
            )
    axes[1].axhline(record.config["confidence"], color="#555555", linewidth=1)
    axes[1].set_ylabel("share of the calls that are right")
    axes[1].set_ylim(top=1.01)
    axes[1].legend(fontsize="small")

    styles = [("#555555", "--"), (COLORS["sft"], "-"), (COLORS["rft"], "-"), ("#999999", "-")]
    for (color, line), ranking in zip(styles, RANKINGS, strict=True):
        means = [mean_correlation(record, ranking, str(size)) for size in sizes]
        axes[2].plot(
            range(len(sizes)), means, marker="o", color=color, linestyle=line, label=ranking
        )
    axes[2].set_ylabel("rank correlation with the exact gradient norm")
    axes[2].legend(fontsize="small")
    for axis in axes[1:]:
        axis.set_xticks(range(len(sizes)), [str(size) for size in sizes])
        axis.set_xlabel("group size")
    return figure


def precision(record: Record, reward: str, call: str, sizes: Iterable[str]) -> float:
    """Of the prompts of all policies that are called so, the share that rightly are; or NaN."""
    right, called = _calls(record, reward, call, sizes)
    return right.sum() / called.sum() if called.sum() else float("nan")


def precision_interval(
    record: Record, reward: str, call: str, sizes: Iterable[str]
) -> tuple[float, float]:
    """95 % interval of `precision`, by the bootstrap over repetitions; or NaN.

    Calls of one repetition are right or wrong together, so the repetitions are what is resampled.
    """
    right, called = _calls(record, reward, call, sizes)
    if np.count_nonzero(called) < 2:
        return float("nan"), float("nan")

    def share(right: np.ndarray, called: np.ndarray, axis: int) -> np.ndarray:
        return right.sum(axis) / np.maximum(called.sum(axis), np.finfo(float).tiny)

    found = scipy.stats.bootstrap(
        (right, called), share, paired=True, method="percentile", n_resamples=2000, rng=0
    )
    return found.confidence_interval


def _calls(
    record: Record, reward: str, call: str, sizes: Iterable[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Right calls and calls of each repetition, float[repetitions], in prompts of one setting."""
    cells = [one["groups"][size] for one in _of(record, reward) for size in sizes]
    return tuple(np.sum([cell[share][call] for cell in cells], 0) for share in ("right", "called"))


def _share_called(record: Record, reward: str, size: str) -> float:
    return float(np.mean([_total(one["groups"][size], "called") for one in _of(record, reward)]))


def _total(cell: dict[str, Any], share: str) -> float:
    """Mean over repetitions, all calls together."""
    return float(np.sum([np.mean(each) for each in cell[share].values()]))


def _of(record: Record, reward: str) -> list[dict[str, Any]]:
    return [one for name, one in record.results.items() if name.endswith(reward)]


def mean_correlation(record: Record, ranking: str, size: str) -> float:
    """Mean over the settings in which it is defined."""
    values = [one["groups"][size]["rank_correlation"][ranking] for one in record.results.values()]
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else float("nan")


def table(record: Record) -> list[list[str]]:
    """Every setting and group size."""
    heading = [
        "policy, reward",
        "group",
        "low",
        "expected",
        "called",
        "right",
        "coverage",
        "RMSE",
        "observed",
    ]
    rows = [[*heading, *(f"ρ {name}" for name in RANKINGS)]]
    for name in sorted(record.results):
        one = record.results[name]
        for size in record.config["group_sizes"]:
            cell = one["groups"][str(size)]
            called = _total(cell, "called")
            numbers = [
                one["share_low_std"],
                cell["expected_share_low_std"],
                called,
                _total(cell, "right") / called if called else None,
                cell["coverage"],
                cell["rmse"],
                cell["rmse_observed"],
                *(cell["rank_correlation"][ranking] for ranking in RANKINGS),
            ]
            digits = ["–" if number is None else f"{number:.3f}" for number in numbers]
            rows.append([name, str(size), *digits])
    return rows


def summary(record: Record) -> str:
    """Coverage, calls, and how well each statistic ranks prompts by gradient norm."""
    sizes = [str(size) for size in record.config["group_sizes"]]
    found = []
    for reward in REWARDS:
        coverage = [
            one["groups"][size]["coverage"] for one in _of(record, reward) for size in sizes
        ]
        right = ", ".join(
            f"{call} {precision(record, reward, call, sizes):.1%} ({{:.1%}} to {{:.1%}})".format(
                *precision_interval(record, reward, call, sizes)
            )
            for call in CALLS
            if _calls(record, reward, call, sizes)[1].any()
        )
        called = " ".join(f"{_share_called(record, reward, size):.0%}" for size in sizes)
        found.append(
            f"With {reward} rewards intervals of level {record.config['level']:g} cover the exact "
            f"std with a share of {min(coverage):.2f} to {max(coverage):.2f} (mean "
            f"{np.mean(coverage):.2f}); a call is made for {called} of the prompts; right among "
            f"those called so, with 95 % intervals over repetitions: {right}."
        )
    ranked = [
        f"{name} {' '.join(f'{mean_correlation(record, name, size):.2f}' for size in sizes)}"
        for name in RANKINGS
    ]
    return (
        f"{' '.join(found)} Mean rank correlation with the exact gradient norm, for groups of "
        f"{', '.join(sizes)}: {'; '.join(ranked)}."
    )
