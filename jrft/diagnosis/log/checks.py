"""Checks of the columns: senseless ones are dropped with a note, or stop the reading."""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Int64

from jrft.diagnosis.log.columns import FILE_STEP, Columns
from jrft.diagnosis.log.consistency import hold_several
from jrft.diagnosis.log.log import RewardLog, selected
from jrft.diagnosis.log.restarts import without_replaced, without_versions
from jrft.diagnosis.log.same_prompts import without_padding

_MANY = 0.9
_FEW_PROMPTS = 8
# So many rewards are looked at where the size of groups is given.
_FIRST = 16_384


def checked(
    log: RewardLog,
    completions: Int64[np.ndarray, " m"] | None,
    columns: Columns,
    *,
    last_run: bool = False,
) -> tuple[RewardLog, list[str]]:
    """The log without false outcomes, false steps and repeated generations, and notes on these.

    Args:
        log: All rows.
        completions: int64[m], a hash of each completion, or None.
        columns: Their names.
        last_run: Of a run that begins anew, keep only the rows after its last beginning.

    Raises:
        ValueError: Nearly every prompt has one completion, or the log holds several runs.
    """
    notes: list[str] = []
    if log.outcomes is not None and "outcome" in columns.guessed and not _zeros_and_ones(log):
        notes.append(
            f"Column {columns.outcome!r} looked like the outcome but does not hold 0 and 1: it was "
            "not used."
        )
        log = replace(log, outcomes=None)
    if columns.group_size is not None and not columns.prompt and not columns.trusted:
        first = slice(0, _FIRST - _FIRST % columns.group_size)
        if hold_several(np.nan_to_num(log.rewards[first]), log.prompts[first], None):
            raise ValueError(
                f"--group-size is {columns.group_size}, and rewards that follow each other in a "
                "group agree more than by chance: pass the number of completions of each prompt, "
                "or --trust-columns if it is right"
            )
    if len(columns.prompt) == 1:  # names by several columns are lists, and no tokens
        log = without_padding(log, notes)
    if completions is not None and len(completions):
        log = _once(log, completions, notes)
    log = without_replaced(log, columns, notes, last_run=last_run)
    log = without_versions(log, columns, notes)
    if log.steps is not None and "step" in columns.guessed and _step_splits_groups(log):
        _check_rows_of_batch(log, columns)
        said = f"Pass --step {columns.step} if it is the training step."
        notes.append(
            f"The step, {columns.step}, differs within nearly every group of completions, as a "
            f"turn would: it was not used. {said if columns.step != FILE_STEP else ''}".strip()
        )
        log = replace(log, steps=None)
    _check_groups(log, columns)
    return log, notes + _left_out(log) + _doubled(log)


def _doubled(log: RewardLog) -> list[str]:
    """A note where some groups are twice as large as all others."""
    if log.steps is None:
        return []
    sizes, counts = np.unique(_group_sizes(log), return_counts=True)
    if len(sizes) != 2 or sizes[1] != 2 * sizes[0] or counts.min() < 0.05 * counts.sum():
        return []
    return [
        f"{counts[1]:,} groups have {sizes[1]} completions, {counts[0]:,} have {sizes[0]}: a step "
        "that was logged twice looks so, and so do groups whose completions say different steps."
    ]


def _once(log: RewardLog, completions: Int64[np.ndarray, " m"], notes: list[str]) -> RewardLog:
    """The log without copies and without steps that repeat an earlier step."""
    copied = _copied(log, completions)
    if copied.any():
        notes.append(
            f"{int(copied.sum()):,} completions are in the log several times, with the same "
            "prompts, steps, texts and rewards: they are counted once."
        )
        log, completions = selected(log, ~copied), completions[~copied]
    repeated = _repeated(log, completions) if log.steps is not None else copied[~copied]
    if repeated.any():
        notes.append(
            f"{int(repeated.sum()):,} completions are logged again at a later step, with the "
            "same texts and rewards: they are counted once."
        )
        log = selected(log, ~repeated)
    return log


def _left_out(log: RewardLog) -> list[str]:
    """A note where a trainer logs every so many steps only."""
    steps = np.empty(0) if log.steps is None else np.unique(log.steps)
    if len(steps) < 3 or (every := int(np.gcd.reduce(np.diff(steps)))) < 2:
        return []
    first = ", ".join(map(str, steps[:3].tolist()))
    return [f"Steps {first}, … are logged, one in {every}: the samples between them are not here."]


def _zeros_and_ones(log: RewardLog) -> bool:
    assert log.outcomes is not None
    known = log.outcomes[~np.isnan(log.outcomes)]
    return bool(known.size and np.isin(known, (0.0, 1.0)).all())


def _repeated(log: RewardLog, completions: Int64[np.ndarray, " m"]) -> Bool[np.ndarray, " m"]:
    """Rows of steps that repeat an earlier step: trainers log a generation at each of its updates.

    A step repeats another if both hold the same prompts, completions and rewards, in any order, and
    at least four different completions: short answers may repeat by themselves.
    """
    assert log.steps is not None
    steps, at = np.unique(log.steps, return_inverse=True)
    bits = np.where(np.isnan(log.rewards), -1.0, log.rewards).view(np.int64)
    rows = np.stack([log.prompts.astype(np.int64), completions, bits], axis=1)
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
    bits = np.where(np.isnan(log.rewards), -1.0, log.rewards).view(np.int64)
    of_steps = np.zeros_like(completions) if log.steps is None else log.steps
    # One number for a row: products wrap around, as in a hash.
    rows = (
        completions + bits * 0x2545F4914F6CDD1D + log.prompts.astype(np.int64) * 0x369DEA0F31A53F85
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


def _sorted(rows: Int64[np.ndarray, "m 3"]) -> Int64[np.ndarray, "m 3"]:
    return rows[np.lexsort(rows.T)]


def _group_sizes(log: RewardLog) -> Int64[np.ndarray, " g"]:
    keys = log.prompts.astype(np.int64)
    if log.steps is not None:
        distinct, at = np.unique(log.steps, return_inverse=True)
        keys = keys * len(distinct) + at
    return np.unique(keys, return_counts=True)[1]


def _step_splits_groups(log: RewardLog) -> bool:
    whole = _group_sizes(replace(log, steps=None))
    several = len(whole) >= 2 and np.mean(whole > 1) > _MANY and len(log.rewards) >= _FEW_PROMPTS
    return bool(several and np.mean(_group_sizes(log) == 1) > _MANY)


def _check_rows_of_batch(log: RewardLog, columns: Columns) -> None:
    """A prompt with one completion at each of a few steps may be a row's place in its batch."""
    assert log.steps is not None
    distinct = len(np.unique(log.steps))
    if columns.trusted or columns.step == FILE_STEP or 4 * distinct > len(log.rewards):
        return
    name = " + ".join(columns.prompt) or "the row"
    raise ValueError(
        f"nearly every prompt by {name} has one completion at each {columns.step}. Is {name} a "
        "place in the batch, or the reward a mean over rollouts? Pass --prompt NAME, or "
        "--group-size N if the N completions of a prompt follow each other, or "
        f"--trust-columns if {columns.step} is no training step"
    )


def _check_groups(log: RewardLog, columns: Columns) -> None:
    sizes = np.bincount(log.prompts)
    single = np.mean(sizes[sizes > 0] == 1) if sizes.size else 0.0
    if columns.trusted or len(sizes) < _FEW_PROMPTS or single <= _MANY:
        return
    name = " + ".join(columns.prompt) or "the row"
    raise ValueError(
        f"{single:.0%} of the {len(sizes):,} prompts have one completion, so no group can be "
        f"judged. Is {name} the prompt column? Pass --prompt NAME, or --group-size N if the N "
        "completions of a prompt follow each other, or --trust-columns if this is so"
    )
