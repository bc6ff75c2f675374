"""Numbers that answer the study's questions, from a record alone."""

from itertools import pairwise

import numpy as np

from experiments.output.record import Record


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


def score_without_sft(record: Record) -> float:
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


def pair(record: Record, asked: float, labels: str, name: str) -> float:
    """Mean over models of a number found with these labels at that reward."""
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
