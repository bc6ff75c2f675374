"""Figure, table and summary of the study of the diagnosis's coverage."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from experiments.output.figures import COLORS
from experiments.output.record import Record
from experiments.studies.jrft.diagnosis_coverage.regimes import REGIMES


def figure(record: Record) -> Figure:
    """Coverage, and error relative to the plug-in's, by regime and group size."""
    names = list(record.results)
    names.sort(key=list(REGIMES).index)
    figure, axes = plt.subplots(1, 2, figsize=(10.5, 4.6), sharey=True, layout="constrained")
    rows = np.arange(len(names))[::-1]
    sizes = list(record.config["group_sizes"])
    for i, size in enumerate(sizes):
        cells = [record.results[name][str(size)] for name in names]
        offset = rows + 0.18 * ((len(sizes) - 1) / 2 - i)
        shade = 0.35 + 0.65 * i / max(len(sizes) - 1, 1)
        style: dict[str, Any] = {"color": COLORS["sft"], "alpha": shade, "s": 26}
        axes[0].scatter([c["coverage"] for c in cells], offset, label=f"groups of {size}", **style)
        ratio = [c["rmse"] / c["rmse_plug_in"] for c in cells]
        axes[1].scatter(ratio, offset, **style)
    axes[0].axvline(record.config["level"], color="#555555", linewidth=1)
    axes[1].axvline(1.0, color="#555555", linewidth=1)
    axes[0].set_yticks(rows, names)
    axes[0].set_xlabel(f"coverage of the {record.config['level']:.0%} interval")
    axes[1].set_xlabel("RMSE of the std, relative to the observed one's")
    axes[1].set_xlim(0, 1.1)
    axes[1].legend(*axes[0].get_legend_handles_labels(), loc="lower left", fontsize="small")
    return figure


def table(record: Record) -> list[list[str]]:
    """Every regime and group size."""
    heading = [
        "regime",
        "group",
        "coverage",
        "alone",
        "RMSE",
        "alone",
        "observed",
        "low",
        "expected",
    ]
    rows = [[*heading, "called low", "right", "called learnable", "right"]]
    for name in sorted(record.results, key=list(REGIMES).index):
        for size in record.config["group_sizes"]:
            cell = record.results[name][str(size)]
            rows.append(
                [
                    name,
                    str(size),
                    *(f"{cell[key]:.2f}" for key in ("coverage", "coverage_alone")),
                    *(f"{cell[key]:.3f}" for key in ("rmse", "rmse_alone", "rmse_plug_in")),
                    *(
                        "–" if cell[key] is None else f"{cell[key]:.2f}"
                        for key in (
                            "share_low",
                            "expected_share_low",
                            "called_low",
                            "right_if_called_low",
                            "called_learnable",
                            "right_if_called_learnable",
                        )
                    ),
                ]
            )
    return rows


def summary(record: Record) -> str:
    """The simulations in two sentences."""
    inside, beyond = (
        [
            cell
            for name, by_size in record.results.items()
            if name.startswith("beyond") == is_beyond
            for cell in by_size.values()
        ]
        for is_beyond in (False, True)
    )
    coverage = [cell["coverage"] for cell in inside]
    lowest = min(cell["coverage"] for cell in beyond)
    right = {
        call: sum(c[f"called_{call}"] * (c[f"right_if_called_{call}"] or 0.0) for c in inside)
        / sum(c[f"called_{call}"] for c in inside)
        for call in ("low", "learnable")
    }
    ratio = [cell["rmse"] / cell["rmse_plug_in"] for cell in inside]
    return (
        f"Over {len(inside)} regimes and group sizes, intervals of level "
        f"{record.config['level']:g} cover with a share of {min(coverage):.2f} to "
        f"{max(coverage):.2f} (mean {np.mean(coverage):.2f}), and the error of the estimated std "
        f"is {min(ratio):.2f} to {max(ratio):.2f} times that of the observed std; of the prompts "
        f"called learnable {right['learnable']:.1%} are, of those called low in std "
        f"{right['low']:.1%}. Beyond the model, with rare jackpots, coverage falls to "
        f"{lowest:.2f}: pass the outcomes where there are any."
    )
