"""Which prompts give a gradient: a class for each, and the reason in words."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from jaxtyping import Bool, Float64, Shaped

from jrft.diagnosis.log.statistics import GroupStatistics
from jrft.diagnosis.model.posterior import Posterior
from jrft.diagnosis.settings import DiagnosisSettings

# With so many rewards, a prompt's posterior is half its own and half the other prompts'.
_BORROWED = 4.0
# An expected reward below the first third of the range is low, above the last third high.
LOW_MEAN, HIGH_MEAN = 1 / 3, 2 / 3


class PromptClass(StrEnum):
    """What a prompt is to a policy gradient."""

    LEARNABLE = "learnable"
    """The true std is at least the threshold."""
    TOO_HARD = "too hard"
    """The true std is low, and so is the expected reward."""
    TOO_EASY = "too easy"
    """The true std is low, the expected reward high."""
    FLAT = "flat in the middle"
    """The true std is low at a middling expected reward."""
    SHAPED = "shaped only"
    """The outcome's true std is low, the reward's is not: it comes from shaping terms."""
    UNSCORED = "unscored"
    """No completion has a score."""
    TOO_FEW = "too few samples"
    """The data do not yet tell a low std from another."""


@dataclass(frozen=True)
class Evidence:
    """What a class is decided by, over p prompts; stds and means in units of the reward range.

    Attributes:
        observed: Statistics of the rewards, in the reward's own units.
        reward: Posterior of the reward's std.
        outcomes: Statistics of the outcomes, if there are any.
        outcome: Posterior of the outcome's std, if there are outcomes.
        weight: float64[p], the number of rewards, old ones discounted.
        settings: Threshold and confidence; fewer rewards need more confidence
            (`required_probability`).
    """

    observed: GroupStatistics
    reward: Posterior
    outcomes: GroupStatistics | None
    outcome: Posterior | None
    weight: Float64[np.ndarray, " p"]
    settings: DiagnosisSettings

    @property
    def success(self) -> Float64[np.ndarray, " p"]:
        """float64[p], posterior mean of the outcome, or of the reward where there is none."""
        return self.task.mean

    @property
    def task(self) -> Posterior:
        """Posterior of the outcome's std; of the reward's for prompts without outcomes."""
        if self.outcome is None or self.outcomes is None:
            return self.reward
        known = self.outcomes.count > 0
        columns = zip(self.outcome.columns(), self.reward.columns(), strict=True)
        return Posterior(*(np.where(known, outcome, reward) for outcome, reward in columns))


def classify(evidence: Evidence) -> Shaped[np.ndarray, " p"]:
    """The class of each prompt.

    Where all outcomes of a prompt agree, its outcomes decide, else its rewards.

    A prompt is low in std where P(std < threshold | data) reaches what `required_probability` says,
    and learnable where it falls to one minus that. In between it is decided only if its credible
    interval is narrower than half the threshold: more samples would not move it much.

    Returns:
        Array of p values of `PromptClass`.
    """
    judged, agree = evidence.reward, _outcomes_agree(evidence)
    low, learnable = _decided(evidence, judged)
    shaped = np.zeros_like(low)
    if evidence.outcome is not None:
        # Where the outcomes agree, the reward's std comes from shaping: the outcomes decide.
        outcome_low, outcome_learnable = _decided(evidence, evidence.outcome)
        shaped = agree & outcome_low & learnable
        low = np.where(agree, outcome_low, low)
        learnable = np.where(agree, outcome_learnable, learnable)
    hard, easy = evidence.success < LOW_MEAN, evidence.success > HIGH_MEAN
    # The first that holds.
    rules: list[tuple[Bool[np.ndarray, " p"], PromptClass]] = [
        (evidence.observed.count == 0, PromptClass.UNSCORED),
        (shaped, PromptClass.SHAPED),
        (low & hard, PromptClass.TOO_HARD),
        (low & easy, PromptClass.TOO_EASY),
        (low, PromptClass.FLAT),
        (learnable, PromptClass.LEARNABLE),
    ]
    return np.select(
        [condition for condition, _ in rules],
        [label.value for _, label in rules],
        PromptClass.TOO_FEW.value,
    )


def required_probability(
    count: Shaped[np.ndarray, " p"], confidence: float
) -> Float64[np.ndarray, " p"]:
    """The probability at which a prompt is called low in std, or learnable.

    The fewer rewards a prompt has, the more its posterior comes from the population, which
    is learned from the same few rewards: calls for many prompts are then wrong together. So n
    rewards admit an error of only n/(n + 4) times what the confidence admits. The rule is derived
    here, and its number comes from simulation.

    Args:
        count: [p], scored rewards, whole numbers or discounted ones.
        confidence: The share of the calls that is to be right.

    Example:
        >>> import numpy as np
        >>> required_probability(np.array([4, 8, 96]), 0.9).round(3).tolist()
        [0.95, 0.933, 0.904]
    """
    return 1 - (1 - confidence) * count / (count + _BORROWED)


def _decided(
    evidence: Evidence, posterior: Posterior
) -> tuple[Bool[np.ndarray, " p"], Bool[np.ndarray, " p"]]:
    """Whether the std of each prompt is called low, and whether it is called not low."""
    probability = posterior.prob_low_std
    threshold, confidence = evidence.settings.threshold, evidence.settings.confidence
    settled = posterior.std_upper - posterior.std_lower <= threshold / 2
    required = required_probability(evidence.weight, confidence)
    low = (probability >= required) | (settled & (probability >= 0.5))
    return low, (probability <= 1 - required) | (settled & (probability < 0.5))


def _outcomes_agree(evidence: Evidence) -> Bool[np.ndarray, " p"]:
    """Prompts whose outcomes are all equal while their rewards differ."""
    if evidence.outcomes is None:
        return np.zeros(len(evidence.observed.count), bool)
    several = evidence.outcomes.count >= 2
    return several & evidence.outcomes.all_equal & (evidence.observed.std > 0)


def reason(evidence: Evidence, labels: Shaped[np.ndarray, " p"], index: int) -> str:
    """Why prompt `index` has its class, with the numbers."""
    seen, posterior = evidence.observed, evidence.reward
    count = int(seen.count[index])
    threshold = evidence.settings.threshold
    low = f"P(std < {threshold:.2g} of the range) = {posterior.prob_low_std[index]:.0%}"
    if count == 1:
        spread = f"its only reward is {seen.mean[index]:.3g}"
    elif seen.all_equal[index]:
        spread = f"all {count} rewards are {seen.mean[index]:.3g}"
    else:
        spread = f"{count} rewards of mean {seen.mean[index]:.3g} and std {seen.std[index]:.2g}"
    weight = evidence.weight[index]
    if weight < 0.9 * count:
        low += f" (old rewards count less: these {count} as {weight:.0f})"
    match PromptClass(labels[index]):
        case PromptClass.UNSCORED:
            return f"none of {int(seen.missing[index])} completions has a score"
        case PromptClass.SHAPED:
            assert evidence.outcomes is not None
            assert evidence.outcome is not None
            return (
                f"all {int(evidence.outcomes.count[index])} outcomes are "
                f"{evidence.outcomes.mean[index]:.3g}, yet the reward has std "
                f"{seen.std[index]:.2g}: from shaping alone; P(outcome std is low) = "
                f"{evidence.outcome.prob_low_std[index]:.0%}"
            )
        case _ if evidence.outcome is not None and _outcomes_agree(evidence)[index]:
            assert evidence.outcomes is not None
            return (
                f"all {int(evidence.outcomes.count[index])} outcomes are "
                f"{evidence.outcomes.mean[index]:.3g}; P(outcome std is low) = "
                f"{evidence.outcome.prob_low_std[index]:.0%}; the reward differs by shaping alone"
            )
        case PromptClass.TOO_FEW if posterior.rollouts_if_learnable[index]:
            needed = int(posterior.rollouts_if_learnable[index])
            return f"{spread}; {low} decides nothing: a group of {needed} would"
        case _:
            return f"{spread}; {low}"
