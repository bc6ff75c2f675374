"""Steps that fall: a run that was resumed, or begun anew, logs the same steps again."""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Int64

from jrft.diagnosis.log.whole.runs import of_a_part
from jrft.diagnosis.log.whole.state import Whole

# A step that falls more often than so, or than there are steps, is no restart: rows of several
# steps are written as they come.
_MOST = 64


def without_replaced(whole: Whole) -> Whole:
    """The log without rows that a resumed run logged again.

    A run that is resumed at step s replaces what was logged before from step s on. A run that
    begins anew at its first step may as well be another run, so that stops.

    Raises:
        ValueError: The log begins anew, and neither `last_run` nor `columns.trusted` says what
            that means.
    """
    steps, column = whole.log.steps, whole.columns.step
    if steps is None or whole.columns.trusted:
        return whole
    falls = _falls(whole, steps)
    if len(falls) > min(_MOST, len(np.unique(steps))):
        return whole
    kept = np.ones(len(steps), bool)
    ends = [*falls[1:].tolist(), len(steps)]
    for start, stop in zip(falls.tolist(), ends, strict=False):
        replaced = kept & (np.arange(len(kept)) < start)
        first = steps[replaced].min(initial=steps[start])
        replaced &= steps >= steps[start]
        if not _again(whole, replaced, slice(start, stop)):
            continue
        if steps[start] <= first and not whole.last_run:
            raise ValueError(
                f"the step, {column}, begins anew at row {start + 1:,}, and prompts come "
                "back at the same steps: pass --last-run if only the rows from there on count, or "
                "--trust-columns if all rows are of one run. Logs of several runs are read one by "
                "one"
            )
        kept[replaced] = False
    if left_out := int((~kept).sum()):
        whole.notes.append(
            f"The step, {column}, restarts: {left_out:,} completions that were logged before "
            "at the same or later steps were left out (--trust-columns keeps them)."
        )
    elif whole.last_run:
        whole.notes.append(f"The step, {column}, does not restart: all rows were read.")
    return whole if kept.all() else whole.only(kept)


def _falls(whole: Whole, steps: Int64[np.ndarray, " m"]) -> Int64[np.ndarray, " n"]:
    """Where the step falls, not between files of the machines of one run."""
    falls = np.flatnonzero(np.diff(steps) < 0) + 1
    if whole.files is None:
        return falls
    parts = np.array([of_a_part(path) for path in whole.paths])
    before, after = whole.files[falls - 1], whole.files[falls]
    return falls[(before == after) | ~parts[after]]


def _again(whole: Whole, before: Bool[np.ndarray, " m"], after: slice) -> bool:
    """Whether later rows hold most visits of earlier rows again, at the steps that both hold."""
    log, visits = whole.log, whole.visits()
    assert log.steps is not None
    if not before.any():
        return False
    steps = np.unique(log.steps[before])
    common = np.isin(log.steps, steps[steps <= log.steps[after].max()])
    earlier = visits[before & common]
    now = np.zeros_like(before)
    now[after] = True
    later = visits[now & common]
    if 2 * len(later) < len(earlier) or not len(later):  # a few late rows, or none
        return False
    repeated = np.isin(np.unique(later), earlier)
    return bool(repeated.mean() >= 0.5)


def without_versions(whole: Whole) -> Whole:
    """The log without a guessed step that is a version of the weights and splits groups.

    Asynchronous trainers sample the completions of a group from several versions.

    Raises:
        ValueError: Groups are split, and prompts were visited unequally often.
    """
    log, step = whole.log, str(whole.columns.step)
    if log.steps is None or not whole.guessed("step") or "version" not in step:
        return whole
    totals = np.bincount(log.prompts)
    if len(totals) < 2 or _most_frequent(whole.group_sizes()) >= 0.8:
        return whole
    if _most_frequent(totals) >= 0.9:
        whole.notes.append(
            f"Completions of one group have several {step}: it was not used. Pass --step "
            f"NAME with the training step, or --step {step} if groups are of one version."
        )
        return replace(whole, log=replace(log, steps=None))
    raise ValueError(
        f"completions of one group seem to have several {step}, as groups of asynchronous "
        "trainers do: pass --step NAME with the training step, or --trust-columns if each "
        f"{step} has groups of its own"
    )


def _most_frequent(sizes: Int64[np.ndarray, " n"]) -> float:
    """The share of the most frequent size."""
    return float(np.unique(sizes, return_counts=True)[1].max() / len(sizes))
