"""All that the posteriors are made of: sums over the rewards of a prompt, and over its visits."""

import numpy as np
from jaxtyping import Float64, Int64, Integer

from jrft.diagnosis.model.ties import tie_sums


def power_sums(
    x: Float64[np.ndarray, " m"], groups: Integer[np.ndarray, " m"], num_groups: int
) -> Float64[np.ndarray, "g 5"]:
    """Count, Σx, Σx², Σx³ and Σx⁴ of each group.

    Args:
        x: float64[m], rewards in [0, 1]; NaN is left out.
        groups: int[m].
        num_groups: g.

    Returns:
        float64[g, 5].
    """
    scored = ~np.isnan(x)
    x, groups = x[scored], groups[scored]
    columns, power = [], np.ones_like(x)
    for _ in range(5):
        columns.append(np.bincount(groups, power, minlength=num_groups))
        power = power * x
    return np.stack(columns, axis=1).astype(np.float64)


def group_sums(
    x: Float64[np.ndarray, " m"],
    groups: Integer[np.ndarray, " m"],
    prompts: Integer[np.ndarray, " g"],
) -> Float64[np.ndarray, "g c"]:
    """All that the posteriors are made of: `power_sums`, then `tie_sums`.

    Args:
        x: float64[m], rewards in [0, 1]; NaN is left out.
        groups: int[m].
        prompts: int[g], the prompt of each group, ascending.

    Returns:
        float64[g, 11], or [g, 5] without ties; of several groups of a prompt they may be added up.
    """
    powers = power_sums(x, groups, len(prompts))
    return np.concatenate([powers, tie_sums(x, groups, prompts)], axis=1)


def prompt_sums(
    sums: Float64[np.ndarray, "v c"], prompts: Integer[np.ndarray, " v"], num_prompts: int
) -> Float64[np.ndarray, "p c"]:
    """Adds up the visits of each prompt: float64[v, c] and int[v] to float64[p, c]."""
    columns = [np.bincount(prompts, column, minlength=num_prompts) for column in sums.T]
    return np.stack(columns, axis=1).astype(np.float64)


def discounted_sums(
    sums: Float64[np.ndarray, "v c"],
    prompts: Integer[np.ndarray, " v"],
    num_prompts: int,
    discount: float,
) -> Float64[np.ndarray, "p c"]:
    """Sums of all visits of each prompt, each visit weighing ``discount`` times the next one.

    Args:
        sums: float64[v, c], of the visits, sorted by prompt and time.
        prompts: int[v], ascending.
        num_prompts: p.
        discount: In (0, 1]; 1 forgets nothing.

    Returns:
        float64[p, c].
    """
    return prompt_sums(sums * (discount ** visits_after(prompts))[:, None], prompts, num_prompts)


def visits_after(prompts: Integer[np.ndarray, " v"]) -> Int64[np.ndarray, " v"]:
    """For visits sorted by prompt: how many visits of the same prompt follow each.

    Example:
        >>> import numpy as np
        >>> visits_after(np.array([0, 0, 0, 2])).tolist()
        [2, 1, 0, 0]
    """
    last = np.flatnonzero(np.r_[prompts[1:] != prompts[:-1], True])
    return last[np.searchsorted(last, np.arange(len(prompts)))] - np.arange(len(prompts))
