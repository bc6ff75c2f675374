"""`diagnose`: rewards in, a diagnosis of every prompt out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64, Int64, Shaped
from numpy.typing import ArrayLike

from jrft.diagnosis.log.log import RewardLog, reward_log
from jrft.diagnosis.log.reward_range import guess_reward_range, unit_rewards
from jrft.diagnosis.log.statistics import GroupStatistics, Visits, group_statistics, visits
from jrft.diagnosis.model.discount import predictive_discount
from jrft.diagnosis.model.population import Population, Settings, fit_population, judge
from jrft.diagnosis.model.posterior import Posterior
from jrft.diagnosis.model.sums import discounted_sums, group_sums
from jrft.diagnosis.verdict.advice import ACTIONS, Advice, advise, rollouts
from jrft.diagnosis.verdict.classes import Evidence, PromptClass, classify, reason
from jrft.diagnosis.verdict.over_time import OverTime, over_time
from jrft.diagnosis.verdict.summary import BatchSummary, component_shares, summarise


@dataclass(frozen=True)
class Diagnosis:
    """Which prompts get a gradient, how sure that is, why, and what to do.

    Attributes:
        prompt_ids: The p prompts.
        labels: p values of `PromptClass`.
        evidence: What was observed of each prompt, and the posteriors of its true reward std.
        batch: Statistics of the batch.
        advice: What to do.
        over_time: How it changed over the steps, if there are any.
        reward_range: Smallest and largest possible reward.
        level: Probability of the credible intervals.
        notes: What a reader must know, such as a guessed reward range.
    """

    prompt_ids: Sequence[Any]
    labels: Shaped[np.ndarray, " p"]
    evidence: Evidence
    batch: BatchSummary
    advice: tuple[Advice, ...]
    over_time: OverTime | None
    reward_range: tuple[float, float]
    level: float
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
        """Why prompt ``index`` has its class."""
        return reason(self.evidence, self.labels, index)

    def action(self, index: int) -> str:
        """What to do about prompt ``index``, in a word or two."""
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
    threshold: float = 0.1,
    level: float = 0.9,
    confidence: float = 0.9,
    mixed_probability: float = 0.9,
    discount: float | int | None = None,
) -> Diagnosis:
    """Tells which prompts get no policy gradient, how sure that is, why, and what to do.

    The gradient of a prompt's expected reward vanishes with the std of the reward over its
    completions (Razin et al., ICLR 2024, Theorem 1). A few completions say little about that std:
    eight equal rewards are weak evidence. So all prompts are judged together: their true reward
    distributions are taken as drawn from a population that is learnt from them all (empirical
    Bayes), and each prompt gets a posterior of its true std. The model is derived, and its
    coverage is measured, in this project: see `jrft.diagnosis.model.tilts` and
    experiments/studies/jrft/jrft_diagnosis_coverage.py.

    Args:
        rewards: float[p, n], a row of samples a prompt; or p sequences of unequal lengths; or
            float[m] with ``prompt_ids``. NaN and None are completions without a score.
        prompt_ids: A name a reward (flat rewards) or a group.
        outcomes: Like ``rewards``: 1 where the task is solved, 0 where not, before any shaping.
        components: Name → like ``rewards``: the terms the reward is made of.
        steps: The training step, a whole number a reward or a group. With steps the run is
            followed over time, and old visits of a prompt count less.
        reward_range: Smallest and largest possible reward. Without it (0, 1) or (−1, 1) is taken
            if all rewards are in there, else the observed extremes, and a note says so.
        threshold: A std below this share of the reward range is low.
        level: Probability of the credible intervals.
        confidence: Probability at which a prompt is called low in std, or learnable; small groups
            need a higher one: for n rewards the error is n/(n + 4) times as large.
        mixed_probability: ``rollouts_needed`` is for this probability that a group's rewards are
            not all equal.
        discount: Weight of a visit relative to the next one of the same prompt, in (0, 1]; by
            default the one under which the past best predicts each prompt's last visit.

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
    return diagnose_log(
        log,
        reward_range=reward_range,
        threshold=threshold,
        level=level,
        confidence=confidence,
        mixed_probability=mixed_probability,
        discount=discount,
    )


def diagnose_log(
    log: RewardLog,
    *,
    reward_range: tuple[float | int, float | int] | None = None,
    threshold: float = 0.1,
    level: float = 0.9,
    confidence: float = 0.9,
    mixed_probability: float = 0.9,
    discount: float | int | None = None,
) -> Diagnosis:
    """`diagnose` of rewards that are flat columns already, as the readers return them."""
    _check(threshold, level, confidence, mixed_probability, discount)
    if log.rewards.size == 0:
        raise ValueError("rewards is empty: pass at least one completion, NaN if it has no score.")
    settings = Settings(threshold, level, mixed_probability)
    low, high, note = guess_reward_range(log.rewards, reward_range)
    num_prompts = len(log.prompt_ids)
    seen = visits(log.prompts, log.steps)
    groups = group_statistics(log.rewards, seen.visit, len(seen.prompts))
    rewards = _judge(unit_rewards(log.rewards, low, high), seen, num_prompts, settings, discount)
    outcomes = outcome_statistics = None
    if log.outcomes is not None:
        _check_outcomes(log.outcomes)
        outcomes = _judge(log.outcomes, seen, num_prompts, settings, discount)
        outcome_statistics = group_statistics(log.outcomes, log.prompts, num_prompts)
    evidence = Evidence(
        observed=group_statistics(log.rewards, log.prompts, num_prompts),
        reward=rewards.posterior,
        outcomes=outcome_statistics,
        outcome=outcomes.posterior if outcomes else None,
        threshold=threshold,
        confidence=confidence,
    )
    labels = classify(evidence)
    shares = component_shares(log.rewards, log.components, seen.visit, len(seen.prompts))
    return Diagnosis(
        prompt_ids=log.prompt_ids,
        labels=labels,
        evidence=evidence,
        batch=summarise(evidence, labels, groups, log.rewards, high - low, shares),
        advice=advise(evidence, labels, groups),
        over_time=None
        if seen.steps is None
        else over_time(
            rewards.population,
            settings,
            groups=groups,
            sums=rewards.sums,
            prompts=seen.prompts,
            steps=seen.steps,
            num_prompts=num_prompts,
            confidence=confidence,
            discount=rewards.discount,
        ),
        reward_range=(low, high),
        level=level,
        notes=(note,) if note else (),
    )


class _Judged(NamedTuple):
    population: Population
    sums: Float64[np.ndarray, "v c"]
    discount: float
    posterior: Posterior


def _judge(
    x: Float64[np.ndarray, " m"],
    seen: Visits,
    num_prompts: int,
    settings: Settings,
    discount: float | int | None,
) -> _Judged:
    """Learns the population from all visits, then judges each prompt by its discounted visits."""
    sums = group_sums(x, seen.visit, seen.prompts)
    population = fit_population(x[~np.isnan(x)], sums)
    if discount is None:
        discount = predictive_discount(population, sums, seen.prompts)
    discounted = discounted_sums(sums, seen.prompts, num_prompts, discount)
    return _Judged(population, sums, discount, judge(population, discounted, settings))


def _check(
    threshold: float,
    level: float,
    confidence: float,
    mixed_probability: float,
    discount: float | int | None,
) -> None:
    if not 0 < threshold < 0.5:
        raise ValueError(
            f"threshold is {threshold}: it is a share of the reward range, between 0 and 0.5 (no "
            "std exceeds half the range)."
        )
    probabilities = {"level": level, "mixed_probability": mixed_probability}
    for name, value in probabilities.items():
        if not 0 < value < 1:
            raise ValueError(f"{name} is {value}: pass a probability between 0 and 1.")
    if not 0.5 <= confidence < 1:
        raise ValueError(f"confidence is {confidence}: pass a probability in [0.5, 1).")
    if discount is not None and not 0 < discount <= 1:
        raise ValueError(f"discount is {discount}: pass a number in (0, 1], or None to fit it.")


def _check_outcomes(outcomes: Float64[np.ndarray, " m"]) -> None:
    odd = outcomes[~np.isnan(outcomes) & (outcomes != 0) & (outcomes != 1)]
    if odd.size:
        raise ValueError(
            f"outcomes holds {odd[0]:g}: an outcome is 1 (solved), 0 (not) or NaN (unknown)."
        )
