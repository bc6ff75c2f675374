"""Policies, each with a prompt and rewards: at random, and brought towards the bound."""

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jrft
from experiments.engine.loop import fit_in_turn
from experiments.engine.phases import Phase, from_loss
from experiments.studies.jrft.bounds.config import Config


@jax.tree_util.register_static
@dataclass(frozen=True)
class Unigram(jrft.Policy):
    """Draws every token from one distribution: its certificate can be attained, with γ = 1."""

    vocab_size: int
    length: int
    eos: int | None = None

    def init(self, key: jax.Array) -> jax.Array:
        """Random logits."""
        return jax.random.normal(key, (self.vocab_size,))

    def prefill(self, params: jax.Array, prompt: jax.Array) -> tuple[jax.Array, tuple[()]]:
        """The logits; nothing is remembered."""
        return params, ()

    def step(
        self, params: jax.Array, cache: tuple[()], token: jax.Array
    ) -> tuple[jax.Array, tuple[()]]:
        """The logits; nothing is remembered."""
        return params, cache


class Cases(NamedTuple):
    """Policies of one family, each with a prompt, along a leading axis."""

    params: Any
    old_params: Any
    prompt: jax.Array
    rewards: jax.Array


def families(config: Config) -> dict[str, jrft.Policy]:
    """The policies. All have the same vocabulary and length."""
    size, length = config.vocab_size, config.length
    network = partial(
        jrft.transformer, size, length, max_prompt=2, width=config.width, depth=1, heads=2
    )
    known = {
        "unigram": Unigram(size, length),
        "table with end": jrft.tabular_policy(size, length, eos=0),
        "transformer": network(),
        "transformer with end": network(eos=0),
    }
    unknown = set(config.families) - set(known)
    if unknown or "transformer" not in config.families:
        raise ValueError(
            f"families is {config.families}: pass names of {', '.join(known)}, transformer included"
        )
    return {name: known[name] for name in config.families}


def random_cases(key: jax.Array, policy: jrft.Policy, config: Config) -> Cases:
    """Policies of all degrees of certainty, random prompts, rewards of three kinds in [−1, 1]."""
    first = jnp.asarray(first_leaf(policy))

    def draw(key: jax.Array, number: jax.Array) -> Cases:
        keys = jax.random.split(key, 6)
        # Larger weights make surer policies, up to certainty.
        scale = jnp.exp(jax.random.uniform(keys[0], (), minval=-1.0, maxval=1.5))
        params = jax.tree.map(lambda leaf: scale * leaf, policy.init(keys[1]))
        uniform = jax.random.uniform(keys[2], first.shape, minval=-1.0, maxval=1.0)[first]
        rewards = jnp.stack([uniform, jnp.sign(uniform), 2.0 * (uniform == uniform.max()) - 1])
        prompt = jax.random.randint(keys[3], (2,), 0, policy.vocab_size)
        return Cases(params, _moved(keys[4], params), prompt, rewards[number % 3])

    keys = jax.random.split(key, config.num_random)
    return jax.jit(jax.vmap(draw))(keys, jnp.arange(config.num_random))


def first_leaf(policy: jrft.Policy) -> np.ndarray:
    """The first leaf of the prefix tree that shows the completion of each."""
    completions = jrft.all_completions(policy.vocab_size, policy.length, policy.eos)
    _, first, inverse = np.unique(
        np.asarray(completions), axis=0, return_index=True, return_inverse=True
    )
    return first[inverse.reshape(-1)]


def adversarial_cases(key: jax.Array, policy: jrft.Policy, config: Config) -> Cases:
    """Policies and rewards that gradient ascent on ‖∇V‖ / STD brings towards the bound."""
    count = policy.vocab_size**policy.length
    keys = jax.random.split(key, 4 * config.num_seeds)

    def draw(key: jax.Array) -> dict[str, Any]:
        policy_key, reward_key = jax.random.split(key)
        rewards = jax.random.normal(reward_key, (count,))
        return {"policy": policy.init(policy_key), "rewards": rewards}

    phase = Phase(
        "towards the bound",
        from_loss(partial(_slackness, policy)),
        optax.adam(0.03),
        config.adversarial_steps,
    )
    prompt = jnp.zeros((len(keys), 2), jnp.int32)
    stages = []
    phases = [phase] * config.num_stages
    for params in fit_in_turn(keys, jax.vmap(draw)(keys), phases, None, run_axes=0)[1:]:
        moved = jax.vmap(_moved)(keys, params["policy"])
        stages.append(Cases(params["policy"], moved, prompt, jnp.tanh(params["rewards"])))
    return jax.tree.map(lambda *parts: jnp.concatenate(parts), *stages)


def _slackness(
    policy: jrft.Policy, key: jax.Array, params: Any, model_state: Any, data: None
) -> tuple[jax.Array, tuple[Any, dict[str, jax.Array]]]:
    """−log of ‖∇V‖ / STD; γ is 1 for the families this is for."""
    del key, data
    problem = policy, params["policy"], jnp.zeros(2, jnp.int32), jnp.tanh(params["rewards"])
    norm = optax.tree.norm(jrft.exact_policy_gradient(*problem))
    return jnp.log(jrft.exact_reward_std(*problem)) - jnp.log(norm), (model_state, {})


def _moved(key: jax.Array, params: Any) -> Any:
    """Parameters nearby."""
    leaves, structure = jax.tree.flatten(params)
    keys = jax.random.split(key, len(leaves))
    moved = [
        leaf + 0.2 * jax.random.normal(key, leaf.shape, leaf.dtype)
        for leaf, key in zip(leaves, keys, strict=True)
    ]
    return jax.tree.unflatten(structure, moved)
