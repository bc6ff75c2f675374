"""How much faster than teacher-forcing every completion is the gradient by the prefix tree?

The peer enumerates all completions and differentiates the probability-weighted sum of rewards,
in blocks that fit in memory. The limit is a forward and backward pass of the model's matrix
products over as many tokens as the tree has prefixes, without attention.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

import jrft
from experiments.benchmarks.timing import compare, ratio


@dataclass(frozen=True)
class Config:
    """Vocabularies and lengths; K^T completions each."""

    cases: tuple[tuple[int, int], ...] = ((8, 3), (8, 4), (16, 3), (16, 4))
    """(vocabulary size K, completion length T)."""
    width: int = 32
    depth: int = 2
    heads: int = 2
    block: int = 1024
    """Completions that the peer evaluates at a time."""
    repeats: int = 3


SMOKE = Config(cases=((3, 2),), width=8, depth=1, repeats=1)


def run(config: Config) -> dict[str, Any]:
    """Times tree, peer and limit in turn, for each case."""
    rows = [["K", "T", "completions", "tree (s)", "peer / tree", "tree / limit", "first tree (s)"]]
    for vocab_size, length in config.cases:
        policy = jrft.transformer(
            vocab_size, length,
            max_prompt=4, width=config.width, depth=config.depth, heads=config.heads,
        )  # fmt: skip
        params = policy.init(jax.random.key(0))
        prompt = jnp.zeros(4, jnp.int32)
        rewards = jax.random.uniform(jax.random.key(1), (vocab_size**length,))
        tokens = sum(vocab_size**t for t in range(length)) + len(prompt)
        timings = compare(
            {
                "tree": partial(jrft.exact_policy_gradient, policy, params, prompt, rewards),
                "peer": partial(_enumerated, policy, config.block, params, prompt, rewards),
                "limit": partial(_matrix_products, config.depth, *_weights(config, tokens)),
            },
            repeats=config.repeats,
        )
        tree, peer, limit = timings["tree"], timings["peer"], timings["limit"]
        rows.append(
            [
                str(vocab_size),
                str(length),
                f"{vocab_size**length:,}",
                f"{tree.median:.4f}",
                f"{ratio(peer, tree):.0f}",
                f"{ratio(tree, limit):.1f}",
                f"{tree.first:.1f}",
            ]
        )
    return {"table": rows}


@partial(jax.jit, static_argnums=(0, 1))
def _enumerated(
    policy: jrft.Policy, block: int, params: Any, prompt: jax.Array, rewards: jax.Array
) -> Any:
    """The gradient as one would write it: every completion teacher-forced."""
    completions = jnp.asarray(jrft.all_completions(policy.vocab_size, policy.length))

    def value(params: Any) -> jax.Array:
        def term(pair: tuple[jax.Array, jax.Array]) -> jax.Array:
            completion, reward = pair
            return jnp.exp(policy.log_probs(params, prompt, completion).sum()) * reward

        terms = jax.lax.map(
            jax.checkpoint(term), (completions, rewards), batch_size=min(block, len(rewards))
        )
        return terms.sum()

    return jax.grad(value)(params)


def _weights(config: Config, tokens: int) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Tokens, and for a layer the projections (4 widths) and the two sides of the MLP."""
    keys = jax.random.split(jax.random.key(2), 3)
    width = config.width
    return (
        jax.random.normal(keys[0], (tokens, width)),
        jax.random.normal(keys[1], (config.depth, width, 4 * width)) / width,
        jax.random.normal(keys[2], (config.depth, 2, width, 4 * width)) / width,
    )


@partial(jax.jit, static_argnums=0)
def _matrix_products(depth: int, x: jax.Array, projections: jax.Array, mlps: jax.Array) -> Any:
    """Forward and backward through a transformer's matrix products alone."""

    def loss(weights: tuple[jax.Array, jax.Array]) -> jax.Array:
        hidden = x
        for layer in range(depth):
            q, k, v, o = jnp.split(hidden @ weights[0][layer], 4, axis=1)
            hidden = hidden + q + k + v + o
            up, down = weights[1][layer]
            hidden = hidden + jax.nn.gelu(hidden @ up) @ down.T
        return jnp.sum(hidden**2)

    return jax.grad(loss)((projections, mlps))
