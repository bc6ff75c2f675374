"""Figure, table and summary of the study of linear classification."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from experiments.output.figures import COLORS
from experiments.output.record import Record
from experiments.studies.jrft.linear_classification.flows import OBJECTIVES, target_logit
from jrft.tasks import linear


def figure(record: Record) -> Figure:
    """Times against std, of RFT on two logarithmic axes and of SFT on one; the one curve."""
    results, stds = record.results, np.array(record.results["std"])
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
    for axis, name in zip(axes, OBJECTIVES, strict=False):
        for num_labels, marker in zip(record.config["num_labels"], "os^vDP*", strict=False):
            found = results[f"K={num_labels}"]
            slope = f"K = {num_labels}, slope {found[f'{name}_slope']:.3f}"
            times = np.array(found[f"{name}_time"]).mean(axis=1)
            axis.plot(stds, times, marker, color=COLORS[name], label=slope, markerfacecolor="none")
        exact = {"rft": linear.rft_time, "sft": linear.sft_time}[name](target_logit(stds, 2), 2)
        axis.plot(stds, exact, color=COLORS[name], linewidth=1, label="K = 2, closed form")
        axis.set_xscale("log")
        axis.invert_xaxis()
        axis.set_xlabel("initial reward std")
        axis.set_ylabel(f"time of {name.upper()} until right")
        axis.legend(fontsize="small")
    axes[0].set_yscale("log")
    curve = results["curve"]
    for name, style in (("sft", "-"), ("rft", "o")):
        axes[2].plot(
            curve["target_prob"][name],
            curve["likeliest_wrong_prob"][name],
            style,
            color=COLORS[name],
            label=f"{name.upper()}, {curve[f'{name}_times'][-1]:.3g} in time",
            markersize=4,
        )
    axes[2].set_xlabel("p(right label)")
    axes[2].set_ylabel("p(likeliest wrong label)")
    axes[2].set_title(f"one curve, K = {curve['num_labels']}", fontsize="medium")
    axes[2].legend(fontsize="small")
    return figure


def table(record: Record) -> list[list[str]]:
    """Slopes and errors by number of labels."""
    rows = [["labels", "RFT slope", "SFT slope", "2(K − 1)/K", "error of solver", "bounds hold"]]
    for num_labels in record.config["num_labels"]:
        found = record.results[f"K={num_labels}"]
        rows.append(
            [
                str(num_labels),
                f"{found['rft_slope']:.4f}",
                f"{found['sft_slope']:.4f}",
                f"{2 * (num_labels - 1) / num_labels:.4f}",
                f"{found['largest_error_of_solver']:.1e}",
                "yes" if found["bounds_hold"] else "no",
            ]
        )
    return rows


def summary(record: Record) -> str:
    """The slopes, the one curve, and gradient descent against the flow."""
    results = record.results
    slopes = [results[f"K={num_labels}"] for num_labels in record.config["num_labels"]]
    rft = ", ".join(f"{found['rft_slope']:.3f}" for found in slopes)
    sft = ", ".join(f"{found['sft_slope']:.3f}" for found in slopes)
    errors = results["descent"]["largest_relative_error"]
    return (
        f"The time of RFT goes with STD to the power {rft} for K = {record.config['num_labels']}; "
        f"that of SFT grows by {sft} a unit of ln(1/STD). Both flows trace one curve: at matched "
        f"clocks their logits differ by {results['curve']['largest_distance_of_logits']:.1e}. "
        f"Gradient descent of step size {record.config['step_sizes'][-1]} misses the flow's times "
        f"by {errors['rft'][-1]:.1%} (RFT) and {errors['sft'][-1]:.1%} (SFT) at the most."
    )
