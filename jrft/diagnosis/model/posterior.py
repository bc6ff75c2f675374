"""What the rewards of a prompt, and those of all other prompts, say about its true reward std."""

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float64, Int64

from jrft.diagnosis.model.departures import Departures, departed_mean
from jrft.diagnosis.model.mixed_groups import candidate_groups, rollouts_needed
from jrft.diagnosis.model.prior import SHAPE_CONCENTRATION, log_likelihood
from jrft.diagnosis.model.std import exact_std, semiparametric_std
from jrft.diagnosis.model.tilts import STD_RESOLUTION, TiltedFamily

_ROWS = 1024


@dataclass(frozen=True)
class Posterior:
    """Posterior of n prompts, in units of the reward range.

    The std is that of the reward over completions of the prompt, ddof 0: a property of policy,
    prompt and reward, not of the sample.

    Attributes:
        std: float64[n], posterior mean of the std.
        std_lower: float64[n], lower end of the equal-tailed credible interval.
        std_upper: float64[n], its upper end.
        prob_low_std: float64[n], P(std < threshold | data).
        mean: float64[n], posterior mean of the expected reward.
        mean_error: float64[n], posterior std of the expected reward.
        rollouts_needed: int64[n], smallest tabulated group size at which not all rewards are equal
            with the wanted probability; 0 if no group of up to 4096 is enough.
        rollouts_if_learnable: int64[n], the same given that the tilt's std is not low.
    """

    std: Float64[np.ndarray, " n"]
    std_lower: Float64[np.ndarray, " n"]
    std_upper: Float64[np.ndarray, " n"]
    prob_low_std: Float64[np.ndarray, " n"]
    mean: Float64[np.ndarray, " n"]
    mean_error: Float64[np.ndarray, " n"]
    rollouts_needed: Int64[np.ndarray, " n"]
    rollouts_if_learnable: Int64[np.ndarray, " n"]


def posterior(
    family: TiltedFamily,
    departures: Departures | None,
    prior: Float64[np.ndarray, " k"],
    sums: Float64[np.ndarray, "n c"],
    *,
    threshold: float,
    level: float,
    mixed_probability: float,
) -> Posterior:
    """Posterior of each prompt's reward std and of what follows from it.

    Args:
        family: The tilts.
        departures: The departures from a mode, or None.
        prior: float64[k], prior probabilities of the tilts, then of the departures.
        sums: float64[n, c], `sums.group_sums` of each prompt, without departures at least
            the five power sums; counts may be fractions, where old completions are discounted.
        threshold: A std below this is low.
        level: Probability of the credible interval.
        mixed_probability: Wanted probability that a group's rewards are not all equal.
    """
    parts = []
    groups = candidate_groups(family, departures, threshold)
    for start in range(0, max(len(sums), 1), _ROWS):
        rows = sums[start : start + _ROWS]
        weights = log_likelihood(family, departures, rows)
        np.exp(weights, out=weights)
        weights *= prior
        weights /= weights.sum(axis=1, keepdims=True)
        # Probabilities of stds in ascending order; the last one is 1 whatever the rounding.
        cumulative = np.cumsum(weights, axis=1)
        cumulative /= cumulative[:, -1:]
        of_std = exact_std if family.saturated else semiparametric_std
        mean, error = _expected_reward(family, departures, weights, rows)
        std, lower, upper, low = of_std(family, departures, cumulative, rows, threshold, level)
        needed, if_learnable = rollouts_needed(groups, weights, mixed_probability)
        # What is not told from 0 must not be reported as positive.
        lower = np.where(lower < STD_RESOLUTION, 0.0, lower)
        upper = np.maximum(upper, STD_RESOLUTION)
        parts.append(Posterior(std, lower, upper, low, mean, error, needed, if_learnable))
    columns = [field.name for field in fields(Posterior)]
    return Posterior(*(np.concatenate([getattr(part, name) for part in parts]) for name in columns))


def _expected_reward(
    family: TiltedFamily,
    departures: Departures | None,
    weights: Float64[np.ndarray, "n k"],
    sums: Float64[np.ndarray, "n c"],
) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
    """Posterior mean and std of the expected reward."""
    tilts = len(family.std)
    m1, m2 = family.moments[:, 0], family.moments[:, 1]
    columns = np.stack([np.ones(tilts), m1, m1**2, m2], axis=1)
    mass, first, second, squares = (weights[:, :tilts] @ columns).T
    if family.saturated:
        return first, np.sqrt(np.maximum(second - first**2, 0.0))
    a, total = SHAPE_CONCENTRATION, SHAPE_CONCENTRATION + sums[:, 0]
    seen = sums[:, 1]
    mean = (a * first + mass * seen) / total
    of_base = (a**2 * second + 2 * a * first * seen + mass * seen**2) / total**2
    within = (a * squares + mass * sums[:, 2]) / total
    square = (total * of_base + within) / (total + 1)
    if departures is not None:
        more, more_squared = departed_mean(departures, weights[:, tilts:], sums)
        mean, square = mean + more, square + more_squared
    return mean, np.sqrt(np.maximum(square - mean**2, 0.0))
