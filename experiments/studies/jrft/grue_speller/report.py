"""Figure, table and summary of the study of a pretrained speller."""

from itertools import zip_longest

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.output.figures import COLORS, mean_and_band
from experiments.output.record import Record
from experiments.output.tables import mean_and_std
from experiments.studies.jrft.grue_speller.findings import (
    correlations,
    curve,
    graded_correlations,
    groups,
    heuristic,
    learned_correlations,
    rewards,
    rft_alone,
    sft_first_scores,
    share_of_gain,
    slope_of_times,
    tightness,
)

_STYLES = {
    "sft": (COLORS["sft"], "-"),
    "exact": (COLORS["rft"], "-"),
    "grpo": ("#009e73", "-"),
    "rloo": ("#cc79a7", "-"),
    "ppo": ("#e69f00", "-"),
    "sft-sgd": (COLORS["sft"], "--"),
    "exact-sgd": (COLORS["rft"], "--"),
}
_NAMES = {"sft": "SFT", "exact": "RFT, exact gradient"}


def figure(record: Record) -> Figure:
    """Change against std, hopeless words over steps; and a panel of each part that was measured."""
    by_part = {"gradients": _norms, "alone": _times, "sft_first": _heat, "heuristics": _bars}
    measured = [panel for part, panel in by_part.items() if part in record.results]
    panels = [_changes, _curves, *measured]
    columns = min(len(panels), 3)
    size = -(-len(panels) // columns), columns
    drawn, axes = plt.subplots(
        *size, figsize=(4.2 * size[1], 3.5 * size[0]), layout="constrained", squeeze=False
    )
    for axis, panel in zip_longest(axes.flat, panels):
        if panel is None:
            axis.remove()
        else:
            panel(axis, record)
    return drawn


def _changes(axis: Axes, record: Record) -> None:
    for name, label in _NAMES.items():
        values = rewards(record, name)
        std = np.sqrt(values[0] * (1 - values[0])).ravel()
        change = np.abs(values[-1] - values[0]).ravel()
        color = COLORS["sft" if name == "sft" else "rft"]
        axis.scatter(std, change, s=3, alpha=0.25, color=color, linewidth=0, rasterized=True)
        edges = np.linspace(0, 0.5, 11)
        which = np.digitize(std, edges[1:-1])
        filled = [i for i in range(10) if (which == i).sum() >= 5]
        means = [change[which == i].mean() for i in filled]
        r = correlations(record, name).mean()
        middles = (edges[:-1] + edges[1:])[filled] / 2
        axis.plot(middles, means, "o-", color=color, label=f"{label}, r = {r:.2f}")
    axis.set_xlabel("reward std of a word, pretrained")
    axis.set_ylabel("absolute change of its expected reward")
    _legend_above(axis, columns=1)


def _curves(axis: Axes, record: Record) -> None:
    for name, label in record.results["labels"].items():
        color, style = _STYLES[name]
        rows = curve(record, name, "hopeless").T
        mean_and_band(axis, record.results["steps"], rows, label, color, style)
    axis.set_xlabel("update")
    axis.set_ylabel("expected reward of hopeless words")
    _legend_above(axis, columns=2)


def _legend_above(axis: Axes, columns: int) -> None:
    """Lines and points fill the axes."""
    axis.legend(
        fontsize="small", ncols=columns, loc="lower left", bbox_to_anchor=(0, 1), frameon=False
    )


def _norms(axis: Axes, record: Record) -> None:
    all_words, few = (
        {name: np.array(row, float) for name, row in record.results["gradients"][part].items()}
        for part in ("words", "bounds")
    )
    axis.loglog(all_words["std"], all_words["norm"], ".", color="#555555", label="∥∇V∥, exact")
    axis.loglog(few["std"], few["certificate"], "v", color="#009e73", label="√(L/2) · γ · STD")
    axis.loglog(few["std"], few["theorem"], "v", color="#e69f00", label="6 · L · γ · STD^(2/3)")
    axis.set_xlabel("reward std of a word, pretrained")
    axis.set_ylabel("gradient norm and bounds")
    axis.legend(fontsize="small")


def _times(axis: Axes, record: Record) -> None:
    alone = {name: np.array(row, float) for name, row in record.results["alone"].items()}
    for name in ("rft", "sft"):
        axis.loglog(alone["std"], alone[name], "o", color=COLORS[name], label=name.upper())
    known = np.isfinite(alone["rft"])
    std = np.sort(alone["std"][known])
    scale = np.exp(np.mean(np.log(alone["rft"] * alone["std"] ** 2)[known]))
    axis.loglog(std, scale / std**2, "--", color="black", linewidth=0.8, label="slope −2")
    axis.set_xlabel("reward std of a word, pretrained")
    axis.set_ylabel("gradient flow's time to probability 1/2")
    axis.legend(fontsize="small")


def _heat(axis: Axes, record: Record) -> None:
    config = record.config
    ended = sft_first_scores(record, "hopeless")["at_end"]
    image = axis.imshow(ended.T, vmin=0, aspect="auto", origin="lower")
    axis.grid(visible=False)
    axis.set_xticks(range(len(config["sft_steps"])), config["sft_steps"])
    shares = [f"{share:.0%}" for share in config["label_shares"]]
    axis.set_yticks(range(len(shares)), shares)
    for i, row in enumerate(ended):
        for j, value in enumerate(row):
            axis.text(i, j, f"{value:.2f}", ha="center", va="center", color="white")
    axis.set_xlabel("steps of SFT, before RFT")
    axis.set_ylabel("share of words with labels")
    axis.figure.colorbar(image, ax=axis, label="reward of hopeless words after RFT")


def _bars(axis: Axes, record: Record) -> None:
    values = {"SFT": curve(record, "sft", "hopeless")[-1]}
    values |= {"RFT, exact gradient": curve(record, "exact", "hopeless")[-1]}
    for name in record.results["heuristics"]:
        values[name] = heuristic(record, name, "hopeless")
    if "graded" in record.results:
        values["RLOO, graded reward"] = _graded_right(record)
    for place, (name, found) in enumerate(reversed(values.items())):
        axis.barh(place, found.mean(), color=COLORS["sft" if name == "SFT" else "rft"])
        axis.plot(found, [place] * len(found), "|", color="black")
    axis.set_yticks(range(len(values)), list(reversed(values)))
    axis.set_xlabel("expected reward of hopeless words")


def _graded_right(record: Record) -> np.ndarray:
    """Probability of being right of hopeless words, after RFT on the graded reward."""
    found = {name: np.array(rows, float) for name, rows in record.results["graded"].items()}
    members = groups(record, found["right_before"])["hopeless"]
    return np.mean(found["right_after"], axis=1, where=members)


def table(record: Record) -> list[list[str]]:
    """Expected rewards by method at the end, by groups of words, mean ± sample std over seeds."""
    columns = ("all", "hopeless", "hard", "others")
    rows = [["method", "rate", *columns, "test words", "corr(std, |change|)"]]

    def line(label: str, rate: str, name: str, row: int) -> list[str]:
        cells = [mean_and_std(curve(record, name, group)[row], 3) for group in columns]
        return [label, rate, *cells, mean_and_std(curve(record, name, "all", "test")[row], 3)]

    rows.append([*line("pretrained", "", "exact", 0), ""])
    for name, label in record.results["labels"].items():
        rate = f"{record.results['learning_rates'][name]:g}"
        together = mean_and_std(correlations(record, name), 2)
        rows.append([*line(label, rate, name, -1), together])
    return rows


def summary(record: Record) -> str:
    """The figure in numbers."""
    parts = {
        "gradients": _bounds,
        "alone": _times_alone,
        "sft_first": _sft_first,
        "heuristics": _heuristics,
        "graded": _graded,
        "learned": _learned,
    }
    told = [part(record) for name, part in parts.items() if name in record.results]
    return " ".join([_methods(record), _exploration(record), *told])


def _methods(record: Record) -> str:
    start = rewards(record, "exact")[0]
    share = groups(record, start)["hopeless"].mean()

    def end(name: str, group: str) -> str:
        return mean_and_std(curve(record, name, group)[-1], 3)

    return (
        f"{share:.0%} of the words are hopeless. Their expected reward goes from "
        f"{curve(record, 'exact', 'hopeless')[0].mean():.3f} to {end('exact', 'hopeless')} by RFT "
        f"on the exact gradient and to {end('sft', 'hopeless')} by SFT; that of all words from "
        f"{curve(record, 'exact', 'all')[0].mean():.3f} to {end('exact', 'all')} and "
        f"{end('sft', 'all')}. Std at the start and absolute change correlate by "
        f"{mean_and_std(correlations(record, 'exact'), 2)} and "
        f"{mean_and_std(correlations(record, 'sft'), 2)}."
    )


def _exploration(record: Record) -> str:
    sampled = [
        f"{record.results['labels'][name]}: {mean_and_std(curve(record, name, 'hopeless')[-1], 3)}"
        for name in ("grpo", "rloo", "ppo")
        if name in record.results["labels"]
    ]
    return f"Hopeless words by samples: {'; '.join(sampled) or 'not run'}."


def _bounds(record: Record) -> str:
    found = tightness(record)
    violated = sum(int((ratios > 1).sum()) for ratios in found.values())
    return (
        f"Of {len(found['theorem'])} words {violated} exceed a bound; at most "
        f"{found['certificate'].max():.2g} of the certificate is attained, and "
        f"{found['theorem'].max():.2g} of the theorem's bound."
    )


def _times_alone(record: Record) -> str:
    slope, linear, product = slope_of_times(record)
    return (
        f"Alone, a word takes RFT a time that goes with STD to the power {slope:.2f} (t · STD² "
        f"from {product.min():.2g} to {product.max():.2g}); SFT's time and ln 1/STD correlate by "
        f"{linear:.2f}."
    )


def _sft_first(record: Record) -> str:
    shares, steps = record.config["label_shares"], record.config["sft_steps"]
    cells = []
    for group in ("hopeless", "all"):
        gains, ended = share_of_gain(record, group), sft_first_scores(record, group)["at_end"]
        of_cells = "; ".join(
            f"{share:.0%} of labels, {n} steps: {ended[i, j]:.3f} ({gains[i, j]:.0%})"
            for j, share in enumerate(shares)
            for i, n in enumerate(steps)
        )
        alone = rft_alone(record, group)
        cells.append(f"{group} words (RFT alone {alone:.3f}): {of_cells}")
    return "SFT first, and the share of what all labels and steps gain: " + ". ".join(cells) + "."


def _heuristics(record: Record) -> str:
    found = "; ".join(
        f"{name}: {mean_and_std(heuristic(record, name, 'hopeless'), 3)}"
        for name in record.results["heuristics"]
    )
    return f"Heuristics, hopeless words: {found}."


def _graded(record: Record) -> str:
    found = {name: np.array(rows, float) for name, rows in record.results["graded"].items()}
    members = groups(record, found["right_before"])["hopeless"]

    def of_hopeless(name: str) -> float:
        return float(found[name][members].mean())

    return (
        f"The graded reward of hopeless words has std {of_hopeless('std_before'):.2f} and goes "
        f"from {of_hopeless('before'):.2f} to {of_hopeless('after'):.2f} by RLOO on it (to "
        f"{of_hopeless('after_right'):.2f} by RLOO on being right), their probability of being "
        f"right to {_graded_right(record).mean():.3f}; its std and absolute change correlate by "
        f"{mean_and_std(graded_correlations(record), 2)}."
    )


def _learned(record: Record) -> str:
    found = {name: np.array(rows, float) for name, rows in record.results["learned"].items()}
    members = groups(record, found["right_before"])["hopeless"]
    r = {name: mean_and_std(each, 2) for name, each in learned_correlations(record).items()}
    true, after = (found[name].mean() for name in ("true", "true_after"))
    return (
        f"A learned reward orders {found['accuracy'].mean():.0%} of held-out pairs right. Its std "
        f"correlates by {r['true std']} with that of the true reward, by {r['change, learned']} "
        f"with its own absolute change in RFT on it and by {r['change, true']} with that of the "
        f"true reward, which goes from {true:.2f} to {after:.2f} on all words and from "
        f"{found['true'][members].mean():.2f} to {found['true_after'][members].mean():.2f} on "
        f"hopeless ones, whose probability of being right goes to "
        f"{found['right_after'][members].mean():.3f}."
    )
