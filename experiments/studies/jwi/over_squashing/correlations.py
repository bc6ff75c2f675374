"""Rank correlations, and what is left of them when other properties are held fixed."""

import numpy as np
import scipy.stats


def rank_correlations(properties: np.ndarray, strengths: np.ndarray) -> np.ndarray:
    """Spearman's correlation of each property with the strengths.

    Args:
        properties: float[P, K].
        strengths: float[K].

    Returns:
        float[P]; NaN for a property that is the same everywhere.
    """
    ranks, of_strengths = _ranks(properties), _ranks(strengths[None])[0]
    return np.array([_correlation(of, of_strengths) for of in ranks])


def partial_rank_correlations(properties: np.ndarray, strengths: np.ndarray) -> np.ndarray:
    """Spearman's partial correlation: of each property, the others held fixed.

    The ranks of the property and of the strengths are regressed on the ranks of all other
    properties; what is left of both is correlated.

    Args:
        properties: float[P, K].
        strengths: float[K].

    Returns:
        float[P]; NaN for a property that the others determine.
    """
    ranks, of_strengths = _ranks(properties), _ranks(strengths[None])[0]
    found = []
    for i, own in enumerate(ranks):
        others = np.vstack([np.ones_like(own), np.delete(ranks, i, axis=0)]).T
        rests = []
        for values in (own, of_strengths):
            fitted = others @ np.linalg.lstsq(others, values, rcond=None)[0]
            rest = values - fitted
            rests.append(rest if np.linalg.norm(rest) > 1e-9 * np.linalg.norm(values) else 0 * rest)
        found.append(_correlation(*rests))
    return np.array(found)


def _ranks(values: np.ndarray) -> np.ndarray:
    return scipy.stats.rankdata(values, axis=1)


def _correlation(x: np.ndarray, y: np.ndarray) -> float:
    x, y = x - x.mean(), y - y.mean()
    scale = np.linalg.norm(x) * np.linalg.norm(y)
    return float(x @ y / scale) if scale > 0 else float("nan")
