"""Figure, table and summary of the study of perfect exploration."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.output.figures import COLORS, geometric_mean_and_band, mean_and_band
from experiments.output.record import Record
from experiments.output.tables import mean_and_std
from experiments.studies.jrft.controlled_task import losses
from experiments.studies.jrft.perfect_exploration.config import TITLES

OBJECTIVES = tuple(losses.FINETUNING)


def figure(record: Record) -> Figure:
    """Reward, its std and gradient norm over epochs; a row a variant."""
    variants = record.config["variants"]
    figure, grid = plt.subplots(
        len(variants),
        3,
        figsize=(10.5, 0.4 + 2.7 * len(variants)),
        sharex=True,
        squeeze=False,
        layout="constrained",
    )
    for axes, variant in zip(grid, variants, strict=True):
        for axis, quantity, label in zip(
            axes,
            ("reward", "reward_std", "gradient_norm"),
            ("expected reward", "reward std", "gradient norm of the reward"),
            strict=True,
        ):
            _draw(axis, record, variant, quantity)
            axis.set_ylabel(label)
        axes[1].set_title(TITLES[variant], fontsize="medium")
    grid[0, 0].legend(fontsize="small")
    for axis in grid[-1]:
        axis.set_xlabel("epoch of finetuning")
    return figure


def _draw(axis: Axes, record: Record, variant: str, quantity: str) -> None:
    """Both objectives on both splits: changed labels solid, unchanged ones dashed."""
    draw = geometric_mean_and_band if quantity == "gradient_norm" else mean_and_band
    for name in OBJECTIVES:
        for split in ("changed", "unchanged"):
            curves = np.array(record.results[variant][name][f"{split}/{quantity}"], float)
            label = f"{name.upper()}, {split} labels"
            draw(axis, record.results["epochs"], curves.T, label, COLORS[name])
            axis.lines[-1].set_linestyle("-" if split == "changed" else "--")


def table(record: Record) -> list[list[str]]:
    """Start and end of reward and std, mean ± sample std over seeds."""
    rows = [["variant", "labels", "when", "reward", "reward std", "accuracy"]]
    for variant in record.config["variants"]:
        for split in ("unchanged", "changed"):
            for when, name, row in (
                ("start", "rft", 0), ("RFT", "rft", -1), ("SFT", "sft", -1)
            ):  # fmt: skip
                cells = [
                    mean_and_std(_curve(record, variant, name, f"{split}/{quantity}")[row], 3)
                    for quantity in ("reward", "reward_std", "accuracy")
                ]
                rows.append([TITLES[variant], split, when, *cells])
    return rows


def _curve(record: Record, variant: str, name: str, quantity: str) -> np.ndarray:
    """float[T, seeds]."""
    return np.array(record.results[variant][name][quantity], float)


def summary(record: Record) -> str:
    """The numbers of the first variant, and whether the others agree."""
    first, *others = record.config["variants"]

    def end(variant: str, name: str, quantity: str) -> float:
        return float(np.mean(_curve(record, variant, name, quantity)[-1]))

    start = float(np.mean(_curve(record, first, "rft", "changed/reward_std")[0]))
    found = [
        f"{TITLES[variant]}: {end(variant, 'rft', 'changed/accuracy'):.2f} and "
        f"{end(variant, 'sft', 'changed/accuracy'):.2f}"
        for variant in others
    ]
    return (
        "RFT maximizes the exact expected reward, so nothing is left to exploration; yet on the "
        f"inputs of changed label, whose reward std starts at {start:.3f}, it ends at reward "
        f"{end(first, 'rft', 'changed/reward'):.2f} where SFT reaches "
        f"{end(first, 'sft', 'changed/reward'):.2f}. "
        "On the unchanged inputs, whose std starts large, they end at "
        f"{end(first, 'rft', 'unchanged/reward'):.2f} and "
        f"{end(first, 'sft', 'unchanged/reward'):.2f}."
        + (f" Accuracy on changed labels of RFT and SFT: {'; '.join(found)}." if found else "")
    )
