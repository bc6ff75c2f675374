"""How much faster than teacher-forcing every completion is the gradient by the prefix tree?

The peers enumerate all completions and differentiate the probability-weighted sum of rewards, in
blocks that fit in memory: in JAX, and in PyTorch where it is installed. The limits take as many
tokens as the tree has prefixes in one plain batch, forward and backward: the same network with its
attention left out, and its matrix products alone.
"""

import importlib.util
from dataclasses import dataclass
from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

import jrft
from experiments.benchmarks.timing import compare, ratio
from jrft.policies.decoder import Decoder


@dataclass(frozen=True)
class Config:
    """Vocabularies, lengths and widths; K^T completions each."""

    cases: tuple[tuple[int, int, int], ...] = (
        (8, 3, 32),
        (8, 4, 32),
        (8, 5, 32),
        (16, 3, 32),
        (16, 4, 32),
        (8, 4, 64),
        (8, 4, 128),
    )
    """(vocabulary size K, completion length T, width of the network)."""
    depth: int = 2
    heads: int = 2
    block: int = 1024
    """Completions that the peers evaluate at a time."""
    repeats: int = 5


SMOKE = Config(cases=((3, 2, 8),), depth=1, repeats=1)


def run(config: Config) -> dict[str, Any]:
    """Times tree, peers and limits in turn, for each case."""
    rows = [
        [
            "K", "T", "width", "completions", "tree (s)", "teacher forcing / tree",
            "PyTorch / tree", "tree / no attention", "tree / matrix products", "first call (s)",
        ]
    ]  # fmt: skip
    for vocab_size, length, width in config.cases:
        policy = jrft.transformer(
            vocab_size, length,
            max_prompt=4, width=width, depth=config.depth, heads=config.heads,
        )  # fmt: skip
        params = policy.init(jax.random.key(0))
        prompt = jnp.zeros(4, jnp.int32)
        rewards = jax.random.uniform(jax.random.key(1), (vocab_size**length,))
        num_tokens = sum(vocab_size**t for t in range(length)) + len(prompt)
        tokens = jnp.arange(num_tokens) % vocab_size
        functions = {
            "tree": partial(jrft.exact_policy_gradient, policy, params, prompt, rewards),
            "peer": partial(_enumerated, policy, config.block, params, prompt, rewards),
            "limit": partial(_no_attention, policy, params, tokens),
            "matmul": partial(_matrix_products, config.depth, *_weights(config, width, num_tokens)),
        }
        if importlib.util.find_spec("torch"):
            functions["torch"] = _torch_gradient(
                policy, params, np.asarray(prompt), np.asarray(rewards), config.block
            )
        timings = compare(functions, repeats=config.repeats)
        tree = timings["tree"]
        torch_ratio = f"{ratio(timings['torch'], tree):.0f}" if "torch" in timings else "–"
        rows.append(
            [
                str(vocab_size),
                str(length),
                str(width),
                f"{vocab_size**length:,}",
                f"{tree.median:.4f}",
                f"{ratio(timings['peer'], tree):.0f}",
                torch_ratio,
                f"{ratio(tree, timings['limit']):.1f}",
                f"{ratio(tree, timings['matmul']):.1f}",
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


def _torch_gradient(
    policy: Any, params: Any, prompt: np.ndarray, rewards: np.ndarray, block: int
) -> Any:
    from experiments.benchmarks.peers.torch_decoder import TorchDecoder

    return partial(TorchDecoder(policy, params).policy_gradient, prompt, rewards, block)


@partial(jax.jit, static_argnums=0)
def _no_attention(policy: Any, params: Any, tokens: jax.Array) -> Any:
    """Forward and backward through the network without attention, all tokens in one batch."""

    def log_probs(decoder: Decoder) -> jax.Array:
        x = decoder.embed(tokens)
        for block in decoder.blocks:
            normed = block.attention_norm(x)
            q, k, v = (jnp.einsum("td,dhc->thc", normed, block.qkv[:, i]) for i in range(3))
            x = block.update(x, q + k + v)
        return jax.nn.log_softmax(decoder.logits(x))

    def loss(params: Any) -> jax.Array:
        return jnp.exp(nn.apply(log_probs, policy._decoder())(params))[:, 0].sum()

    return jax.grad(loss)(params)


def _weights(config: Config, width: int, num_tokens: int) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Tokens, and for a layer the projections (4 widths) and the two sides of the MLP."""
    keys = jax.random.split(jax.random.key(2), 3)
    return (
        jax.random.normal(keys[0], (num_tokens, width)),
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
