"""Guesses columns from many rows, checks what each guess makes, and says it, or stops."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from jrft.diagnosis.log.column_names import (
    COMPLETIONS,
    IDS,
    OUTCOMES,
    REWARDS,
    STEPS,
    TEXTS,
)
from jrft.diagnosis.log.columns import FILE_STEP, Columns
from jrft.diagnosis.log.consistency import (
    check_advantages,
    check_groups,
    check_reward,
    recurs_without_meaning,
)
from jrft.diagnosis.log.doubts import (
    MANY_SINGLES,
    Table,
    check_anonymous,
    check_crossed,
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
from jrft.diagnosis.log.reward_columns import (
    first_of,
    guess_reward,
    numeric,
    outcome_term,
    shown,
    unused_rewards,
    with_number,
)
from jrft.diagnosis.log.values import ABSENT, question, step_number


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
    found = given if given.reward else replace(given, reward=guess_reward(table, notes))
    found = with_number(found, table, notes)
    free = {name: values for name, values in table.items() if name not in found.reward}
    found = replace(found, completion=first_of(COMPLETIONS, free))
    if found.step is None:
        step = _guess_step(free, notes)
        found = replace(found, step=FILE_STEP if step is None and FILE_STEP in table else step)
    found = _with_prompt(found, free, table)
    if found.outcome is None:
        others = _without(free, found.prompt)
        outcome = first_of(OUTCOMES, {n: v for n, v in others.items() if numeric(v, 0.5)})
        found = replace(found, outcome=outcome or outcome_term(found))
    check_lists(found, table)
    check_turns(found, table)
    check_crossed(found, table)
    check_rates(found, table)
    notes += _check_places(given, found, table)
    if not given.prompt:
        check_groups(found, table)
    if not given.reward:
        check_reward(found, table)
    if not given.reward and not {*found.reward} & {*REWARDS}:
        check_advantages(found, table)
    notes += unused_rewards(found, table)
    open_ = {"prompt": given.prompt, "outcome": given.outcome, "step": given.step}
    guessed = {part for part, name in open_.items() if not name}
    return replace(
        found, guessed=frozenset(guessed if given.reward else guessed | {"reward"})
    ), notes


def _check_places(given: Columns, found: Columns, table: Table) -> list[str]:
    """An id that comes back may be a place in the batch: a guess stops, else a note."""
    if len(found.prompt) != 1 or found.text is not None or found.trusted:
        return []
    (name,) = found.prompt
    if name in _texts(found, table) or not recurs_without_meaning(found, table):
        return []
    both = f"--prompt {name}"
    if found.step not in (None, FILE_STEP):
        both += f" --prompt {found.step}"
    said = (
        f"{name} comes back, and rewards of one visit do not tell those of another: it may be a "
        "place in the batch."
    )
    remedy = f"Pass {both}" if both.count("--") > 1 else "Pass --group-size N"
    if given.prompt:
        return [f"{said} {remedy} if so."]
    raise ValueError(f"{said} {remedy} if so, or --prompt {name} if it names prompts")


def _without(table: Table, names: Sequence[str]) -> dict[str, Sequence[Any]]:
    return {name: values for name, values in table.items() if name not in names}


def _guess_step(table: Table, notes: list[str]) -> str | None:
    named = [one for step in STEPS if (one := first_of([step], table))]
    # A step that never changes is none, if another column tells times; an epoch never is.
    changing = [one for one in named if len(set(keys_of(table[one]))) > 1]
    name = next((one for one in (*changing, *named) if one in changing or one != "epoch"), None)
    if name is None:
        return None
    check_step(named, table)
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


def _texts(columns: Columns, table: Table) -> list[str]:
    """Columns that are named like texts of prompts and hold some, the more telling first."""
    filled = {name: values for name, values in table.items() if any(present(values))}
    stems = {name.rpartition(".")[0] for name in columns.reward} - {""}
    nested = [f"{stem}.{name}" for stem in sorted(stems) for name in TEXTS]
    found = [first_of([one], filled) for one in (*TEXTS, *nested)]
    return [name for name in found if name is not None]


def _with_prompt(columns: Columns, free: Table, table: Table) -> Columns:
    text = next(iter(_texts(columns, free)), None)
    if columns.prompt:
        check_given(columns, text, table)
        return columns
    if columns.group_size is not None:
        return columns
    lists = any(isinstance(v, list) for name in columns.reward for v in table[name][:50])
    stems = sorted({name.rpartition(".")[0] for name in columns.reward} - {""})
    nested = [f"{stem}.{name}" for stem in stems for name in IDS]
    ids = [name for name in (first_of([one], free) for one in (*IDS, *nested)) if name is not None]
    if text is None and not ids:
        if lists or columns.number is not None:
            check_anonymous(columns, free)
            return columns
        raise ValueError(
            f"no column of {shown(table)} looks like the prompt: name it (--prompt NAME), "
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
    if question(value) or (isinstance(value, list) and value and question(value[0])):
        return ["prompt"]
    if isinstance(value, list) and value and isinstance(value[0], dict) and "role" not in value[0]:
        return list(dict.fromkeys(name for each in value[:8] for name in _fields(each, depth)))
    if isinstance(value, list) and len(value) > 1 and all(isinstance(v, str) for v in value):
        return ["0"]
    return []
