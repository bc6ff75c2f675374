"""Prompts that nearly always earn one reward of their own, and now and then depart from it.

A nearly deterministic policy gives a prompt one reward, its mode, and with a small probability, the
share, another one. Where every prompt has its own mode, no tilt of the pooled distribution has this
shape. So there are further candidates: a mode, a share, and departures drawn from a Dirichlet
process around the departures of prompts with similar modes. A group of equal rewards then says only
that so many rewards did not depart. The size and the frequency of departures are learned from the
prompts that showed some. The mode is taken to be the reward seen most often. Its first occurrence
is free: whatever the first reward is, the others repeat it or depart from it. [derived]
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64

from jrft.diagnosis.model.reward_sums import DEPARTURE_CONCENTRATIONS, RewardSums, Ties

# Shares from one in 8000 to nearly all: the reward seen most often need not be frequent.
_SHARES = 1 / (1 + np.exp(-np.linspace(-9.0, 3.2, 40)))
# Places of modes, in arcsin √mode, and how far each reaches.
_PLACES = np.linspace(0.0, np.pi / 2, 4)
_REACH = 0.4
# Widths of the smooth pieces of the prior of the share, in log(share + 0.002).
_WIDTHS = (0.8, 1.6, 3.0)
_RESOLUTION = 0.002
# Moments of departures before any was seen, of uniform rewards about 0, with the weight of one
# prompt: E[d], E[d²], E[d³], E[d⁴].
_UNIFORM = np.array([1 / 2, 1 / 3, 1 / 4, 1 / 5])


class Departures(NamedTuple):
    """e candidates: each a place of the mode, a share, and a concentration of what departs.

    Attributes:
        share: float64[e], probability that a reward departs from the mode.
        concentration: float64[e], of the Dirichlet process that departures are drawn from.
        moments: float64[e, 4], E[d] … E[d⁴] of departures d = x − mode there.
        mass: float64[c], how many prompts have their mode near each of the c places.
    """

    share: Float64[np.ndarray, " e"]
    concentration: Float64[np.ndarray, " e"]
    moments: Float64[np.ndarray, "e 4"]
    mass: Float64[np.ndarray, " c"]

    def std(self) -> Float64[np.ndarray, " e"]:
        """float64[e], std of the reward if departures are like the population's."""
        first, second = self.moments[:, 0], self.moments[:, 1]
        return np.sqrt(np.maximum(self.share * second - (self.share * first) ** 2, 0.0))


def fit_departures(sums: RewardSums) -> Departures:
    """Learns how large departures are, by the place of the mode; each prompt has one vote."""
    mode, departed, moments = _about_mode(sums)
    near = _nearness(mode)
    seen = (departed > 0) & (_ties(sums).modal >= 2)
    votes = moments[seen] / departed[seen, None]
    everywhere = _UNIFORM
    if seen.any():
        # From 0 all departures go up, from 1 all go down.
        up = 1 - 2 * mode[seen]
        slope = up @ votes[:, ::2] / max(float(up @ up), 1e-9)
        square, fourth = votes[:, 1::2].mean(axis=0)
        everywhere = np.array([slope[0], square, slope[1], fourth])
    up = np.cos(2 * _PLACES)
    start = everywhere * np.stack([up, up**0, up, up**0], axis=1)
    weights = near[seen]
    local = (weights.T @ votes + start) / (weights.sum(axis=0)[:, None] + 1)
    shares, concentrations = np.meshgrid(_SHARES, DEPARTURE_CONCENTRATIONS, indexing="ij")
    return Departures(
        share=np.tile(shares.ravel(), len(_PLACES)),
        concentration=np.tile(concentrations.ravel(), len(_PLACES)),
        moments=np.repeat(local, shares.size, axis=0),
        mass=near.mean(axis=0) + 1e-3,
    )


def departure_log_likelihood(
    departures: Departures, sums: RewardSums
) -> Float64[np.ndarray, "n e"]:
    """Log-likelihood of each row under each candidate, relative to the pooled distribution."""
    mode, departed, _ = _about_mode(sums)
    ties = _ties(sums)
    repeats = np.maximum(ties.modal - 1, 0.0)
    values = np.stack([departed, repeats], axis=1) @ np.log(np.stack([_SHARES, 1 - _SHARES]))
    place = np.log(_nearness(mode) / departures.mass)
    parts = place[:, :, None, None] + values[:, None, :, None] + ties.urns[:, None, None, :]
    return parts.reshape(len(mode), departures.share.size)


def departure_bumps(
    departures: Departures,
) -> tuple[Float64[np.ndarray, "b e"], Float64[np.ndarray, " b"]]:
    """Smooth pieces of the prior [b, e], and their starting weights [b], of sum 1.

    A piece is smooth in the share, and of one concentration. Half of the weight is on pieces of one
    place, half on pieces that all places share.
    """
    at = np.log(_SHARES + _RESOLUTION)
    pieces, weights = [], []
    for width in _WIDTHS:
        centers = np.arange(at.min(), at.max() + width, 1.25 * width)
        bumps = np.exp(-0.5 * ((centers[:, None] - at) / width) ** 2)
        pieces.append(bumps / bumps.sum(axis=1, keepdims=True))
        weights.append(np.full(len(centers), 1 / (len(_WIDTHS) * len(centers))))
    bumps, weight = np.concatenate(pieces), np.concatenate(weights)
    urns = len(DEPARTURE_CONCENTRATIONS)
    bumps, weight = np.kron(bumps, np.eye(urns)), np.repeat(weight / urns, urns)
    places = len(_PLACES)
    own = np.kron(np.eye(places), bumps)
    shared = np.kron(departures.mass / departures.mass.sum(), bumps)
    return np.concatenate([own, shared]), np.r_[np.tile(weight / places, places), weight] / 2


def departures_given(
    departures: Departures, candidates: Int64[np.ndarray, "n q"], sums: RewardSums
) -> tuple[list[Float64[np.ndarray, "n q"]], Float64[np.ndarray, "n q"]]:
    """Posterior of a prompt's departures about its mode: a Dirichlet process again.

    Args:
        departures: The candidates.
        candidates: int64[n, q], some for each row.
        sums: Of n prompts.

    Returns:
        E[d] … E[d⁴] of its base distribution, float64[n, q] each; its concentration, float64[n, q].
    """
    _, departed, moments = _about_mode(sums)
    a = departures.concentration[candidates]
    total = a + departed[:, None]
    base = departures.moments[candidates]
    return [(a * base[..., power] + moments[:, power, None]) / total for power in range(4)], total


def departed_mean(
    departures: Departures,
    weights: Float64[np.ndarray, "n e"],
    sums: RewardSums,
) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
    """Σ over candidates of their weights times E[mean], and times E[mean²], of the reward."""
    mode, departed, moments = _about_mode(sums)
    urns = len(DEPARTURE_CONCENTRATIONS)
    a, total = DEPARTURE_CONCENTRATIONS, DEPARTURE_CONCENTRATIONS + departed[:, None]
    share, (base, square) = departures.share[::urns], departures.moments[::urns, :2].T
    columns = [
        np.ones_like(share),
        share,
        share**2,
        share * base,
        share**2 * base,
        share**2 * base**2,
        share**2 * square,
    ]
    # Sums over places and shares, one for each concentration: the last axis of candidates.
    by_urn = weights.reshape(len(weights), -1, urns).swapaxes(1, 2) @ np.stack(columns, axis=1)
    mass, first, second, up, across, around, wide = np.moveaxis(by_urn, 2, 0)
    seen, seen_square = moments[:, :1], moments[:, 1:2]
    departure = np.sum((a * up + seen * first) / total, axis=1)
    of_base = (a**2 * around + 2 * a * seen * across + seen**2 * second) / total**2
    within = (a * wide + seen_square * second) / total
    squared = np.sum((total * of_base + within) / (total + 1), axis=1)
    mass = mass.sum(axis=1)
    return mass * mode + departure, mass * mode**2 + 2 * mode * departure + squared


def _about_mode(
    sums: RewardSums,
) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, " n"], Float64[np.ndarray, "n 4"]]:
    """Each row's mode, how many rewards depart from it, and Σd … Σd⁴ over them."""
    n, s1, s2, s3, s4, _ = sums
    modal, mode_total, *_ = _ties(sums)
    v = mode_total / np.maximum(n, 1e-9)
    moments = np.stack(
        [
            s1 - n * v,
            np.maximum(s2 - 2 * v * s1 + n * v**2, 0.0),
            s3 - 3 * v * s2 + 3 * v**2 * s1 - n * v**3,
            np.maximum(s4 - 4 * v * s3 + 6 * v**2 * s2 - 4 * v**3 * s1 + n * v**4, 0.0),
        ],
        axis=1,
    )
    return v, np.maximum(n - modal, 0.0), moments


def _ties(sums: RewardSums) -> Ties:
    assert sums.ties is not None
    return sums.ties


def _nearness(mode: Float64[np.ndarray, " n"]) -> Float64[np.ndarray, "n c"]:
    place = np.arcsin(np.sqrt(np.clip(mode, 0, 1)))
    return np.exp(-0.5 * ((place[:, None] - _PLACES) / _REACH) ** 2)
