"""The candidate reward distributions of a prompt, and how likely each makes its rewards."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64
from scipy.linalg import block_diag

from jrft.diagnosis.model.departures import (
    Departures,
    departure_bumps,
    departure_log_likelihood,
    fit_departures,
)
from jrft.diagnosis.model.reward_sums import RewardSums
from jrft.diagnosis.model.tilts import (
    GROUP_SIZES,
    TiltedFamily,
    plane,
    reward_levels,
    tilted_family,
)

# A prompt's reward distribution is trusted to follow a tilt as much as this many completions are.
# Chosen by the simulations of experiments/studies/jrft/diagnosis_coverage.
SHAPE_CONCENTRATION = 64.0

# Widths of the smooth pieces that make up a prior, along both axes of `tilts.plane`.
_WIDTHS = ((0.05, 0.25), (0.15, 0.6), (0.5, 1.5))
# Departures start with the share of the even start that one of the three widths has.
_START_OF_DEPARTURES = 0.25


class Candidates(NamedTuple):
    """k candidate distributions: first the tilts, then the departures.

    Attributes:
        tilts: Tilts of the pooled distribution.
        departures: Departures from a prompt's own mode; None unless rewards tie on more than three
            levels.
    """

    tilts: TiltedFamily
    departures: Departures | None

    def log_likelihood(self, sums: RewardSums) -> Float64[np.ndarray, "n k"]:
        """Log-likelihood of each row's rewards under each candidate, minus the row's maximum.

        On more than three levels, a prompt's reward distribution is a draw from a Dirichlet process
        of concentration α = 64 around a tilt. Of n rewards then only α·log(1 + n/α), in
        expectation, are independent draws from the tilt, and the others repeat them: the likelihood
        is weakened by that ratio. With departures, repeats count as well: a reward ties with an
        earlier one as often as two draws from the tilt do, and with probability 1/α more because it
        is the same draw.

        Returns:
            float64[n, k], at most 0.
        """
        tilts = self.tilts
        statistics = np.stack([sums.size, sums.total, sums.squares], axis=1)
        if not tilts.saturated:
            ratio = np.maximum(sums.size, 1e-9)[:, None] / SHAPE_CONCENTRATION
            statistics = statistics * (np.log1p(ratio) / ratio)
        values = statistics @ np.stack([-tilts.log_partition, tilts.slope, tilts.curvature])
        if self.departures is not None:
            assert sums.ties is not None
            # A narrow tilt makes ties by itself: only what the process adds may count.
            collision = np.exp(tilts.log_all_equal[:, GROUP_SIZES == 2])
            gain = np.log1p(1 / (SHAPE_CONCENTRATION * collision)).T
            values += sums.ties.repeats[:, None] * gain
            more = departure_log_likelihood(self.departures, sums)
            values = np.concatenate([values, more], axis=1)
        values -= values.max(axis=1, keepdims=True)
        return values

    def smooth_pieces(self) -> tuple[Float64[np.ndarray, "c k"], Float64[np.ndarray, " c"]]:
        """Smooth pieces of the prior [c, k], and their even starting weights [c], of sum 1."""
        bumps, start = _bumps(self.tilts)
        if self.departures is None:
            return bumps, start
        more, start_of_more = departure_bumps(self.departures)
        share = _START_OF_DEPARTURES
        return block_diag(bumps, more), np.r_[(1 - share) * start, share * start_of_more]


def fit_candidates(
    x: Float64[np.ndarray, " m"],
    sums: RewardSums,
    times: Int64[np.ndarray, " m"] | None = None,
) -> Candidates:
    """Candidates for rewards in [0, 1], each seen some times, given the sums of their groups."""
    tilts = tilted_family(*reward_levels(x, times))
    ties = sums.ties is not None and not tilts.saturated
    return Candidates(tilts, fit_departures(sums) if ties else None)


def _bumps(tilts: TiltedFamily) -> tuple[Float64[np.ndarray, "c k"], Float64[np.ndarray, " c"]]:
    """Bumps over (mean, std) and their weights. Each width starts with the same total weight."""
    u, v = plane(tilts.moments[:, 0], tilts.std)
    pieces, weights = [], []
    for width_u, width_v in _WIDTHS:
        # From end to end, so that low and high means are treated alike.
        centers_u = np.linspace(0.0, np.pi / 2, 1 + round(np.pi / 2.5 / width_u))
        centers_v = np.arange(v.min(), v.max() + width_v, 1.25 * width_v)
        far_u = (centers_u[:, None] - u) / width_u
        far_v = (centers_v[:, None] - v) / width_v
        # Only where tilts are: not every pair of mean and std is possible.
        near = (np.abs(far_u) < 0.7).astype(float) @ (np.abs(far_v) < 0.7).astype(float).T > 0
        i, j = np.nonzero(near)
        bumps = np.exp(-0.5 * (far_u[i] ** 2 + far_v[j] ** 2))
        pieces.append(bumps / bumps.sum(axis=1, keepdims=True))
        weights.append(np.full(len(i), 1.0 / (len(i) * len(_WIDTHS))))
    return np.concatenate(pieces), np.concatenate(weights)
