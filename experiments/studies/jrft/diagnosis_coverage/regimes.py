"""Regimes: how the prompts of a simulated log earn rewards, with their true stds."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.stats import betabinom


class Rewards(NamedTuple):
    """float64[prompts, group] rewards in [0, 1], and float64[prompts] true stds."""

    rewards: np.ndarray
    std: np.ndarray


Regime = Callable[[np.random.Generator, int, int], Rewards]


def _choose(rng: np.random.Generator, shares: list[float], *parts: np.ndarray) -> np.ndarray:
    """Mixes prompts of several kinds."""
    return np.stack(parts)[
        rng.choice(len(shares), len(parts[0]), p=shares), np.arange(len(parts[0]))
    ]


def _binary(success: Callable[[np.random.Generator, int], np.ndarray]) -> Regime:
    def draw(rng: np.random.Generator, prompts: int, group: int) -> Rewards:
        p = success(rng, prompts)
        rewards = rng.random((prompts, group)) < p[:, None]
        return Rewards(rewards.astype(float), np.sqrt(p * (1 - p)))

    return draw


def _zero_or_beta(
    parameters: Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray, np.ndarray]],
) -> Regime:
    """Rewards that are 0 with a probability, else Beta of a mean and a relative variance."""

    def draw(rng: np.random.Generator, prompts: int, group: int) -> Rewards:
        zero, mean, spread = parameters(rng, prompts)
        mean, spread = np.clip(mean, 1e-3, 1 - 1e-3), np.clip(spread, 1e-3, 1 - 1e-3)
        total = 1 / spread - 1
        beta = rng.beta((mean * total)[:, None], ((1 - mean) * total)[:, None], (prompts, group))
        rewards = np.where(rng.random((prompts, group)) < zero[:, None], 0.0, beta)
        variance = (1 - zero) * mean * (1 - mean) * spread + zero * (1 - zero) * mean**2
        return Rewards(rewards, np.sqrt(variance))

    return draw


def _levels(
    levels: np.ndarray, probabilities: Callable[[np.random.Generator, int], np.ndarray]
) -> Regime:
    def draw(rng: np.random.Generator, prompts: int, group: int) -> Rewards:
        p = probabilities(rng, prompts)
        mean = p @ levels
        std = np.sqrt(np.sum(p * (levels - mean[:, None]) ** 2, axis=1))
        drawn = (rng.random((prompts, group, 1)) > np.cumsum(p, axis=1)[:, None]).sum(axis=2)
        return Rewards(levels[np.minimum(drawn, len(levels) - 1)], std)

    return draw


def _hopeless(rng: np.random.Generator, n: int) -> np.ndarray:
    return _choose(rng, [0.85, 0.15], rng.beta(0.3, 60, n), rng.beta(2, 3, n))


def _mixed(rng: np.random.Generator, n: int) -> np.ndarray:
    thirds = [1 / 3] * 3
    return _choose(rng, thirds, rng.beta(0.2, 40, n), rng.beta(5, 5, n), rng.beta(40, 0.2, n))


def _tests_passed(rng: np.random.Generator, n: int) -> np.ndarray:
    mean, total = rng.beta(0.5, 0.5, n).clip(1e-3, 1 - 1e-3), np.exp(rng.normal(1, 0.7, n))
    return betabinom.pmf(np.arange(11), 10, (mean * total)[:, None], ((1 - mean) * total)[:, None])


def _format_and_answer(rng: np.random.Generator, n: int) -> np.ndarray:
    good_format = rng.beta(3, 1, n)
    answer = _choose(rng, [0.6, 0.4], rng.beta(0.2, 20, n), rng.beta(1, 1, n))
    return np.stack(
        [
            (1 - good_format) * (1 - answer),
            good_format * (1 - answer),
            (1 - good_format) * answer,
            good_format * answer,
        ],
        axis=1,
    )


def _own_levels(rng: np.random.Generator, prompts: int, group: int) -> Rewards:
    """A reward of its own nearly always, and two others, one likelier than the other."""
    usual, others = rng.random((prompts, 1)), rng.normal(0, 0.3, (prompts, 2))
    levels = np.clip(np.concatenate([usual, usual + others], axis=1), 0, 1)
    share = rng.beta(0.6, 3, prompts)
    p = np.stack([1 - share, 0.8 * share, 0.2 * share], axis=1)
    std = np.sqrt(np.sum(p * (levels - np.sum(p * levels, axis=1)[:, None]) ** 2, axis=1))
    drawn = (rng.random((prompts, group, 1)) > np.cumsum(p, axis=1)[:, None, :2]).sum(axis=2)
    return Rewards(np.take_along_axis(levels, drawn, axis=1), std)


def _jackpot(rng: np.random.Generator, prompts: int, group: int) -> Rewards:
    usual = rng.beta(4, 12, prompts)
    base = _zero_or_beta(lambda rng, n: (np.zeros(n), usual, rng.beta(2, 60, n)))(
        rng, prompts, group
    )
    chance, jackpot = rng.beta(0.3, 6, prompts), 0.95
    rewards = np.where(rng.random((prompts, group)) < chance[:, None], jackpot, base.rewards)
    variance = (1 - chance) * base.std**2 + chance * (1 - chance) * (jackpot - usual) ** 2
    return Rewards(rewards, np.sqrt(variance))


REGIMES: dict[str, Regime] = {
    "binary: U-shaped": _binary(lambda rng, n: rng.beta(0.3, 0.3, n)),
    "binary: mostly hopeless": _binary(_hopeless),
    "binary: mid": _binary(lambda rng, n: rng.beta(6, 6, n)),
    "binary: mixed": _binary(_mixed),
    "continuous: U-shaped": _zero_or_beta(
        lambda rng, n: (np.zeros(n), rng.beta(0.3, 0.3, n), rng.beta(2, 4, n))
    ),
    "continuous: mostly hopeless": _zero_or_beta(
        lambda rng, n: (1 - _hopeless(rng, n), rng.beta(2, 4, n), rng.beta(3, 15, n))
    ),
    "continuous: mid": _zero_or_beta(
        lambda rng, n: (np.zeros(n), rng.beta(6, 6, n), rng.beta(2, 20, n))
    ),
    "continuous: mixed": _zero_or_beta(
        lambda rng, n: (
            np.zeros(n),
            _choose(rng, [1 / 3] * 3, rng.beta(1, 60, n), rng.beta(4, 4, n), rng.beta(60, 1, n)),
            rng.beta(2, 8, n),
        )
    ),
    "continuous: often 0": _zero_or_beta(
        lambda rng, n: (rng.beta(1, 2, n), rng.beta(2, 5, n), rng.beta(3, 20, n))
    ),
    "11 levels: tests passed": _levels(np.arange(11) / 10, _tests_passed),
    "4 levels: format, answer": _levels(np.array([0, 0.1, 1, 1.1]) / 1.1, _format_and_answer),
    "own levels: rarely left": _own_levels,
    "beyond: rare jackpot": _jackpot,
}
