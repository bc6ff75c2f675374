"""Figure, table and summary of the study of heuristics."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from experiments.output.figures import COLORS
from experiments.output.record import Record
from experiments.output.tables import mean_and_std

TASKS = ("images", "sequences")

HEURISTICS = {
    "learning_rate": "learning rate",
    "temperature": "temperature",
    "entropy_bonus": "entropy bonus",
}


def _ends(record: Record, task: str, quantity: str) -> tuple[np.ndarray, np.ndarray]:
    """At the end: of RFT float[rates, temperatures, bonuses, seeds], of SFT float[rates, seeds]."""
    found = record.results[task]
    shape = [len(values) for values in _values(record)]
    rft = np.array(found["rft"][quantity][-1], float).reshape(*shape, -1)
    return rft, np.array(found["sft"][quantity][-1], float)


def figure(record: Record) -> Figure:
    """Reward of changed inputs against each heuristic, the other two at their defaults or best."""
    figure, grid = plt.subplots(2, 3, figsize=(10.5, 5.6), sharey=True, layout="constrained")
    for axes, task in zip(grid, TASKS, strict=True):
        rft, sft = _ends(record, task, "changed/reward")
        means = rft.mean(axis=-1)
        for position, (axis, title) in enumerate(zip(axes, HEURISTICS.values(), strict=True)):
            values = _values(record)[position]
            by_value = np.moveaxis(means, position, 0).reshape(len(values), -1)
            x = np.arange(len(values))
            axis.plot(x, by_value[:, 0], "o-", color=COLORS["rft"], label="RFT, others at default")
            axis.plot(x, by_value.max(axis=1), "^:", color=COLORS["rft"], label="RFT, others best")
            if position == 0:
                axis.plot(x, sft.mean(axis=-1), "s-", color=COLORS["sft"], label="SFT")
            else:
                axis.axhline(sft[0].mean(), color=COLORS["sft"], label="SFT, default")
            axis.set_xticks(x, [f"{value:g}" for value in values])
            axis.set_xlabel(title)
            axis.set_ylim(-1.05, 1.05)
        axes[0].set_ylabel(f"{task}: reward, changed labels")
    for axis in grid[0, :2]:
        axis.legend(fontsize="small")
    return figure


def _values(record: Record) -> tuple[list[float], list[float], list[float]]:
    config = record.config
    return config["learning_rates"], config["temperatures"], config["entropy_bonuses"]


def table(record: Record) -> list[list[str]]:
    """Rewards by each heuristic alone and with the others, mean ± sample std over seeds."""
    rows = [["task", "finetuned by", "changed labels", "unchanged labels", "settings"]]
    for task in TASKS:
        changed, unchanged = (_ends(record, task, f"{s}/reward") for s in ("changed", "unchanged"))
        for name, at in _choices(changed[0].mean(axis=-1)).items():
            values = (values[i] for values, i in zip(_values(record), at, strict=True))
            cells = (mean_and_std(rewards[0][at], 2) for rewards in (changed, unchanged))
            rows.append([task, f"RFT, {name}", *cells, ", ".join(f"{v:g}" for v in values)])
        best = int(changed[1].mean(axis=-1).argmax())
        for name, rate in (("default", 0), ("best learning rate", best)):
            cells = (mean_and_std(rewards[1][rate], 2) for rewards in (changed, unchanged))
            rows.append([task, f"SFT, {name}", *cells, f"{_values(record)[0][rate]:g}"])
    return rows


def _choices(means: np.ndarray) -> dict[str, tuple[int, ...]]:
    """Where in the grid RFT is at its defaults, best by one heuristic alone, and best of all."""
    chosen: dict[str, tuple[int, ...]] = {"defaults": (0, 0, 0)}
    for position, title in enumerate(HEURISTICS.values()):
        alone = [0, 0, 0]
        alone[position] = int(np.moveaxis(means, position, 0)[:, 0, 0].argmax())
        chosen[f"best {title}"] = tuple(alone)
    best = np.unravel_index(int(means.argmax()), means.shape)
    return {**chosen, "best of all": tuple(map(int, best))}


def summary(record: Record) -> str:
    """Whether any heuristic, or any of their products, comes near SFT."""
    sentences = []
    for task in TASKS:
        rft, sft = _ends(record, task, "changed/reward")
        means = rft.mean(axis=-1)
        reached = [f"{means[at]:.2f} with {name}" for name, at in _choices(means).items()]
        by_rate = sft.mean(axis=-1)
        sentences.append(
            f"{task.capitalize()}: by RFT, inputs of changed label earn {', '.join(reached)} of "
            f"{means.size} products; by SFT {by_rate[0]:.2f}, and {by_rate.max():.2f} with the "
            "best learning rate."
        )
    return " ".join(sentences)
