"""The true reward std of a prompt: its posterior mean and interval, and whether it is low."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64
from scipy.special import ndtr, ndtri

from jrft.diagnosis.model.departures import Departures, departures_given
from jrft.diagnosis.model.dirichlet import variance_moments
from jrft.diagnosis.model.prior import SHAPE_CONCENTRATION
from jrft.diagnosis.model.tilts import TiltedFamily

_ATOM_QUANTILES = (np.arange(64) + 0.5) / 64
_NORMAL_QUANTILES = ndtri((np.arange(5) + 0.5) / 5)
# A prompt's distribution is no draw from a Dirichlet process: of its spread the process knows too
# much. The variance of the variance is taken so many times as large, that of a posterior from
# correspondingly fewer rewards. Chosen by simulation, on seeds that no committed result has.
SPREAD = 1.5


class StdSummary(NamedTuple):
    """Posterior mean of the std, ends of its interval, and P(std < threshold)."""

    mean: Float64[np.ndarray, " n"]
    lower: Float64[np.ndarray, " n"]
    upper: Float64[np.ndarray, " n"]
    prob_low: Float64[np.ndarray, " n"]


def exact_std(
    family: TiltedFamily,
    departures: Departures | None,
    cumulative: Float64[np.ndarray, "n k"],
    sums: Float64[np.ndarray, "n c"],
    threshold: float,
    level: float,
) -> StdSummary:
    """Mean, interval and P(std < threshold), where the tilts are all distributions there are."""
    std = family.std
    edges = np.r_[0.0, (std[1:] + std[:-1]) / 2, std[-1]]
    tail = (1 - level) / 2
    lower = edges[_quantile_atoms(cumulative, np.array([tail]))[:, 0]]
    upper = edges[_quantile_atoms(cumulative, np.array([1 - tail]))[:, 0] + 1]
    mean = np.diff(cumulative, prepend=0.0, axis=1) @ std
    below = int(np.searchsorted(std, threshold))
    low = cumulative[:, below - 1] if below else np.zeros(len(cumulative))
    return StdSummary(mean, lower, upper, low)


def semiparametric_std(
    family: TiltedFamily,
    departures: Departures | None,
    cumulative: Float64[np.ndarray, "n k"],
    sums: Float64[np.ndarray, "n c"],
    threshold: float,
    level: float,
) -> StdSummary:
    """The same where a prompt's distribution, or its departures, are a Dirichlet process.

    The posterior of the std is taken as a mixture over the candidates at the posterior's quantiles
    of log-normals with the variance's exact mean, and `SPREAD` times its variance.
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
    spread = np.log1p(SPREAD * variance / mean**2)
    centre = np.log(mean) - spread / 2
    spread = np.sqrt(np.maximum(spread, 1e-16))
    points = np.exp(0.5 * (centre[..., None] + spread[..., None] * _NORMAL_QUANTILES))
    tail = (1 - level) / 2
    lower, upper = np.quantile(points.reshape(len(sums), -1), [tail, 1 - tail], axis=1)
    low = ndtr((2 * np.log(threshold) - centre) / spread).mean(axis=1)
    mean_std = np.exp(0.5 * centre + spread**2 / 8).mean(axis=1)
    return StdSummary(mean_std, lower, upper, low)


def _quantile_atoms(
    cumulative: Float64[np.ndarray, "n k"], quantiles: Float64[np.ndarray, " q"]
) -> Int64[np.ndarray, "n q"]:
    """For each row, the first place where the cumulative probability reaches each quantile."""
    n, k = cumulative.shape
    # One search over all rows: row i's probabilities lie in (i, i + 1].
    keys = (cumulative + np.arange(n)[:, None]).ravel()
    found = np.searchsorted(keys, quantiles + np.arange(n)[:, None])
    return np.clip(found - np.arange(n)[:, None] * k, 0, k - 1)
