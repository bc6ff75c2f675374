"""`diagnose`: rewards in, a diagnosis of every prompt out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float64, Int32, Int64, Shaped
from numpy.typing import ArrayLike

from jrft.diagnosis.log.log import RewardLog, reward_log
from jrft.diagnosis.log.reward_range import guess_reward_range, unit_rewards
from jrft.diagnosis.log.statistics import GroupStatistics, Visits, group_statistics, visits
from jrft.diagnosis.model.population import Population, fit_population
from jrft.diagnosis.model.posterior import Posterior
from jrft.diagnosis.model.reward_sums import RewardSums, discounted, reward_sums, visits_after
from jrft.diagnosis.settings import DiagnosisSettings
from jrft.diagnosis.verdict.advice import ACTIONS, Advice, advise, rollouts
from jrft.diagnosis.verdict.classes import Evidence, PromptClass, classify, reason
from jrft.diagnosis.verdict.over_time import OverTime, over_time
from jrft.diagnosis.verdict.summary import BatchSummary, component_shares, summarize


@dataclass(frozen=True)
class Diagnosis:
    """Which prompts get a gradient, how sure that is, why, and what to do.

    Attributes:
        prompt_ids: The p prompts.
        labels: p values of `PromptClass`.
        evidence: The observations of each prompt, and the posteriors of its true reward std.
        batch: Statistics of the batch.
        advice: What to do.
        over_time: How it changed over the steps, if there are any.
        reward_range: Smallest and largest possible reward.
        notes: What a reader must know, such as a guessed reward range.
    """

    prompt_ids: Sequence[Any]
    labels: Shaped[np.ndarray, " p"]
    evidence: Evidence
    batch: BatchSummary
    advice: tuple[Advice, ...]
    over_time: OverTime | None
    reward_range: tuple[float, float]
    notes: tuple[str, ...]

    @property
    def posterior(self) -> Posterior:
        """Posterior of each prompt's true reward std, in units of the reward range."""
        return self.evidence.reward

    @property
    def observed(self) -> GroupStatistics:
        """Statistics of each prompt's rewards over all its completions, ddof 0."""
        return self.evidence.observed

    @property
    def rollouts(self) -> Int64[np.ndarray, " p"]:
        """int64[p], the group size at which a prompt's rewards are likely to differ; 0: none is."""
        return rollouts(self.evidence, self.labels)

    def reason(self, index: int) -> str:
        """Why prompt `index` has its class."""
        return reason(self.evidence, self.labels, index)

    def action(self, index: int) -> str:
        """What to do about prompt `index`, in a word or two."""
        return ACTIONS[PromptClass(self.labels[index])]

    @property
    def dead_share(self) -> float:
        """Share of the prompts that give no useful gradient: all but learnable and undecided."""
        alive = (PromptClass.LEARNABLE, PromptClass.TOO_FEW)
        total = self.batch.num_prompts
        return 1 - sum(self.batch.classes[label.value] for label in alive) / max(total, 1)


def diagnose(
    rewards: ArrayLike | Sequence[ArrayLike],
    *,
    prompt_ids: Sequence[Any] | np.ndarray | None = None,
    outcomes: ArrayLike | Sequence[ArrayLike] | None = None,
    components: Mapping[str, ArrayLike | Sequence[ArrayLike]] | None = None,
    steps: ArrayLike | None = None,
    reward_range: tuple[float | int, float | int] | None = None,
    settings: DiagnosisSettings | None = None,
) -> Diagnosis:
    """Says which prompts get no policy gradient, how sure that is, why, and what to do.

    The gradient of a prompt's expected reward vanishes with the std of the reward over its
    completions (Razin et al., ICLR 2024, Theorem 1). A few completions say little about that std:
    eight equal rewards are weak evidence. So all prompts are judged together: their true reward
    distributions are taken as drawn from a population that is learned from all of them (empirical
    Bayes), and each prompt gets a posterior of its true std. The model is derived, and its
    coverage is measured, in this project: see `jrft.diagnosis.model.tilts` and
    experiments/studies/jrft/diagnosis_coverage.

    Args:
        rewards: float[p, n], a row of samples a prompt; or p sequences of unequal lengths; or
            float[m] with `prompt_ids`. NaN and None are completions without a score.
        prompt_ids: A name a reward (flat rewards) or a group.
        outcomes: Like `rewards`: 1 where the task is solved, 0 where not, before any shaping.
        components: Name → like `rewards`: the terms that add up to the reward.
        steps: The training step, a whole number a reward or a group. With steps the run is
            followed over time, and old visits of a prompt count less.
        reward_range: Smallest and largest possible reward. Without it (0, 1) or (−1, 1) is taken
            if all rewards are in there, else the observed extremes, and a note says so.
        settings: Thresholds and probabilities; None for the defaults.

    Returns:
        The diagnosis.

    Raises:
        ValueError: An argument is out of its range, or shapes do not match.

    Example:
        >>> import numpy as np
        >>> rng = np.random.default_rng(0)
        >>> success = np.repeat([0.001, 0.5, 0.999], 100)  # hopeless, learnable, solved
        >>> rewards = rng.random((300, 16)) < success[:, None]
        >>> diagnosis = diagnose(rewards)
        >>> counts = diagnosis.batch.classes
        >>> counts["too hard"] > 90, counts["learnable"] > 90, counts["too easy"] > 90
        (True, True, True)
    """
    log = reward_log(
        rewards, prompt_ids=prompt_ids, outcomes=outcomes, components=components, steps=steps
    )
    return diagnose_log(log, reward_range=reward_range, settings=settings)


def diagnose_log(
    log: RewardLog,
    *,
    reward_range: tuple[float | int, float | int] | None = None,
    settings: DiagnosisSettings | None = None,
) -> Diagnosis:
    """Diagnoses rewards that are flat columns already, as the readers return them.

    See `diagnose` for the arguments and errors.

    Example:
        >>> log = reward_log([[0, 1, 1, 0]] * 50)
        >>> diagnose_log(log).batch.classes["learnable"]
        50
    """
    settings = settings or DiagnosisSettings()
    if log.rewards.size == 0:
        raise ValueError("rewards is empty: pass at least one completion, NaN if it has no score")
    low, high, note = guess_reward_range(log.rewards, reward_range, log.counts)
    seen, num_prompts = visits(log.prompts, log.steps), len(log.prompt_ids)
    groups = group_statistics(log.rewards, seen.visit, len(seen.prompts), log.counts)
    x = unit_rewards(log.rewards, low, high)
    judged = _judge(x, seen, num_prompts, settings, log.counts)
    evidence = _evidence(log, seen, judged, settings)
    labels = classify(evidence)
    shares = component_shares(log, seen.visit, len(seen.prompts))
    return Diagnosis(
        prompt_ids=log.prompt_ids,
        labels=labels,
        evidence=evidence,
        batch=summarize(evidence, labels, groups, high - low, shares),
        advice=advise(evidence, labels, groups),
        over_time=over_time(
            judged.population,
            judged.settings,
            judged.sums,
            groups,
            seen,
            num_prompts,
            judged.discount_if_equal,
        ),
        reward_range=(low, high),
        notes=(note,) if note else (),
    )


class _Judged(NamedTuple):
    """A population, the sums of the visits, the settings with the discount, the posterior.

    `discount_if_equal` is the discount of prompts whose rewards never differed. `weight` is the
    number of rewards of each prompt, old ones discounted as for other prompts.
    """

    population: Population
    sums: RewardSums
    settings: DiagnosisSettings
    posterior: Posterior
    discount_if_equal: float | int
    weight: Float64[np.ndarray, " p"]


def _judge(
    x: Float64[np.ndarray, " m"],
    seen: Visits,
    num_prompts: int,
    settings: DiagnosisSettings,
    times: Int64[np.ndarray, " m"] | None,
) -> _Judged:
    """Learns the population from all visits, then judges each prompt by its discounted visits."""
    sums = reward_sums(x, seen.visit, seen.prompts, times)
    scored = ~np.isnan(x)
    population = fit_population(x[scored], sums, None if times is None else times[scored])
    discount = if_equal = settings.discount
    if discount is None or if_equal is None:
        discount = population.discount(sums, seen.prompts)
        # A prompt whose rewards never differed shows no change. Learning prompts, which change most
        # and set the discount, would throw its old rewards away, so such prompts have their own. It
        # is learned from prompts with equal rewards before the last visit, whatever came then.
        past = visits_after(seen.prompts)[seen.visit] > 0
        before = x[past], seen.prompts[seen.visit[past]], num_prompts
        steady = _equal(*before, None if times is None else times[past])[seen.prompts]
        if_equal = population.discount(
            sums.each(lambda values: values[steady]), seen.prompts[steady]
        )
    equal = _equal(x, seen.prompts[seen.visit], num_prompts, times)
    rates = np.where(equal, if_equal, discount)
    return _Judged(
        population,
        sums,
        replace(settings, discount=discount),
        population.judge(discounted(sums, seen.prompts, num_prompts, rates), settings),
        if_equal,
        discounted(sums, seen.prompts, num_prompts, discount).size,
    )


def _equal(
    x: Float64[np.ndarray, " n"],
    prompts: Int32[np.ndarray, " n"],
    num_prompts: int,
    times: Int64[np.ndarray, " n"] | None,
) -> Bool[np.ndarray, " p"]:
    """Whether a prompt has two rewards or more, and all are equal."""
    return group_statistics(x, prompts, num_prompts, times).all_equal


def _evidence(
    log: RewardLog, seen: Visits, judged: _Judged, settings: DiagnosisSettings
) -> Evidence:
    num_prompts = len(log.prompt_ids)
    observed = group_statistics(log.rewards, log.prompts, num_prompts, log.counts)
    outcomes = outcome = None
    if log.outcomes is not None:
        odd = log.outcomes[~np.isnan(log.outcomes) & (log.outcomes != 0) & (log.outcomes != 1)]
        if odd.size:
            raise ValueError(
                f"outcomes holds {odd[0]:g}: pass 1 (solved), 0 (not solved) or NaN (unknown)"
            )
        outcomes = group_statistics(log.outcomes, log.prompts, num_prompts, log.counts)
        outcome = _judge(log.outcomes, seen, num_prompts, settings, log.counts).posterior
    return Evidence(observed, judged.posterior, outcomes, outcome, judged.weight, settings)
