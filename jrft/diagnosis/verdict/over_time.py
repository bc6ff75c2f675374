"""Many steps of one run: curves of the batch, and which prompts changed."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from jaxtyping import Bool, Float64, Int64, Shaped
from scipy.special import ndtr

from jrft.diagnosis.log.statistics import GroupStatistics, Visits
from jrft.diagnosis.model.population import Population
from jrft.diagnosis.model.posterior import Posterior
from jrft.diagnosis.model.reward_sums import RewardSums, visits_after
from jrft.diagnosis.settings import DiagnosisSettings
from jrft.diagnosis.verdict.classes import HIGH_MEAN

# A fall of the expected reward by more than this share of the range is forgetting.
FORGETTING = 0.1


class Change(StrEnum):
    """What became of a prompt between the first and the second half of its visits."""

    FORGOTTEN = "forgotten"
    """The expected reward fell by more than a tenth of the range."""
    SOLVED = "solved"
    """The std became low at a high expected reward."""
    BECAME_LEARNABLE = "became learnable"
    """The std was low and is not any more."""
    STUCK = "stuck"
    """The std was low and still is, at an expected reward that is not high."""
    STEADY = "no clear change"
    """None of these at the confidence asked for."""
    SEEN_ONCE = "seen once"
    """Fewer than two visits."""


@dataclass(frozen=True)
class OverTime:
    """A run over t steps and p prompts.

    Attributes:
        steps: int64[t].
        curves: Name → float64[t], as in `BatchSummary`: reward, reward_std (ddof 1),
            frac_reward_zero_std, observed_std_p10 (ddof 0); and num_groups.
        changes: p values of `Change`.
        early: Posterior from the first half of each prompt's visits.
        late: Posterior from the second half.
        discount: Weight of a visit relative to the next one of the same prompt, in the posteriors
            of the diagnosis.
        discount_if_equal: The same for prompts whose rewards never differed.
    """

    steps: Int64[np.ndarray, " t"]
    curves: dict[str, Float64[np.ndarray, " t"]]
    changes: Shaped[np.ndarray, " p"]
    early: Posterior
    late: Posterior
    discount: float | int
    discount_if_equal: float | int


def over_time(
    population: Population,
    settings: DiagnosisSettings,
    sums: RewardSums,
    groups: GroupStatistics,
    seen: Visits,
    num_prompts: int,
    discount_if_equal: float | int,
) -> OverTime | None:
    """Curves and changes; None if the visits have no steps.

    Args:
        population: The prior.
        settings: Those of the diagnosis, with the discount that was used.
        sums: Of the v visits.
        groups: Statistics of the v visits.
        seen: The visits.
        num_prompts: p.
        discount_if_equal: The discount of prompts whose rewards never differed.
    """
    if seen.steps is None:
        return None
    times = np.bincount(seen.prompts, minlength=num_prompts)
    early = visits_after(seen.prompts) >= (times - times // 2)[seen.prompts]

    def judged(half: Bool[np.ndarray, " v"]) -> Posterior:
        part = sums.each(lambda values: values[half]).added(seen.prompts[half], num_prompts)
        return population.judge(part, settings)

    before, after = judged(early), judged(~early)
    assert settings.discount is not None
    return OverTime(
        np.unique(seen.steps),
        _curves(groups, seen.steps),
        _changes(before, after, times, settings.confidence),
        before,
        after,
        settings.discount,
        discount_if_equal,
    )


def equal_groups(found: OverTime) -> str:
    """A sentence on the share of groups with equal rewards, at the start and at the end of a run.

    Start and end are a fifth of the steps each, one step at the least. It is empty where there are
    fewer than two steps with groups.
    """
    share = found.curves["frac_reward_zero_std"]
    share = share[~np.isnan(share)]
    if len(share) < 2:
        return ""
    part = max(len(share) // 5, 1)
    first, last = share[:part].mean(), share[-part:].mean()
    where = "step" if part == 1 else "fifth of the steps"
    if f"{first:.0%}" == f"{last:.0%}":
        return f"The share of groups with equal rewards stayed at {first:.0%} over the run."
    direction = "rose" if last > first else "fell"
    return (
        f"The share of groups with equal rewards {direction} from {first:.0%} to {last:.0%} "
        f"between the first and the last {where}."
    )


def _changes(
    before: Posterior, after: Posterior, seen: Int64[np.ndarray, " p"], confidence: float
) -> Shaped[np.ndarray, " p"]:
    error = np.hypot(before.mean_error, after.mean_error)
    fell = ndtr((before.mean - after.mean - FORGETTING) / np.maximum(error, 1e-9)) >= confidence
    was_low = before.prob_low_std >= confidence
    is_low = after.prob_low_std >= confidence
    is_high = after.mean > HIGH_MEAN
    rules = [
        (seen < 2, Change.SEEN_ONCE),
        (fell, Change.FORGOTTEN),
        (is_low & is_high & ~(was_low & (before.mean > HIGH_MEAN)), Change.SOLVED),
        (was_low & (after.prob_low_std <= 1 - confidence), Change.BECAME_LEARNABLE),
        (was_low & is_low & ~is_high, Change.STUCK),
    ]
    return np.select(
        [condition for condition, _ in rules],
        [change.value for _, change in rules],
        Change.STEADY.value,
    )


def _curves(
    groups: GroupStatistics, steps: Int64[np.ndarray, " v"]
) -> dict[str, Float64[np.ndarray, " t"]]:
    scored = groups.count > 0
    distinct, at = np.unique(steps, return_inverse=True)
    order = np.argsort(at, kind="stable")
    starts = np.searchsorted(at[order], np.arange(len(distinct) + 1))

    def per_step(values: Shaped[np.ndarray, " v"]) -> Float64[np.ndarray, " t"]:
        known = ~np.isnan(values.astype(np.float64)) & scored
        count = np.bincount(at[known], minlength=len(distinct))
        total = np.bincount(at[known], values[known].astype(np.float64), minlength=len(distinct))
        return np.divide(total, count, out=np.full(len(distinct), np.nan), where=count > 0)

    std = np.where(scored, groups.std, np.nan)[order]
    p10 = [
        np.percentile(known, 10) if (known := part[~np.isnan(part)]).size else np.nan
        for part in np.split(std, starts[1:-1])
    ]
    return {
        "reward": per_step(groups.mean),
        "reward_std": per_step(groups.sample_std),
        "frac_reward_zero_std": per_step(groups.all_equal),
        "observed_std_p10": np.array(p10, np.float64),
        "num_groups": np.bincount(at[scored], minlength=len(distinct)).astype(np.float64),
    }
