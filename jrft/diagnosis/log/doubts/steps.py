"""Doubts about the column of the step."""

from jrft.diagnosis.log.column_names import STEPS
from jrft.diagnosis.log.sample import Sample


def several_steps(sample: Sample) -> str | None:
    """Columns that are named like steps cross: one of them may be a turn or a sample."""
    first = sample.columns.step
    lower = {name.lower(): name for name in reversed(list(sample.table))}
    named = [lower[name] for name in STEPS if name in lower]
    if first not in named:
        return None
    for other in named:
        if (
            other == "steps"
            or "version" in other
            or "version" in first
            or other in sample.columns.reward
        ):
            continue
        pairs = sample.count(first, other)
        if pairs > max(sample.count(first), sample.count(other)):
            return (
                f"it is not clear whether {first} or {other} is the training step: pass --step "
                f"{first} or --step {other}"
            )
    return None
