"""Checks of the columns: senseless ones are dropped with a note, or stop the reading."""

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Int64

from jrft.diagnosis.log.columns import FILE_STEP, Columns
from jrft.diagnosis.log.log import RewardLog

_MANY = 0.9
_FEW_PROMPTS = 8


def checked(
    log: RewardLog, completions: Int64[np.ndarray, " m"] | None, columns: Columns
) -> tuple[RewardLog, list[str]]:
    """The log without false outcomes, false steps and repeated generations, and notes on these.

    Args:
        log: All rows.
        completions: int64[m], a hash of each completion, or None.
        columns: Their names.

    Raises:
        ValueError: Nearly every prompt has one completion.
    """
    notes: list[str] = []
    if log.outcomes is not None and "outcome" in columns.guessed and not _zeros_and_ones(log):
        notes.append(
            f"Column {columns.outcome!r} looked like the outcome but does not hold 0 and 1: it was "
            "not used."
        )
        log = replace(log, outcomes=None)
    if log.steps is not None and completions is not None:
        repeated = _repeated(log, completions)
        if repeated.any():
            notes.append(
                f"{int(repeated.sum()):,} completions are logged again at a later step, with the "
                "same texts and rewards: they are counted once."
            )
            log = selected(log, ~repeated)
    if log.steps is not None and "step" in columns.guessed and _step_splits_groups(log):
        said = f"Pass --step {columns.step} if it is the training step."
        notes.append(
            f"The step, {columns.step}, differs within nearly every group of completions, as a "
            f"turn would: it was not used. {said if columns.step != FILE_STEP else ''}".strip()
        )
        log = replace(log, steps=None)
    _check_groups(log, columns)
    return log, notes + _left_out(log)


def _left_out(log: RewardLog) -> list[str]:
    """A note where a trainer logs every so many steps only."""
    steps = np.empty(0) if log.steps is None else np.unique(log.steps)
    if len(steps) < 3 or (every := int(np.gcd.reduce(np.diff(steps)))) < 2:
        return []
    first = ", ".join(map(str, steps[:3].tolist()))
    return [f"Steps {first}, … are logged, one in {every}: the samples between them are not here."]


def selected(log: RewardLog, rows: Bool[np.ndarray, " m"]) -> RewardLog:
    """The log with some rows, and with the prompts that still have any."""
    present, codes = np.unique(log.prompts[rows], return_inverse=True)
    return RewardLog(
        rewards=log.rewards[rows],
        prompts=codes.astype(np.int32),
        prompt_ids=[log.prompt_ids[i] for i in present],
        outcomes=None if log.outcomes is None else log.outcomes[rows],
        components={name: values[rows] for name, values in log.components.items()},
        steps=None if log.steps is None else log.steps[rows],
    )


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
