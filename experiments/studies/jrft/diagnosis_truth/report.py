"""Figure, table and summary of the study of the diagnosis against exact values."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.output.figures import COLORS
from experiments.output.record import Record
from experiments.studies.jrft.diagnosis_truth.findings import (
    CALLS,
    RANKINGS,
    calls_of,
    mean_correlation,
    precision,
    precision_interval,
    settings_with,
    share_called,
    total,
)
from experiments.studies.jrft.diagnosis_truth.policies import (
    REWARDS,
)


def figure(record: Record) -> Figure:
    """Coverage, how often calls are right, and rank correlation with the exact gradient norm."""
    figure, axes = plt.subplots(1, 3, figsize=(12.5, 4.2), layout="constrained")
    _draw_coverage(axes[0], record)
    _draw_calls(axes[1], record)
    _draw_rankings(axes[2], record)
    for axis in axes[1:]:
        axis.set_xticks(range(len(_sizes(record))), _sizes(record))
        axis.set_xlabel("group size")
    for axis in axes:
        axis.legend(fontsize="small")
    return figure


def _sizes(record: Record) -> list[str]:
    """Group sizes as the results name them."""
    return [str(size) for size in record.config["group_sizes"]]


def _draw_coverage(axis: Axes, record: Record) -> None:
    names, sizes = sorted(record.results), _sizes(record)
    rows = np.arange(len(names))[::-1]
    for i, size in enumerate(sizes):
        coverage = [record.results[name]["groups"][size]["coverage"] for name in names]
        offset = rows + 0.18 * ((len(sizes) - 1) / 2 - i)
        shade = 0.35 + 0.65 * i / max(len(sizes) - 1, 1)
        label = f"groups of {size}"
        axis.scatter(coverage, offset, color=COLORS["sft"], alpha=shade, s=26, label=label)
    axis.axvline(record.config["level"], color="#555555", linewidth=1)
    axis.set_yticks(rows, names)
    axis.set_xlabel(f"coverage of the {record.config['level']:.0%} interval")


def _draw_calls(axis: Axes, record: Record) -> None:
    sizes = _sizes(record)
    for i, call in enumerate(CALLS):
        for reward, style in zip(REWARDS, ("o-", "o:"), strict=True):
            shares = [precision(record, reward, call, (size,)) for size in sizes]
            axis.plot(range(len(sizes)), shares, style, color=f"C{i}", label=f"{call}, {reward}")
    axis.axhline(record.config["confidence"], color="#555555", linewidth=1)
    axis.set_ylabel("share of the calls that are right")
    axis.set_ylim(top=1.01)


def _draw_rankings(axis: Axes, record: Record) -> None:
    sizes = _sizes(record)
    styles = [("#555555", "o--"), (COLORS["sft"], "o-"), (COLORS["rft"], "o-"), ("#999999", "o-")]
    for (color, style), ranking in zip(styles, RANKINGS, strict=True):
        means = [mean_correlation(record, ranking, size) for size in sizes]
        axis.plot(range(len(sizes)), means, style, color=color, label=ranking)
    axis.set_ylabel("rank correlation with the exact gradient norm")


def table(record: Record) -> list[list[str]]:
    """Every setting and group size."""
    heading = [
        "policy, reward",
        "group",
        "low",
        "expected",
        "called",
        "right",
        "coverage",
        "RMSE",
        "observed",
    ]
    rows = [[*heading, *(f"ρ {name}" for name in RANKINGS)]]
    for name in sorted(record.results):
        one = record.results[name]
        for size in record.config["group_sizes"]:
            cell = one["groups"][str(size)]
            called = total(cell, "called")
            numbers = [
                one["share_low_std"],
                cell["expected_share_low_std"],
                called,
                total(cell, "right") / called if called else None,
                cell["coverage"],
                cell["rmse"],
                cell["rmse_observed"],
                *(cell["rank_correlation"][ranking] for ranking in RANKINGS),
            ]
            digits = ["–" if number is None else f"{number:.3f}" for number in numbers]
            rows.append([name, str(size), *digits])
    return rows


def summary(record: Record) -> str:
    """Coverage, calls, and how well each statistic ranks prompts by gradient norm."""
    sizes = _sizes(record)
    ranked = [
        f"{name} {' '.join(f'{mean_correlation(record, name, size):.2f}' for size in sizes)}"
        for name in RANKINGS
    ]
    found = " ".join(_with_reward(record, reward) for reward in REWARDS)
    return (
        f"{found} Mean rank correlation with the exact gradient norm, for groups of "
        f"{', '.join(sizes)}: {'; '.join(ranked)}."
    )


def _with_reward(record: Record, reward: str) -> str:
    """Coverage and calls with one kind of reward."""
    sizes = _sizes(record)
    coverage = [
        one["groups"][size]["coverage"] for one in settings_with(record, reward) for size in sizes
    ]
    called = " ".join(f"{share_called(record, reward, size):.0%}" for size in sizes)
    right = ", ".join(
        _call(record, reward, call)
        for call in CALLS
        if calls_of(record, reward, call, sizes)[1].any()
    )
    return (
        f"With {reward} rewards intervals of level {record.config['level']:g} cover the exact "
        f"std with a share of {min(coverage):.2f} to {max(coverage):.2f} (mean "
        f"{np.mean(coverage):.2f}); a call is made for {called} of the prompts; right among "
        f"those called so, with 95 % intervals over repetitions: {right}."
    )


def _call(record: Record, reward: str, call: str) -> str:
    share = precision(record, reward, call, _sizes(record))
    low, high = precision_interval(record, reward, call, _sizes(record))
    return f"{call} {share:.1%} ({low:.1%} to {high:.1%})"
