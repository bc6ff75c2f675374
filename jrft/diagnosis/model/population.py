"""Empirical Bayes over prompts: the population is learnt, then every prompt is judged by it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from jrft.diagnosis.model.cells import distinct_rows, rows_in_cells
from jrft.diagnosis.model.departures import Departures, fit_departures
from jrft.diagnosis.model.posterior import Posterior, posterior
from jrft.diagnosis.model.prior import fit_prior
from jrft.diagnosis.model.tilts import TiltedFamily, reward_levels, tilted_family

# More prompts than this are judged by the cell.
_MAX_ALONE = 50_000


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


def fit_population(x: Float64[np.ndarray, " m"], sums: Float64[np.ndarray, "n c"]) -> Population:
    """Learns from all prompts which reward distributions are how frequent.

    Args:
        x: float64[m], all scored rewards, in [0, 1].
        sums: float64[n, c], `group_sums` of the prompts.
    """
    family = tilted_family(*reward_levels(x))
    ties = sums.shape[1] > 5 and not family.saturated
    departures = fit_departures(sums) if ties else None
    rows, _, counts = distinct_rows(family, sums)
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
    rows, back, _ = distinct_rows(population.family, sums)
    if len(rows) > _MAX_ALONE:
        rows, cells = rows_in_cells(rows)
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
