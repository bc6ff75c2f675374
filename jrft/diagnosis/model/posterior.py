"""What a prompt's own rewards, and the rewards of all others, say about its true reward std."""

from dataclasses import dataclass, fields
from typing import NamedTuple, TypeAlias

import numpy as np
from jaxtyping import Bool, Float64, Int64, Shaped

from jrft.diagnosis.model.alike import STD_RESOLUTION
from jrft.diagnosis.model.candidates import SHAPE_CONCENTRATION, Candidates
from jrft.diagnosis.model.departures import departed_mean
from jrft.diagnosis.model.reward_std import exact_std, semiparametric_std
from jrft.diagnosis.model.reward_sums import RewardSums
from jrft.diagnosis.model.tilts import GROUP_SIZES
from jrft.diagnosis.settings import DiagnosisSettings

_ROWS = 1024

_Part: TypeAlias = slice | Bool[np.ndarray, " k"]


@dataclass(frozen=True)
class Posterior:
    """Posterior of n prompts, in units of the reward range.

    The std is the reward's over completions of the prompt, ddof 0: a property of policy,
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
        rollouts_if_learnable: int64[n], the same given that the std is not low.

    Example:
        >>> import jrft
        >>> jrft.diagnose([[0, 1, 1, 0]] * 50).posterior.prob_low_std.max() < 0.01
        np.True_
    """

    std: Float64[np.ndarray, " n"]
    std_lower: Float64[np.ndarray, " n"]
    std_upper: Float64[np.ndarray, " n"]
    prob_low_std: Float64[np.ndarray, " n"]
    mean: Float64[np.ndarray, " n"]
    mean_error: Float64[np.ndarray, " n"]
    rollouts_needed: Int64[np.ndarray, " n"]
    rollouts_if_learnable: Int64[np.ndarray, " n"]

    def success_draws(self, number: int, seed: int = 0) -> Float64[np.ndarray, "n draws"]:
        """Draws of each prompt's expected reward, for `jrft.rollout_budget`.

        They come from the Beta distribution with the posterior's mean and error, in units of the
        reward range: probabilities of success where rewards, or outcomes, are 0 and 1.

        Args:
            number: Draws of each prompt.
            seed: Of the draws.

        Returns:
            float64[n, draws].

        Example:
            >>> import jax.numpy as jnp, jrft
            >>> posterior = jrft.diagnose([[0, 1, 1, 0]] * 9 + [[0, 0, 0, 0]] * 9).posterior
            >>> draws = posterior.success_draws(200)
            >>> jrft.rollout_budget(jnp.asarray(draws), 180).sum().item()
            180
        """
        mean = np.clip(self.mean, 1e-9, 1 - 1e-9)
        most = mean * (1 - mean)
        # A Beta distribution of mean m and variance v has a + b = m(1 − m)/v − 1.
        strength = most / np.clip(self.mean_error**2, 1e-12 * most, 0.999 * most) - 1
        rng = np.random.default_rng(seed)
        return rng.beta(mean * strength, (1 - mean) * strength, (number, len(mean))).T

    def columns(self) -> list[Shaped[np.ndarray, " n"]]:
        """The attributes, in order."""
        return [getattr(self, field.name) for field in fields(self)]

    def rows(self, index: Int64[np.ndarray, " r"]) -> "Posterior":
        """The posterior of the prompts int64[r]."""
        return Posterior(*(column[index] for column in self.columns()))


class _Groups(NamedTuple):
    """Groups of rewards from each of k candidates: which have a low std, and P(all equal)."""

    low: _Part
    learnable: _Part
    all_equal: Float64[np.ndarray, "k sizes"]


def posterior(
    candidates: Candidates,
    prior: Float64[np.ndarray, " k"],
    sums: RewardSums,
    settings: DiagnosisSettings,
) -> Posterior:
    """Posterior of each prompt's reward std, and the quantities that follow from it.

    Args:
        candidates: The k distributions.
        prior: float64[k], their prior probabilities.
        sums: Of n prompts; counts may be fractions, where old completions are discounted.
        settings: Threshold, level and probability.
    """
    groups = _candidate_groups(candidates, settings.threshold)
    parts = []
    for start in range(0, max(len(sums.size), 1), _ROWS):
        rows = sums.each(lambda values, start=start: values[start : start + _ROWS])
        weights = candidates.log_likelihood(rows)
        np.exp(weights, out=weights)
        weights *= prior
        weights /= weights.sum(axis=1, keepdims=True)
        parts.append(_of_weights(candidates, groups, weights, rows, settings))
    columns = zip(*(part.columns() for part in parts), strict=True)
    return Posterior(*map(np.concatenate, columns))


def _of_weights(
    candidates: Candidates,
    groups: _Groups,
    weights: Float64[np.ndarray, "n k"],
    sums: RewardSums,
    settings: DiagnosisSettings,
) -> Posterior:
    # Probabilities of stds in ascending order; the last one is 1 whatever the rounding.
    cumulative = np.cumsum(weights, axis=1)
    cumulative /= cumulative[:, -1:]
    of_std = exact_std if candidates.tilts.saturated else semiparametric_std
    mean, error = _expected_reward(candidates, weights, sums)
    std, lower, upper, low = of_std(candidates, cumulative, sums, settings)
    needed, if_learnable = _rollouts_needed(groups, weights, settings.mixed_probability)
    # A std that cannot be told from 0 must not be reported as positive.
    lower = np.where(lower < STD_RESOLUTION, 0.0, lower)
    upper = np.maximum(upper, STD_RESOLUTION)
    return Posterior(std, lower, upper, low, mean, error, needed, if_learnable)


def _expected_reward(
    candidates: Candidates, weights: Float64[np.ndarray, "n k"], sums: RewardSums
) -> tuple[Float64[np.ndarray, " n"], Float64[np.ndarray, " n"]]:
    """Posterior mean and std of the expected reward."""
    tilts = len(candidates.tilts.std)
    m1, m2 = candidates.tilts.moments[:, 0], candidates.tilts.moments[:, 1]
    columns = np.stack([np.ones(tilts), m1, m1**2, m2], axis=1)
    mass, first, second, squares = (weights[:, :tilts] @ columns).T
    if candidates.tilts.saturated:
        return first, np.sqrt(np.maximum(second - first**2, 0.0))
    a, seen = SHAPE_CONCENTRATION, sums.total
    total = a + sums.size
    mean = (a * first + mass * seen) / total
    of_base = (a**2 * second + 2 * a * first * seen + mass * seen**2) / total**2
    within = (a * squares + mass * sums.squares) / total
    square = (total * of_base + within) / (total + 1)
    if candidates.departures is not None:
        more, more_squared = departed_mean(candidates.departures, weights[:, tilts:], sums)
        mean, square = mean + more, square + more_squared
    return mean, np.sqrt(np.maximum(square - mean**2, 0.0))


def _candidate_groups(candidates: Candidates, threshold: float) -> _Groups:
    tilts, departures = candidates
    if departures is None:
        # Tilts come in ascending order of std: the parts are slices, which copy nothing.
        below = int(np.searchsorted(tilts.std, threshold))
        return _Groups(slice(below), slice(below, None), np.exp(tilts.log_all_equal))
    low = np.concatenate([tilts.std, departures.std()]) < threshold
    modal = GROUP_SIZES * np.log1p(-departures.share)[:, None]
    return _Groups(low, ~low, np.exp(np.concatenate([tilts.log_all_equal, modal])))


def _rollouts_needed(
    groups: _Groups, weights: Float64[np.ndarray, "n k"], mixed_probability: float
) -> tuple[Int64[np.ndarray, " n"], Int64[np.ndarray, " n"]]:
    """Group sizes at which rewards differ with the wanted probability: as is; if learnable."""
    low, learnable, all_equal = groups
    equal_if_learnable = weights[:, learnable] @ all_equal[learnable]
    equal = weights[:, low] @ all_equal[low] + equal_if_learnable
    total = weights[:, learnable].sum(axis=1, keepdims=True)
    return (
        _smallest(equal, np.ones_like(total), mixed_probability),
        _smallest(equal_if_learnable, total, mixed_probability),
    )


def _smallest(
    all_equal: Float64[np.ndarray, "n sizes"],
    total: Float64[np.ndarray, "n 1"],
    mixed_probability: float,
) -> Int64[np.ndarray, " n"]:
    """Smallest group size at which rewards differ with the wanted probability; 0 if none.

    `all_equal` is the joint probability of equal rewards and an event of probability `total`. The
    result conditions on that event.
    """
    enough = all_equal <= (1 - mixed_probability) * total
    enough &= total > 1e-9  # an impossible event conditions nothing
    return np.where(enough.any(axis=1), GROUP_SIZES[enough.argmax(axis=1)], 0)
