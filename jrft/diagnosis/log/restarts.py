"""Steps that fall: a run that was resumed, or begun anew, logs the same steps again."""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Int64

from jrft.diagnosis.log.columns import Columns
from jrft.diagnosis.log.log import RewardLog, selected

# A step that falls more often than so, or than there are steps, is no restart: rows of several
# steps are written as they come.
_MOST = 64


def without_replaced(
    log: RewardLog, columns: Columns, notes: list[str], *, last_run: bool = False
) -> RewardLog:
    """The log without rows that a resumed run logged again.

    A run that is resumed at step s replaces what was logged before from step s on. A run that
    begins anew at its first step may as well be another run, so that stops.

    Args:
        log: Rows in the order of the log.
        columns: Their names.
        notes: A note is added where rows are left out.
        last_run: Of a run that begins anew, keep only the rows after its last beginning.

    Raises:
        ValueError: The log begins anew, and neither `last_run` nor `columns.trusted` says what
            that means.
    """
    if log.steps is None or columns.trusted:
        return log
    falls = np.flatnonzero(np.diff(log.steps) < 0) + 1
    if len(falls) > min(_MOST, len(np.unique(log.steps))):
        return log
    kept = np.ones(len(log.steps), bool)
    ends = [*falls[1:].tolist(), len(log.steps)]
    for start, stop in zip(falls.tolist(), ends, strict=False):
        replaced = kept & (np.arange(len(kept)) < start)
        first = log.steps[replaced].min(initial=log.steps[start])
        replaced &= log.steps >= log.steps[start]
        if not _again(log, replaced, slice(start, stop)):
            continue
        if log.steps[start] <= first and not last_run:
            raise ValueError(
                f"the step, {columns.step}, begins anew at row {start + 1:,}, and prompts come "
                "back at the same steps: pass --last-run if only the rows from there on count, or "
                "--trust-columns if all rows are of one run. Logs of several runs are read one by "
                "one"
            )
        kept[replaced] = False
    if left_out := int((~kept).sum()):
        notes.append(
            f"The step, {columns.step}, restarts: {left_out:,} completions that were logged before "
            "at the same or later steps were left out (--trust-columns keeps them)."
        )
    elif last_run:
        notes.append(f"The step, {columns.step}, does not restart: all rows were read.")
    return log if kept.all() else selected(log, kept)


def _again(log: RewardLog, before: Bool[np.ndarray, " m"], after: slice) -> bool:
    """Whether later rows hold most visits of earlier rows again, at the steps that both hold."""
    assert log.steps is not None
    if not before.any():
        return False
    steps = np.unique(log.steps[before])
    common = np.isin(log.steps, steps[steps <= log.steps[after].max()])
    earlier = _visits(log, np.flatnonzero(before & common))
    now = np.zeros_like(before)
    now[after] = True
    later = _visits(log, np.flatnonzero(now & common))
    if 2 * len(later) < len(earlier) or not len(later):  # a few late rows, or none
        return False
    repeated = np.isin(np.unique(later), earlier)
    return bool(repeated.mean() >= 0.5)


def _visits(log: RewardLog, rows: Int64[np.ndarray, " n"]) -> Int64[np.ndarray, " n"]:
    """One number for prompt and step of each row."""
    assert log.steps is not None
    distinct, at = np.unique(log.steps, return_inverse=True)
    return (log.prompts.astype(np.int64) * len(distinct) + at)[rows]


def without_versions(log: RewardLog, columns: Columns, notes: list[str]) -> RewardLog:
    """The log without a guessed step that is a version of the weights and splits groups.

    Asynchronous trainers sample the completions of a group from several versions.

    Raises:
        ValueError: Groups are split, and prompts were visited unequally often.
    """
    guessed = columns.step is not None and "step" in columns.guessed and not columns.trusted
    if log.steps is None or not guessed or "version" not in str(columns.step):
        return log
    totals = np.bincount(log.prompts)
    visits = np.unique(_visits(log, np.arange(len(log.steps))), return_counts=True)[1]
    if len(totals) < 2 or _most_frequent(visits) >= 0.8:
        return log
    if _most_frequent(totals) >= 0.9:
        notes.append(
            f"Completions of one group have several {columns.step}: it was not used. Pass --step "
            f"NAME with the training step, or --step {columns.step} if groups are of one version."
        )
        return replace(log, steps=None)
    raise ValueError(
        f"completions of one group seem to have several {columns.step}, as groups of asynchronous "
        "trainers do: pass --step NAME with the training step, or --trust-columns if each "
        f"{columns.step} has groups of its own"
    )


def _most_frequent(sizes: Int64[np.ndarray, " n"]) -> float:
    """The share of the most frequent size."""
    return float(np.unique(sizes, return_counts=True)[1].max() / len(sizes))
