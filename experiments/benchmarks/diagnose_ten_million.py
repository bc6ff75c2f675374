"""How much longer than NumPy's mean and std of ten million rewards does their diagnosis take?

The peer is `mean` and `std` of the array over its groups, which is what trainers log; the limit
is one pass over memory, a copy. Binary rewards have few distinct groups, so the posterior costs
next to nothing; continuous ones have a posterior each. The peak of the process's memory is that
of NumPy and of the diagnosis together, rewards included; it never falls, so read it downwards.
"""

import resource
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import jrft
from experiments.benchmarks.timing import compare, ratio


@dataclass(frozen=True)
class Config:
    """Rewards of as many prompts as the group size leaves."""

    num_rewards: int = 10_000_000
    group_size: int = 16
    repeats: int = 1
    seed: int = 0


SMOKE = Config(num_rewards=8_000)


def run(config: Config) -> dict[str, Any]:
    """Times diagnosis, mean and std, and a copy in turn, for each kind of reward."""
    rows = [["rewards", "diagnose (s)", "CPU (s)", "/ mean and std", "/ copy", "peak (MiB)"]]
    for kind in ("binary", "continuous"):
        rewards = drawn_rewards(config, kind)
        processor_seconds: list[float] = []
        timings = compare(
            {
                "diagnose": partial(_diagnose, rewards, processor_seconds),
                "moments": partial(_moments, rewards),
                "copy": rewards.copy,
            },
            repeats=config.repeats,
        )
        diagnose = timings["diagnose"]
        rows.append(
            [
                f"{rewards.size:,} {kind}",
                f"{diagnose.median:.1f}",
                f"{np.median(processor_seconds[1:]):.1f}",
                f"{ratio(diagnose, timings['moments']):.0f}",
                f"{ratio(diagnose, timings['copy']):.0f}",
                f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}",
            ]
        )
    return {"table": rows}


def drawn_rewards(config: Config, kind: str) -> np.ndarray:
    """float32[prompts, group_size]: prompts from hopeless to solved."""
    rng = np.random.default_rng(config.seed)
    shape = config.num_rewards // config.group_size, config.group_size
    success = rng.beta(0.4, 0.4, (shape[0], 1))
    if kind == "binary":
        return (rng.random(shape, np.float32) < success).astype(np.float32)
    return rng.beta(1 + 5 * success, 6 - 5 * success, shape).astype(np.float32)


def _diagnose(rewards: np.ndarray, processor_seconds: list[float]) -> None:
    start = time.process_time()
    jrft.diagnose(rewards, reward_range=(0, 1))
    processor_seconds.append(time.process_time() - start)


def _moments(rewards: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return rewards.mean(axis=1), rewards.std(axis=1)
