"""The range rewards can take, given or guessed, and rewards in units of it."""

import numpy as np
from jaxtyping import Float64, Int64

_USUAL = ((0.0, 1.0), (-1.0, 1.0))


def guess_reward_range(
    rewards: Float64[np.ndarray, " m"],
    reward_range: tuple[float | int, float | int] | None,
    counts: Int64[np.ndarray, " m"] | None = None,
) -> tuple[float, float, str]:
    """The range of the rewards, and a note if it was guessed.

    A range may be wider than the rewards: rewards of 0 and 0.1 for format, where a right answer
    would have earned 1, are flat on (0, 1) and far apart on (0, 0.1).

    Args:
        rewards: float64[m], NaN where there is none.
        reward_range: What the caller says, or None.
        counts: int64[m], how many completions each reward stands for; None for one each.

    Raises:
        ValueError: The range is empty, or a reward is outside it.

    Example:
        >>> import numpy as np
        >>> guess_reward_range(np.array([-1.0, 1.0]), None)[:2]
        (-1.0, 1.0)
    """
    scored = ~np.isnan(rewards)
    seen = rewards[scored]
    times = np.ones(len(seen), np.int64) if counts is None else counts[scored]
    least, most = (float(seen.min()), float(seen.max())) if seen.size else (0.0, 1.0)
    if reward_range is not None:
        low, high = (float(end) for end in reward_range)
        if not low < high:
            raise ValueError(f"reward_range is ({low:g}, {high:g}): the first must be smaller")
        if least < low or most > high:
            raise ValueError(
                f"rewards from {least:g} to {most:g} leave reward_range ({low:g}, {high:g}): widen "
                "it, or clip the rewards"
            )
        return low, high, ""
    if robust := _range_without_outliers(seen, times):
        low, high = robust
        outside = int(times[(seen < low) | (seen > high)].sum())
        note = (
            f"{outside:,} of {times.sum():,} rewards are far outside of ({low:g}, {high:g}), as "
            f"{least:g} or {most:g}: they were judged as the nearest end. If they are real, pass "
            "the range."
        )
        return low, high, note
    for low, high in _USUAL:
        if low <= least and most <= high:
            break
    else:
        low, high = (least, most) if least < most else (least - 0.5, most + 0.5)
    note = (
        f"The reward range was taken as ({low:g}, {high:g}), rewards seen are from {least:g} to "
        f"{most:g}. If other rewards are possible, pass the range: stds are judged relative to it."
    )
    return low, high, note


def _range_without_outliers(
    seen: Float64[np.ndarray, " n"], times: Int64[np.ndarray, " n"]
) -> tuple[float, float] | None:
    """The range of 98 % of the rewards, if all others are more than ten times as far away."""
    total = int(times.sum())
    if total < 100:
        return None
    order = np.argsort(seen, kind="stable")
    # The completions in ascending order: the reward of the one nearest to each quantile.
    ranks = np.round(np.array([0.01, 0.99]) * (total - 1))
    least, most = seen[order][np.searchsorted(np.cumsum(times[order]), ranks, side="right")]
    for low, high in (*_USUAL, (float(least), float(most))):
        width, far = high - low, np.maximum(low - seen, seen - high)
        outside = far > 0
        few = 0 < times[outside].sum() <= 0.02 * total
        if width > 0 and few and far[outside].min() > 10 * width:
            return low, high
    return None


def unit_rewards(
    rewards: Float64[np.ndarray, " m"], low: float, high: float
) -> Float64[np.ndarray, " m"]:
    """Rewards in units of the range: 0 the smallest possible, 1 the largest; beyond, the end."""
    return np.clip((rewards - low) / (high - low), 0.0, 1.0)
