"""Figure, table and summary of the study of SFT before RFT."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from experiments.output.figures import COLORS
from experiments.output.record import Record
from experiments.studies.jrft.sft_first.findings import (
    at_matched_reward,
    falls,
    pair,
    score_without_sft,
    scores,
    smallest,
    winners,
)


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
    heat.set_ylabel("labeled prompts, at random")
    figure.colorbar(image, ax=heat, label="share of full SFT-then-RFT")

    for name, score in scores(record).items():
        orders.plot(config["num_labelled"], score.max(axis=1), "o-", label=name)
    orders.axhline(0.95, color="black", linewidth=0.8)
    orders.axhline(score_without_sft(record), color=COLORS["rft"], linestyle="--", label="no SFT")
    orders.set_xscale("log", base=2)
    orders.set_xlabel("labeled prompts")
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
    rows = [["labeled first", *(f"m = {m}" for m in labels), "smallest (m, n) at 95 %"]]
    for name, score in scores(record).items():
        found = smallest(record, name)
        cells = (f"{value:.2f}" for value in score.max(axis=1))
        rows.append([name, *cells, "none" if found is None else f"({found[0]}, {found[1]})"])
    alone = f"{score_without_sft(record):.2f}"
    return [*rows, ["no SFT", *[alone] * len(labels), ""]]


def summary(record: Record) -> str:
    """Stds, smallest SFT, matched rewards and falls, in words."""
    parts = (_stds, _least_sft, _gains_at_one_reward, _interventions, _falls)
    return " ".join(part(record) for part in parts)


def _stds(record: Record) -> str:
    results, steps = record.results, record.config["sft_steps"]
    stds = np.array(results["at_hand_over"]["std"], float)[:, -1].mean(axis=(0, -1))
    after = ", ".join(f"{std:.2f} after {n}" for n, std in zip(steps, stds, strict=True))
    return (
        f"The mean std of changed inputs is {np.mean(results['pretrained']['std']):.3f} when "
        f"pretrained, {after} steps of SFT on all labels. RFT alone ends at reward "
        f"{np.mean(results['plain_rft']['reward']):.2f} on them."
    )


def _least_sft(record: Record) -> str:
    found = smallest(record, "random")
    if found is None:
        return "No cell of the grid with random labels reaches 95 % of full SFT-then-RFT."
    labels, steps, share = found
    return (
        f"{labels} random labels and {steps} steps of SFT reach {share:.0%} of full SFT-then-RFT."
    )


def _gains_at_one_reward(record: Record) -> str:
    bins = "; ".join(
        f"[{row['low']:g}, {row['high']:g}): r = {row['correlation']:.2f}, gain "
        f"{row['gain_of_smaller_std']:.2f} and {row['gain_of_larger_std']:.2f}"
        for row in at_matched_reward(record)
    )
    return (
        "By reward at hand-over, std against RFT's gain, and gains of the smaller and the larger "
        f"half of stds: {bins}."
    )


def _interventions(record: Record) -> str:
    pairs = "; ".join(
        f"{kind} labels to reward {pair(record, reward, kind, 'reward_at_hand_over'):.2f}, std "
        f"{pair(record, reward, kind, 'std_at_hand_over'):.2f}, end at "
        f"{pair(record, reward, kind, 'reward_at_end'):.2f}"
        for reward in record.config["matched_rewards"]
        for kind in ("right", "half right")
    )
    num_pairs, by_std, by_labels = winners(record)
    return (
        f"Intervening: {pairs}. Of {num_pairs} pairs the larger std ended higher in {by_std}, "
        f"right labels in {by_labels}."
    )


def _falls(record: Record) -> str:
    number, prob_fell, reward_fell = falls(record)
    return (
        f"Of {number} inputs handed over at a std of 0.5 or more, RFT lowers the target's "
        f"probability in {prob_fell:.0%} and the reward in {reward_fell:.0%}."
    )
