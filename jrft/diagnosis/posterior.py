"""What the rewards of a prompt, and those of all other prompts, say about its true reward std."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy.special import ndtr, ndtri

from jrft.diagnosis.departures import Departures, departed_mean, departures_given
from jrft.diagnosis.prior import SHAPE_CONCENTRATION, log_likelihood
from jrft.diagnosis.tilts import GROUP_SIZES, STD_RESOLUTION, TiltedFamily

_ROWS = 1024
_ATOM_QUANTILES = (np.arange(64) + 0.5) / 64
_NORMAL_QUANTILES = ndtri((np.arange(5) + 0.5) / 5)


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
        sums: float64[n, c], `uncertainty.group_sums` of each prompt, without departures at least
            the five power sums; counts may be fractions, where old completions are discounted.
        threshold: A std below this is low.
        level: Probability of the credible interval.
        mixed_probability: Wanted probability that a group's rewards are not all equal.
    """
    parts = []
    low_ones, learnable_ones, all_equal = _parted(family, departures, threshold)
    for start in range(0, max(len(sums), 1), _ROWS):
        rows = sums[start : start + _ROWS]
        weights = log_likelihood(family, departures, rows)
        np.exp(weights, out=weights)
        weights *= prior
        weights /= weights.sum(axis=1, keepdims=True)
        # Probabilities of stds in ascending order; the last one is 1 whatever the rounding.
        cumulative = np.cumsum(weights, axis=1)
        cumulative /= cumulative[:, -1:]
        of_std = _exact_std if family.saturated else _semiparametric_std
        mean, error = _expected_reward(family, departures, weights, rows)
        std, lower, upper, low = of_std(family, departures, cumulative, rows, threshold, level)
        equal_if_low = weights[:, low_ones] @ all_equal[low_ones]
        equal_if_learnable = weights[:, learnable_ones] @ all_equal[learnable_ones]
        needed = _rollouts_needed(equal_if_low + equal_if_learnable, 1.0, mixed_probability)
        learnable = weights[:, learnable_ones].sum(axis=1, keepdims=True)
        if_learnable = _rollouts_needed(equal_if_learnable, learnable, mixed_probability)
        # What is not told from 0 must not be reported as positive.
        lower = np.where(lower < STD_RESOLUTION, 0.0, lower)
        upper = np.maximum(upper, STD_RESOLUTION)
        parts.append(Posterior(std, lower, upper, low, mean, error, needed, if_learnable))
    columns = [field.name for field in fields(Posterior)]
    return Posterior(*(np.concatenate([getattr(part, name) for part in parts]) for name in columns))


_Part: TypeAlias = slice | Bool[np.ndarray, " k"]


def _parted(
    family: TiltedFamily, departures: Departures | None, threshold: float
) -> tuple[_Part, _Part, Float64[np.ndarray, "k sizes"]]:
    """Which candidates are low in std, which not, and how likely groups are all equal."""
    if departures is None:
        # The tilts whose std is not low come last: slices, which copy nothing.
        below = int(np.searchsorted(family.std, threshold))
        return slice(below), slice(below, None), np.exp(family.log_all_equal)
    low = np.concatenate([family.std, departures.std()]) < threshold
    modal = GROUP_SIZES * np.log1p(-departures.share)[:, None]
    return low, ~low, np.exp(np.concatenate([family.log_all_equal, modal]))


class _StdSummary(NamedTuple):
    mean: Float64[np.ndarray, " n"]
    lower: Float64[np.ndarray, " n"]
    upper: Float64[np.ndarray, " n"]
    prob_low: Float64[np.ndarray, " n"]


def _exact_std(
    family: TiltedFamily,
    departures: Departures | None,
    cumulative: Float64[np.ndarray, "n k"],
    sums: Float64[np.ndarray, "n c"],
    threshold: float,
    level: float,
) -> _StdSummary:
    """Mean, interval and P(std < threshold), where the tilts are all distributions there are."""
    std = family.std
    edges = np.r_[0.0, (std[1:] + std[:-1]) / 2, std[-1]]
    tail = (1 - level) / 2
    lower = edges[_quantile_atoms(cumulative, np.array([tail]))[:, 0]]
    upper = edges[_quantile_atoms(cumulative, np.array([1 - tail]))[:, 0] + 1]
    mean = np.diff(cumulative, prepend=0.0, axis=1) @ std
    below = int(np.searchsorted(std, threshold))
    low = cumulative[:, below - 1] if below else np.zeros(len(cumulative))
    return _StdSummary(mean, lower, upper, low)


def _semiparametric_std(
    family: TiltedFamily,
    departures: Departures | None,
    cumulative: Float64[np.ndarray, "n k"],
    sums: Float64[np.ndarray, "n c"],
    threshold: float,
    level: float,
) -> _StdSummary:
    """The same where a prompt's distribution, or its departures, are a Dirichlet process.

    The posterior of the std is taken as a mixture over the candidates at the posterior's quantiles
    of log-normals with the variance's exact mean and variance.
    """
    atoms = _quantile_atoms(cumulative, _ATOM_QUANTILES)
    tilts = np.minimum(atoms, len(family.std) - 1)
    total = SHAPE_CONCENTRATION + sums[:, :1]
    moments = [
        (SHAPE_CONCENTRATION * family.moments[tilts, power] + sums[:, power + 1, None]) / total
        for power in range(4)
    ]
    mean, variance = variance_moments(moments, total)
    if departures is not None:
        candidates = np.maximum(atoms - len(family.std), 0)
        given = departures_given(departures, candidates, sums)
        departed = variance_moments(*given, departures.share[candidates])
        mean, variance = (
            np.where(atoms < len(family.std), tilted, other)
            for tilted, other in zip((mean, variance), departed, strict=True)
        )
    mean = np.maximum(mean, 1e-16)
    spread = np.log1p(variance / mean**2)
    centre = np.log(mean) - spread / 2
    spread = np.sqrt(np.maximum(spread, 1e-16))
    points = np.exp(0.5 * (centre[..., None] + spread[..., None] * _NORMAL_QUANTILES))
    tail = (1 - level) / 2
    lower, upper = np.quantile(points.reshape(len(sums), -1), [tail, 1 - tail], axis=1)
    low = ndtr((2 * np.log(threshold) - centre) / spread).mean(axis=1)
    mean_std = np.exp(0.5 * centre + spread**2 / 8).mean(axis=1)
    return _StdSummary(mean_std, lower, upper, low)


def variance_moments(
    moments: Sequence[Float64[np.ndarray, "n q"]],
    concentration: Float64[np.ndarray, "n 1"],
    share: Float64[np.ndarray, "n q"] | float = 1.0,
) -> tuple[Float64[np.ndarray, "n q"], Float64[np.ndarray, "n q"]]:
    """Mean and variance of the variance of a distribution drawn from a Dirichlet process.

    With a share below 1 a draw is from that distribution with this probability, else 0.

    Derived from Pólya's urn: draws 1 … r fall into blocks of equal ones with probability
    ∏ A·(size − 1)! / (A·(A + 1)⋯(A + r − 1)).

    Args:
        moments: Four arrays: E[x], E[x²], E[x³], E[x⁴] of the base distribution.
        concentration: A.
        share: Probability of a draw from the distribution.

    Example:
        >>> import numpy as np
        >>> half = [np.array([[0.5]])] * 4  # a fair coin: the variance p(1 − p) of p ~ Beta(1, 1)
        >>> mean, variance = variance_moments(half, np.array([[2.0]]))
        >>> mean.round(6).item(), variance.round(6).item()
        (0.166667, 0.005556)
    """
    m1, m2, m3, m4 = moments
    a = concentration
    mean = share * m2 - share**2 * (a * m1**2 + m2) / (a + 1)
    second_second = (a * m2**2 + m4) / (a + 1)
    second_first_first = (a**2 * m2 * m1**2 + a * (m2**2 + 2 * m3 * m1) + 2 * m4) / (
        (a + 1) * (a + 2)
    )
    first_fourth = (
        a**3 * m1**4 + 6 * a**2 * m1**2 * m2 + a * (8 * m1 * m3 + 3 * m2**2) + 6 * m4
    ) / ((a + 1) * (a + 2) * (a + 3))
    square = share**2 * (second_second - 2 * share * second_first_first + share**2 * first_fourth)
    return mean, np.maximum(square - mean**2, 0.0)


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


def _quantile_atoms(
    cumulative: Float64[np.ndarray, "n k"], quantiles: Float64[np.ndarray, " q"]
) -> Int64[np.ndarray, "n q"]:
    """For each row, the first place where the cumulative probability reaches each quantile."""
    n, k = cumulative.shape
    # One search over all rows: row i's probabilities lie in (i, i + 1].
    keys = (cumulative + np.arange(n)[:, None]).ravel()
    found = np.searchsorted(keys, quantiles + np.arange(n)[:, None])
    return np.clip(found - np.arange(n)[:, None] * k, 0, k - 1)


def _rollouts_needed(
    all_equal: Float64[np.ndarray, "n sizes"],
    total: Float64[np.ndarray, "n 1"] | float,
    mixed_probability: float,
) -> Int64[np.ndarray, " n"]:
    """Smallest tabulated group size with the wanted probability, 0 if there is none.

    Args:
        all_equal: float64[n, sizes], probability that all rewards are equal and that something
            else holds.
        total: Probability of that something.
        mixed_probability: Wanted probability that not all rewards are equal, given it.
    """
    enough = all_equal <= (1 - mixed_probability) * total
    enough &= total > 1e-9  # nothing is said about what is impossible
    return np.where(enough.any(axis=1), GROUP_SIZES[enough.argmax(axis=1)], 0)
