"""The population of prompts: a prior over reward distributions, fitted to all prompts at once."""

import numpy as np
from jaxtyping import Float64
from scipy.linalg import block_diag

from jrft.diagnosis.model.departures import Departures, departure_bumps, departure_log_likelihood
from jrft.diagnosis.model.tilts import GROUP_SIZES, TiltedFamily, plane

# How far a prompt's own reward distribution is trusted to follow a tilt: as far as so many
# completions are. Chosen by the simulations of experiments/studies/jrft/jrft_diagnosis_coverage.py.
SHAPE_CONCENTRATION = 64.0

# Widths of the smooth pieces a prior is made of, along both axes of `tilts.plane`.
_WIDTHS = ((0.05, 0.25), (0.15, 0.6), (0.5, 1.5))
_EM_ITERATIONS = 45
_PSEUDO_PROMPTS = 1.0
_MAX_ROWS = 4000
# Of the even start: as much as one of the three widths has.
_START_OF_DEPARTURES = 0.25


def fit_prior(
    family: TiltedFamily,
    departures: Departures | None,
    sums: Float64[np.ndarray, "n c"],
    counts: Float64[np.ndarray, " n"],
) -> Float64[np.ndarray, " k"]:
    """Empirical-Bayes weights of the candidates, by EM over smooth pieces.

    The prior is a mixture of Gaussian bumps over (mean, std), of three widths; EM finds the
    weights of the bumps, from an even start with the strength of one prompt. Bumps keep the prior
    smooth, and few iterations keep it from closing in on the very prompts it was fitted to:
    in simulation both were needed for intervals that cover.

    Args:
        family: The tilts.
        departures: The departures from a mode, if there are any ties.
        sums: float64[n, c], `sums.group_sums` of each prompt (or of each distinct row);
            without departures the first three columns are enough.
        counts: float64[n], how many prompts a row stands for.

    Returns:
        float64[k], of sum 1: of the tilts, then of the departures.
    """
    rows = np.flatnonzero(sums[:, 0] > 0)
    if len(rows) > _MAX_ROWS:
        # Without replacement, from a fixed seed: the same log gives the same diagnosis.
        rows = np.random.default_rng(0).choice(rows, _MAX_ROWS, replace=False)
    bumps, start = _bumps(family)
    if departures is not None:
        more, start_of_more = departure_bumps(departures)
        bumps = block_diag(bumps, more)
        share = _START_OF_DEPARTURES
        start = np.r_[(1 - share) * start, share * start_of_more]
    likelihood = np.exp(log_likelihood(family, departures, sums[rows])) @ bumps.T
    weights = start
    for _ in range(_EM_ITERATIONS):
        shares = likelihood * weights
        shares *= (counts[rows] / shares.sum(axis=1))[:, None]
        weights = shares.sum(axis=0) + _PSEUDO_PROMPTS * start
        weights /= weights.sum()
    return weights @ bumps


def log_likelihood(
    family: TiltedFamily, departures: Departures | None, sums: Float64[np.ndarray, "n c"]
) -> Float64[np.ndarray, "n k"]:
    """Log-likelihood of each row's rewards under each candidate, less the row's maximum.

    Beyond three levels a prompt's reward distribution is taken as a draw from a Dirichlet process
    of concentration α = 64 around a tilt. Of n rewards then only α·log(1 + n/α), in expectation,
    are independent draws from the tilt, the others repeat them: so much of the likelihood counts.
    Where there are departures the repeats count, too: a reward ties with one before it as often as
    two draws from the tilt do, and, being the same draw, with probability 1/α more.

    Args:
        family: The tilts.
        departures: The departures, or None.
        sums: float64[n, c].

    Returns:
        float64[n, k], at most 0: of the tilts, then of the departures.
    """
    statistics = sums[:, :3]
    if not family.saturated:
        ratio = np.maximum(sums[:, :1], 1e-9) / SHAPE_CONCENTRATION
        statistics = statistics * (np.log1p(ratio) / ratio)
    values = statistics @ np.stack([-family.log_partition, family.slope, family.curvature])
    if departures is not None:
        # A narrow tilt makes ties by itself: what the process adds must not count for it again.
        collision = np.exp(family.log_all_equal[:, GROUP_SIZES == 2])
        values += sums[:, 7:8] * np.log1p(1 / (SHAPE_CONCENTRATION * collision)).T
        values = np.concatenate([values, departure_log_likelihood(departures, sums)], axis=1)
    values -= values.max(axis=1, keepdims=True)
    return values


def _bumps(family: TiltedFamily) -> tuple[Float64[np.ndarray, "c k"], Float64[np.ndarray, " c"]]:
    """Smooth pieces of the prior [c, k], and their even starting weights [c].

    Each of the three widths starts with the same total weight.
    """
    u, v = plane(family.moments[:, 0], family.std)
    pieces, weights = [], []
    for width_u, width_v in _WIDTHS:
        # From end to end, so that low and high means are treated alike.
        centres_u = np.linspace(0.0, np.pi / 2, 1 + round(np.pi / 2.5 / width_u))
        centres_v = np.arange(v.min(), v.max() + width_v, 1.25 * width_v)
        far_u = (centres_u[:, None] - u) / width_u
        far_v = (centres_v[:, None] - v) / width_v
        # Only where tilts are: not every pair of mean and std is possible.
        near = (np.abs(far_u) < 0.7).astype(float) @ (np.abs(far_v) < 0.7).astype(float).T > 0
        i, j = np.nonzero(near)
        bumps = np.exp(-0.5 * (far_u[i] ** 2 + far_v[j] ** 2))
        pieces.append(bumps / bumps.sum(axis=1, keepdims=True))
        weights.append(np.full(len(i), 1.0 / (len(i) * len(_WIDTHS))))
    return np.concatenate(pieces), np.concatenate(weights)
