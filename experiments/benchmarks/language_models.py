"""How much faster than PyTorch transformers does a language model sample and train?

Three tasks in CPU time, with random weights in the sizes of SmolLM2-135M, but 6 of its 30 layers:
one stream (a completion of each prompt), groups (many completions of each prompt from the likeliest
tokens, as reinforcement finetuning draws them), and the gradient of a training step without its
optimizer. The peer is `generate` and `backward` of `LlamaForCausalLM` on the same sizes and dtype;
its column is empty where torch or transformers is not installed.

One core makes a fair clock, since threads that wait for work count as CPU time:
`taskset -c 0 python -m experiments.benchmarks language_models`.
"""

import importlib.util
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jrft
from experiments.benchmarks.timing import compare, ratio

SIX_LAYERS = jrft.LlamaConfig(
    vocab_size=49152,
    width=576,
    depth=6,
    heads=9,
    key_heads=3,
    channels=64,
    hidden=1536,
    theta=100_000.0,
    epsilon=1e-5,
)


@dataclass(frozen=True)
class Config:
    """A model, and numbers of prompts and tokens."""

    model: jrft.LlamaConfig = SIX_LAYERS
    dtypes: tuple[str, ...] = ("float32", "bfloat16")
    num_prompts: int = 8
    prompt_tokens: int = 64
    new_tokens: int = 48
    num_samples: int = 10
    """Completions of a prompt, in the groups."""
    top_k: int = 50
    """Of the groups."""
    train_tokens: int = 128
    """Of each of as many texts as there are prompts."""
    repeats: int = 1


SMOKE = Config(
    model=jrft.LlamaConfig(
        vocab_size=13, width=8, depth=1, heads=2, key_heads=1, channels=4, hidden=8
    ),
    dtypes=("float32",),
    num_prompts=2, prompt_tokens=3, new_tokens=2, num_samples=2, top_k=3, train_tokens=4, repeats=1,
)  # fmt: skip


def run(config: Config) -> dict[str, Any]:
    """Times each task and its peer in turn, for each dtype."""
    rng = np.random.default_rng(0)
    shapes = (config.prompt_tokens, config.train_tokens)
    prompts, texts = (
        rng.integers(config.model.vocab_size, size=(config.num_prompts, tokens), dtype=np.int32)
        for tokens in shapes
    )
    num_drawn = config.num_prompts * config.new_tokens
    num_tokens = {
        "one stream": num_drawn,
        "groups": num_drawn * config.num_samples,
        "training step": texts.size,
    }
    rows = [
        ["dtype", "task", "CPU s", "tokens a CPU s", "transformers / jrft", "first call (CPU s)"]
    ]
    for dtype in config.dtypes:
        ours, theirs = _ours(config, dtype, prompts, texts), _theirs(config, dtype, prompts, texts)
        for name, function in ours.items():
            pair = {"ours": function} | ({"theirs": theirs[name]} if theirs else {})
            timings = compare(pair, repeats=config.repeats, clock=time.process_time)
            mine = timings["ours"]
            peer = f"{ratio(timings['theirs'], mine):.2f}" if theirs else "–"
            speed = f"{num_tokens[name] / mine.median:.0f}"
            rows.append([dtype, name, f"{mine.median:.2f}", speed, peer, f"{mine.first:.1f}"])
            print(*rows[-1], flush=True)
    return {"table": rows}


def _ours(
    config: Config, dtype: str, prompts: np.ndarray, texts: np.ndarray
) -> dict[str, Callable[[], Any]]:
    def policy(length: int) -> jrft.LanguageModel:
        return jrft.language_model(config.model, length=length, eos=None, dtype=dtype)

    model, key = policy(config.new_tokens), jax.random.key(0)
    params = _random_params(model, dtype)
    likeliest = jrft.warped_policy(model, top_k=config.top_k)
    whole_text = policy(config.train_tokens)
    return {
        "one stream": partial(_sample, key, model, params, prompts, 1),
        "groups": partial(_sample, key, likeliest, params, prompts, config.num_samples),
        "training step": partial(_gradient, whole_text, params, texts),
    }


def _theirs(
    config: Config, dtype: str, prompts: np.ndarray, texts: np.ndarray
) -> dict[str, Callable[[], Any]]:
    if not all(map(importlib.util.find_spec, ("torch", "transformers"))):
        return {}
    from experiments.benchmarks.peers.torch_llama import functions

    sampling = {"num_samples": config.num_samples, "top_k": config.top_k}
    return functions(config.model, dtype, prompts, texts, config.new_tokens, **sampling)


def _random_params(policy: jrft.LanguageModel, dtype: str) -> Any:
    """Without `init`, which would be compiled."""
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(policy.init, jax.random.key(0))
    return jax.tree.map(lambda leaf: jnp.asarray(rng.normal(0, 0.02, leaf.shape), dtype), shapes)


@partial(jax.jit, static_argnames="num_samples")
def _sample(
    key: jax.Array, policy: jrft.Policy, params: Any, prompts: jax.Array, num_samples: int
) -> Any:
    def draw(key: jax.Array, prompt: jax.Array) -> jrft.Samples:
        return jrft.sample(key, policy, params, prompt, num_samples)

    return jax.vmap(draw)(jax.random.split(key, len(prompts)), prompts)


@jax.jit
def _gradient(policy: jrft.Policy, params: Any, texts: jax.Array) -> Any:
    def loss(params: Any) -> jax.Array:
        by_text = jax.vmap(policy.log_probs, (None, None, 0))
        return -by_text(params, jnp.zeros(0, jnp.int32), texts).mean()

    return jax.grad(loss)(params)
