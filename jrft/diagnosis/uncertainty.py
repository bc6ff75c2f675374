"""Empirical Bayes over prompts: the population is learnt, then every prompt is judged by it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64, Integer

from jrft.diagnosis.departures import Departures, fit_departures
from jrft.diagnosis.posterior import Posterior, posterior
from jrft.diagnosis.prior import fit_prior, log_likelihood
from jrft.diagnosis.ties import tie_sums
from jrft.diagnosis.tilts import STD_RESOLUTION, TiltedFamily, reward_levels, tilted_family

_DISCOUNTS = (1.0, 0.9, 0.75, 0.6, 0.45, 0.3)
_MAX_PREDICTED = 2000
# More prompts than this are judged by the cell: of equal count, and of mean and std that agree to
# this share of the range, well below what is told apart.
_MAX_ALONE = 50_000
_CELL = STD_RESOLUTION / 4


@dataclass(frozen=True)
class Settings:
    """What is asked of the posterior.

    Attributes:
        threshold: A std below this share of the reward range is low.
        level: Probability of the credible intervals.
        mixed_probability: Wanted probability that a group's rewards are not all equal.
    """

    threshold: float
    level: float
    mixed_probability: float


@dataclass(frozen=True)
class Population:
    """A prior fitted to all prompts.

    Attributes:
        family: Candidate reward distributions: tilts.
        departures: More of them, where rewards tie on more than three levels, else None.
        prior: float64[k], how frequent each is among the prompts: of tilts, then of departures.
    """

    family: TiltedFamily
    departures: Departures | None
    prior: Float64[np.ndarray, " k"]


def power_sums(
    x: Float64[np.ndarray, " m"], groups: Integer[np.ndarray, " m"], num_groups: int
) -> Float64[np.ndarray, "g 5"]:
    """Count, Σx, Σx², Σx³ and Σx⁴ of each group.

    Args:
        x: float64[m], rewards in [0, 1]; NaN is left out.
        groups: int[m].
        num_groups: g.

    Returns:
        float64[g, 5].
    """
    scored = ~np.isnan(x)
    x, groups = x[scored], groups[scored]
    columns, power = [], np.ones_like(x)
    for _ in range(5):
        columns.append(np.bincount(groups, power, minlength=num_groups))
        power = power * x
    return np.stack(columns, axis=1).astype(np.float64)


def group_sums(
    x: Float64[np.ndarray, " m"],
    groups: Integer[np.ndarray, " m"],
    prompts: Integer[np.ndarray, " g"],
) -> Float64[np.ndarray, "g c"]:
    """All that the posteriors are made of: `power_sums`, then `tie_sums`.

    Args:
        x: float64[m], rewards in [0, 1]; NaN is left out.
        groups: int[m].
        prompts: int[g], the prompt of each group, ascending.

    Returns:
        float64[g, 8], or [g, 5] without ties; of several groups of a prompt they may be added up.
    """
    powers = power_sums(x, groups, len(prompts))
    return np.concatenate([powers, tie_sums(x, groups, prompts)], axis=1)


def fit_population(x: Float64[np.ndarray, " m"], sums: Float64[np.ndarray, "n c"]) -> Population:
    """Learns from all prompts which reward distributions are how frequent.

    Args:
        x: float64[m], all scored rewards, in [0, 1].
        sums: float64[n, c], `group_sums` of the prompts.
    """
    family = tilted_family(*reward_levels(x))
    ties = sums.shape[1] == 8 and not family.saturated
    departures = fit_departures(sums) if ties else None
    rows, _, counts = _distinct(family, sums)
    return Population(family, departures, fit_prior(family, departures, rows, counts))


def judge(
    population: Population, sums: Float64[np.ndarray, "n c"], settings: Settings
) -> Posterior:
    """Posterior of each prompt.

    Args:
        population: The prior.
        sums: float64[n, c], `group_sums` of the prompts.
        settings: Threshold, level and probability.
    """
    rows, back, _ = _distinct(population.family, sums)
    if len(rows) > _MAX_ALONE:
        rows, cells = _in_cells(rows)
        back = cells[back]
    distinct = posterior(
        population.family,
        population.departures,
        population.prior,
        rows,
        threshold=settings.threshold,
        level=settings.level,
        mixed_probability=settings.mixed_probability,
    )
    return Posterior(*(column[back] for column in vars(distinct).values()))


def _distinct(
    family: TiltedFamily, sums: Float64[np.ndarray, "n c"]
) -> tuple[Float64[np.ndarray, "d c"], Int64[np.ndarray, " n"] | slice, Float64[np.ndarray, " d"]]:
    """Distinct rows, the row of each prompt, and how many prompts share a row.

    On few levels few rows stand for many prompts: 0/1 rewards have group size + 1 of them. On many
    levels looking for equal rows would take longer than it saves.
    """
    alone = sums, slice(None), np.ones(len(sums))
    if not family.saturated:
        return alone
    # Rows are told apart by count, Σx and Σx², of which one number is made: sorting rows is slow.
    keys = sums[:, :3] @ np.array([1.0, np.sqrt(2), np.sqrt(3)])
    _, first, back, counts = np.unique(
        keys, return_index=True, return_inverse=True, return_counts=True
    )
    rows = sums[first]
    if not np.allclose(rows[back], sums, rtol=1e-9, atol=1e-9):
        return alone
    return rows, back, counts.astype(np.float64)


def _in_cells(
    sums: Float64[np.ndarray, "d c"],
) -> tuple[Float64[np.ndarray, "e c"], Int64[np.ndarray, " d"]]:
    """Average rows of like ones, and the cell of each row: some 20 000 for groups of one size.

    A mode that most rewards of a row are, and how many they are, must agree, too.
    """
    count = np.maximum(sums[:, 0], 1e-9)
    mean = sums[:, 1] / count
    std = np.sqrt(np.maximum(sums[:, 2] / count - mean**2, 0.0))
    columns = [
        _ranks_of(sums[:, 0], 2),
        *(np.round(x / _CELL).astype(np.int64) for x in (mean, std)),
    ]
    if sums.shape[1] == 8:
        most = 2 * sums[:, 5] > count
        mode = np.where(most, sums[:, 6] / count, 0.0)
        columns += [np.round(mode / (4 * _CELL)).astype(np.int64), _ranks_of(sums[:, 5] * most, 0)]
    keys = np.zeros(len(sums), np.int64)
    for column in columns:
        keys = keys * (1 + int(column.max())) + column
    _, back, members = np.unique(keys, return_inverse=True, return_counts=True)
    return prompt_sums(sums, back, len(members)) / members[:, None], back


def _ranks_of(values: Float64[np.ndarray, " d"], decimals: int) -> Int64[np.ndarray, " d"]:
    return np.unique(np.round(values, decimals), return_inverse=True)[1]


def discounted_sums(
    sums: Float64[np.ndarray, "v c"],
    prompts: Integer[np.ndarray, " v"],
    num_prompts: int,
    discount: float,
) -> Float64[np.ndarray, "p c"]:
    """Sums of all visits of each prompt, each visit weighing ``discount`` times the next one.

    Args:
        sums: float64[v, c], of the visits, sorted by prompt and time.
        prompts: int[v], ascending.
        num_prompts: p.
        discount: In (0, 1]; 1 forgets nothing.

    Returns:
        float64[p, c].
    """
    return prompt_sums(sums * (discount ** visits_after(prompts))[:, None], prompts, num_prompts)


def prompt_sums(
    sums: Float64[np.ndarray, "v c"], prompts: Integer[np.ndarray, " v"], num_prompts: int
) -> Float64[np.ndarray, "p c"]:
    """Adds up the visits of each prompt: float64[v, c] and int[v] to float64[p, c]."""
    columns = [np.bincount(prompts, column, minlength=num_prompts) for column in sums.T]
    return np.stack(columns, axis=1).astype(np.float64)


def visits_after(prompts: Integer[np.ndarray, " v"]) -> Int64[np.ndarray, " v"]:
    """For visits sorted by prompt: how many visits of the same prompt follow each.

    Example:
        >>> import numpy as np
        >>> visits_after(np.array([0, 0, 0, 2])).tolist()
        [2, 1, 0, 0]
    """
    last = np.flatnonzero(np.r_[prompts[1:] != prompts[:-1], True])
    return last[np.searchsorted(last, np.arange(len(prompts)))] - np.arange(len(prompts))


def predictive_discount(
    population: Population, sums: Float64[np.ndarray, "v c"], prompts: Integer[np.ndarray, " v"]
) -> float:
    """The discount under which a prompt's past best predicts its last visit.

    Of discounts that are as good to within one standard error the one that forgets least.

    Args:
        population: The prior.
        sums: float64[v, c], of the visits, sorted by prompt and time.
        prompts: int[v], ascending.

    Returns:
        One of 1, 0.9, 0.75, 0.6, 0.45, 0.3; 1 where no prompt was visited twice.
    """
    after = visits_after(prompts)
    again = np.unique(prompts[after > 0])
    if len(again) == 0:
        return 1.0
    if len(again) > _MAX_PREDICTED:
        again = np.random.default_rng(0).choice(again, _MAX_PREDICTED, replace=False)
    member = np.isin(prompts, again)
    sums, after = sums[member], after[member]
    _, codes = np.unique(prompts[member], return_inverse=True)
    candidates, prior = (population.family, population.departures), population.prior
    last = np.exp(log_likelihood(*candidates, sums[after == 0]))
    scores = []
    for discount in _DISCOUNTS:
        past = discounted_sums(sums[after > 0], codes[after > 0], int(codes.max()) + 1, discount)
        weights = np.exp(log_likelihood(*candidates, past)) * prior
        predicted = np.sum(weights * last, axis=1) / np.sum(weights, axis=1)
        scores.append(np.log(np.maximum(predicted, 1e-300)))
    losses = scores[int(np.argmax(np.sum(scores, axis=1)))] - np.array(scores)
    errors = losses.std(axis=1) * np.sqrt(losses.shape[1])
    # Discounts descend from 1; the best one has loss 0, so there is always one to return.
    return next(
        discount
        for discount, loss, error in zip(_DISCOUNTS, losses.sum(axis=1), errors, strict=True)
        if loss <= error
    )
