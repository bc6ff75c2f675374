"""How many more completions a second does a vmapped estimator take than a Python loop over them?

REINFORCE of one prompt, sampling included. The peer samples, too, with the same compiled sampler,
then calls a compiled gradient for one completion after the other and adds the gradients up. The
limit is one plain batched gradient of all completions' log-probabilities, without sampling.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

import jrft
from experiments.benchmarks.timing import compare, ratio


@dataclass(frozen=True)
class Config:
    """A small transformer, and numbers of completions."""

    vocab_size: int = 16
    length: int = 16
    width: int = 64
    depth: int = 2
    heads: int = 4
    num_samples: tuple[int, ...] = (16, 128, 1024)
    block_size: int = 256
    """Completions differentiated at a time, where there are more."""
    repeats: int = 3


SMOKE = Config(vocab_size=3, length=2, width=8, depth=1, heads=2, num_samples=(4,), repeats=1)


def run(config: Config) -> dict[str, Any]:
    """Times estimator, loop and limit in turn, for each number of completions."""
    policy = jrft.transformer(
        config.vocab_size, config.length,
        max_prompt=4, width=config.width, depth=config.depth, heads=config.heads,
    )  # fmt: skip
    params = policy.init(jax.random.key(0))
    rows = [["samples", "vmapped (s)", "samples a second", "loop / vmapped", "vmapped / limit"]]
    for n in config.num_samples:
        problem = jax.random.key(1), policy, params, jnp.zeros(4, jnp.int32)
        drawn = jrft.sample(*problem, n).completions
        timings = compare(
            {
                "vmapped": _vmapped(problem, n, min(n, config.block_size)),
                "loop": partial(_loop, *problem, n),
                "limit": partial(_batched_gradient, *problem[1:], drawn),
            },
            repeats=config.repeats,
        )
        vmapped = timings["vmapped"]
        rows.append(
            [
                f"{n:,}",
                f"{vmapped.median:.4f}",
                f"{n / vmapped.median:,.0f}",
                f"{ratio(timings['loop'], vmapped):.1f}",
                f"{ratio(vmapped, timings['limit']):.1f}",
            ]
        )
    return {"table": rows}


def _reward(prompt: jax.Array, completion: jax.Array) -> jax.Array:
    return jnp.mean(completion, dtype=jnp.float32)


def _vmapped(problem: Any, num_samples: int, block_size: int) -> Callable[[], Any]:
    key, policy, params, prompt = problem

    @jax.jit
    def estimate(key: jax.Array, params: Any, prompt: jax.Array) -> Any:
        return jrft.reinforce_gradient(
            key, policy, params, prompt, _reward, num_samples=num_samples, block_size=block_size
        )[0]

    return partial(estimate, key, params, prompt)


@partial(jax.jit, static_argnums=0)
def _score(policy: jrft.Policy, params: Any, prompt: jax.Array, completion: jax.Array) -> Any:
    return jax.grad(lambda params: policy.log_probs(params, prompt, completion).sum())(params)


@jax.jit
def _add(so_far: Any, score: Any, weight: jax.Array) -> Any:
    return jax.tree.map(lambda a, b: a + weight * b, so_far, score)


def _loop(
    key: jax.Array, policy: jrft.Policy, params: Any, prompt: jax.Array, num_samples: int
) -> Any:
    samples = jrft.sample(key, policy, params, prompt, num_samples)
    gradient = jax.tree.map(jnp.zeros_like, params)
    for completion in samples.completions:
        weight = _reward(prompt, completion) / num_samples
        gradient = _add(gradient, _score(policy, params, prompt, completion), weight)
    return gradient


@partial(jax.jit, static_argnums=0)
def _batched_gradient(
    policy: jrft.Policy, params: Any, prompt: jax.Array, completions: jax.Array
) -> Any:
    def loss(params: Any) -> jax.Array:
        return jax.vmap(policy.log_probs, (None, None, 0))(params, prompt, completions).mean()

    return jax.grad(loss)(params)
