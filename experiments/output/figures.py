"""How figures look. They are drawn from result files alone."""

from io import BytesIO
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from jwi.io.files import written

matplotlib.use("agg")
matplotlib.rcParams.update(
    {
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.alpha": 0.25,
        "legend.frameon": False,
        "svg.hashsalt": "jwi-jrft",  # the same figure is the same file
    }
)

# Okabe and Ito's palette, told apart by color-blind readers too. One meaning, one color.
COLORS = {"rft": "#d55e00", "sft": "#0072b2"}


def mean_and_band(
    axis: Axes, x: ArrayLike, runs: np.ndarray, label: str, color: str, style: str = "-"
) -> None:
    """Draws the mean over runs, and the sample std (ddof 1) around it as a band.

    Args:
        axis: Where to draw.
        x: float[T].
        runs: float[R, T], a row a run.
        label: For the legend.
        color: Of line and band.
        style: Of the line.
    """
    mean, std = _mean_and_std(runs)
    _line_and_band(axis, x, (mean - std, mean, mean + std), label, color, style)


def geometric_mean_and_band(
    axis: Axes, x: ArrayLike, runs: np.ndarray, label: str, color: str
) -> None:
    """As `mean_and_band` of the logarithms, for positive quantities on a logarithmic axis."""
    mean, std = _mean_and_std(np.log(runs))
    _line_and_band(axis, x, tuple(np.exp([mean - std, mean, mean + std])), label, color)
    axis.set_yscale("log")


def _mean_and_std(runs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    std = runs.std(axis=0, ddof=1) if len(runs) > 1 else np.zeros(runs.shape[1])
    return runs.mean(axis=0), std


def _line_and_band(
    axis: Axes,
    x: ArrayLike,
    heights: tuple[np.ndarray, ...],
    label: str,
    color: str,
    style: str = "-",
) -> None:
    lower, middle, upper = heights
    axis.plot(x, middle, style, label=label, color=color)
    axis.fill_between(x, lower, upper, color=color, alpha=0.2, linewidth=0)


def save(figure: Figure, path: Path) -> Path:
    """Writes a figure atomically, in the format of the path's suffix, without a date."""
    suffix = path.suffix.removeprefix(".")
    drawn = BytesIO()
    figure.savefig(drawn, format=suffix, metadata={"Date": None} if suffix == "svg" else None)
    with written(path) as file:
        file.write(drawn.getbuffer())
    return path
