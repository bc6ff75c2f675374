"""Completions that are in a log several times."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Int64

from jrft.diagnosis.log.log import RewardLog
from jrft.diagnosis.log.whole.state import Whole


def without_copies(whole: Whole) -> Whole:
    """The log without copies of whole steps."""
    return _once(
        whole,
        _copied,
        "are in the log several times, with the same prompts, steps, texts and rewards",
    )


def without_repeated_steps(whole: Whole) -> Whole:
    """The log without steps that repeat an earlier step."""
    said = "are logged again at a later step, with the same texts and rewards"
    return whole if whole.log.steps is None else _once(whole, _repeated, said)


def _once(
    whole: Whole,
    find: Callable[[RewardLog, Int64[np.ndarray, " m"]], Bool[np.ndarray, " m"]],
    said: str,
) -> Whole:
    """The log without the rows that are found, with a note."""
    if whole.completions is None or not len(whole.completions):
        return whole
    again = find(whole.log, whole.completions)
    if not again.any():
        return whole
    whole.notes.append(f"{int(again.sum()):,} completions {said}: they are counted once.")
    return whole.only(~again)


def _repeated(log: RewardLog, completions: Int64[np.ndarray, " m"]) -> Bool[np.ndarray, " m"]:
    """Rows of steps that repeat an earlier step: trainers log a generation at each of its updates.

    A step repeats another if both hold the same prompts, completions and rewards, in any order, and
    at least four different completions: short answers may repeat by themselves.
    """
    assert log.steps is not None
    steps, at = np.unique(log.steps, return_inverse=True)
    rows = np.stack([log.prompts.astype(np.int64), completions, _bits(log)], axis=1)
    order = np.argsort(at, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(at, minlength=len(steps)))[:-1])
    seen: dict[tuple[int, ...], list[np.ndarray]] = {}
    repeated = np.zeros(len(at), bool)
    for part in parts:
        # Only steps of the same sums, which wrap around, are sorted and compared.
        table = rows[part]
        earlier = seen.setdefault((len(part), *table.sum(axis=0).tolist()), [])
        if any(np.array_equal(_sorted(table), _sorted(rows[other])) for other in earlier):
            repeated[part] = len(np.unique(table[:, 1])) >= 4
        else:
            earlier.append(part)
    return repeated


def _copied(log: RewardLog, completions: Int64[np.ndarray, " m"]) -> Bool[np.ndarray, " m"]:
    """Rows beyond the first copy of a step, if each of its rows is in the log k times, or 2k, ….

    A step of fewer than eight different rows, or of groups of equal completions, may be so by
    itself.
    """
    of_steps = np.zeros_like(completions) if log.steps is None else log.steps
    # One number for a row: products wrap around, as in a hash.
    rows = (
        completions
        + _bits(log) * 0x2545F4914F6CDD1D
        + log.prompts.astype(np.int64) * 0x369DEA0F31A53F85
    )
    rows += of_steps * 0x1B873593CC9E2D51
    order = np.argsort(rows, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(rows[order]) != 0])
    copied = np.zeros(len(rows), bool)
    if len(starts) == len(rows):
        return copied
    steps, at = np.unique(of_steps, return_inverse=True)
    visits = log.prompts.astype(np.int64) * len(steps) + at
    counts = np.diff(np.r_[starts, len(rows)])
    step = at[order[starts]]
    copies = np.zeros(len(steps), np.int64)
    np.gcd.at(copies, step, counts)
    num_visits = np.bincount(np.unique(visits) % len(steps), minlength=len(steps))
    different = np.bincount(step, minlength=len(steps))
    copies[different < np.maximum(8, 2 * num_visits)] = 1
    place = np.arange(len(rows)) - np.repeat(starts, counts)
    copied[order] = place >= np.repeat(counts // copies[step], counts)
    return copied


def _bits(log: RewardLog) -> Int64[np.ndarray, " m"]:
    """Whole numbers that are equal where rewards are, or are missing."""
    return np.where(np.isnan(log.rewards), -1.0, log.rewards).view(np.int64)


def _sorted(rows: Int64[np.ndarray, "m 3"]) -> Int64[np.ndarray, "m 3"]:
    return rows[np.lexsort(rows.T)]
