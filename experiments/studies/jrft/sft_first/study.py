"""A little supervised finetuning raises the reward std; how much, on what, and is it enough?

Claim: Razin et al. (ICLR 2024), Section 5: a phase of supervised finetuning (SFT) raises the reward
  std of the inputs that RFT leaves unlearned, and few steps on few labelled inputs suffice: 1 % of
  the labels and 40 % of the steps reach 96 % of the reward of full SFT, then RFT. Open in the
  paper: which inputs to label, and whether the std that SFT reaches is the cause of RFT's gain.

Command: python -m experiments jrft_sft_first

Cost: see ``seconds`` in the result file; six minutes of one core. The task is the one over
  sequences: a transformer of one layer on all prompts of three tokens, exact over all completions;
  the reward is graded, so that inputs of one mean reward may differ in std.

Expected: the mean std of the changed inputs rises from 0.02 to 0.4 and more within ten steps of
  SFT. The paper's thrift is smaller at this size: random labels reach 95 % of full SFT, then RFT,
  only when all 64 prompts are labelled, those of lowest std with half of them. `jrft.std_gain`,
  which vanishes with the std, ranks no better than random on the whole; divided by the std it
  ranks nearly as well as low std. At matched reward, RFT gains more where the std is larger (r from
  0.06 to 0.44 in all bins), but the std is not all: of two models of one reward, that of larger std
  ends higher in 6 of 9 pairs, that with its mass on right completions in 7; and of inputs handed
  over at a std of 0.5 or more, RFT lowers the target's probability in 20 %.
"""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
from matplotlib.figure import Figure

import jrft
from experiments.engine.batches import epochs
from experiments.engine.loop import fit, from_loss
from experiments.output.figures import COLORS
from experiments.output.record import Record
from experiments.studies.jrft.controlled_task import losses
from experiments.studies.jrft.controlled_task.sequences import (
    Completions,
    shift_task,
    small_transformer,
)
from experiments.studies.jrft.controlled_task.task import Task
from experiments.studies.jrft.sft_first.sft_then_rft import Labelled, SftThenRft
from jrft.exact.gain import std_gain


@dataclass(frozen=True)
class Config:
    """RFT after n steps of SFT on m labelled prompts."""

    sft_steps: tuple[int, ...] = (10, 20, 40, 80)
    """n, multiples of the first."""
    num_labelled: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    """m, the last being all prompts."""
    num_random: int = 1
    """Random orders of prompts to label, for each model."""
    rft_steps: int = 200
    matched_rewards: tuple[float, ...] = (-0.9, -0.75, -0.5)
    """Mean rewards of the changed inputs at which SFT on right and on half right labels stops."""
    vocab_size: int = 4
    length: int = 2
    num_changed_marks: int = 2
    """How many of the vocabulary's tokens, as a prompt's last, change its target."""
    width: int = 16
    """Of the transformer, of one layer."""
    pretrain_steps: int = 600
    pretrain_rate: float = 3e-3
    """Adam's, in pretraining."""
    learning_rate: float = 2e-3
    """Adam's, in SFT and in RFT."""
    num_seeds: int = 3
    """Pretrained models."""


SMOKE = Config(
    sft_steps=(10, 20),
    num_labelled=(2, 27),
    num_random=1,
    rft_steps=40,
    matched_rewards=(-0.75,),
    vocab_size=3,
    num_changed_marks=1,
    width=8,
    pretrain_steps=300,
    num_seeds=1,
)


def run(config: Config, directory: Path) -> dict[str, Any]:
    """Pretrains transformers, then finetunes them by SFT and RFT in all the ways to compare.

    Args:
        config: The configuration; the result is a function of it alone.
        directory: Where checkpoints go; an interrupted run continues from there.
    """
    task = shift_task(config.vocab_size, config.length, 2, config.num_changed_marks, graded=True)
    policy = small_transformer(config.vocab_size, config.length, config.width)
    parts = [
        _of_one_model(config, policy, task, seed, directory) for seed in range(config.num_seeds)
    ]
    # The orders of all models are the first axis of what the grid holds.
    return {
        "rankings": [name for part in parts for name in part["rankings"]],
        "matched": [row for part in parts for row in part["matched"]],
        **{
            name: jax.tree.map(lambda *rows: np.concatenate(rows), *(part[name] for part in parts))
            for name in ("pretrained", "plain_rft", "at_hand_over", "at_end")
        },
    }


def _of_one_model(
    config: Config, policy: jrft.Policy, task: Task, seed: int, directory: Path
) -> dict[str, Any]:
    model = Completions(policy)
    start = _pretrain(config, model, task, seed, directory / f"pretraining-{seed}")
    finetuning = SftThenRft(model, task, start, config.learning_rate, directory / str(seed))
    return {
        **_grid(config, finetuning, task, rankings(config, policy, start, task, seed)),
        "matched": [{"seed": seed, **row} for row in _matched(config, finetuning, task)],
    }


def _pretrain(config: Config, model: Completions, task: Task, seed: int, directory: Path) -> Any:
    key = jax.random.key(seed)
    batches, _ = epochs(len(task.targets), len(task.targets))
    return fit(
        key,
        model.init(key, task.inputs),
        from_loss(losses.batch_loss(losses.pretraining, model)),
        optax.adam(config.pretrain_rate),
        task,
        batch_fn=batches,
        num_steps=config.pretrain_steps,
        log_every=config.pretrain_steps,
        checkpoints=directory,
        description="pretraining",
    ).params


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


def _grid(
    config: Config, finetuning: SftThenRft, task: Task, ranked: list[tuple[str, np.ndarray]]
) -> dict[str, Any]:
    """SFT on every number of labels in every order, then RFT after every number of steps."""
    num_inputs = len(task.targets)
    places = np.argsort([order for _, order in ranked], axis=1)
    weights = places[:, None] < np.array(config.num_labelled)[:, None]
    num_runs = len(ranked) * len(config.num_labelled)
    labelled = Labelled(
        jnp.broadcast_to(task.targets, (num_runs, num_inputs)),
        jnp.asarray(weights.reshape(num_runs, num_inputs), jnp.float32),
    )
    unit = config.sft_steps[0]
    path = finetuning.sft("grid", labelled, config.sft_steps[-1], unit)
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


def _matched(config: Config, finetuning: SftThenRft, task: Task) -> list[dict[str, Any]]:
    """SFT on right and on half right labels to one mean reward, but another std; then RFT."""
    changed = np.asarray(task.changed)
    half = jnp.argmin(jnp.abs(task.rewards), axis=1)
    kinds = {"right": task.targets, "half right": jnp.where(task.changed, half, task.targets)}
    labels = jnp.stack(list(kinds.values()))
    labelled = Labelled(labels, jnp.ones(labels.shape))
    path = finetuning.sft("matched", labelled, config.sft_steps[-1], 1)
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


def scores(record: Record) -> dict[str, np.ndarray]:
    """Share of full SFT-then-RFT's reward, by ranking, float[m, n], of the changed inputs.

    Rewards are counted from −1, the least; random orders are averaged.
    """
    reward = np.array(record.results["at_end"]["reward"], float).mean(axis=-1) + 1
    names = record.results["rankings"]
    full = reward[:, -1, -1].mean()
    return {
        name: reward[[i for i, other in enumerate(names) if other == name]].mean(axis=0) / full
        for name in dict.fromkeys(names)
    }


def _without_sft(record: Record) -> float:
    """The score of RFT alone."""
    full = np.mean(np.array(record.results["at_end"]["reward"], float)[:, -1, -1])
    return float((np.mean(record.results["plain_rft"]["reward"]) + 1) / (full + 1))


def smallest(record: Record, name: str, share: float = 0.95) -> tuple[int, int, float] | None:
    """Fewest labels, then fewest steps, whose score reaches the share; and that score."""
    score = scores(record)[name]
    for m, row in zip(record.config["num_labelled"], score, strict=True):
        for n, value in zip(record.config["sft_steps"], row, strict=True):
            if value >= share:
                return m, n, float(value)
    return None


EDGES = (-1, -0.95, -0.8, -0.6, -0.3, 0, 0.5, 1.01)


def at_matched_reward(record: Record) -> list[dict[str, float]]:
    """Of changed inputs of one reward at hand-over, does RFT gain more where the std is larger?

    Returns:
        For each bin of reward: its ends, the number of inputs, Pearson's correlation of std at
        hand-over with the gain by RFT, and the mean gain of the half of smaller and larger std.
    """
    before, after = record.results["at_hand_over"], record.results["at_end"]
    reward, std = (np.array(before[name], float).ravel() for name in ("reward", "std"))
    gain = np.array(after["reward"], float).ravel() - reward
    rows = []
    for low, high in pairwise(EDGES):
        chosen = (low <= reward) & (reward < high)
        if chosen.sum() < 10 or np.ptp(std[chosen]) == 0 or np.ptp(gain[chosen]) == 0:
            continue
        large = std[chosen] > np.median(std[chosen])
        rows.append(
            {
                "low": low,
                "high": high,
                "inputs": int(chosen.sum()),
                "correlation": float(np.corrcoef(std[chosen], gain[chosen])[0, 1]),
                "gain_of_smaller_std": float(gain[chosen][~large].mean()),
                "gain_of_larger_std": float(gain[chosen][large].mean()) if large.any() else np.nan,
            }
        )
    return rows


def _pair(record: Record, asked: float, labels: str, name: str) -> float:
    """Mean over models of what was found with these labels at that reward."""
    rows = record.results["matched"]
    return float(
        np.mean([row[name] for row in rows if (row["asked"], row["labels"]) == (asked, labels)])
    )


def winners(record: Record) -> tuple[int, int, int]:
    """Pairs of one model handed over at one reward: who ended higher, by more than 0.01?

    Returns:
        The number of pairs, of those that the larger std won, and that right labels won.
    """
    rows = record.results["matched"]
    by_std = by_labels = 0
    # A pair is two rows in turn: right labels, then half right ones.
    for right, half in zip(rows[::2], rows[1::2], strict=True):
        ahead = right["reward_at_end"] - half["reward_at_end"]
        more_std = right["std_at_hand_over"] - half["std_at_hand_over"]
        by_labels += ahead > 0.01
        by_std += ahead * np.sign(more_std) > 0.01
    return len(rows) // 2, int(by_std), int(by_labels)


def falls(record: Record, std: float = 0.5) -> tuple[int, float, float]:
    """Changed inputs that RFT took over at a std as large: how many; share that lost by it.

    Returns:
        Their number, the share whose target's probability fell, the share whose reward fell.
    """
    before, after = record.results["at_hand_over"], record.results["at_end"]
    large = np.array(before["std"], float) >= std

    def fell(name: str) -> float:
        return float(np.mean((np.array(after[name]) < np.array(before[name]))[large]))

    return int(large.sum()), fell("target_prob"), fell("reward")


def figure(record: Record) -> Figure:
    """Stds before and after SFT; RFT after n steps on m labels; what to label; gain and std."""
    config, results = record.config, record.results
    figure, grid = plt.subplots(2, 2, figsize=(9.5, 7), layout="constrained")
    (stds, heat), (orders, gains) = grid
    before, after = results["at_hand_over"], results["at_end"]
    bins = np.linspace(0, 1, 21)
    stds.hist(results["pretrained"]["std"], bins, label="pretrained", color="#999999")
    for n, color in zip(config["sft_steps"][:2], ("#56b4e9", COLORS["sft"]), strict=True):
        # Labels of all prompts: the order does not matter, so any one of each model.
        every = np.array(before["std"], float)[:: len(results["rankings"]) // config["num_seeds"]]
        chosen = every[:, -1, config["sft_steps"].index(n)].ravel()
        stds.hist(chosen, bins, histtype="step", label=f"after {n} steps of SFT", color=color)
    stds.set_xlabel("reward std of changed inputs")
    stds.set_ylabel("inputs")
    stds.legend(fontsize="small")

    image = heat.imshow(scores(record)["random"], vmin=0, vmax=1, aspect="auto", origin="lower")
    heat.grid(visible=False)
    heat.set_xticks(range(len(config["sft_steps"])), config["sft_steps"])
    heat.set_yticks(range(len(config["num_labelled"])), config["num_labelled"])
    heat.set_xlabel("steps of SFT")
    heat.set_ylabel("labelled prompts, at random")
    figure.colorbar(image, ax=heat, label="share of full SFT-then-RFT")

    for name, score in scores(record).items():
        orders.plot(config["num_labelled"], score.max(axis=1), "o-", label=name)
    orders.axhline(0.95, color="black", linewidth=0.8)
    orders.axhline(_without_sft(record), color=COLORS["rft"], linestyle="--", label="no SFT")
    orders.set_xscale("log", base=2)
    orders.set_xlabel("labelled prompts")
    orders.set_ylabel("share of full, best number of steps")
    orders.legend(fontsize="small")

    reward, std = (np.array(before[name], float).ravel() for name in ("reward", "std"))
    gain = np.array(after["reward"], float).ravel() - reward
    points = gains.scatter(std, gain, s=4, c=reward, vmin=-1, vmax=1)
    gains.set_xlabel("reward std at hand-over")
    gains.set_ylabel("reward gained by RFT")
    figure.colorbar(points, ax=gains, label="reward at hand-over")
    # Thousands of dots as vectors would make the file large.
    points.set_rasterized(True)
    return figure


def table(record: Record) -> list[list[str]]:
    """The smallest SFT of every ranking, and its scores by number of labels, best over steps."""
    labels = record.config["num_labelled"]
    rows = [["labelled first", *(f"m = {m}" for m in labels), "smallest (m, n) at 95 %"]]
    for name, score in scores(record).items():
        found = smallest(record, name)
        cells = (f"{value:.2f}" for value in score.max(axis=1))
        rows.append([name, *cells, "none" if found is None else f"({found[0]}, {found[1]})"])
    alone = f"{_without_sft(record):.2f}"
    return [*rows, ["no SFT", *[alone] * len(labels), ""]]


def summary(record: Record) -> str:
    """Stds, smallest SFT, matched rewards and falls, in words."""
    results, config = record.results, record.config
    stds = np.array(results["at_hand_over"]["std"], float)[:, -1].mean(axis=(0, -1))
    after = ", ".join(f"{s:.2f} after {n}" for n, s in zip(config["sft_steps"], stds, strict=True))
    bins = "; ".join(
        f"[{row['low']:g}, {row['high']:g}): r = {row['correlation']:.2f}, gain "
        f"{row['gain_of_smaller_std']:.2f} and {row['gain_of_larger_std']:.2f}"
        for row in at_matched_reward(record)
    )
    pairs = "; ".join(
        f"{kind} labels to reward {_pair(record, reward, kind, 'reward_at_hand_over'):.2f}, std "
        f"{_pair(record, reward, kind, 'std_at_hand_over'):.2f}, end at "
        f"{_pair(record, reward, kind, 'reward_at_end'):.2f}"
        for reward in config["matched_rewards"]
        for kind in ("right", "half right")
    )
    num_pairs, by_std, by_labels = winners(record)
    number, prob_fell, reward_fell = falls(record)
    found = smallest(record, "random")
    least = (
        "No cell of the grid with random labels reaches 95 % of full SFT-then-RFT"
        if found is None
        else f"{found[0]} random labels and {found[1]} steps of SFT reach {found[2]:.0%} of full "
        "SFT-then-RFT"
    )
    return (
        f"The mean std of changed inputs is {np.mean(results['pretrained']['std']):.3f} when "
        f"pretrained, {after} steps of SFT on all labels. RFT alone ends at reward "
        f"{np.mean(results['plain_rft']['reward']):.2f} on them. {least}. By reward at hand-over, "
        f"std against RFT's gain, and gains of the smaller and the larger half of stds: {bins}. "
        f"Intervening: {pairs}. Of {num_pairs} pairs the larger std ended higher in {by_std}, "
        f"right labels in {by_labels}. Of {number} inputs handed over at a std of 0.5 or more, RFT "
        f"lowers the target's probability in {prob_fell:.0%} and the reward in {reward_fell:.0%}."
    )
