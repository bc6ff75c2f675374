"""The settings of a diagnosis."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DiagnosisSettings:
    """Thresholds and probabilities of a diagnosis.

    Attributes:
        threshold: A std below this share of the reward range is low.
        level: Probability of the credible intervals.
        confidence: Probability at which a prompt is called low in std, or learnable. Small groups
            need a higher one: for n rewards the admitted error is n/(n + 4) times as large.
        mixed_probability: `rollouts_needed` is the group size at which rewards differ with this
            probability.
        discount: Weight of a visit relative to the next visit of the same prompt, in (0, 1]. None
            chooses the one under which the past best predicts each prompt's last visit.

    Raises:
        ValueError: A value is out of its range.

    Example:
        >>> DiagnosisSettings(threshold=0.05).confidence
        0.9
    """

    threshold: float | int = 0.1
    level: float | int = 0.9
    confidence: float | int = 0.9
    mixed_probability: float | int = 0.9
    discount: float | int | None = None

    def __post_init__(self) -> None:
        # No std exceeds half of the range.
        if not 0 < self.threshold < 0.5:
            raise ValueError(
                f"threshold is {self.threshold}: pass a share of the reward range, between 0 and "
                "0.5 (no std exceeds half the range)"
            )
        for name in ("level", "mixed_probability"):
            value = getattr(self, name)
            if not 0 < value < 1:
                raise ValueError(f"{name} is {value}: pass a probability between 0 and 1")
        if not 0.5 <= self.confidence < 1:
            raise ValueError(f"confidence is {self.confidence}: pass a probability in [0.5, 1)")
        if self.discount is not None and not 0 < self.discount <= 1:
            raise ValueError(
                f"discount is {self.discount}: pass a number in (0, 1], or None to fit it"
            )
