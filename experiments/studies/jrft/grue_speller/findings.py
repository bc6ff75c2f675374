"""Numbers that answer the study's questions, from a record alone."""

from typing import Any

import numpy as np

from experiments.output.record import Record


def groups(record: Record, values: Any) -> dict[str, np.ndarray]:
    """Which words are hopeless, hard or neither, from their expected rewards at the start."""
    hopeless, hard = record.config["hopeless"], record.config["hard"]
    start = np.array(values, float)
    return {
        "hopeless": start < hopeless,
        "hard": (hopeless <= start) & (start < hard),
        "others": start >= hard,
    }


def rewards(record: Record, method: str, part: str = "train") -> np.ndarray:
    """Expected rewards of words over training, float[rows, seeds, words], the start first."""
    start = np.array(record.results["start"][part], float)
    return np.concatenate([start[None], np.array(record.results["methods"][method][part], float)])


def curve(record: Record, method: str, group: str, part: str = "train") -> np.ndarray:
    """Mean expected reward of a group of words, or "all", float[rows, seeds]."""
    values = rewards(record, method, part)
    if group == "all":
        return values.mean(axis=-1)
    members = groups(record, values[0])[group]
    return np.mean(values, axis=-1, where=np.broadcast_to(members, values.shape))


def correlations(record: Record, method: str) -> np.ndarray:
    """Pearson's correlation of a word's std at the start with its absolute change, float[seeds]."""
    values = rewards(record, method)
    std = np.sqrt(values[0] * (1 - values[0]))
    return _correlations(std, np.abs(values[-1] - values[0]))


def graded_correlations(record: Record) -> np.ndarray:
    """The same for the graded reward, both from samples, whose noise lowers it; float[seeds]."""
    found = {name: np.array(rows, float) for name, rows in record.results["graded"].items()}
    return _correlations(found["std_before"], np.abs(found["after"] - found["before"]))


def learned_correlations(record: Record) -> dict[str, np.ndarray]:
    """Of the std that the learned reward has before, with three others, float[seeds] each.

    With the std of the true reward, with the absolute change of the learned reward, and with that
    of the true reward; all from samples.
    """
    found = {name: np.array(rows, float) for name, rows in record.results["learned"].items()}
    std = found["learned_std"]
    return {
        "true std": _correlations(std, found["true_std"]),
        "change, learned": _correlations(std, np.abs(found["learned_after"] - found["learned"])),
        "change, true": _correlations(std, np.abs(found["true_after"] - found["true"])),
    }


def _correlations(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.array([np.corrcoef(a, b)[0, 1] for a, b in zip(one, other, strict=True)])


def sft_first_scores(record: Record, group: str) -> dict[str, np.ndarray]:
    """Mean expected reward by steps and share, float[steps, shares], over seeds and words.

    Returns:
        `at_hand_over` and `at_end`.
    """
    found = record.results["sft_first"]
    seeds = len(found["at_end"])
    start = np.array(record.results["start"]["train"], float)[:seeds]
    chosen = np.ones(start.shape, bool) if group == "all" else groups(record, start)[group]
    return {
        name: np.stack(
            [
                np.array(of_seed, float)[..., members].mean(axis=-1)
                for of_seed, members in zip(found[name], chosen, strict=True)
            ]
        ).mean(axis=0)
        for name in ("at_hand_over", "at_end")
    }


def rft_alone(record: Record, group: str) -> float:
    """Mean expected reward of those seeds after RFT alone, by the exact gradient."""
    seeds = len(record.results["sft_first"]["at_end"])
    return float(curve(record, "exact", group)[-1, :seeds].mean())


def share_of_gain(record: Record, group: str) -> np.ndarray:
    """What little SFT, then RFT gains over RFT alone, as a share of full SFT, then RFT."""
    ended = sft_first_scores(record, group)["at_end"]
    alone = rft_alone(record, group)
    return (ended - alone) / (ended[-1, -1] - alone)


def heuristic(record: Record, name: str, group: str) -> np.ndarray:
    """Mean expected reward of a group after RFT with a heuristic, float[seeds]."""
    values = np.array(record.results["heuristics"][name], float)
    start = np.array(record.results["start"]["train"], float)[: len(values)]
    members = groups(record, start)[group]
    return np.mean(values, axis=1, where=members)


def tightness(record: Record) -> dict[str, np.ndarray]:
    """Gradient norm over each bound, float[words]; beyond 1 it would be violated."""
    found = {
        name: np.array(row, float) for name, row in record.results["gradients"]["bounds"].items()
    }
    return {name: found["norm"] / found[name] for name in ("theorem", "certificate")}


def slope_of_times(record: Record) -> tuple[float, float, np.ndarray]:
    """Of words alone: slope of ln t_RFT over ln STD; how linear t_SFT is in ln 1/STD.

    Returns:
        The slope, Pearson's correlation of t_SFT with ln 1/STD, and t_RFT · STD².
    """
    alone = {name: np.array(row, float) for name, row in record.results["alone"].items()}
    known = np.isfinite(alone["rft"])
    std, sft, rft = (alone[name][known] for name in ("std", "sft", "rft"))
    slope = float(np.polyfit(np.log(std), np.log(rft), 1)[0])
    return slope, float(np.corrcoef(-np.log(std), sft)[0, 1]), rft * std**2
