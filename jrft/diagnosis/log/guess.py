"""Guesses columns from many rows, checks what each guess makes, and says it, or stops."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from jrft.diagnosis.log.column_names import (
    ADVANTAGES,
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
from jrft.diagnosis.log.doubts import (
    MANY_SINGLES,
    Table,
    check_anonymous,
    check_given,
    check_lists,
    check_rates,
    check_sources,
    check_step,
    check_text,
    check_turns,
    check_whole,
    keys_of,
    present,
    singles,
)
from jrft.diagnosis.log.values import ABSENT, are_numbers, is_number, step_number


def guess_columns(given: Columns, table: Table) -> tuple[Columns, list[str]]:
    """Completes the columns that a caller gave.

    Args:
        given: What the caller says.
        table: Name → values of sampled rows of all files, fields of objects under `a.b`.

    Returns:
        The columns, and notes for the reader of the report.

    Raises:
        ValueError: A column that was asked for is not there, no reward or prompt is found, or
            the prompts found make no groups.
    """
    names = [name for name in table if name != FILE_STEP]
    wanted = [*given.prompt, *given.reward, given.outcome, given.step, given.number]
    for name in wanted:
        if name is not None and name not in names:
            raise ValueError(f"there is no column {name!r}: there are {', '.join(names)}")
    notes: list[str] = []
    found = given if given.reward else replace(given, reward=_guess_reward(table, notes))
    found = _with_number(found, table, notes)
    free = {name: values for name, values in table.items() if name not in found.reward}
    found = replace(found, completion=_first(COMPLETIONS, free))
    if found.step is None:
        step = _guess_step(free, notes)
        found = replace(found, step=FILE_STEP if step is None and FILE_STEP in table else step)
    found = _with_prompt(found, free, table)
    if found.outcome is None:
        others = _without(free, found.prompt)
        outcome = _first(OUTCOMES, {n: v for n, v in others.items() if _numeric(v, 0.5)})
        found = replace(found, outcome=outcome or _outcome_term(found))
    check_lists(found, table)
    check_turns(found, table)
    check_rates(found, table)
    notes += _unused_rewards(found, table)
    open_ = {"prompt": given.prompt, "outcome": given.outcome, "step": given.step}
    guessed = {part for part, name in open_.items() if not name}
    return replace(
        found, guessed=frozenset(guessed if given.reward else guessed | {"reward"})
    ), notes


def _first(candidates: Sequence[str], table: Table) -> str | None:
    lower = {name.lower(): name for name in reversed(list(table))}
    return next((lower[name] for name in candidates if name in lower), None)


def _shown(table: Table) -> str:
    return ", ".join(name for name in table if name != FILE_STEP)


def _without(table: Table, names: Sequence[str]) -> dict[str, Sequence[Any]]:
    return {name: values for name, values in table.items() if name not in names}


def _numeric(values: Sequence[Any], share: float = 1.0) -> bool:
    """Whether at least this share of the cells hold numbers or lists of them; not all are empty."""
    flat = [each for each in _flat(present(values)) if each is not None and each != ""]
    return bool(flat) and (are_numbers(flat) or sum(map(is_number, flat)) >= share * len(flat))


def _flat(values: Sequence[Any]) -> list[Any]:
    """Cells, and what lists of cells hold."""
    return [
        each for value in values for each in (_flat(value) if isinstance(value, list) else [value])
    ]


def _guess_reward(table: Table, notes: list[str]) -> dict[str, float]:
    known = [
        name for one in REWARDS if (name := _first([one], table)) and _numeric(table[name], 0.5)
    ]
    if known:
        # A column that only some files have is not the reward of all.
        most = max(_coverage(table[name]) for name in known)
        return {next(name for name in known if _coverage(table[name]) >= 0.9 * most): 1.0}
    if weighted := _scores_with_weights(table):
        return weighted
    inner = [n for n in table if n.rpartition(".")[2] in REWARDS and _numeric(table[n])]
    if inner:
        return {_only(inner, table): 1.0}
    numeric = [n for n in table if _numeric(table[n]) and is_term(n)]
    named = [name for name in numeric if "reward" in name.lower()]
    trainer = _first(ADVANTAGES, table) is not None and _first(COMPLETIONS, table) is not None
    if len(named) == 1 or (named and trainer):
        return dict.fromkeys(named, 1.0)
    others = [name for name in numeric if name.lower() not in {*STEPS, *OUTCOMES, *NUMBERS}]
    if trainer and not named and len(others) == 1:
        return {others[0]: 1.0}
    for candidates in (OUTCOMES, RATES):
        found = _first(candidates, table)
        if not named and found is not None and _numeric(table[found]):
            return {found: 1.0}
    choice = named or others or [n for n in table if "reward" in n.lower()]
    remedy = " ".join(f"--reward {name}" for name in choice[:3]) or "--reward NAME"
    raise ValueError(
        f"no column of {_shown(table)} looks like the reward: name it, or "
        f"all that add up to it ({remedy})"
    )


def _only(inner: Sequence[str], table: Table) -> str:
    """The one field that is named like a reward, if no other object holds a reward or outcome."""
    fields = [n for n in table if n.rpartition(".")[2] in {*REWARDS, *OUTCOMES} and "." in n]
    rivals = [n for n in fields if _numeric(table[n])]
    if len(inner) > 1 or len({name.rpartition(".")[0] for name in rivals}) > 1:
        flags = " or ".join(f"--reward {name}" for name in rivals)
        raise ValueError(f"several columns look like the reward: pass {flags}")
    return inner[0]


def _outcome_term(columns: Columns) -> str | None:
    """The term of a reward of several that is named like an outcome."""
    terms = [name for name in columns.reward if {*name.lower().split(".")} & {*OUTCOMES}]
    return terms[0] if len(terms) == 1 and len(columns.reward) > 1 else None


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
            flat = {
                float(each)
                for value in present(weight)
                for each in (value if isinstance(value, list) else [value])
            }
            if len(flat) == 1:
                found[name] = flat.pop()
    return found


def _with_number(columns: Columns, table: Table, notes: list[str]) -> Columns:
    """Rates of success need the number of rollouts behind them: means are not rewards."""
    (name, *others) = columns.reward
    if others or name.lower() not in RATES or columns.trusted:
        return columns
    count = columns.number or _first(NUMBERS, table)
    if count is None:
        raise ValueError(
            f"{name} is a mean over rollouts, and means are not rewards: log a row a completion, "
            "or add a column n that says how many rollouts are behind each mean"
        )
    notes.append(f"{name} was taken as the rate of success of {count} rollouts each.")
    return replace(columns, number=count)


def _guess_step(table: Table, notes: list[str]) -> str | None:
    name = _first(STEPS, table)
    if name is None:
        return None
    check_step([one for step in STEPS if (one := _first([step], table))], table)
    flat = [
        each for value in table[name] for each in (value if isinstance(value, list) else [value])
    ]
    for value in [] if set(map(type, flat)) == {int} else flat:
        try:
            step_number(value, name)
        except OverflowError:
            return name  # the row that holds it is bad
        except ValueError:
            if _is_some_step(flat, name):
                return name
            notes.append(
                f"Column {name!r} looked like the step but does not hold whole numbers: it was not "
                "used."
            )
            return None
    return name


def _is_some_step(values: Sequence[Any], name: str) -> bool:
    """Whether most cells hold a step, so that others are errors, not another kind of column."""
    good = 0
    for value in values:
        try:
            step_number(value, name)
            good += 1
        except (ValueError, OverflowError):
            pass
    return 2 * good > len(values)


def _with_prompt(columns: Columns, free: Table, table: Table) -> Columns:
    filled = {name: values for name, values in free.items() if any(present(values))}
    stems = {name.rpartition(".")[0] for name in columns.reward} - {""}
    nested = [f"{stem}.{name}" for stem in sorted(stems) for name in TEXTS]
    text = _first([*TEXTS, *nested], filled)
    if columns.prompt:
        check_given(columns, text, table)
        return columns
    if columns.group_size is not None:
        return columns
    lists = any(isinstance(v, list) for name in columns.reward for v in table[name][:50])
    ids = [name for name in (_first([one], free) for one in IDS) if name is not None]
    if text is None and not ids:
        if lists or columns.number is not None:
            check_anonymous(columns, free)
            return columns
        raise ValueError(
            f"no column of {_shown(table)} looks like the prompt: name it (--prompt NAME), "
            "or pass --group-size N if the N completions of a prompt follow each other"
        )
    if text is None:
        good = [name for name in ids if singles(free[name]) < MANY_SINGLES]
        chosen = (good or ids)[0]
        check_whole(chosen, columns, free)
        check_sources(chosen, columns, free)
        return replace(columns, prompt=(chosen,))
    if lists and any(isinstance(value, list) for value in free[text][:50]):
        return replace(columns, prompt=(text,))
    texts = keys_of(free[text])
    for name in ids:
        # An id that stands for the text one to one is its shorter name.
        pairs = len(set(zip(keys_of(free[name]), texts, strict=True)))
        if pairs == len(set(texts)) == len(set(keys_of(free[name]))):
            return replace(columns, prompt=(name,), text=text)
    if singles(texts) >= MANY_SINGLES and not lists:
        for name in ids:
            if singles(free[name]) < MANY_SINGLES:
                return replace(columns, prompt=(name,))
    check_text(text, columns, free)
    return replace(columns, prompt=(text,))


def _unused_rewards(columns: Columns, table: Table) -> list[str]:
    unused = [
        name
        for name in table
        if name not in columns.names()
        and "." not in name
        and _numeric(table[name])
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


def sample_table(batches: Sequence[Any]) -> dict[str, list[Any]]:
    """Columns of sampled batches, fields of objects under `a.b`; ABSENT where a row has none."""
    names: dict[str, None] = {}
    for batch in batches:
        for name in batch.columns:
            names[name] = None
            for value in list(batch.columns[name])[:20]:
                for inner in _fields(value, 4):
                    names[f"{name}.{inner}"] = None
    table = {name: [v for batch in batches for v in batch.column(name)] for name in names}
    return {name: values for name, values in table.items() if any(v is not ABSENT for v in values)}


def _fields(value: Any, depth: int) -> list[str]:
    if depth == 0:
        return []
    if isinstance(value, dict):
        return [
            path
            for key, inner in value.items()
            for path in (key, *(f"{key}.{deeper}" for deeper in _fields(inner, depth - 1)))
        ]
    if isinstance(value, list) and value and isinstance(value[0], dict) and "role" not in value[0]:
        return list(dict.fromkeys(name for each in value[:8] for name in _fields(each, depth)))
    if isinstance(value, list) and len(value) > 1 and all(isinstance(v, str) for v in value):
        return ["0"]
    return []
