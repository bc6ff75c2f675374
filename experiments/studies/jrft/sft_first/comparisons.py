"""The comparisons: labels in several orders, and two kinds of labels at one reward."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jrft
from experiments.studies.jrft.controlled_task.task import Task
from experiments.studies.jrft.sft_first.config import Config
from experiments.studies.jrft.sft_first.sft_then_rft import Labeled, SftThenRft
from jrft.exact.gain import std_gain


def rankings(
    config: Config, policy: jrft.Policy, params: Any, task: Task, seed: int
) -> list[tuple[str, np.ndarray]]:
    """Orders in which to label the prompts, by name, int[n]."""
    labels = jrft.all_completions(policy.vocab_size, policy.length)

    def of_one(one: Task) -> tuple[jax.Array, jax.Array]:
        std = jrft.exact_reward_std(policy, params, one.inputs, one.rewards)
        gain = std_gain(policy, params, one.inputs, one.rewards, labels[one.targets])
        return std, gain

    stds, gains = (np.asarray(values) for values in jax.jit(jax.vmap(of_one))(task))
    rng = np.random.default_rng(seed)
    return [
        *(("random", rng.permutation(len(stds))) for _ in range(config.num_random)),
        ("low std", np.argsort(stds, kind="stable")),
        ("std gain", np.argsort(-gains, kind="stable")),
        ("relative std gain", np.argsort(-gains / stds, kind="stable")),
    ]


def over_the_grid(
    config: Config, finetuning: SftThenRft, task: Task, ranked: list[tuple[str, np.ndarray]]
) -> dict[str, Any]:
    """SFT on every number of labels in every order, then RFT after every number of steps."""
    num_inputs = len(task.targets)
    places = np.argsort([order for _, order in ranked], axis=1)
    weights = places[:, None] < np.array(config.num_labelled)[:, None]
    num_runs = len(ranked) * len(config.num_labelled)
    labeled = Labeled(
        jnp.broadcast_to(task.targets, (num_runs, num_inputs)),
        jnp.asarray(weights.reshape(num_runs, num_inputs), jnp.float32),
    )
    unit = config.sft_steps[0]
    path = finetuning.sft("grid", labeled, config.sft_steps[-1], unit)
    plain = finetuning.rft("plain", path[0, :1], config.rft_steps)
    handed = path[np.array(config.sft_steps) // unit]
    ended = finetuning.rft("grid", handed.reshape(-1, handed.shape[-1]), config.rft_steps)

    def seen(flat: np.ndarray) -> dict[str, np.ndarray]:
        """By ranking, labels, steps and changed input, rounded; the others' mean reward."""
        values = finetuning.look(flat)
        grid = (len(config.sft_steps), len(ranked), len(config.num_labelled), -1)
        changed = np.asarray(task.changed)
        others = values["reward"][..., ~changed].mean(axis=-1)
        by_input = {
            name: np.moveaxis(rows[..., changed].reshape(grid), 0, 2).round(3)
            for name, rows in values.items()
        }
        return by_input | {"unchanged_reward": np.moveaxis(others.reshape(grid[:-1]), 0, 2)}

    changed = np.asarray(task.changed)
    return {
        "rankings": [name for name, _ in ranked],
        "pretrained": {n: v[0, changed] for n, v in finetuning.look(path[0, :1]).items()},
        "plain_rft": {n: v[0, changed] for n, v in finetuning.look(plain).items()},
        "at_hand_over": seen(handed.reshape(-1, handed.shape[-1])),
        "at_end": seen(ended),
    }


def at_one_reward(config: Config, finetuning: SftThenRft, task: Task) -> list[dict[str, Any]]:
    """SFT on right and on half right labels to one mean reward, but another std; then RFT."""
    changed = np.asarray(task.changed)
    half = jnp.argmin(jnp.abs(task.rewards), axis=1)
    kinds = {"right": task.targets, "half right": jnp.where(task.changed, half, task.targets)}
    labels = jnp.stack(list(kinds.values()))
    labeled = Labeled(labels, jnp.ones(labels.shape))
    path = finetuning.sft("matched", labeled, config.sft_steps[-1], 1)
    on_way = {
        name: rows[..., changed].mean(axis=-1) for name, rows in finetuning.look(path).items()
    }
    found = []
    for reward in config.matched_rewards:
        # The first step that reaches it, float[steps, kinds] → int[kinds].
        reached = on_way["reward"] >= reward
        steps = np.where(reached.any(axis=0), reached.argmax(axis=0), len(path) - 1)
        handed = path[steps, np.arange(len(kinds))]
        at_end = finetuning.look(finetuning.rft(f"matched{reward}", handed, config.rft_steps))
        for k, kind in enumerate(kinds):
            before = {f"{name}_at_hand_over": rows[steps[k], k] for name, rows in on_way.items()}
            after = {f"{name}_at_end": rows[k, changed].mean() for name, rows in at_end.items()}
            found.append({"labels": kind, "asked": reward, "steps": steps[k], **before, **after})
    return found
