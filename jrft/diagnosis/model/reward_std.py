"""The true reward std of a prompt: its posterior mean, its interval, and P(std is low)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64
from scipy.special import ndtr, ndtri

from jrft.diagnosis.model.candidates import SHAPE_CONCENTRATION, Candidates
from jrft.diagnosis.model.departures import departures_given
from jrft.diagnosis.model.reward_sums import RewardSums
from jrft.diagnosis.settings import DiagnosisSettings

_ATOM_QUANTILES = (np.arange(64) + 0.5) / 64
_NORMAL_QUANTILES = ndtri((np.arange(5) + 0.5) / 5)
# A prompt's distribution is no draw from a Dirichlet process, which knows too much of its spread.
# So the variance of the variance is taken this many times as large, as if there were
# correspondingly fewer rewards. Chosen by simulation.
SPREAD = 1.5


class StdSummary(NamedTuple):
    """Posterior mean of the std, ends of its interval, and P(std < threshold)."""

    mean: Float64[np.ndarray, " n"]
    lower: Float64[np.ndarray, " n"]
    upper: Float64[np.ndarray, " n"]
    prob_low: Float64[np.ndarray, " n"]


def exact_std(
    candidates: Candidates,
    cumulative: Float64[np.ndarray, "n k"],
    sums: RewardSums,
    settings: DiagnosisSettings,
) -> StdSummary:
    """The summary on at most three levels, where the tilts are all distributions there are."""
    std = candidates.tilts.std
    edges = np.r_[0.0, (std[1:] + std[:-1]) / 2, std[-1]]
    tail = (1 - settings.level) / 2
    lower = edges[_quantile_atoms(cumulative, np.array([tail]))[:, 0]]
    upper = edges[_quantile_atoms(cumulative, np.array([1 - tail]))[:, 0] + 1]
    mean = np.diff(cumulative, prepend=0.0, axis=1) @ std
    below = int(np.searchsorted(std, settings.threshold))
    low = cumulative[:, below - 1] if below else np.zeros(len(cumulative))
    return StdSummary(mean, lower, upper, low)


def semiparametric_std(
    candidates: Candidates,
    cumulative: Float64[np.ndarray, "n k"],
    sums: RewardSums,
    settings: DiagnosisSettings,
) -> StdSummary:
    """The summary where a prompt's distribution, or its departures, are a Dirichlet process.

    The posterior of the std is taken as a mixture of log-normals over the candidates at the
    posterior's quantiles, with the variance's exact mean and `SPREAD` times its variance.
    """
    tilts, departures = candidates
    atoms = _quantile_atoms(cumulative, _ATOM_QUANTILES)
    chosen = np.minimum(atoms, len(tilts.std) - 1)
    total = SHAPE_CONCENTRATION + sums.size[:, None]
    powers = (sums.total, sums.squares, sums.cubes, sums.fourths)
    moments = [
        (SHAPE_CONCENTRATION * tilts.moments[chosen, power] + powers[power][:, None]) / total
        for power in range(4)
    ]
    mean, variance = variance_moments(moments, total)
    if departures is not None:
        others = np.maximum(atoms - len(tilts.std), 0)
        given = departures_given(departures, others, sums)
        departed = variance_moments(*given, departures.share[others])
        mean, variance = (
            np.where(atoms < len(tilts.std), tilted, other)
            for tilted, other in zip((mean, variance), departed, strict=True)
        )
    return _mixture(mean, variance, settings)


def _mixture(
    mean: Float64[np.ndarray, "n q"],
    variance: Float64[np.ndarray, "n q"],
    settings: DiagnosisSettings,
) -> StdSummary:
    """The summary of an even mixture of log-normal variances of these means and variances."""
    mean = np.maximum(mean, 1e-16)
    spread = np.log1p(SPREAD * variance / mean**2)
    center = np.log(mean) - spread / 2
    spread = np.sqrt(np.maximum(spread, 1e-16))
    points = np.exp(0.5 * (center[..., None] + spread[..., None] * _NORMAL_QUANTILES))
    tail = (1 - settings.level) / 2
    lower, upper = np.quantile(points.reshape(len(mean), -1), [tail, 1 - tail], axis=1)
    low = ndtr((2 * np.log(settings.threshold) - center) / spread).mean(axis=1)
    mean_std = np.exp(0.5 * center + spread**2 / 8).mean(axis=1)
    return StdSummary(mean_std, lower, upper, low)


def variance_moments(
    moments: Sequence[Float64[np.ndarray, "n q"]],
    concentration: Float64[np.ndarray, "n #q"],
    share: Float64[np.ndarray, "n q"] | float = 1.0,
) -> tuple[Float64[np.ndarray, "n q"], Float64[np.ndarray, "n q"]]:
    """Mean and variance of the variance of a distribution drawn from a Dirichlet process.

    With a share below 1, a draw comes from that distribution with this probability, else it is 0.

    [derived] From Pólya's urn: draws 1 … r fall into blocks of equal ones with probability
    ∏ A·(size − 1)! / (A·(A + 1)⋯(A + r − 1)).

    Args:
        moments: Four arrays: E[x], E[x²], E[x³], E[x⁴] of the base distribution.
        concentration: A, of each row or of each entry.
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


def _quantile_atoms(
    cumulative: Float64[np.ndarray, "n k"], quantiles: Float64[np.ndarray, " q"]
) -> Int64[np.ndarray, "n q"]:
    """For each row, the first place where the cumulative probability reaches each quantile."""
    n, k = cumulative.shape
    # One search over all rows: row i's probabilities lie in (i, i + 1].
    keys = (cumulative + np.arange(n)[:, None]).ravel()
    found = np.searchsorted(keys, quantiles + np.arange(n)[:, None])
    return np.clip(found - np.arange(n)[:, None] * k, 0, k - 1)
