"""Candidate reward distributions of one prompt: exponential tilts of the pooled distribution."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float64, Int64

from jrft.diagnosis.log.statistics import added
from jrft.diagnosis.model.alike import STD_RESOLUTION, distinct_rows

# Group sizes at which the probability of a mixed group is tabulated.
GROUP_SIZES = np.r_[np.arange(2, 17), 16 * np.round(2 ** np.arange(0.25, 8.25, 0.25), 1)].astype(
    int
)

_MAX_LEVELS = 256
_MAX_ATOMS = 1200
# Tilts reach a probability ratio of e^±18 between the ends of the range.
_LOG_RATIO = 18.0


class TiltedFamily(NamedTuple):
    """k distributions over reward levels x in [0, 1], q(x) ∝ h(x)·exp(slope·x + curvature·x²).

    h is the distribution of the rewards of all prompts together. Among the distributions with a
    given mean and std, the tilt is the one nearest to h in relative entropy, and the log-likelihood
    of n rewards is slope·Σx + curvature·Σx² − n·log_partition: count, sum and sum of squares are
    sufficient. On at most three levels the tilts are all distributions there are (binary rewards:
    all success probabilities), so nothing is approximated.

    Attributes:
        slope: float64[k].
        curvature: float64[k].
        log_partition: float64[k], log Σ_x h(x)·exp(slope·x + curvature·x²).
        moments: float64[k, 4], E[x], E[x²], E[x³], E[x⁴].
        std: float64[k], ascending.
        log_all_equal: float64[k, len(GROUP_SIZES)], log-probability that all of so many rewards
            are on one level.
        saturated: Whether there are at most three levels.
    """

    slope: Float64[np.ndarray, " k"]
    curvature: Float64[np.ndarray, " k"]
    log_partition: Float64[np.ndarray, " k"]
    moments: Float64[np.ndarray, "k 4"]
    std: Float64[np.ndarray, " k"]
    log_all_equal: Float64[np.ndarray, "k sizes"]
    saturated: bool


def reward_levels(
    x: Float64[np.ndarray, " m"], times: Int64[np.ndarray, " m"] | None = None
) -> tuple[Float64[np.ndarray, " b"], Float64[np.ndarray, " b"]]:
    """The pooled distribution: distinct levels, or 256 cells if there are more.

    Args:
        x: float64[m], rewards in [0, 1].
        times: int64[m], how often each was seen; None for once.

    Returns:
        float64[b] levels, ascending, 0 and 1 among them; float64[b] probabilities, positive.

    Example:
        >>> import numpy as np
        >>> reward_levels(np.array([0.0, 0.0, 1.0]))[0].tolist()
        [0.0, 1.0]
    """
    levels, at = np.unique(np.round(x, 9), return_inverse=True)
    counts = added(np.ones(len(x)), at, len(levels), times)
    if len(levels) > _MAX_LEVELS:
        cells = np.minimum((levels * _MAX_LEVELS).astype(int), _MAX_LEVELS - 1)
        mass = np.bincount(cells, counts)
        centers = np.bincount(cells, counts * levels)
        levels, counts = centers[mass > 0] / mass[mass > 0], mass[mass > 0]
    # An end of the range that was never seen is possible all the same.
    if levels.size == 0 or levels[0] > 1e-9:
        levels, counts = np.r_[0.0, levels], np.r_[0.5, counts]
    if levels[-1] < 1 - 1e-9:
        levels, counts = np.r_[levels, 1.0], np.r_[counts, 0.5]
    return levels, counts / counts.sum()


def tilted_family(
    levels: Float64[np.ndarray, " b"], probabilities: Float64[np.ndarray, " b"]
) -> TiltedFamily:
    """Tilts whose means and stds cover all possible ones on the levels.

    Args:
        levels: float64[b], ascending in [0, 1].
        probabilities: float64[b], positive, of sum 1.
    """
    slope, curvature = _candidates()
    log_h = np.log(probabilities)
    mean, std = np.empty(slope.size), np.empty(slope.size)
    for rows in _blocks(slope.size):
        q, _ = _tilt(levels, log_h, slope[rows], curvature[rows])
        mean[rows] = q @ levels
        std[rows] = np.sqrt(np.sum(q * (levels - mean[rows, None]) ** 2, axis=1))
    chosen = _thin(mean, std)
    chosen = chosen[np.argsort(std[chosen], kind="stable")]
    slope, curvature, std = slope[chosen], curvature[chosen], std[chosen]
    powers = levels[:, None] ** np.arange(1, 5)
    log_partition, moments = np.empty(slope.size), np.empty((slope.size, 4))
    log_all_equal = np.empty((slope.size, len(GROUP_SIZES)))
    for rows in _blocks(slope.size):
        q, log_partition[rows] = _tilt(levels, log_h, slope[rows], curvature[rows])
        moments[rows] = q @ powers
        log_all_equal[rows] = _log_power_sums(np.log(np.maximum(q, 1e-300)))
    return TiltedFamily(
        slope, curvature, log_partition, moments, std, log_all_equal, len(levels) <= 3
    )


def _candidates() -> tuple[Float64[np.ndarray, " k"], Float64[np.ndarray, " k"]]:
    """Far more tilts than are kept: bells of every width and place, exponentials, U shapes.

    No bell is narrower than the resolution. On equal rewards a narrower one would win over the
    tilts under which rare other rewards happen, through differences too small to matter.
    """
    slopes, curvatures = [], []
    ends = np.linspace(-_LOG_RATIO, _LOG_RATIO, 129)
    for width in np.geomspace(STD_RESOLUTION, 1.5, 26):
        bell = 0.5 / width**2
        # With its peak inside the range, beyond either end, and nearly flat.
        inside = np.linspace(-bell, bell, int(min(4 / width, 600)) + 20)
        ratios = np.r_[inside, bell + ends[65:], -bell - ends[65:], ends]
        slopes.append(ratios + bell)
        curvatures.append(np.full(ratios.size, -bell))
    for curvature in (0.0, 0.5, 1.0, 2.0, 4.0, 7.0, 12.0, 20.0, 40.0):
        slopes.append(ends - curvature)
        curvatures.append(np.full(ends.size, curvature))
    return np.concatenate(slopes), np.concatenate(curvatures)


def _blocks(size: int) -> list[slice]:
    return [slice(start, start + 512) for start in range(0, size, 512)]


def _tilt(
    levels: Float64[np.ndarray, " b"],
    log_h: Float64[np.ndarray, " b"],
    slope: Float64[np.ndarray, " k"],
    curvature: Float64[np.ndarray, " k"],
) -> tuple[Float64[np.ndarray, "k b"], Float64[np.ndarray, " k"]]:
    """Probabilities [k, b] and log-partition [k] of some tilts."""
    exponent = log_h + slope[:, None] * levels + curvature[:, None] * levels**2
    peak = exponent.max(axis=1, keepdims=True)
    weights = np.exp(exponent - peak)
    total = weights.sum(axis=1, keepdims=True)
    return weights / total, (peak + np.log(total))[:, 0]


def _thin(
    mean: Float64[np.ndarray, " k"], std: Float64[np.ndarray, " k"]
) -> Int64[np.ndarray, " c"]:
    """One tilt a cell of the (mean, std) plane, in cells as small as the budget allows."""
    u, v = plane(mean, std)
    u = u - np.pi / 4  # cells that are symmetric in low and high means
    for size in np.geomspace(0.004, 0.3, 40):
        places = np.stack([u / size, v / (4 * size)])
        cells = np.round(places)
        # The one nearest to the middle, so that a mirrored log gets mirrored tilts.
        order = np.argsort(np.hypot(*(places - cells)), kind="stable")
        first = distinct_rows(list(cells[:, order])).first
        if len(first) <= _MAX_ATOMS:
            break
    return order[first]


def plane(
    mean: Float64[np.ndarray, " k"], std: Float64[np.ndarray, " k"]
) -> tuple[Float64[np.ndarray, " k"], Float64[np.ndarray, " k"]]:
    """Coordinates in which the sampling error is about the same everywhere.

    Distributions that a group of rewards cannot tell apart must lie close together here. A prompt
    whose completions earn the same except for rare ones looks like one of std 0. If the two were
    far apart, a prior that is smooth in these coordinates would settle on one of them, whatever is
    true.

    Args:
        mean: float64[k] in [0, 1].
        std: float64[k].

    Returns:
        float64[k], arcsin √mean; float64[k], log(std + 0.0025).
    """
    return np.arcsin(np.sqrt(np.clip(mean, 0, 1))), np.log(std + STD_RESOLUTION / 4)


def _log_power_sums(log_q: Float64[np.ndarray, "k b"]) -> Float64[np.ndarray, "k sizes"]:
    """The logarithm of Σ_x q(x)^G for each of the group sizes G."""
    top = log_q.max(axis=1)
    # Below e^-60 a level adds nothing, and numbers that underflow are slow.
    scaled = np.maximum(log_q - top[:, None], -60.0)
    sums = [np.exp(np.maximum(size * scaled, -60.0)).sum(axis=1) for size in GROUP_SIZES]
    return GROUP_SIZES * top[:, None] + np.log(np.stack(sums, axis=1))
