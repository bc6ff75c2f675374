"""Policies at every stage of pretraining and finetuning."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jrft
from experiments.engine.loop import fit_in_turn
from experiments.engine.phases import Phase, from_loss, pretraining
from experiments.studies.jrft.bounds.cases import Cases, first_leaf
from experiments.studies.jrft.bounds.config import Config


class Task(NamedTuple):
    """Pretraining data and rewards for the prompts of each run.

    Attributes:
        prompts: int32[R, B, 2].
        habits: float[R, B, K^L], the distribution over completions to pretrain on.
        rewards: float[R, B, K^L], 1 for one completion, else −1; with even prompts it is one of the
            habits, with odd ones it is not.
    """

    prompts: jax.Array
    habits: jax.Array
    rewards: jax.Array


def draw_task(key: jax.Array, policy: jrft.Policy, config: Config) -> Task:
    """The paper's controlled task (Section 4.2) with completions for labels."""
    first = first_leaf(policy)
    leaves = np.unique(first)
    pairs = np.stack(np.meshgrid(*2 * [np.arange(policy.vocab_size)]), axis=-1).reshape(-1, 2)

    def draw(key: jax.Array) -> Task:
        prompt_key, habit_key = jax.random.split(key)
        prompts = jax.random.permutation(prompt_key, jnp.asarray(pairs))[: config.num_prompts]
        keys = jax.random.split(habit_key, config.num_prompts)
        drawn = jax.vmap(lambda key: jax.random.permutation(key, jnp.asarray(leaves)))(keys)
        zeros = jnp.zeros((config.num_prompts, len(first)))
        rows = jnp.arange(config.num_prompts)
        habits = zeros.at[rows[:, None], drawn[:, : config.num_habits]].set(1 / config.num_habits)
        target = drawn[rows, jnp.where(rows % 2 == 0, 0, config.num_habits)]
        # Every leaf that shows the target is rewarded.
        same = jnp.asarray(first)[None] == target[:, None]
        return Task(prompts.astype(jnp.int32), habits, 2.0 * same - 1)

    return jax.vmap(draw)(jax.random.split(key, config.num_seeds))


def train(key: jax.Array, policy: jrft.Policy, config: Config, task: Task) -> list[Any]:
    """Parameters [R, …] of all runs after each stage of pretraining, then of finetuning."""
    keys = jax.random.split(key, config.num_seeds)
    first = pretraining(
        from_loss(partial(_pretraining_loss, policy)), config.pretrain_rate, config.pretrain_steps
    )
    second = Phase(
        "finetuning",
        from_loss(partial(_finetuning_loss, policy)),
        optax.sgd(config.finetune_rate),
        config.finetune_steps,
    )
    phases = [first] * config.num_stages + [second] * config.num_stages
    return fit_in_turn(keys, jax.vmap(policy.init)(keys), phases, task, run_axes=0)


def _pretraining_loss(
    policy: jrft.Policy, key: jax.Array, params: Any, model_state: Any, task: Task
) -> tuple[jax.Array, tuple[Any, dict[str, jax.Array]]]:
    """Cross-entropy to the habits, mean over prompts."""
    del key
    by_prompt = jax.vmap(jrft.exact_log_probs, in_axes=(None, None, 0))
    log_probs = by_prompt(policy, params, task.prompts)
    losses = -jnp.sum(jnp.where(task.habits > 0, task.habits * log_probs, 0), axis=1)
    return losses.mean(), (model_state, {})


def _finetuning_loss(
    policy: jrft.Policy, key: jax.Array, params: Any, model_state: Any, task: Task
) -> tuple[jax.Array, tuple[Any, dict[str, jax.Array]]]:
    """The negative of the exact expected reward, mean over prompts."""
    del key
    values = jax.vmap(jrft.exact_value, (None, None, 0, 0))(
        policy, params, task.prompts, task.rewards
    )
    return -values.mean(), (model_state, {})


def cases_of_runs(snapshots: list[Any], task: Task) -> Cases:
    """A case for every snapshot, run and prompt; the parameters before it are the old ones."""
    runs, prompts = task.rewards.shape[:2]

    def flat(*leaves: jax.Array) -> jax.Array:
        stacked = jnp.repeat(jnp.stack(leaves)[:, :, None], prompts, axis=2)
        return stacked.reshape(-1, *leaves[0].shape[1:])

    def tiled(leaf: jax.Array) -> jax.Array:
        flat_leaf = leaf.reshape(runs * prompts, -1)
        return jnp.tile(flat_leaf, (len(snapshots), 1))

    old = jax.tree.map(flat, *[snapshots[0], *snapshots[:-1]])
    return Cases(jax.tree.map(flat, *snapshots), old, tiled(task.prompts), tiled(task.rewards))
