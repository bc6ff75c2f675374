"""A diagnosis as plain values, for JSON."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from jrft.diagnosis.diagnosis import Diagnosis


def as_dict(diagnosis: Diagnosis) -> dict[str, Any]:
    """Everything in a diagnosis, made of dicts, lists, numbers, strings and None.

    `["prompts"]` holds a list a column, one value a prompt: a data frame in one call. Means and
    stds are in the reward's own units. Undefined values are None.

    Example:
        >>> from jrft.diagnosis import diagnose
        >>> exported = as_dict(diagnose([[0.0, 1.0], [1.0, 1.0]], prompt_ids=["a", "b"]))
        >>> exported["prompts"]["id"], exported["prompts"]["mean"]
        (['a', 'b'], [0.5, 1.0])
    """
    over_time = diagnosis.over_time
    return plain(
        {
            "settings": settings(diagnosis),
            "notes": diagnosis.notes,
            "batch": asdict(diagnosis.batch),
            "dead_share": diagnosis.dead_share,
            "advice": [
                {
                    "action": one.action,
                    "text": one.text,
                    "worthwhile": one.worthwhile,
                    "prompts": [diagnosis.prompt_ids[i] for i in one.prompts],
                }
                for one in diagnosis.advice
            ],
            "prompts": prompt_columns(diagnosis),
            "over_time": None
            if over_time is None
            else {
                "steps": over_time.steps,
                "discount": over_time.discount,
                "discount_if_equal": over_time.discount_if_equal,
                **over_time.curves,
            },
        }
    )


def settings(diagnosis: Diagnosis) -> dict[str, Any]:
    """What a diagnosis was made with."""
    low, high = diagnosis.reward_range
    return {
        "reward_range": [low, high],
        "threshold": diagnosis.evidence.settings.threshold,
        "std_threshold": diagnosis.evidence.settings.threshold * (high - low),
        "level": diagnosis.evidence.settings.level,
        "confidence": diagnosis.evidence.settings.confidence,
    }


def prompt_columns(diagnosis: Diagnosis) -> dict[str, Any]:
    """A column a quantity, in the reward's own units, one value a prompt."""
    low, high = diagnosis.reward_range
    width = high - low
    observed, posterior = diagnosis.observed, diagnosis.posterior
    columns = {
        "id": list(diagnosis.prompt_ids),
        "class": diagnosis.labels,
        "count": observed.count,
        "missing": observed.missing,
        "mean": observed.mean,
        "observed_std": observed.std,
        "expected_reward": low + width * posterior.mean,
        "std": width * posterior.std,
        "std_lower": width * posterior.std_lower,
        "std_upper": width * posterior.std_upper,
        "prob_low_std": posterior.prob_low_std,
        "rollouts": diagnosis.rollouts,
    }
    if diagnosis.evidence.outcome is not None:
        columns["prob_low_outcome_std"] = diagnosis.evidence.outcome.prob_low_std
    if diagnosis.over_time is not None:
        columns["change"] = diagnosis.over_time.changes
    return columns


def plain(value: Any) -> Any:
    """Arrays, NumPy numbers and tuples to JSON values; floats to seven digits, NaN to None."""
    match value:
        case np.ndarray() if value.dtype.kind == "f":
            return [float(f"{v:.7g}") if math.isfinite(v) else None for v in value.tolist()]
        case np.ndarray():
            return value.tolist()
        case np.generic():
            return plain(value.item())
        case float():
            return float(f"{value:.7g}") if math.isfinite(value) else None
        case Mapping():
            return {str(key): plain(entry) for key, entry in value.items()}
        case list() | tuple():
            return [plain(entry) for entry in value]
        case str() | int() | None:
            return value
        case _:
            return str(value)  # a prompt id may be anything hashable
