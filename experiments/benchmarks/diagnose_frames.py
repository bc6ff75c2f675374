"""How much longer than DuckDB's own moments of each group does the diagnosis of its table take?

A Parquet file holds rewards of prompts that are visited at several steps, a tenth of the rewards
each. The peer is one query of count, mean and four moments by prompt and step, which is what a
diagnosis needs at the least. Seconds are CPU time, of all cores together; the peak of the process's
memory never falls, so read it downwards. Rewards that all differ come back one by one: they are
left out here.
"""

import resource
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import jrft
from experiments.benchmarks.timing import compare, ratio

_STEPS = 10


@dataclass(frozen=True)
class Config:
    """How many rewards, of how many prompts."""

    num_rewards: tuple[int, ...] = (1_000_000, 10_000_000, 100_000_000)
    num_prompts: int = 20_000
    memory: str = "1GB"
    """What DuckDB may take."""
    repeats: int = 1
    seed: int = 0


SMOKE = Config(num_rewards=(20_000,), num_prompts=100)


def run(config: Config) -> dict[str, Any]:
    """Times the diagnosis and the peer in turn, for each size and kind of reward."""
    rows = [["rewards", "diagnose (s)", "moments (s)", "/ moments", "peak (MiB)"]]
    for size in config.num_rewards:
        for kind in ("binary", "eleven levels"):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "rewards.parquet"
                _write(config, path, size, kind)
                functions: dict[str, Callable[[], Any]] = {
                    "diagnose": partial(_diagnose, path, config.memory),
                    "moments": partial(_moments, path, config.memory),
                }
                timings = compare(functions, repeats=config.repeats, clock=time.process_time)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            rows.append(
                [
                    f"{size:,} {kind}",
                    f"{timings['diagnose'].median:.1f}",
                    f"{timings['moments'].median:.1f}",
                    f"{ratio(timings['diagnose'], timings['moments']):.2f}",
                    f"{peak:.0f}",
                ]
            )
    return {"table": rows}


def _write(config: Config, path: Path, size: int, kind: str) -> None:
    """A file of ten steps in turn; the prompts go from hopeless to solved."""
    rng = np.random.default_rng(config.seed)
    success = rng.beta(0.4, 0.4, config.num_prompts)
    levels = 1 if kind == "binary" else 10
    schema = pa.schema({"prompt": pa.int32(), "step": pa.int32(), "reward": pa.float32()})
    with pq.ParquetWriter(path, schema) as writer:
        for step in range(_STEPS):
            prompt = rng.integers(0, config.num_prompts, size // _STEPS, dtype=np.int32)
            reward = rng.binomial(levels, success[prompt]).astype(np.float32) / levels
            steps = np.full(len(prompt), step, np.int32)
            writer.write_table(pa.table([prompt, steps, reward], schema=schema))


def _query(path: Path, memory: str, query: str) -> Any:
    connection = duckdb.connect(config={"memory_limit": memory})
    return connection.sql(query.format(f"read_parquet('{path}')"))


def _diagnose(path: Path, memory: str) -> None:
    jrft.diagnose_frame(
        _query(path, memory, "from {}"),
        prompt="prompt",
        reward="reward",
        step="step",
        reward_range=(0, 1),
    )


def _moments(path: Path, memory: str) -> int:
    powers = ", ".join(f"sum(reward ** {power})" for power in range(1, 5))
    query = f"select prompt, step, count(*), {powers} from {{}} group by prompt, step"
    return len(_query(path, memory, query).to_arrow_table())
