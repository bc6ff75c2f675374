"""The batch in numbers: the paper's statistics, under the names that trainers use."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Integer, Shaped

from jrft.diagnosis.log.log import RewardLog
from jrft.diagnosis.log.statistics import GroupStatistics, group_statistics
from jrft.diagnosis.verdict.classes import LOW_MEAN, Evidence, PromptClass


@dataclass(frozen=True)
class BatchSummary:
    """Statistics over prompts and groups. A group is the completions of one prompt at one step.

    Attributes:
        num_prompts: Prompts.
        num_groups: Groups.
        num_rewards: Scored completions.
        num_missing: Completions without a score.
        reward: Mean over groups of the group's mean reward.
        reward_std: Mean over groups of the group's std, ddof 1, as trainers log it.
        frac_reward_zero_std: Share of the groups of two or more whose rewards are all equal.
        batch_reward_std: Std of all rewards together, ddof 0. It says nothing about gradients:
            it is large where prompts differ, even if every group is flat.
        std_p10: 10th percentile over prompts of the posterior mean of the reward std.
        observed_std_p10: The same of the observed std, ddof 0 over each prompt's rewards: the
            paper's statistic, biased towards 0 in small groups.
        share_low_std: Expected share of the prompts whose true std is below the threshold.
        share_low_std_low_mean: Expected share whose std is low and whose expected reward is in the
            lowest third of the range.
        effective_share: Expected share of the prompts whose true std is at least the threshold.
        classes: Class → number of prompts.
        component_shares: Name of a reward term → its share of the within-prompt variance of the
            reward, the covariance with the reward over the reward's variance; they sum to 1 where
            the terms sum to the reward.
    """

    num_prompts: int
    num_groups: int
    num_rewards: int
    num_missing: int
    reward: float
    reward_std: float
    frac_reward_zero_std: float
    batch_reward_std: float
    std_p10: float
    observed_std_p10: float
    share_low_std: float
    share_low_std_low_mean: float
    effective_share: float
    classes: dict[str, int]
    component_shares: dict[str, float]


def summarize(
    evidence: Evidence,
    labels: Shaped[np.ndarray, " p"],
    groups: GroupStatistics,
    width: float,
    shares: dict[str, float],
) -> BatchSummary:
    """The summary of a batch.

    Args:
        evidence: Of p prompts.
        labels: Their classes.
        groups: Statistics of the groups.
        width: Width of the reward range, in the reward's own units.
        shares: The `component_shares`.
    """
    scored = evidence.observed.count > 0
    stds, low = evidence.reward.std[scored], evidence.reward.prob_low_std[scored]
    low_mean = evidence.success[scored] < LOW_MEAN
    return BatchSummary(
        num_prompts=len(labels),
        num_groups=len(groups.count),
        num_rewards=int(groups.count.sum()),
        num_missing=int(groups.missing.sum()),
        reward=_mean(groups.mean),
        reward_std=_mean(groups.sample_std),
        frac_reward_zero_std=_mean(groups.all_equal[groups.count > 1]),
        batch_reward_std=_std_of_all(groups),
        std_p10=width * _percentile(stds, 10.0),
        observed_std_p10=_percentile(evidence.observed.std[scored], 10.0),
        share_low_std=_mean(low),
        share_low_std_low_mean=_mean(low * low_mean),
        effective_share=_mean(1 - low),
        classes={label.value: int(np.sum(labels == label.value)) for label in PromptClass},
        component_shares=shares,
    )


def component_shares(
    log: RewardLog, groups: Integer[np.ndarray, " m"], num_groups: int
) -> dict[str, float]:
    """Each reward term's share of the variance of the reward within groups.

    Args:
        log: m rows.
        groups: int[m], the group of each.
        num_groups: g.
    """
    times = 1 if log.counts is None else log.counts

    def centered(values: Float64[np.ndarray, " m"]) -> Float64[np.ndarray, " m"]:
        return values - group_statistics(values, groups, num_groups, log.counts).mean[groups]

    rewards = centered(log.rewards)
    total = np.nansum(times * rewards**2)
    return {
        name: float(np.nansum(times * centered(values) * rewards) / total)
        if total > 0
        else float("nan")
        for name, values in log.components.items()
    }


def _std_of_all(groups: GroupStatistics) -> float:
    """The std of all rewards together, ddof 0: the variance within groups and between them."""
    some = groups.count > 0
    if not some.any():
        return float("nan")
    count, mean, std = groups.count[some], groups.mean[some], groups.std[some]
    middle = np.average(mean, weights=count)
    return float(np.sqrt(np.average(std**2 + (mean - middle) ** 2, weights=count)))


def _mean(values: Shaped[np.ndarray, " n"]) -> float:
    known = values[~np.isnan(values.astype(np.float64))]
    return float(known.mean()) if known.size else float("nan")


def _percentile(values: Float64[np.ndarray, " n"], percent: float) -> float:
    return float(np.percentile(values, percent)) if values.size else float("nan")
