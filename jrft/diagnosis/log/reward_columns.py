"""Which columns add up to the reward."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float64

from jrft.diagnosis.log.column_names import (
    ADVANTAGES,
    ANSWERS,
    COMPLETIONS,
    IDS,
    NUMBERS,
    OUTCOMES,
    RATES,
    REWARDS,
    STEPS,
    TEXTS,
    is_term,
)
from jrft.diagnosis.log.columns import FILE_STEP, Columns
from jrft.diagnosis.log.sample import Table, present
from jrft.diagnosis.log.values import (
    ABSENT,
    are_numbers,
    flat_numbers,
    is_number,
    is_spelled,
    number,
)


def guess_reward(table: Table, notes: list[str]) -> dict[str, float]:
    """The columns that add up to the reward, with weights."""
    known = [
        name for one in REWARDS if (name := first_of([one], table)) and numeric(table[name], 0.5)
    ]
    if known:
        # A column that only some files have is not the reward of all.
        most = max(_coverage(table[name]) for name in known)
        return {next(name for name in known if _coverage(table[name]) >= 0.9 * most): 1.0}
    if weighted := _scores_with_weights(table):
        return weighted
    inner = [n for n in table if n.rpartition(".")[2] in REWARDS and numeric(table[n])]
    if inner:
        return {_only(inner, table): 1.0}
    return _by_elimination(table, notes)


def _by_elimination(table: Table, notes: list[str]) -> dict[str, float]:
    """The reward where no column has a usual name: terms, the only number, or the outcome."""
    numbers = [
        name
        for name in table
        if numeric(table[name])
        and not any(map(is_spelled, flat(table[name])))
        and is_term(name)
        and not ({*name.lower().split(".")} & {*ANSWERS} or name.endswith(".0"))
    ]
    named = [name for name in numbers if "reward" in name.lower()]
    trainer = first_of(ADVANTAGES, table) is not None and first_of(COMPLETIONS, table) is not None
    if total := _total_of(named, table):
        notes.append(f"{total} was taken as the reward, as it is the sum of other columns.")
        return {total: 1.0}
    outcome = first_of(OUTCOMES, {name: table[name] for name in numbers})
    if named and (trainer or (len(named) == 1 and _rises_with(outcome, named[0], table))):
        return dict.fromkeys(named, 1.0)
    known_parts = {*STEPS, *OUTCOMES, *NUMBERS, *COMPLETIONS, *TEXTS}
    others = [name for name in numbers if name.lower() not in known_parts]
    words = [name for name in table if name not in ANSWERS and _are_words(table[name])]
    worded = [name for name in words if "reward" in name.lower()]
    if trainer and not named and not words and outcome is None and len(others) == 1:
        return {others[0]: 1.0}
    terms = [n for n in numbers if n.lower() not in {*IDS, *known_parts} - {*OUTCOMES}]
    advantages = _numbers(table[str(first_of(ADVANTAGES, table))], "") if trainer else None
    if (
        not named
        and not words
        and len(terms) > 1
        and advantages is not None
        and np.ptp(advantages) > 0
    ):
        # A doubt compares the advantages with the sum.
        notes.append(
            f"{', '.join(terms)} were taken as terms of the reward, as advantages rise "
            "with their sum."
        )
        return dict.fromkeys(terms, 1.0)
    for candidates in (OUTCOMES, RATES):
        found = first_of(candidates, table)
        # A trainer's other numbers may be terms of the reward as well.
        if named or (trainer and others) or found is None or not numeric(table[found]):
            continue
        if rest := [name for name in others if name.lower() not in RATES and name != found]:
            notes.append(
                f"{found} was taken as the reward. If {', '.join(rest[:3])} counts, too, pass "
                f"--reward {found} --reward {rest[0]}."
            )
        return {found: 1.0}
    stems: dict[str, list[str]] = {}
    for name in numbers:
        stems.setdefault(re.sub(r"\d+$", "", name), []).append(name)
    for stem, parts in stems.items():
        if len(parts) > 2 and stem not in parts:
            raise ValueError(
                f"columns {parts[0]}, {parts[1]}, … look like the rewards of the completions of a "
                'group: write them as one list a row, "rewards": [0, 1, …], or name the reward of '
                "a completion with --reward NAME"
            )
    choice = (
        ([outcome] if outcome and len(named) == 1 else []) + named
        or worded
        or ([outcome] if outcome and trainer else []) + others
        or words
    )
    for name in () if choice else (*REWARDS, *OUTCOMES):
        if (column := first_of([name], table)) and (bad := _no_numbers(table[column])):
            raise ValueError(
                f"{column} holds {', '.join(map(repr, bad[:3]))}, which are no numbers: write "
                "numbers, or words such as correct and incorrect, or name another column with "
                "--reward NAME"
            )
    if not table:
        raise ValueError("rows have no columns: pass a log with the reward of each completion")
    remedy = " ".join(f"--reward {name}" for name in choice[:3]) or "--reward NAME"
    raise ValueError(
        f"no column of {shown(table)} looks like the reward: name it, or "
        f"all that add up to it ({remedy})"
    )


def _total_of(terms: Sequence[str], table: Table) -> str | None:
    """The one term that is a sum of others, with positive weights, in all rows."""
    read = (_numbers(table[name], name) for name in terms)
    values = [each for each in read if each is not None]
    if len(terms) < 3 or len(values) < len(terms) or len(set(map(len, values))) > 1:
        return None
    matrix = np.nan_to_num(np.stack(values, axis=1))
    found = []
    for place in range(len(terms)):
        total, others = matrix[:, place], np.delete(matrix, place, axis=1)
        others = others[:, np.ptp(others, axis=0) > 0]
        if others.shape[1] < 2 or np.linalg.matrix_rank(others) < others.shape[1]:
            continue
        weights = np.linalg.lstsq(others, total)[0]
        fits = np.allclose(others @ weights, total, atol=1e-6) and len(total) > 2 * len(weights)
        if fits and (weights > 1e-6).all():
            found.append(terms[place])
    return found[0] if len(found) == 1 else None


def _numbers(values: Sequence[Any], name: str) -> Float64[np.ndarray, " m"] | None:
    """The numbers of a column, flat; None where cells hold something else."""
    lists = [value for value in values if isinstance(value, list)]
    if any(isinstance(each, list) for value in lists for each in value):
        return None
    try:
        return flat_numbers(list(values), name)[0]
    except ValueError:
        return None


def _are_words(values: Sequence[Any]) -> bool:
    """Whether all cells that hold something are words that stand for verdicts."""
    return bool(present(values)) and all(map(is_spelled, present(values)))


def _no_numbers(values: Sequence[Any]) -> list[str]:
    """Different texts of a column that are no numbers."""
    texts = [v.strip()[:40] for v in present(values) if isinstance(v, str) and not is_number(v)]
    return list(dict.fromkeys(texts))


def _only(inner: Sequence[str], table: Table) -> str:
    """The one field that is named like a reward, if no other object holds a reward or outcome."""
    fields = [n for n in table if n.rpartition(".")[2] in {*REWARDS, *OUTCOMES} and "." in n]
    # The outer object goes first: it may hold the sum.
    rivals = sorted((n for n in fields if numeric(table[n])), key=lambda one: one.count("."))
    if len(inner) > 1 or len({name.rpartition(".")[0] for name in rivals}) > 1:
        flags = " or ".join(f"--reward {name}" for name in rivals)
        raise ValueError(f"several columns look like the reward: pass {flags}")
    return inner[0]


def _rises_with(outcome: str | None, reward: str, table: Table) -> bool:
    """Whether solved tasks earn more than others, by a tenth of the range; a term need not say.

    True where there is no outcome, or the columns cannot be compared row by row.
    """
    if outcome is None:
        return True
    pairs = [
        (float(solved), float(earned))
        for solved, earned in zip(table[outcome], table[reward], strict=True)
        if all(isinstance(cell, (int, float)) for cell in (solved, earned))
    ]
    solved, earned = np.array(pairs or [(0, 0)]).T
    if solved.min() == solved.max():
        return True
    rise = earned[solved > 0.5].mean() - earned[solved <= 0.5].mean()
    return bool(rise > 0.1 * np.ptp(earned))


def _coverage(values: Sequence[Any]) -> float:
    """The share of the rows that have the column."""
    return sum(value is not ABSENT for value in values) / max(len(values), 1)


def _scores_with_weights(table: Table) -> dict[str, float]:
    """Columns `….rewards.NAME.score` with one weight each beside them."""
    found = {}
    for name in table:
        stem, _, last = name.rpartition(".")
        weight = table.get(f"{stem}.weight")
        if last == "score" and ".rewards." in f".{stem}." and weight is not None:
            weights = {float(each) for each in flat(present(weight))}
            if len(weights) == 1:
                found[name] = weights.pop()
    return found


def with_number(columns: Columns, table: Table, notes: list[str]) -> Columns:
    """Rates of success need the number of rollouts behind them: means are not rewards."""
    (name, *others) = columns.reward
    if others or name.lower() not in RATES or columns.trusted:
        return columns
    count = columns.number or first_of(NUMBERS, table)
    rates = [number(each, name) for each in flat(present(table[name])) if is_number(each)]
    if count is None and len(rates) > 1 and {*rates} <= {0.0, 1.0}:
        notes.append(f"{name} is 0 or 1 in all rows: it was taken as the reward of a completion.")
        return columns
    if count is None:
        raise ValueError(
            f"{name} is a mean over rollouts, and means are not rewards: log a row a completion, "
            "or add a column n that says how many rollouts are behind each mean"
        )
    notes.append(f"{name} was taken as the rate of success of {count} rollouts each.")
    return replace(columns, number=count)


def outcome_term(columns: Columns) -> str | None:
    """The term of a reward of several that is named like an outcome."""
    terms = [name for name in columns.reward if {*name.lower().split(".")} & {*OUTCOMES}]
    return terms[0] if len(terms) == 1 and len(columns.reward) > 1 else None


def unused_rewards(columns: Columns, table: Table) -> list[str]:
    """A note where other columns look like rewards, too."""
    unused = [
        name
        for name in table
        if name not in columns.names()
        and "." not in name
        and numeric(table[name])
        and ("reward" in name.lower() or name.lower() in REWARDS)
        and is_term(name)
    ]
    notes = []
    if unused:
        flags = " ".join(f"--reward {name}" for name in [*columns.reward, *unused])
        notes.append(
            f"Not part of the reward: {', '.join(unused)}. If all of these are terms of one sum, "
            f"pass {flags}."
        )
    return notes


def first_of(candidates: Sequence[str], table: Table) -> str | None:
    """The first candidate that names a column, in any case."""
    lower = {name.lower(): name for name in reversed(list(table))}
    return next((lower[name] for name in candidates if name in lower), None)


def shown(table: Table) -> str:
    """Names of columns, for messages."""
    return ", ".join(name for name in table if name != FILE_STEP)


def numeric(values: Sequence[Any], share: float = 1.0) -> bool:
    """Whether at least this share of the cells hold numbers or lists of them; not all are empty."""
    cells = [each for each in flat(present(values)) if each is not None and each != ""]
    return bool(cells) and (are_numbers(cells) or sum(map(is_number, cells)) >= share * len(cells))


def flat(values: Sequence[Any]) -> list[Any]:
    """Cells, and what lists of cells hold."""
    return [
        each for value in values for each in (flat(value) if isinstance(value, list) else [value])
    ]
