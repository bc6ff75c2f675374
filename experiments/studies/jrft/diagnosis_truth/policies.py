"""Small policies whose reward stds and gradients are known exactly, and groups sampled from them.

The diagnosis is compared with them: random and partly trained, tabular and transformers, on binary
and on graded rewards, from dead prompts to learnable ones.
"""

from dataclasses import dataclass
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jrft
from experiments.engine.loop import fit
from experiments.engine.phases import Phase, from_loss

REWARDS = ("binary", "graded")


@dataclass(frozen=True)
class Population:
    """How prompts, rewards and policies are drawn."""

    num_prompts: int = 300
    vocab_size: int = 4
    length: int = 4
    """Tokens of a completion."""
    prompt_length: int = 6
    width: int = 16
    """Of the transformer, of one layer."""
    sharpness: float = 6.0
    """Factor of the transformer's last layer: random policies that prefer some completions."""
    transformer_steps: int = 40
    """Updates of Adam on the mean exact reward of all prompts."""
    transformer_rate: float = 1e-3
    tabular_steps: int = 30
    """Updates of gradient ascent on the exact reward of each prompt."""
    tabular_rate: float = 3.0
    seed: int = 2000
    """No choice of the diagnosis was made by policies of this seed or of those that follow it."""


class Setting(NamedTuple):
    """A policy, and n prompts with a reward for every completion.

    Attributes:
        policy: The policy.
        params: Its parameters, of all prompts or with a leading axis n.
        axis: 0 or None: where the prompts are in the parameters.
        prompts: int[n, P].
        tables: float[n, K^length], in [0, 1].
    """

    policy: jrft.Policy
    params: Any
    axis: int | None
    prompts: jax.Array
    tables: jax.Array


class Truth(NamedTuple):
    """Exact quantities, float[n]: reward mean, reward std, Euclidean norm of the gradient."""

    mean: np.ndarray
    std: np.ndarray
    gradient_norm: np.ndarray


def settings(config: Population, reward: str) -> dict[str, Setting]:
    """Random and partly trained policies on one kind of reward."""
    keys = jax.random.split(jax.random.key(config.seed), 4)
    prompts, tables = _prompts(config), _tables(config, reward)

    tabular = jrft.tabular_policy(config.vocab_size, config.length)
    # From nearly uniform policies to nearly deterministic ones.
    scales = jnp.geomspace(0.1, 10.0, config.num_prompts)
    own = jax.vmap(tabular.init)(jax.random.split(keys[0], config.num_prompts))
    own = own * jax.random.permutation(keys[1], scales)[:, None, None]

    transformer = jrft.transformer(
        config.vocab_size,
        config.length,
        max_prompt=config.prompt_length,
        width=config.width,
        depth=1,
        heads=2,
    )
    shared = transformer.init(keys[2])
    head = shared["params"]["head"]
    shared["params"]["head"] = jax.tree.map(lambda x: config.sharpness * x, head)

    random = {
        "tabular": Setting(tabular, own, 0, prompts, tables),
        "transformer": Setting(transformer, shared, None, prompts, tables),
    }
    return {
        "tabular, random": random["tabular"],
        "tabular, partly trained": _train_each(config, random["tabular"]),
        "transformer, random": random["transformer"],
        "transformer, partly trained": _train_together(config, random["transformer"], keys[3]),
    }


def _prompts(config: Population) -> jax.Array:
    """Distinct random prompts, int[n, P]."""
    rng = np.random.default_rng([config.seed, 0])
    numbers = rng.choice(config.vocab_size**config.prompt_length, config.num_prompts, replace=False)
    places = config.vocab_size ** np.arange(config.prompt_length)
    return jnp.asarray(numbers[:, None] // places % config.vocab_size)


def _tables(config: Population, reward: str) -> jax.Array:
    """Rewards of all completions, float[n, K^length]: how near they come to a prompt's target.

    A binary reward asks for the first tokens of the target, one to all of them; a graded one adds
    up random weights of the tokens that are right.
    """
    rng = np.random.default_rng([config.seed, 1])
    targets = rng.integers(config.vocab_size, size=(config.num_prompts, 1, config.length))
    wanted = rng.integers(1, config.length + 1, size=(config.num_prompts, 1, 1))
    weights = rng.dirichlet(np.ones(config.length), config.num_prompts)
    completions = np.asarray(jrft.all_completions(config.vocab_size, config.length))
    right = completions == targets
    if reward == "binary":
        needless = np.arange(config.length) >= wanted
        return jnp.asarray((right | needless).all(axis=2), jnp.float32)
    return jnp.asarray(np.minimum(np.einsum("nct,nt->nc", right, weights), 1), jnp.float32)


def _train_each(config: Population, setting: Setting) -> Setting:
    """Plain gradient ascent of each prompt's own parameters: where there is no gradient, no move.

    Adam would rescale even the smallest gradients.
    """
    trained = fit(
        jax.random.split(jax.random.key(config.seed), config.num_prompts),
        setting.params,
        _ascent_of_each(setting.policy, config.tabular_rate, config.tabular_steps),
        (setting.prompts, setting.tables),
        run_axes=0,
    )
    return setting._replace(params=trained.params)


def _train_together(config: Population, setting: Setting, key: jax.Array) -> Setting:
    """Reinforcement finetuning with perfect exploration, of parameters that prompts share."""
    trained = fit(
        key,
        setting.params,
        _ascent_of_mean(setting.policy, config.transformer_rate, config.transformer_steps),
        (setting.prompts, setting.tables),
    )
    return setting._replace(params=trained.params)


# Cached, so that both kinds of rewards share one compiled program.
@cache
def _ascent_of_each(policy: jrft.Policy, rate: float, num_steps: int) -> Phase:
    gradient_fn = from_loss(partial(_negative_value, policy))
    return Phase("tabular policies", gradient_fn, optax.sgd(rate), num_steps)


@cache
def _ascent_of_mean(policy: jrft.Policy, rate: float, num_steps: int) -> Phase:
    def loss(key: jax.Array, params: Any, state: None, batch: Any) -> Any:
        each = jax.vmap(partial(_negative_value, policy), in_axes=(None, None, None, 0))
        losses, rest = each(key, params, state, batch)
        return jnp.mean(losses), rest

    return Phase("transformer", from_loss(loss), optax.adam(rate), num_steps)


def _negative_value(policy: jrft.Policy, key: jax.Array, params: Any, state: None, one: Any) -> Any:
    del key, state
    prompt, table = one
    return -jrft.exact_value(policy, params, prompt, table), (None, {})


def truth(setting: Setting) -> Truth:
    """Exact mean, std and gradient norm of every prompt."""
    found = _truth(setting.policy, setting.params, setting.axis, setting.prompts, setting.tables)
    return Truth(*(np.asarray(values, np.float64) for values in found))


@partial(jax.jit, static_argnames="axis")
def _truth(
    policy: jrft.Policy, params: Any, axis: int | None, prompts: jax.Array, tables: jax.Array
) -> tuple[jax.Array, ...]:
    def of_one(*arguments: Any) -> tuple[jax.Array, ...]:
        return (
            jrft.exact_value(policy, *arguments),
            jrft.exact_reward_std(policy, *arguments),
            optax.tree.norm(jrft.exact_policy_gradient(policy, *arguments)),
        )

    return jax.vmap(of_one, in_axes=(axis, 0, 0))(params, prompts, tables)


def sampled_rewards(key: jax.Array, setting: Setting, group_size: int) -> np.ndarray:
    """float64[n, group_size], rewards of completions sampled from the policy."""
    policy = setting.policy
    keys = jax.random.split(key, len(setting.prompts))
    drawn = _sampled(keys, policy, setting.params, setting.axis, setting.prompts, group_size)
    places = policy.vocab_size ** np.arange(policy.length - 1, -1, -1)
    tables = np.asarray(setting.tables, np.float64)
    return np.take_along_axis(tables, np.asarray(drawn) @ places, axis=1)


@partial(jax.jit, static_argnames=("axis", "group_size"))
def _sampled(
    keys: jax.Array,
    policy: jrft.Policy,
    params: Any,
    axis: int | None,
    prompts: jax.Array,
    group_size: int,
) -> jax.Array:
    def of_one(key: jax.Array, params: Any, prompt: jax.Array) -> jax.Array:
        return jrft.sample(key, policy, params, prompt, group_size).completions

    return jax.vmap(of_one, in_axes=(0, axis, 0))(keys, params, prompts)
