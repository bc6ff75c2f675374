"""How far from the limits of this device are the main jobs: bytes over bandwidth, flops over peak?

Peak and bandwidth are measured in the same run, by a float32 matrix product at full precision and
by a copy. XLA counts the flops and bytes of the compiled jobs: the bytes of its fused operations,
and the body of a loop once. `make accel` runs this on the device that JAX finds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

import jrft
from experiments.benchmarks.timing import compare


@dataclass(frozen=True)
class Config:
    """Sizes of the jobs."""

    vocab_size: int = 8
    length: int = 5
    width: int = 64
    num_samples: int = 1024
    num_arcs: int = 1_000_000
    num_vertices: int = 100_000
    num_features: int = 32
    matrix: int = 2048
    copied: int = 1 << 26
    """Numbers that are copied to measure the bandwidth."""
    repeats: int = 5


SMOKE = Config(
    vocab_size=3, length=2, width=8, num_samples=8, num_arcs=100, num_vertices=10, num_features=2,
    matrix=16, copied=64, repeats=1,
)  # fmt: skip


def run(config: Config) -> dict[str, Any]:
    """Times limits and jobs in turn."""
    compiled = {
        name: (jax.jit(function).lower(*arguments).compile(), arguments)
        for name, (function, arguments) in _jobs(config).items()
    }
    timings = compare(
        {name: partial(job, *arguments) for name, (job, arguments) in compiled.items()},
        repeats=config.repeats,
    )
    seconds = {name: timing.median for name, timing in timings.items()}
    peak = 2 * config.matrix**3 / seconds["matrix product"]
    bandwidth = 2 * 4 * config.copied / seconds["copy"]
    rows = [
        ["job", "ms", "GFLOP", "GB", "flops / peak (ms)", "bytes / bandwidth (ms)", "over limit"]
    ]
    for name, (job, _) in compiled.items():
        counted = job.cost_analysis() or {}
        flops, moved = counted.get("flops", 0.0), counted.get("bytes accessed", 0.0)
        limits = flops / peak, moved / bandwidth
        numbers = [flops / 1e9, moved / 1e9, 1e3 * limits[0], 1e3 * limits[1]]
        over = seconds[name] / max(*limits, 1e-12)
        rows.append(
            [name, f"{1e3 * seconds[name]:.2f}", *(f"{x:.3g}" for x in numbers), f"{over:.2f}"]
        )
    return {
        "table": rows,
        "device": jax.devices()[0].device_kind,
        "peak_gflops": peak / 1e9,
        "bandwidth_gb": bandwidth / 1e9,
    }


def _jobs(config: Config) -> dict[str, tuple[Callable[..., Any], tuple[Any, ...]]]:
    """Functions and their arguments."""
    policy = jrft.transformer(
        config.vocab_size, config.length, max_prompt=4, width=config.width, depth=2, heads=2
    )
    params, key = policy.init(jax.random.key(0)), jax.random.key(1)
    prompt = jnp.zeros(4, int)
    rewards = jax.random.uniform(key, (config.vocab_size**config.length,))
    square = jax.random.normal(key, (config.matrix, config.matrix))
    senders, receivers = jax.random.randint(key, (2, config.num_arcs), 0, config.num_vertices)
    features = jax.random.normal(key, (config.num_vertices, config.num_features))

    def exact(params: Any, rewards: jax.Array) -> Any:
        return jrft.exact_policy_gradient(policy, params, prompt, rewards)

    def sampled(key: jax.Array, params: Any) -> Any:
        return jrft.rloo_gradient(
            key, policy, params, prompt, lambda prompt, y: jnp.mean(y == 1),
            num_samples=config.num_samples,
        )[0]  # fmt: skip

    def arcs(features: jax.Array, senders: jax.Array, receivers: jax.Array) -> jax.Array:
        return jax.ops.segment_sum(features[senders], receivers, config.num_vertices)

    def product(square: jax.Array) -> jax.Array:
        return jnp.dot(square, square, precision=jax.lax.Precision.HIGHEST)

    return {
        "matrix product": (product, (square,)),
        "copy": (lambda x: x + 1, (jnp.zeros(config.copied),)),
        "exact gradient": (exact, (params, rewards)),
        "RLOO's gradient": (sampled, (key, params)),
        "sums over arcs": (arcs, (features, senders, receivers)),
        "sums over sorted arcs": (arcs, (features, senders, jnp.sort(receivers))),
    }
