"""Figure, table and summary of the study of bounds."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import scipy.stats
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.output.record import Record
from experiments.studies.jrft.bounds.measure import BOUNDS

KINDS = {
    "random": ("#999999", "random"),
    "trained": ("#0072b2", "trained"),
    "adversarial": ("#d55e00", "trained to attain it"),
}

_SMALLEST_STD_SHOWN = 1e-7


def figure(record: Record) -> Figure:
    """Gradient norm over γ against reward std with the bounds; one batch, prompt by prompt.

    Cases whose reward std is below 1e-7 are in the table only. Of a language model: gradient norm
    and bounds against reward std, prompt by prompt.
    """
    if "language_model" in record.results:
        return _draw_language_model(record.results["language_model"])
    figure, axes = plt.subplots(1, 2, figsize=(10, 4.4), dpi=160, layout="constrained")
    _draw_bounds(axes[0], record)
    _draw_batch(axes[1], record.results["batch"])
    return figure


def _draw_bounds(axis: Axes, record: Record) -> None:
    length, cases = record.config["length"], _columns(record)
    for kind, (color, label) in KINDS.items():
        chosen = cases["kind"] == kind
        x, y = cases["reward_std"][chosen], cases["norm_over_gamma"][chosen]
        axis.scatter(x, y, s=7, alpha=0.5, color=color, label=label, linewidths=0, rasterized=True)
    std = np.geomspace(_SMALLEST_STD_SHOWN, 1, 50)
    axis.plot(std, 6 * length * std ** (2 / 3), "--", color="black", label="paper's bound")
    axis.plot(std, np.sqrt(length / 2) * std, color="black", label="certificate")
    # Some policies are as good as certain: they would squeeze all others into a corner.
    lowest = cases["norm_over_gamma"][cases["reward_std"] >= std[0]].min()
    axis.set(xscale="log", yscale="log", xlabel="reward std of the prompt", ylabel="‖∇V‖ / γ")
    axis.set(xlim=(std[0], 2), ylim=(lowest / 3, 12 * length))
    axis.legend(fontsize="small", markerscale=2.5)


def _draw_batch(axis: Axes, batch: dict[str, Any]) -> None:
    norms = np.array(batch["gradient_norm"])
    places = np.arange(1, len(norms) + 1)
    rewarded = {"reward on a habit": (0, "#0072b2"), "reward outside of the habits": (1, "#d55e00")}
    for label, (first, color) in rewarded.items():
        axis.scatter(places[first::2], norms[first::2], color=color, label=label)
    mean = batch["norm_of_mean_gradient"]
    axis.axhline(mean, color="black", linestyle="--", label="mean gradient of the batch")
    axis.set(yscale="log", xlabel="prompt of one batch", ylabel="‖∇V‖", xticks=places)
    axis.legend(fontsize="small")


OF_LANGUAGE_MODEL = {
    "theorem": ("#999999", "paper's bound"),
    "certificate": ("#d55e00", "certificate"),
    "fisher": ("#009e73", "Fisher bound"),
    "gradient_norm": ("#0072b2", "‖∇V‖"),
}


def _draw_language_model(columns: dict[str, Any]) -> Figure:
    figure, axis = plt.subplots(figsize=(5, 4.4), dpi=160, layout="constrained")
    for quantity, (color, label) in OF_LANGUAGE_MODEL.items():
        axis.scatter(columns["reward_std"], columns[quantity], s=14, color=color, label=label)
    axis.set(xscale="log", yscale="log", xlabel="reward std of the prompt")
    axis.set(ylabel="gradient norm and its bounds, over all weights")
    axis.legend(fontsize="small")
    return figure


def _columns(record: Record) -> dict[str, np.ndarray]:
    return {name: np.array(column) for name, column in record.results["cases"].items()}


def table(record: Record) -> list[list[str]]:
    """For each bound and kind of policies: cases, violations, and how tight the bound is."""
    if "language_model" in record.results:
        columns = record.results["language_model"]
        shown = [columns[name] for name in ("value", "reward_std", *reversed(OF_LANGUAGE_MODEL))]
        return [
            ["prompt", "V", "STD", *(label for _, label in reversed(OF_LANGUAGE_MODEL.values()))],
            *(
                [str(i), *(f"{x:.3g}" for x in row)]
                for i, row in enumerate(zip(*shown, strict=True), 1)
            ),
        ]
    cases = _columns(record)
    rows = [["bound, policies", "cases", "violations", "tightness: min", "median", "max"]]
    for name, label in BOUNDS.items():
        for kind, (_, kind_label) in KINDS.items():
            chosen = cases["kind"] == kind
            tightness = cases[f"tightness/{name}"][chosen]
            numbers = np.min(tightness), np.median(tightness), np.max(tightness)
            violations = int(cases[f"violated/{name}"][chosen].sum())
            counts = [str(chosen.sum()), str(violations)]
            rows.append([f"{label}, {kind_label}", *counts, *(f"{x:.2g}" for x in numbers)])
    return rows


def summary(record: Record) -> str:
    """Violations, the tightest cases, and the batch whose prompts differ."""
    if "language_model" in record.results:
        return _summary_of_language_model(record.results["language_model"])
    cases, batch = _columns(record), record.results["batch"]
    violations = sum(int(cases[f"violated/{name}"].sum()) for name in BOUNDS)
    largest = {name: cases[f"tightness/{name}"].max() for name in BOUNDS}
    norms = np.array(batch["gradient_norm"])
    dead = int(norms.argmin())
    return (
        f"{violations} violations in {len(cases['kind'])} cases of {len(BOUNDS)} bounds; at most "
        f"{largest['theorem']:.3f} of the paper's bound and {largest['certificate']:.6f} of the "
        f"certificate is attained. In one batch the mean gradient has norm "
        f"{batch['norm_of_mean_gradient']:.2g} and the rewards std "
        f"{batch['batch_reward_std']:.2g}, while a prompt of std "
        f"{batch['reward_std'][dead]:.2g} has a gradient of norm {norms[dead]:.2g}."
    )


def _summary_of_language_model(columns: dict[str, Any]) -> str:
    norms, stds = np.array(columns["gradient_norm"]), np.array(columns["reward_std"])
    attained = {name: norms / columns[name] for name in ("theorem", "certificate", "fisher")}
    # Equal numbers differ by rounding: a model's gradient has millions of float32 terms.
    violations = sum(int((share > 1 + 1e-3).sum()) for share in attained.values())
    return (
        f"SmolLM2 on {len(norms)} multiple-choice prompts, exact over all weights: {violations} "
        f"violations of 3 bounds; the gradient attains at most {attained['fisher'].max():.2f} of "
        f"the Fisher bound, {attained['certificate'].max():.2f} of the certificate and "
        f"{attained['theorem'].max():.3f} of the paper's bound. Reward stds from {stds.min():.2g} "
        f"to {stds.max():.2g}, gradient norms from {norms.min():.2g} to {norms.max():.2g}; their "
        f"rank correlation is {scipy.stats.spearmanr(stds, norms).statistic:.2f}."
    )
